/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/types.h"

/* "Not said" is the state of a new record: the readers only write what the server did say. */

EwsFolder *ews_folder_new(void)
{
	EwsFolder *self = g_new0(EwsFolder, 1);

	self->total_count = -1;
	self->unread_count = -1;
	self->child_count = -1;
	self->size = -1;
	self->commit_time = EWS_TIME_NONE;
	self->deleted_count = -1;
	self->rights = EWS_RIGHTS_ALL;
	return self;
}

void ews_folder_free(EwsFolder *self)
{
	if (!self)
		return;
	g_free(self->id);
	g_free(self->change_key);
	g_free(self->parent_id);
	g_free(self->display_name);
	g_free(self->folder_class);
	g_free(self->replica);
	g_free(self);
}

EwsItem *ews_item_new(void)
{
	EwsItem *self = g_new0(EwsItem, 1);

	self->received = EWS_TIME_NONE;
	self->sent = EWS_TIME_NONE;
	self->created = EWS_TIME_NONE;
	self->modified = EWS_TIME_NONE;
	self->size = -1;
	self->importance = EWS_IMPORTANCE_NORMAL;
	return self;
}

void ews_item_free(EwsItem *self)
{
	if (!self)
		return;
	g_free(self->id);
	g_free(self->change_key);
	g_free(self->item_class);
	g_free(self->subject);
	g_free(self->from_name);
	g_free(self->from_address);
	g_free(self->display_to);
	g_free(self->message_id);
	g_free(self->file_name);
	g_free(self->guid);
	g_strfreev(self->categories);
	g_free(self->search_key);
	g_free(self);
}

void ews_item_change_free(EwsItemChange *self)
{
	if (!self)
		return;
	ews_item_free(self->item);
	g_free(self);
}

void ews_folder_change_free(EwsFolderChange *self)
{
	if (!self)
		return;
	ews_folder_free(self->folder);
	g_free(self);
}
