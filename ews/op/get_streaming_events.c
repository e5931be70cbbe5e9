/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * GetStreamingEvents: the request that stays open. Each response message tells what happened since
 * the one before, or only that the server is still there; the last one says Closed.
 */

typedef struct GetStreamingEvents {
	EwsEventsOp base;
	unsigned timeout_min;
} GetStreamingEvents;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const GetStreamingEvents *self = (const GetStreamingEvents *)ops[0];

	ews_writer_start(writer, "m:SubscriptionIds");
	ews_writer_text(writer, "t:SubscriptionId", self->base.id);
	ews_writer_end(writer);
	ews_writer_number(writer, "m:ConnectionTimeout", self->timeout_min);
}

static void start_bad_id(EwsReading *reading)
{
	EwsEventsOp *self = (EwsEventsOp *)reading->op;

	self->events.is_lost = true;
}

static void end_status(EwsReading *reading)
{
	EwsEventsOp *self = (EwsEventsOp *)reading->op;

	self->events.is_closed = g_str_equal(reading->text->str, "Closed");
}

/* clang-format off */
static const EwsElement notifications[] = {
	{ .name = EWS_NAME_Notification, .children = ews_events_notification,
	  .start = ews_events_notification_start },
	{ 0 },
};

/* One server forgets the namespace of the SubscriptionId. */
static const EwsElement bad_ids[] = {
	{ .name = EWS_NAME_SubscriptionId, .ns = EWS_NS_ANY, .start = start_bad_id },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_Notifications, .children = notifications },
	{ .name = EWS_NAME_ErrorSubscriptionIds, .children = bad_ids },
	{ .name = EWS_NAME_ConnectionStatus, .type = EWS_FIELD_TEXT, .text_max = 16,
	  .end = end_status },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_GET_STREAMING_EVENTS,
	.name = "GetStreamingEvents",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.reset = ews_events_op_reset,
	.clear = ews_events_op_clear,
};

EwsOp *ews_get_streaming_events_new(const char *subscription_id, unsigned timeout_min)
{
	GetStreamingEvents *self = g_new0(GetStreamingEvents, 1);

	self->timeout_min = CLAMP(timeout_min, 1, 30);
	return ews_events_op_init(&self->base, &kind, subscription_id);
}

const EwsEvents *ews_get_streaming_events_told(const EwsOp *op)
{
	const EwsEventsOp *self = (const EwsEventsOp *)op;

	g_assert(op->kind == &kind);
	return &self->events;
}
