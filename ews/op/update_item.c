/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"
#include "ews/op/fields.h"
#include "ews/op/shape.h"

/* UpdateItem: the last writer wins, nobody gets a read receipt or a meeting message. */

typedef struct UpdateItem {
	ChangeOp change;
	EwsItemKind item_kind;
	EwsFields *fields; /* own */
} UpdateItem;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_attribute(writer, "ConflictResolution", "AlwaysOverwrite");
	ews_writer_attribute(writer, "MessageDisposition", "SaveOnly");
	ews_writer_attribute(writer, "SendMeetingInvitationsOrCancellations", "SendToNone");
	ews_writer_attribute(writer, "SuppressReadReceipts", "true");
	ews_writer_start(writer, "m:ItemChanges");
	for (unsigned i = 0; i < count; i++) {
		const UpdateItem *self = (const UpdateItem *)ops[i];

		ews_writer_start(writer, "t:ItemChange");
		ews_change_write_id(writer, "t:ItemId", &self->change);
		ews_fields_write_updates(writer, self->fields, self->item_kind);
		ews_writer_end(writer);
	}
	ews_writer_end(writer);
}

static void clear(EwsOp *op)
{
	UpdateItem *self = (UpdateItem *)op;

	ews_change_clear(op);
	ews_fields_free(self->fields);
}

static const EwsOpKind kind = {
	.id = EWS_KIND_UPDATE_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "UpdateItem",
	.batch_max = 500,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.is_about = ews_change_is_about,
	.clear = clear,
};

EwsOp *ews_update_item_new(const char *item_id, const char *change_key, EwsItemKind item_kind,
	const EwsFields *fields)
{
	UpdateItem *self = g_new0(UpdateItem, 1);

	g_assert(fields->set != 0);
	ews_op_init(&self->change.op, &kind);
	self->change.id = g_strdup(item_id);
	self->change.change_key = g_strdup(change_key);
	self->item_kind = item_kind;
	self->fields = ews_fields_copy(fields);
	return &self->change.op;
}
