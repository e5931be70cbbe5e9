/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * GetEvents: what happened since the watermark. A server that gives no watermarks forgets what it
 * has told, and wants one all the same.
 */

#define WATERMARK_NONE "AAAA"

typedef struct GetEvents {
	EwsEventsOp base;
	char *watermark; /* own */
} GetEvents;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const GetEvents *self = (const GetEvents *)ops[0];

	ews_writer_text(writer, "m:SubscriptionId", self->base.id);
	ews_writer_text(writer, "m:Watermark", self->watermark);
}

static void clear(EwsOp *op)
{
	GetEvents *self = (GetEvents *)op;

	g_free(self->watermark);
	ews_events_op_clear(op);
}

/* clang-format off */
static const EwsElement message[] = {
	{ .name = EWS_NAME_Notification, .children = ews_events_notification,
	  .start = ews_events_notification_start },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_GET_EVENTS,
	.name = "GetEvents",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.reset = ews_events_op_reset,
	.clear = clear,
};

EwsOp *ews_get_events_new(const char *subscription_id, const char *watermark)
{
	GetEvents *self = g_new0(GetEvents, 1);

	self->watermark = g_strdup(watermark ? watermark : WATERMARK_NONE);
	return ews_events_op_init(&self->base, &kind, subscription_id);
}

const EwsEvents *ews_get_events_told(const EwsOp *op)
{
	const EwsEventsOp *self = (const EwsEventsOp *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->events;
}
