/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * GetEvents: what happened since the watermark. A server that gives no watermarks forgets what it
 * has told, and wants one all the same.
 */

#define WATERMARK_NONE "AAAA"

typedef struct GetEvents {
	EwsOp op;
	char *id;        /* own */
	char *watermark; /* own */
	EwsEvents events;
} GetEvents;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const GetEvents *self = (const GetEvents *)ops[0];

	ews_writer_text(writer, "m:SubscriptionId", self->id);
	ews_writer_text(writer, "m:Watermark", self->watermark);
}

static void start_notification(EwsReading *reading)
{
	GetEvents *self = (GetEvents *)reading->op;

	reading->record = &self->events;
}

static void reset(EwsOp *op)
{
	ews_events_reset(&((GetEvents *)op)->events);
}

static bool finish(EwsOp *op, GError **error)
{
	return true;
}

static void clear(EwsOp *op)
{
	GetEvents *self = (GetEvents *)op;

	ews_events_clear(&self->events);
	g_free(self->id);
	g_free(self->watermark);
}

/* clang-format off */
static const EwsElement message[] = {
	{ .name = EWS_NAME_Notification, .children = ews_events_notification,
	  .start = start_notification },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_GET_EVENTS,
	.name = "GetEvents",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_get_events_new(const char *subscription_id, const char *watermark)
{
	GetEvents *self = g_new0(GetEvents, 1);

	ews_op_init(&self->op, &kind);
	ews_events_init(&self->events);
	self->id = g_strdup(subscription_id);
	self->watermark = g_strdup(watermark ? watermark : WATERMARK_NONE);
	return &self->op;
}

const EwsEvents *ews_get_events_told(const EwsOp *op)
{
	const GetEvents *self = (const GetEvents *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->events;
}
