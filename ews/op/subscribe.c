/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "ews/op/events.h"

/*
 * Subscribe, for a stream or for GetEvents: to all folders, which is about the mailbox of whoever
 * signs in, or to those of another that are named. FreeBusyChangedEvent is not asked for: it says
 * nothing that the others do not.
 */

typedef struct Subscribe {
	EwsOp op;
	EwsPush push;
	unsigned timeout_min;
	char **folders;  /* own; NULL: all */
	char *id;        /* own */
	char *watermark; /* own */
} Subscribe;

static const char *const event_types[] = {
	"NewMailEvent",
	"CreatedEvent",
	"DeletedEvent",
	"ModifiedEvent",
	"MovedEvent",
	"CopiedEvent",
};

static void write_folders(EwsWriter *writer, const Subscribe *self)
{
	ews_writer_start(writer, "t:FolderIds");
	for (char **id = self->folders; *id; id++)
		ews_writer_empty(writer, "t:FolderId", "Id", *id);
	ews_writer_end(writer);
}

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const Subscribe *self = (const Subscribe *)ops[0];

	ews_writer_start(writer, self->push == EWS_PUSH_STREAM ? "m:StreamingSubscriptionRequest"
							       : "m:PullSubscriptionRequest");
	if (self->folders)
		write_folders(writer, self);
	else
		ews_writer_attribute(writer, "SubscribeToAllFolders", "true");
	ews_writer_start(writer, "t:EventTypes");
	for (size_t i = 0; i < G_N_ELEMENTS(event_types); i++)
		ews_writer_text(writer, "t:EventType", event_types[i]);
	ews_writer_end(writer);
	if (self->push == EWS_PUSH_PULL)
		ews_writer_number(writer, "t:Timeout", self->timeout_min);
	ews_writer_end(writer);
}

static void start_id(EwsReading *reading)
{
	reading->record = reading->op;
}

static void reset(EwsOp *op)
{
	Subscribe *self = (Subscribe *)op;

	g_clear_pointer(&self->id, g_free);
	g_clear_pointer(&self->watermark, g_free);
}

static void clear(EwsOp *op)
{
	reset(op);
	g_strfreev(((Subscribe *)op)->folders);
}

static bool finish(EwsOp *op, GError **error)
{
	const Subscribe *self = (const Subscribe *)op;

	if (self->id && *self->id)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL, "Subscribe: no SubscriptionId");
	return false;
}

/* clang-format off */
static const EwsElement message[] = {
	{ .name = EWS_NAME_SubscriptionId, .type = EWS_FIELD_STRING, .text_max = 4096,
	  .offset = offsetof(Subscribe, id), .start = start_id },
	{ .name = EWS_NAME_Watermark, .type = EWS_FIELD_STRING, .text_max = 4096,
	  .offset = offsetof(Subscribe, watermark), .start = start_id },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_SUBSCRIBE,
	.name = "Subscribe",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_subscribe_new(EwsPush push, unsigned timeout_min, const char *const *folder_ids)
{
	Subscribe *self = g_new0(Subscribe, 1);

	ews_op_init(&self->op, &kind);
	self->push = push;
	self->timeout_min = CLAMP(timeout_min, 1, 1440);
	self->folders = g_strdupv((char **)folder_ids);
	return &self->op;
}

const char *ews_subscribe_id(const EwsOp *op)
{
	const Subscribe *self = (const Subscribe *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : self->id;
}

const char *ews_subscribe_watermark(const EwsOp *op)
{
	const Subscribe *self = (const Subscribe *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : self->watermark;
}
