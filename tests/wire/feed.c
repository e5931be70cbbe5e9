/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/feed.h"

#include "ews/soap_read.h"
#include "ews/stream.h"
#include "tests/wire/describe.h"

typedef struct Feed {
	const char *words;
	Described *current; /* own */
	GString *out;
} Feed;

static void on_op_done(EwsOp *op, void *user)
{
}

static EwsOp *on_begin(void *user)
{
	Feed *self = user;

	described_free(self->current);
	self->current = described_new(self->words);
	self->current->op->done = on_op_done;
	ews_op_reset(self->current->op);
	return self->current->op;
}

static void on_end(void *user, EwsOp *op, EwsMessage *message)
{
	Feed *self = user;

	ews_op_done(op, g_steal_pointer(&message->error));
	described_print(self->current, self->out);
}

/* The op of a stream is the same for all of its messages; its error is the message's. */
static void on_told(void *user, EwsOp *op, EwsMessage *message)
{
	Feed *self = user;

	op->error = g_steal_pointer(&message->error);
	described_print(self->current, self->out);
	g_clear_error(&op->error);
}

static void on_fault(void *user, const EwsFault *fault)
{
	Feed *self = user;

	g_string_append_printf(self->out, "fault %s\n", fault->code ? fault->code : "-");
}

void feed_stream(const char *words, const char *data, gsize len, FeedPiece piece, void *user,
	GString *out)
{
	Feed self = { .words = words, .current = described_new(words), .out = out };
	EwsStreamEvents events = { self.current->op, on_told, on_fault, &self };
	g_autoptr(EwsStream) stream = ews_stream_new(&events);
	g_autoptr(GError) error = NULL;

	for (gsize at = 0; at < len;) {
		gsize wanted = piece(user);
		gsize size = MIN(MAX(wanted, 1), len - at);

		if (!ews_stream_feed(stream, data + at, size))
			break;
		at += size;
	}
	if (!ews_stream_finish(stream, &error))
		g_string_append_printf(out, "broken: %s\n", error->message);
	else
		g_string_append(out, "whole\n");
	described_free(self.current);
}

void feed_answer(const char *words, const char *data, gsize len, FeedPiece piece, void *user,
	GString *out)
{
	Feed self = { .words = words, .out = out };
	EwsSoapEvents events = { on_begin, on_end, &self };
	g_autoptr(EwsSoapReader) reader = ews_soap_reader_new(&events);
	g_autoptr(GError) error = NULL;
	const EwsFault *fault;

	for (gsize at = 0; at < len;) {
		gsize wanted = piece(user);
		gsize size = MIN(MAX(wanted, 1), len - at);

		if (!ews_soap_reader_feed(reader, data + at, size))
			break;
		at += size;
	}
	if (!ews_soap_reader_finish(reader, &error))
		g_string_append_printf(out, "broken: %s\n", error->message);
	else
		g_string_append(out, "whole\n");
	fault = ews_soap_reader_fault(reader);
	if (fault)
		g_string_append_printf(out, "fault %s\n", fault->code ? fault->code : "-");
	described_free(self.current);
}
