/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op.h"

void ews_op_init(EwsOp *self, const EwsOpKind *kind)
{
	self->kind = kind;
	self->link.data = self;
	self->batch_max = kind->batch_max;
}

void ews_op_free(EwsOp *op)
{
	if (!op)
		return;
	op->kind->clear(op);
	ews_op_free(op->follow);
	g_clear_error(&op->error);
	g_free(op);
}

void ews_op_done(EwsOp *op, GError *error)
{
	g_assert(!op->error);
	op->error = error;
	op->done(op, op->user);
}

const GError *ews_op_error(const EwsOp *op)
{
	return op->error;
}

void ews_op_set_tag(EwsOp *op, int64_t tag)
{
	op->tag = tag;
}

int64_t ews_op_tag(const EwsOp *op)
{
	return op->tag;
}
