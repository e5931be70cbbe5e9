/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/* Unsubscribe: servers allow an account few subscriptions. */

typedef struct Unsubscribe {
	EwsOp op;
	char *id; /* own */
} Unsubscribe;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const Unsubscribe *self = (const Unsubscribe *)ops[0];

	ews_writer_text(writer, "m:SubscriptionId", self->id);
}

static void clear(EwsOp *op)
{
	Unsubscribe *self = (Unsubscribe *)op;

	g_free(self->id);
}

static const EwsElement message[] = {
	{0},
};

static const EwsOpKind kind = {
	.id = EWS_KIND_UNSUBSCRIBE,
	.name = "Unsubscribe",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.clear = clear,
};

EwsOp *ews_unsubscribe_new(const char *subscription_id)
{
	Unsubscribe *self = g_new0(Unsubscribe, 1);

	ews_op_init(&self->op, &kind);
	self->id = g_strdup(subscription_id);
	return &self->op;
}
