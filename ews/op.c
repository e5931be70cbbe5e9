/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op.h"

G_STATIC_ASSERT(EWS_CHANGE_COUNT == EWS_CHANGES_FOLDER + 1);

void ews_op_init(EwsOp *self, const EwsOpKind *kind)
{
	self->kind = kind;
	self->link.data = self;
	self->batch_max = kind->batch_max;
	self->page = kind->page_max;
}

void ews_op_reset(EwsOp *op)
{
	if (op->kind->reset)
		op->kind->reset(op);
}

EwsBody *ews_op_write_call(EwsOp *const *ops, unsigned count, const EwsWhose *whose)
{
	const EwsOpKind *kind = ops[0]->kind;
	g_autofree char *element = g_strconcat("m:", kind->name, NULL);
	g_autoptr(EwsWriter) writer = ews_writer_new(element, whose);

	kind->write(writer, ops, count);
	return ews_writer_finish(writer);
}

void ews_op_free(EwsOp *op)
{
	if (!op)
		return;
	op->kind->clear(op);
	ews_op_free(op->follow);
	g_clear_error(&op->error);
	g_free(op->guid);
	g_free(op->response_code);
	g_free(op->new_id);
	g_free(op->new_change_key);
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

/* An op's own elements without its message; a bit more than the usual. */
#define WIRE_BYTES 2048

int64_t ews_op_wire_bytes(const EwsOp *op)
{
	return WIRE_BYTES + (op->kind->weight ? op->kind->weight(op) : 0);
}

bool ews_op_kind_is_change(const EwsOpKind *kind)
{
	return kind->id >= EWS_KIND_FIRST_CHANGE;
}

EwsChange ews_op_kind_change(const EwsOpKind *kind)
{
	g_assert(ews_op_kind_is_change(kind));
	return (EwsChange)(kind->id - EWS_KIND_FIRST_CHANGE);
}

const char *ews_op_response_code(const EwsOp *op)
{
	return op->response_code;
}

bool ews_op_is_in_doubt(const EwsOp *op)
{
	return op->error && op->is_in_doubt;
}

bool ews_op_is_refused_whole(const EwsOp *op)
{
	return op->error && op->is_refused_whole;
}

const char *ews_op_new_id(const EwsOp *op)
{
	return op->error ? NULL : op->new_id;
}

const char *ews_op_new_change_key(const EwsOp *op)
{
	return op->error ? NULL : op->new_change_key;
}

void ews_op_set_content(EwsOp *op, const char *guid)
{
	g_free(op->guid);
	op->guid = g_strdup(guid);
}

void ews_op_set_tag(EwsOp *op, int64_t tag)
{
	op->tag = tag;
}

int64_t ews_op_tag(const EwsOp *op)
{
	return op->tag;
}
