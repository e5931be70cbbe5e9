/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * GetStreamingEvents: the request that stays open. Each response message tells what happened since
 * the one before, or only that the server is still there; the last one says Closed.
 */

typedef struct GetStreamingEvents {
	EwsOp op;
	char *id; /* own */
	unsigned timeout_min;
	EwsEvents events;
} GetStreamingEvents;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const GetStreamingEvents *self = (const GetStreamingEvents *)ops[0];

	ews_writer_start(writer, "m:SubscriptionIds");
	ews_writer_text(writer, "t:SubscriptionId", self->id);
	ews_writer_end(writer);
	ews_writer_number(writer, "m:ConnectionTimeout", self->timeout_min);
}

static void start_notification(EwsReading *reading)
{
	GetStreamingEvents *self = (GetStreamingEvents *)reading->op;

	reading->record = &self->events;
}

static void start_bad_id(EwsReading *reading)
{
	GetStreamingEvents *self = (GetStreamingEvents *)reading->op;

	self->events.is_lost = true;
}

static void end_status(EwsReading *reading)
{
	GetStreamingEvents *self = (GetStreamingEvents *)reading->op;

	self->events.is_closed = g_str_equal(reading->text->str, "Closed");
}

static void reset(EwsOp *op)
{
	ews_events_reset(&((GetStreamingEvents *)op)->events);
}

static bool finish(EwsOp *op, GError **error)
{
	return true;
}

static void clear(EwsOp *op)
{
	GetStreamingEvents *self = (GetStreamingEvents *)op;

	ews_events_clear(&self->events);
	g_free(self->id);
}

/* clang-format off */
static const EwsElement notifications[] = {
	{ .name = EWS_NAME_Notification, .children = ews_events_notification,
	  .start = start_notification },
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
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_get_streaming_events_new(const char *subscription_id, unsigned timeout_min)
{
	GetStreamingEvents *self = g_new0(GetStreamingEvents, 1);

	ews_op_init(&self->op, &kind);
	ews_events_init(&self->events);
	self->id = g_strdup(subscription_id);
	self->timeout_min = CLAMP(timeout_min, 1, 30);
	return &self->op;
}

const EwsEvents *ews_get_streaming_events_told(const EwsOp *op)
{
	const GetStreamingEvents *self = (const GetStreamingEvents *)op;

	g_assert(op->kind == &kind);
	return &self->events;
}
