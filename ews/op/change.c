/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"

ChangeOp *ews_change_new(const EwsOpKind *kind, const char *id)
{
	ChangeOp *self = g_new0(ChangeOp, 1);

	ews_op_init(&self->op, kind);
	self->id = g_strdup(id);
	return self;
}

void ews_change_write_id(EwsWriter *writer, const char *id, const ChangeOp *op)
{
	ews_writer_start(writer, id);
	ews_writer_attribute(writer, "Id", op->id);
	if (op->change_key)
		ews_writer_attribute(writer, "ChangeKey", op->change_key);
	ews_writer_end(writer);
}

void ews_change_write_ids(EwsWriter *writer, const char *element, const char *id, EwsOp *const *ops,
	unsigned count)
{
	ews_writer_start(writer, element);
	for (unsigned i = 0; i < count; i++)
		ews_change_write_id(writer, id, (const ChangeOp *)ops[i]);
	ews_writer_end(writer);
}

void ews_change_write_target(EwsWriter *writer, const char *element, const EwsOp *op)
{
	ews_writer_start(writer, element);
	ews_writer_empty(writer, "t:FolderId", "Id", ((const ChangeOp *)op)->target);
	ews_writer_end(writer);
}

const char *ews_change_disposal(const EwsOp *op)
{
	switch (((const ChangeOp *)op)->disposal) {
	case EWS_DISPOSAL_TRASH:
		return "MoveToDeletedItems";
	case EWS_DISPOSAL_SOFT:
		return "SoftDelete";
	case EWS_DISPOSAL_HARD:
		return "HardDelete";
	}
	g_assert_not_reached();
}

void ews_change_reset(EwsOp *op)
{
	g_clear_pointer(&op->new_id, g_free);
	g_clear_pointer(&op->new_change_key, g_free);
}

/* A server that says success and gives no id has done it all the same. */
bool ews_change_finish(EwsOp *op, GError **error)
{
	return true;
}

void ews_change_clear(EwsOp *op)
{
	ChangeOp *self = (ChangeOp *)op;

	g_free(self->id);
	g_free(self->change_key);
	g_free(self->target);
	g_free(self->name);
}

bool ews_change_is_about(const EwsOp *op, const EwsOp *asked)
{
	return !op->new_id || g_str_equal(op->new_id, ((const ChangeOp *)asked)->id);
}
