/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"
#include "ews/op/shape.h"

/* MoveItem and CopyItem. Without ReturnNewItemIds every server seen returns the new ids (with it,
 * one does the opposite of what is asked): docs/wire.md, "ReturnNewItemIds". */

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_change_write_target(writer, "m:ToFolderId", ops[0]);
	ews_change_write_ids(writer, "m:ItemIds", "t:ItemId", ops, count);
}

static const EwsOpKind move_kind = {
	.id = EWS_KIND_MOVE_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "MoveItem",
	.batch_max = 500,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.clear = ews_change_clear,
};

static const EwsOpKind copy_kind = {
	.id = EWS_KIND_COPY_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "CopyItem",
	.batch_max = 500,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.clear = ews_change_clear,
};

static EwsOp *make(const EwsOpKind *kind, const char *item_id, const char *to_folder_id)
{
	ChangeOp *self = ews_change_new(kind, item_id);

	self->target = g_strdup(to_folder_id);
	return &self->op;
}

EwsOp *ews_move_item_new(const char *item_id, const char *to_folder_id)
{
	return make(&move_kind, item_id, to_folder_id);
}

EwsOp *ews_copy_item_new(const char *item_id, const char *to_folder_id)
{
	return make(&copy_kind, item_id, to_folder_id);
}
