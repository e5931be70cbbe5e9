/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/shape.h"

#include <string.h>

#include "ews/error.h"

/*
 * Answers need not look like requests: elements come in any order, extended properties too (their
 * tags as hex of any case and padding, or decimal), and what is empty is left out.
 */

#define TAG_SEARCH_KEY    0x300B /* PidTagSearchKey */
#define TAG_HIDDEN        0x10F4 /* PidTagAttributeHidden */
#define TAG_FOLDER_SIZE   0x0E08 /* PidTagMessageSizeExtended */
#define TAG_COMMIT_TIME   0x670A /* PidTagLocalCommitTimeMax */
#define TAG_DELETED_COUNT 0x670B /* PidTagDeletedCountTotal */
#define TAG_REPLICA_LIST  0x6698 /* PR_REPLICA_LIST */

#define GUID_LEN 36

#define SEARCH_KEY_MAX 1024

/* --- what is asked for ------------------------------------------------------------------- */

static const char *const item_fields[] = {
	"item:ItemClass",
	"item:Subject",
	"item:DateTimeReceived",
	"item:Size",
	"item:Categories",
	"item:Importance",
	"item:DateTimeSent",
	"item:DateTimeCreated",
	"item:DisplayTo",
	"item:HasAttachments",
	"item:LastModifiedTime",
	"item:Flag",
	"message:From",
	"message:InternetMessageId",
	"message:IsRead",
};

static const char *const folder_fields[] = {
	"folder:FolderId",
	"folder:ParentFolderId",
	"folder:DisplayName",
	"folder:FolderClass",
	"folder:TotalCount",
	"folder:UnreadCount",
	"folder:ChildFolderCount",
	"folder:EffectiveRights",
};

static void write_fields(EwsWriter *writer, const char *const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ews_writer_empty(writer, "t:FieldURI", "FieldURI", fields[i]);
}

void ews_shape_write_tag(EwsWriter *writer, unsigned tag, const char *type)
{
	char text[16];

	g_snprintf(text, sizeof(text), "0x%04X", tag);
	ews_writer_start(writer, "t:ExtendedFieldURI");
	ews_writer_attribute(writer, "PropertyTag", text);
	ews_writer_attribute(writer, "PropertyType", type);
	ews_writer_end(writer);
}

void ews_shape_write_named(EwsWriter *writer, const char *name)
{
	ews_writer_start(writer, "t:ExtendedFieldURI");
	ews_writer_attribute(writer, "PropertySetId", EWS_PROPERTY_SET);
	ews_writer_attribute(writer, "PropertyName", name);
	ews_writer_attribute(writer, "PropertyType", "String");
	ews_writer_end(writer);
}

void ews_shape_write_items(EwsWriter *writer)
{
	ews_writer_start(writer, "m:ItemShape");
	ews_writer_text(writer, "t:BaseShape", "IdOnly");
	ews_writer_start(writer, "t:AdditionalProperties");
	write_fields(writer, item_fields, G_N_ELEMENTS(item_fields));
	ews_shape_write_tag(writer, TAG_SEARCH_KEY, "Binary");
	ews_shape_write_tag(writer, EWS_TAG_MESSAGE_FLAGS, "Integer");
	ews_shape_write_named(writer, EWS_PROPERTY_FILE_NAME);
	ews_shape_write_named(writer, EWS_PROPERTY_GUID);
	ews_writer_end(writer);
	ews_writer_end(writer);
}

void ews_shape_write_mime(EwsWriter *writer)
{
	ews_writer_start(writer, "m:ItemShape");
	ews_writer_text(writer, "t:BaseShape", "IdOnly");
	ews_writer_text(writer, "t:IncludeMimeContent", "true");
	ews_writer_start(writer, "t:AdditionalProperties");
	write_fields(writer, item_fields, 1);
	ews_writer_end(writer);
	ews_writer_end(writer);
}

static void write_folders(EwsWriter *writer, bool is_public)
{
	ews_writer_start(writer, "m:FolderShape");
	ews_writer_text(writer, "t:BaseShape", "IdOnly");
	ews_writer_start(writer, "t:AdditionalProperties");
	write_fields(writer, folder_fields, G_N_ELEMENTS(folder_fields));
	ews_shape_write_tag(writer, TAG_HIDDEN, "Boolean");
	ews_shape_write_tag(writer, TAG_FOLDER_SIZE, "Long");
	ews_shape_write_tag(writer, TAG_COMMIT_TIME, "SystemTime");
	ews_shape_write_tag(writer, TAG_DELETED_COUNT, "Integer");
	if (is_public)
		ews_shape_write_tag(writer, TAG_REPLICA_LIST, "Binary");
	ews_writer_end(writer);
	ews_writer_end(writer);
}

void ews_shape_write_folders(EwsWriter *writer)
{
	write_folders(writer, false);
}

void ews_shape_write_public_folders(EwsWriter *writer)
{
	write_folders(writer, true);
}

/* --- ids --------------------------------------------------------------------------------- */

static void read_id(EwsReading *reading, char **id, char **change_key)
{
	g_free(*id);
	*id = ews_reading_attribute(reading, EWS_NAME_Id);
	if (*id && !**id)
		g_clear_pointer(id, g_free);
	if (!change_key)
		return;
	g_free(*change_key);
	*change_key = ews_reading_attribute(reading, EWS_NAME_ChangeKey);
}

void ews_shape_item_id(EwsReading *reading)
{
	EwsItem *item = reading->record;

	read_id(reading, &item->id, &item->change_key);
}

void ews_shape_folder_id(EwsReading *reading)
{
	EwsFolder *folder = reading->record;

	read_id(reading, &folder->id, &folder->change_key);
}

static void parent_id(EwsReading *reading)
{
	EwsFolder *folder = reading->record;

	read_id(reading, &folder->parent_id, NULL);
}

static void new_id(EwsReading *reading)
{
	read_id(reading, &reading->op->new_id, &reading->op->new_change_key);
}

/* clang-format off */
static const EwsElement new_id_holder[] = {
	{ .name = EWS_NAME_ItemId, .start = new_id },
	{ .name = EWS_NAME_FolderId, .start = new_id },
	{ 0 },
};

static const EwsElement new_ids[] = {
	{ .name = EWS_NAME_ANY, .children = new_id_holder },
	{ 0 },
};

const EwsElement ews_shape_new_id[] = {
	{ .name = EWS_NAME_Items, .children = new_ids },
	{ .name = EWS_NAME_Folders, .children = new_ids },
	{ 0 },
};
/* clang-format on */

/* --- extended properties ----------------------------------------------------------------- */

static void start_property(EwsReading *reading)
{
	EwsProperty *property = &reading->property;

	property->tag = 0;
	property->is_ours = false;
	property->name[0] = '\0';
	g_string_truncate(property->value, 0);
}

static void property_field(EwsReading *reading)
{
	EwsProperty *property = &reading->property;
	g_autofree char *tag = ews_reading_attribute(reading, EWS_NAME_PropertyTag);
	g_autofree char *set = ews_reading_attribute(reading, EWS_NAME_PropertySetId);
	g_autofree char *name = ews_reading_attribute(reading, EWS_NAME_PropertyName);

	if (tag)
		property->tag = (uint32_t)MIN(g_ascii_strtoull(tag, NULL, 0), G_MAXUINT32);
	if (set)
		property->is_ours = g_ascii_strcasecmp(set, EWS_PROPERTY_SET) == 0;
	if (name)
		g_strlcpy(property->name, name, sizeof(property->name));
}

static void property_value(EwsReading *reading)
{
	g_string_assign(reading->property.value, reading->text->str);
}

static void set_search_key(EwsItem *item, const char *base64)
{
	gsize len = 0;
	g_autofree guchar *key = g_base64_decode(base64, &len);

	if (len == 0 || len > SEARCH_KEY_MAX)
		return;
	g_free(item->search_key);
	item->search_key = g_steal_pointer(&key);
	item->search_key_len = len;
}

static void end_item_property(EwsReading *reading)
{
	const EwsProperty *property = &reading->property;
	EwsItem *item = reading->record;
	const char *value = property->value->str;

	if (property->tag == TAG_SEARCH_KEY) {
		set_search_key(item, value);
	} else if (property->tag == EWS_TAG_MESSAGE_FLAGS) {
		reading->message_flags = ews_parse_number(value, -1);
	} else if (property->is_ours && strcmp(property->name, EWS_PROPERTY_FILE_NAME) == 0) {
		g_free(item->file_name);
		item->file_name = g_strdup(value);
	} else if (property->is_ours && strcmp(property->name, EWS_PROPERTY_GUID) == 0) {
		g_free(item->guid);
		item->guid = g_strdup(value);
	}
}

/* Of several, which are copies of each other, the first. */
static void set_replica(EwsFolder *folder, const char *base64)
{
	gsize len = 0;
	g_autofree guchar *list = g_base64_decode(base64, &len);
	g_autofree char *guid = NULL;

	if (len < GUID_LEN)
		return;
	guid = g_strndup((const char *)list, GUID_LEN);
	if (!g_uuid_string_is_valid(guid))
		return;
	g_free(folder->replica);
	folder->replica = g_ascii_strdown(guid, -1);
}

static void end_folder_property(EwsReading *reading)
{
	const EwsProperty *property = &reading->property;
	EwsFolder *folder = reading->record;
	const char *value = property->value->str;

	switch (property->tag) {
	case TAG_HIDDEN:
		folder->is_hidden = ews_parse_bool(value);
		break;
	case TAG_FOLDER_SIZE:
		folder->size = ews_parse_number(value, -1);
		break;
	case TAG_COMMIT_TIME:
		folder->commit_time = ews_parse_time(value);
		break;
	case TAG_DELETED_COUNT:
		folder->deleted_count = ews_parse_number(value, -1);
		break;
	case TAG_REPLICA_LIST:
		set_replica(folder, value);
		break;
	}
}

/* clang-format off */
static const EwsElement property[] = {
	{ .name = EWS_NAME_ExtendedFieldURI, .start = property_field },
	{ .name = EWS_NAME_Value, .type = EWS_FIELD_TEXT, .end = property_value },
	{ 0 },
};
/* clang-format on */

/* --- items ------------------------------------------------------------------------------- */

static void end_importance(EwsReading *reading)
{
	EwsItem *item = reading->record;

	if (strcmp(reading->text->str, "Low") == 0)
		item->importance = EWS_IMPORTANCE_LOW;
	else if (strcmp(reading->text->str, "High") == 0)
		item->importance = EWS_IMPORTANCE_HIGH;
	else
		item->importance = EWS_IMPORTANCE_NORMAL;
}

static void end_flag_status(EwsReading *reading)
{
	EwsItem *item = reading->record;

	if (strcmp(reading->text->str, "Flagged") == 0)
		item->flag = EWS_FLAG_FLAGGED;
	else if (strcmp(reading->text->str, "Complete") == 0)
		item->flag = EWS_FLAG_COMPLETE;
	else
		item->flag = EWS_FLAG_NONE;
}

static void start_categories(EwsReading *reading)
{
	g_ptr_array_set_size(reading->strings, 0);
}

static void end_category(EwsReading *reading)
{
	if (reading->strings->len < EWS_CAP_CATEGORIES)
		g_ptr_array_add(reading->strings, g_strdup(reading->text->str));
}

static void end_categories(EwsReading *reading)
{
	EwsItem *item = reading->record;
	GPtrArray *strings = reading->strings;

	g_strfreev(item->categories);
	item->categories = NULL;
	if (strings->len == 0)
		return;
	g_ptr_array_add(strings, NULL);
	item->categories = (char **)g_ptr_array_free(strings, FALSE);
	reading->strings = g_ptr_array_new_with_free_func(g_free);
}

/* PidTagMessageFlags knows better than IsDraft, which one server always denies, and serves for
 * classes that have no IsRead. */
void ews_shape_end_item(EwsReading *reading)
{
	EwsItem *item = reading->record;

	if (reading->message_flags >= 0) {
		item->is_draft = (reading->message_flags & EWS_FLAGS_UNSENT) != 0;
		item->is_submitted = (reading->message_flags & EWS_FLAGS_SUBMITTED) != 0;
		item->is_read = item->is_read || (reading->message_flags & EWS_FLAGS_READ) != 0;
	}
	reading->message_flags = -1;
	item->has_properties = item->item_class != NULL;
}

/* clang-format off */
#define ITEM(member) .offset = offsetof(EwsItem, member)

static const EwsElement mailbox[] = {
	{ .name = EWS_NAME_Name, .type = EWS_FIELD_STRING, ITEM(from_name) },
	{ .name = EWS_NAME_EmailAddress, .type = EWS_FIELD_STRING, ITEM(from_address) },
	{ 0 },
};

static const EwsElement from[] = {
	{ .name = EWS_NAME_Mailbox, .children = mailbox },
	{ 0 },
};

static const EwsElement flag[] = {
	{ .name = EWS_NAME_FlagStatus, .type = EWS_FIELD_TEXT, .end = end_flag_status },
	{ 0 },
};

static const EwsElement categories[] = {
	{ .name = EWS_NAME_String, .type = EWS_FIELD_TEXT, .text_max = 1024, .end = end_category },
	{ 0 },
};

const EwsElement ews_shape_item[] = {
	{ .name = EWS_NAME_ItemId, .start = ews_shape_item_id },
	{ .name = EWS_NAME_ItemClass, .type = EWS_FIELD_STRING, ITEM(item_class) },
	{ .name = EWS_NAME_Subject, .type = EWS_FIELD_STRING, ITEM(subject) },
	{ .name = EWS_NAME_DateTimeReceived, .type = EWS_FIELD_TIME, ITEM(received) },
	{ .name = EWS_NAME_Size, .type = EWS_FIELD_NUMBER, ITEM(size) },
	{ .name = EWS_NAME_Categories, .children = categories,
	  .start = start_categories, .end = end_categories },
	{ .name = EWS_NAME_Importance, .type = EWS_FIELD_TEXT, .end = end_importance },
	{ .name = EWS_NAME_IsDraft, .type = EWS_FIELD_BOOL, ITEM(is_draft) },
	{ .name = EWS_NAME_DateTimeSent, .type = EWS_FIELD_TIME, ITEM(sent) },
	{ .name = EWS_NAME_DateTimeCreated, .type = EWS_FIELD_TIME, ITEM(created) },
	{ .name = EWS_NAME_DisplayTo, .type = EWS_FIELD_STRING, ITEM(display_to) },
	{ .name = EWS_NAME_HasAttachments, .type = EWS_FIELD_BOOL, ITEM(has_attachments) },
	{ .name = EWS_NAME_ExtendedProperty, .children = property,
	  .start = start_property, .end = end_item_property },
	{ .name = EWS_NAME_LastModifiedTime, .type = EWS_FIELD_TIME, ITEM(modified) },
	{ .name = EWS_NAME_Flag, .children = flag },
	{ .name = EWS_NAME_From, .children = from },
	{ .name = EWS_NAME_InternetMessageId, .type = EWS_FIELD_STRING, ITEM(message_id) },
	{ .name = EWS_NAME_IsRead, .type = EWS_FIELD_BOOL, ITEM(is_read) },
	{ 0 },
};
/* clang-format on */

/* --- folders ----------------------------------------------------------------------------- */

static void start_rights(EwsReading *reading)
{
	EwsFolder *folder = reading->record;

	folder->rights = 0;
}

static void end_right(EwsReading *reading)
{
	static const struct {
		EwsName name;
		EwsRights right;
	} rights[] = {
		{ EWS_NAME_Read, EWS_RIGHT_READ },
		{ EWS_NAME_Modify, EWS_RIGHT_MODIFY },
		{ EWS_NAME_Delete, EWS_RIGHT_DELETE },
		{ EWS_NAME_CreateContents, EWS_RIGHT_CREATE_CONTENTS },
		{ EWS_NAME_CreateHierarchy, EWS_RIGHT_CREATE_HIERARCHY },
	};
	EwsFolder *folder = reading->record;

	if (!ews_parse_bool(reading->text->str))
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(rights); i++)
		if (rights[i].name == reading->name)
			folder->rights |= rights[i].right;
}

void ews_shape_start_folder(EwsReading *reading)
{
	EwsFolder *folder = reading->record;

	folder->is_search = reading->name == EWS_NAME_SearchFolder;
}

void ews_shape_end_folder(EwsReading *reading)
{
	EwsFolder *folder = reading->record;

	if (!folder->folder_class)
		folder->folder_class = g_strdup("IPF.Note");
}

/* clang-format off */
#define FOLDER(member) .offset = offsetof(EwsFolder, member)

static const EwsElement rights[] = {
	{ .name = EWS_NAME_ANY, .type = EWS_FIELD_TEXT, .text_max = 16, .end = end_right },
	{ 0 },
};

const EwsElement ews_shape_folder[] = {
	{ .name = EWS_NAME_FolderId, .start = ews_shape_folder_id },
	{ .name = EWS_NAME_ParentFolderId, .start = parent_id },
	{ .name = EWS_NAME_FolderClass, .type = EWS_FIELD_STRING, FOLDER(folder_class) },
	{ .name = EWS_NAME_DisplayName, .type = EWS_FIELD_STRING, FOLDER(display_name) },
	{ .name = EWS_NAME_TotalCount, .type = EWS_FIELD_NUMBER, FOLDER(total_count) },
	{ .name = EWS_NAME_ChildFolderCount, .type = EWS_FIELD_NUMBER, FOLDER(child_count) },
	{ .name = EWS_NAME_UnreadCount, .type = EWS_FIELD_NUMBER, FOLDER(unread_count) },
	{ .name = EWS_NAME_ExtendedProperty, .children = property,
	  .start = start_property, .end = end_folder_property },
	{ .name = EWS_NAME_EffectiveRights, .children = rights, .start = start_rights },
	{ 0 },
};
/* clang-format on */
