/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"
#include "ews/op/shape.h"

/* DeleteItem. All that a mixed folder may need is said each time: nobody hears of a deleted
 * meeting, of a recurring task all occurrences go, and no sender is told that his mail was
 * deleted unread. */

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_attribute(writer, "DeleteType", ews_change_disposal(ops[0]));
	ews_writer_attribute(writer, "SendMeetingCancellations", "SendToNone");
	ews_writer_attribute(writer, "AffectedTaskOccurrences", "AllOccurrences");
	ews_writer_attribute(writer, "SuppressReadReceipts", "true");
	ews_change_write_ids(writer, "m:ItemIds", "t:ItemId", ops, count);
}

static const EwsOpKind kind = {
	.id = EWS_KIND_DELETE_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "DeleteItem",
	.batch_max = 500,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.clear = ews_change_clear,
};

EwsOp *ews_delete_item_new(const char *item_id, EwsDisposal disposal)
{
	ChangeOp *self = ews_change_new(&kind, item_id);

	self->disposal = disposal;
	return &self->op;
}
