/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/fields.h"

#include "ews/op/shape.h"

/*
 * IsRead is a property of messages only. For the times of a message there are properties of MAPI:
 * DateTimeReceived and DateTimeSent cannot be set.
 */

/* --- keeping ----------------------------------------------------------------------------- */

EwsFields *ews_fields_copy(const EwsFields *fields)
{
	EwsFields *self = g_memdup2(fields, sizeof(*fields));

	self->subject = g_strdup(fields->subject);
	self->categories = (const char *const *)g_strdupv((char **)fields->categories);
	self->file_name = g_strdup(fields->file_name);
	self->guid = g_strdup(fields->guid);
	self->upload = g_strdup(fields->upload);
	return self;
}

void ews_fields_free(EwsFields *self)
{
	if (!self)
		return;
	g_free((char *)self->subject);
	g_strfreev((char **)self->categories);
	g_free((char *)self->file_name);
	g_free((char *)self->guid);
	g_free((char *)self->upload);
	g_free(self);
}

static bool has(const EwsFields *self, unsigned field)
{
	return (self->set & field) != 0;
}

static bool has_categories(const EwsFields *self)
{
	return has(self, EWS_FIELD_CATEGORIES) && self->categories && self->categories[0];
}

/* --- values ------------------------------------------------------------------------------ */

const char *ews_fields_element(EwsItemKind kind)
{
	switch (kind) {
	case EWS_ITEM_MESSAGE:
		return "t:Message";
	case EWS_ITEM_CALENDAR:
		return "t:CalendarItem";
	case EWS_ITEM_CONTACT:
		return "t:Contact";
	case EWS_ITEM_TASK:
		return "t:Task";
	}
	g_assert_not_reached();
}

/* The times that MAPI has: from 1601 on, and four digits of a year. */
#define TIME_MIN INT64_C(-11644473600)
#define TIME_MAX INT64_C(253402300799)

static char *time_text(int64_t micros)
{
	int64_t seconds = micros / G_USEC_PER_SEC - (micros % G_USEC_PER_SEC < 0);
	int64_t fraction = micros - seconds * G_USEC_PER_SEC;
	g_autoptr(GDateTime) time =
		g_date_time_new_from_unix_utc(CLAMP(seconds, TIME_MIN, TIME_MAX));
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");

	if (fraction == 0)
		return g_strdup_printf("%sZ", text);
	return g_strdup_printf("%s.%06dZ", text, (int)fraction);
}

static const char *bool_text(bool value)
{
	return value ? "true" : "false";
}

static void write_categories(EwsWriter *writer, const EwsFields *fields)
{
	ews_writer_start(writer, "t:Categories");
	for (const char *const *category = fields->categories; *category; category++)
		ews_writer_text(writer, "t:String", *category);
	ews_writer_end(writer);
}

static void write_importance(EwsWriter *writer, const EwsFields *fields)
{
	static const char *const names[] = {"Low", "Normal", "High"};

	ews_writer_text(writer, "t:Importance", names[fields->importance]);
}

static void write_flag(EwsWriter *writer, const EwsFields *fields)
{
	static const char *const names[] = {"NotFlagged", "Flagged", "Complete"};

	ews_writer_start(writer, "t:Flag");
	ews_writer_text(writer, "t:FlagStatus", names[fields->flag]);
	ews_writer_end(writer);
}

/* <t:ExtendedProperty> with one value; of one of our names where @tag is 0. */
static void write_property(EwsWriter *writer, unsigned tag, const char *type_or_name,
	const char *value)
{
	ews_writer_start(writer, "t:ExtendedProperty");
	if (tag)
		ews_shape_write_tag(writer, tag, type_or_name);
	else
		ews_shape_write_named(writer, type_or_name);
	ews_writer_text(writer, "t:Value", value);
	ews_writer_end(writer);
}

static void write_time(EwsWriter *writer, unsigned tag, int64_t time)
{
	g_autofree char *text = time_text(time);

	write_property(writer, tag, "SystemTime", text);
}

/* --- a new item -------------------------------------------------------------------------- */

/* Who writes a message himself has read it. */
static bool is_read(const EwsFields *fields)
{
	return has(fields, EWS_FIELD_IS_READ) ? fields->is_read : true;
}

static void write_message_flags(EwsWriter *writer, const EwsFields *fields, bool is_draft)
{
	char text[8];
	int flags = (is_read(fields) ? EWS_FLAGS_READ : 0) | (is_draft ? EWS_FLAGS_UNSENT : 0);

	g_snprintf(text, sizeof(text), "%d", flags);
	write_property(writer, EWS_TAG_MESSAGE_FLAGS, "Integer", text);
}

static void write_named(EwsWriter *writer, const char *name, const char *value, bool is_set)
{
	if (is_set && value)
		write_property(writer, 0, name, value);
}

void ews_fields_write_new(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind,
	bool is_draft)
{
	if (has(fields, EWS_FIELD_SUBJECT) && fields->subject)
		ews_writer_text(writer, "t:Subject", fields->subject);
	if (has_categories(fields))
		write_categories(writer, fields);
	if (has(fields, EWS_FIELD_IMPORTANCE))
		write_importance(writer, fields);
	if (kind == EWS_ITEM_MESSAGE)
		write_message_flags(writer, fields, is_draft);
	if (has(fields, EWS_FIELD_RECEIVED))
		write_time(writer, EWS_TAG_RECEIVED, fields->received);
	if (has(fields, EWS_FIELD_SENT))
		write_time(writer, EWS_TAG_SENT, fields->sent);
	write_named(writer, EWS_PROPERTY_FILE_NAME, fields->file_name,
		has(fields, EWS_FIELD_FILE_NAME));
	write_named(writer, EWS_PROPERTY_GUID, fields->guid, has(fields, EWS_FIELD_GUID));
	write_named(writer, EWS_PROPERTY_UPLOAD, fields->upload, has(fields, EWS_FIELD_UPLOAD));
	if (has(fields, EWS_FIELD_FLAG))
		write_flag(writer, fields);
}

void ews_fields_write_new_read(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind)
{
	if (kind == EWS_ITEM_MESSAGE)
		ews_writer_text(writer, "t:IsRead", bool_text(is_read(fields)));
}

/* --- an old item ------------------------------------------------------------------------- */

static void start_set(EwsWriter *writer, const char *path, const char *element)
{
	ews_writer_start(writer, "t:SetItemField");
	ews_writer_empty(writer, "t:FieldURI", "FieldURI", path);
	ews_writer_start(writer, element);
}

static void end_set(EwsWriter *writer)
{
	ews_writer_end(writer);
	ews_writer_end(writer);
}

static void write_delete(EwsWriter *writer, const char *path)
{
	ews_writer_start(writer, "t:DeleteItemField");
	ews_writer_empty(writer, "t:FieldURI", "FieldURI", path);
	ews_writer_end(writer);
}

static void update_subject(EwsWriter *writer, const EwsFields *fields, const char *element)
{
	if (!fields->subject) {
		write_delete(writer, "item:Subject");
		return;
	}
	start_set(writer, "item:Subject", element);
	ews_writer_text(writer, "t:Subject", fields->subject);
	end_set(writer);
}

static void update_categories(EwsWriter *writer, const EwsFields *fields, const char *element)
{
	if (!has_categories(fields)) {
		write_delete(writer, "item:Categories");
		return;
	}
	start_set(writer, "item:Categories", element);
	write_categories(writer, fields);
	end_set(writer);
}

static void update_importance(EwsWriter *writer, const EwsFields *fields, const char *element)
{
	start_set(writer, "item:Importance", element);
	write_importance(writer, fields);
	end_set(writer);
}

static void update_flag(EwsWriter *writer, const EwsFields *fields, const char *element)
{
	start_set(writer, "item:Flag", element);
	write_flag(writer, fields);
	end_set(writer);
}

/* What has no IsRead says so itself (ErrorInvalidPropertyRequest). */
static void update_read(EwsWriter *writer, const EwsFields *fields)
{
	start_set(writer, "message:IsRead", "t:Message");
	ews_writer_text(writer, "t:IsRead", bool_text(fields->is_read));
	end_set(writer);
}

static void update_time(EwsWriter *writer, unsigned tag, int64_t time, const char *element)
{
	ews_writer_start(writer, "t:SetItemField");
	ews_shape_write_tag(writer, tag, "SystemTime");
	ews_writer_start(writer, element);
	write_time(writer, tag, time);
	end_set(writer);
}

static void update_named(EwsWriter *writer, const char *name, const char *value,
	const char *element)
{
	ews_writer_start(writer, value ? "t:SetItemField" : "t:DeleteItemField");
	ews_shape_write_named(writer, name);
	if (value) {
		ews_writer_start(writer, element);
		write_property(writer, 0, name, value);
		ews_writer_end(writer);
	}
	ews_writer_end(writer);
}

void ews_fields_write_updates(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind)
{
	const char *element = ews_fields_element(kind);

	ews_writer_start(writer, "t:Updates");
	if (has(fields, EWS_FIELD_SUBJECT))
		update_subject(writer, fields, element);
	if (has(fields, EWS_FIELD_IS_READ))
		update_read(writer, fields);
	if (has(fields, EWS_FIELD_IMPORTANCE))
		update_importance(writer, fields, element);
	if (has(fields, EWS_FIELD_CATEGORIES))
		update_categories(writer, fields, element);
	if (has(fields, EWS_FIELD_FLAG))
		update_flag(writer, fields, element);
	if (has(fields, EWS_FIELD_RECEIVED))
		update_time(writer, EWS_TAG_RECEIVED, fields->received, element);
	if (has(fields, EWS_FIELD_SENT))
		update_time(writer, EWS_TAG_SENT, fields->sent, element);
	if (has(fields, EWS_FIELD_FILE_NAME))
		update_named(writer, EWS_PROPERTY_FILE_NAME, fields->file_name, element);
	if (has(fields, EWS_FIELD_GUID))
		update_named(writer, EWS_PROPERTY_GUID, fields->guid, element);
	if (has(fields, EWS_FIELD_UPLOAD))
		update_named(writer, EWS_PROPERTY_UPLOAD, fields->upload, element);
	ews_writer_end(writer);
}
