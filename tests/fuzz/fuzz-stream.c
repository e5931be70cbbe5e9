/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The stream of envelopes (ews/stream.h), of any bytes, in pieces of any size: it must not crash,
 * and tell the same in pieces as at once.
 *
 * The first byte chooses how the pieces vary.
 */
#include <stdint.h>
#include <string.h>

#include "ews/op/events.h"
#include "ews/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_told(void *user, EwsOp *op, EwsMessage *message)
{
	const EwsEvents *events = ews_get_streaming_events_told(op);

	g_string_append_printf(user, "%s %u %d%d%d;", message->error ? message->code : "ok",
		g_hash_table_size(events->folder_ids), events->is_anywhere, events->is_lost,
		events->is_closed);
}

static void on_fault(void *user, const EwsFault *fault)
{
	g_string_append_printf(user, "fault %s;", fault->code ? fault->code : "-");
}

/* TRUE: whole. */
static bool feed(const uint8_t *data, size_t size, uint32_t state, GString *out)
{
	g_autoptr(EwsOp) op = ews_get_streaming_events_new("s", 30);
	g_autoptr(EwsStream) stream =
		ews_stream_new(&(EwsStreamEvents){op, on_told, on_fault, out});

	for (size_t at = 0, piece = size; at < size; at += piece) {
		if (state) {
			state = state * 1664525 + 1013904223;
			piece = 1 + (state >> 27);
		}
		piece = MIN(piece, size - at);
		if (!ews_stream_feed(stream, (const char *)data + at, piece))
			break;
	}
	return ews_stream_finish(stream, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GString) in_pieces = g_string_new(NULL);
	g_autoptr(GString) at_once = g_string_new(NULL);

	if (size < 2)
		return 0;
	if (feed(data + 1, size - 1, 0, at_once) &&
		feed(data + 1, size - 1, 1u + data[0], in_pieces))
		g_assert_cmpstr(in_pieces->str, ==, at_once->str);
	return 0;
}
