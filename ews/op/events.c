/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * Notification: the events of one subscription, each an element named after its kind.
 *
 * An event about an item has the folder it is in as ParentFolderId, one about a folder has that
 * folder as FolderId; of a move or a copy both also name where it came from. A StatusEvent has no
 * folder: nothing happened.
 */

EwsOp *ews_events_op_init(EwsEventsOp *self, const EwsOpKind *kind, const char *id)
{
	ews_op_init(&self->op, kind);
	self->id = g_strdup(id);
	self->events.folder_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return &self->op;
}

void ews_events_op_reset(EwsOp *op)
{
	EwsEvents *events = &((EwsEventsOp *)op)->events;

	g_hash_table_remove_all(events->folder_ids);
	g_clear_pointer(&events->watermark, g_free);
	events->is_anywhere = events->has_more = events->is_lost = events->is_closed = false;
}

void ews_events_op_clear(EwsOp *op)
{
	EwsEventsOp *self = (EwsEventsOp *)op;

	g_hash_table_unref(self->events.folder_ids);
	g_free(self->events.watermark);
	g_free(self->id);
}

static void start_folder_id(EwsReading *reading)
{
	EwsEvents *self = reading->record;
	char *id = ews_reading_attribute(reading, EWS_NAME_Id);

	if (id && *id && g_hash_table_size(self->folder_ids) < EWS_CAP_EVENT_FOLDERS) {
		g_hash_table_add(self->folder_ids, id);
		return;
	}
	self->is_anywhere =
		self->is_anywhere || !id || !*id || !g_hash_table_contains(self->folder_ids, id);
	g_free(id);
}

static void end_more(EwsReading *reading)
{
	EwsEvents *self = reading->record;

	self->has_more = ews_parse_bool(reading->text->str);
}

void ews_events_notification_start(EwsReading *reading)
{
	reading->record = &((EwsEventsOp *)reading->op)->events;
}

/* clang-format off */
static const EwsElement event[] = {
	{ .name = EWS_NAME_ParentFolderId, .start = start_folder_id },
	{ .name = EWS_NAME_FolderId, .start = start_folder_id },
	{ .name = EWS_NAME_OldParentFolderId, .start = start_folder_id },
	{ .name = EWS_NAME_Watermark, .type = EWS_FIELD_STRING, .text_max = 4096,
	  .offset = offsetof(EwsEvents, watermark) },
	{ 0 },
};

const EwsElement ews_events_notification[] = {
	{ .name = EWS_NAME_SubscriptionId },
	{ .name = EWS_NAME_MoreEvents, .type = EWS_FIELD_TEXT, .text_max = 16, .end = end_more },
	{ .name = EWS_NAME_ANY, .children = event },
	{ 0 },
};
/* clang-format on */
