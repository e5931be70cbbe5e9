/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/events.h"

/*
 * Notification: the events of one subscription, each an element named after its kind.
 *
 * An event about an item has the folder it is in as ParentFolderId, one about a folder has that
 * folder as FolderId; of a move or a copy both also name where it came from. A StatusEvent has no
 * folder: nothing happened.
 */

void ews_events_init(EwsEvents *self)
{
	*self = (EwsEvents){0};
	self->folder_ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void ews_events_reset(EwsEvents *self)
{
	g_hash_table_remove_all(self->folder_ids);
	g_clear_pointer(&self->watermark, g_free);
	self->is_anywhere = self->has_more = self->is_lost = self->is_closed = false;
}

void ews_events_clear(EwsEvents *self)
{
	g_hash_table_unref(self->folder_ids);
	g_free(self->watermark);
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
