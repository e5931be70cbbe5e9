/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"
#include "ews/op/shape.h"

/* SendItem: a draft goes out, a copy to the Sent Items of the mailbox that the draft is in, whoever
 * sends. Exchange wants its change key. */

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_attribute(writer, "SaveItemToFolder", "true");
	ews_change_write_ids(writer, "m:ItemIds", "t:ItemId", ops, count);
	ews_writer_start(writer, "m:SavedItemFolderId");
	ews_writer_distinguished(writer, "sentitems");
	ews_writer_end(writer);
}

static const EwsOpKind kind = {
	.id = EWS_KIND_SEND_ITEM,
	.name = "SendItem",
	.batch_max = 500,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.clear = ews_change_clear,
};

EwsOp *ews_send_item_new(const char *item_id, const char *change_key)
{
	ChangeOp *self = ews_change_new(&kind, item_id);

	self->change_key = g_strdup(change_key);
	return &self->op;
}
