/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * GetItem with what events, contacts and tasks have of their own. That is a tree, of which nobody
 * here needs to know the meaning: it is handed on flat, as names and values. A name is the way
 * from the item's element down, the Key of an entry in place of "Entry":
 *
 *     Start                               2026-12-01T10:00:00Z
 *     PhoneNumbers/BusinessPhone          +49 30 1234
 *     RequiredAttendees/Attendee/Mailbox/EmailAddress
 *     RequiredAttendees/Attendee/         (the end of one with elements in it; no value)
 */

#define NAME_MAX_BYTES 512
#define VALUE_MAX_BYTES (1024 * 1024) /* a long description; cut, as every property */
#define PAIRS_MAX 20000
#define ALL_MAX_BYTES (4 * 1024 * 1024)

/* What is of use for each kind of item; the other kinds do not have it. */
static const char *const of_all[] = {
	"item:ItemClass",
	"item:Subject",
	"item:Sensitivity",
	"item:Body",
	"item:Categories",
	"item:Importance",
	"item:DateTimeCreated",
	"item:ReminderIsSet",
	"item:ReminderMinutesBeforeStart",
	NULL,
};

static const char *const of_calendar[] = {
	"calendar:Start",
	"calendar:End",
	"calendar:StartWallClock",
	"calendar:EndWallClock",
	"calendar:IsAllDayEvent",
	"calendar:LegacyFreeBusyStatus",
	"calendar:Location",
	"calendar:IsCancelled",
	"calendar:MyResponseType",
	"calendar:Organizer",
	"calendar:RequiredAttendees",
	"calendar:OptionalAttendees",
	"calendar:Resources",
	"calendar:AppointmentSequenceNumber",
	"calendar:Recurrence",
	"calendar:ModifiedOccurrences",
	"calendar:DeletedOccurrences",
	"calendar:UID",
	"calendar:DateTimeStamp",
	NULL,
};

static const char *const of_contact[] = {
	"contacts:FileAs",
	"contacts:DisplayName",
	"contacts:GivenName",
	"contacts:MiddleName",
	"contacts:Nickname",
	"contacts:CompleteName",
	"contacts:CompanyName",
	"contacts:AssistantName",
	"contacts:Birthday",
	"contacts:BusinessHomePage",
	"contacts:Department",
	"contacts:Generation",
	"contacts:JobTitle",
	"contacts:Manager",
	"contacts:OfficeLocation",
	"contacts:Profession",
	"contacts:SpouseName",
	"contacts:Surname",
	"contacts:WeddingAnniversary",
	NULL,
};

static const char *const of_task[] = {
	"task:CompleteDate",
	"task:DueDate",
	"task:PercentComplete",
	"task:Recurrence",
	"task:StartDate",
	"task:Status",
	NULL,
};

/* Of a dictionary, one entry at a time: not every server knows the whole by its name. */
static const struct {
	const char *field;
	const char *keys[20];
} entries[] = {
	{"contacts:EmailAddress", {"EmailAddress1", "EmailAddress2", "EmailAddress3"}},
	{"contacts:ImAddress", {"ImAddress1", "ImAddress2", "ImAddress3"}},
	{"contacts:PhoneNumber",
		{"AssistantPhone", "BusinessFax", "BusinessPhone", "BusinessPhone2", "Callback",
			"CarPhone", "CompanyMainPhone", "HomeFax", "HomePhone", "HomePhone2",
			"Isdn", "MobilePhone", "OtherFax", "OtherTelephone", "Pager",
			"PrimaryPhone", "RadioPhone", "Telex", "TtyTddPhone"}},
	{"contacts:PhysicalAddress:Street", {"Business", "Home", "Other"}},
	{"contacts:PhysicalAddress:City", {"Business", "Home", "Other"}},
	{"contacts:PhysicalAddress:State", {"Business", "Home", "Other"}},
	{"contacts:PhysicalAddress:CountryOrRegion", {"Business", "Home", "Other"}},
	{"contacts:PhysicalAddress:PostalCode", {"Business", "Home", "Other"}},
};

typedef struct GetDetails {
	EwsOp op;
	char *id; /* own */
	EwsItemKind kind;
	char *told_id;    /* own; of the item in the answer */
	GPtrArray *pairs; /* own, of char *: names and values in turn */
	size_t bytes;     /* in pairs */
	GString *path;    /* own; where the reader is */
	bool is_leaf;     /* no element has ended since the last one began */
} GetDetails;

/* --- what is asked for ------------------------------------------------------------------- */

static void write_fields(EwsWriter *writer, const char *const *fields)
{
	for (; *fields; fields++)
		ews_writer_empty(writer, "t:FieldURI", "FieldURI", *fields);
}

static void write_entries(EwsWriter *writer)
{
	for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
		for (const char *const *key = entries[i].keys; *key; key++) {
			ews_writer_start(writer, "t:IndexedFieldURI");
			ews_writer_attribute(writer, "FieldURI", entries[i].field);
			ews_writer_attribute(writer, "FieldIndex", *key);
			ews_writer_end(writer);
		}
	}
}

static bool asks_for(EwsOp *const *ops, unsigned count, EwsItemKind kind)
{
	for (unsigned i = 0; i < count; i++)
		if (((const GetDetails *)ops[i])->kind == kind)
			return true;
	return false;
}

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_start(writer, "m:ItemShape");
	ews_writer_text(writer, "t:BaseShape", "IdOnly");
	ews_writer_text(writer, "t:BodyType", "Text");
	ews_writer_start(writer, "t:AdditionalProperties");
	write_fields(writer, of_all);
	if (asks_for(ops, count, EWS_ITEM_CALENDAR))
		write_fields(writer, of_calendar);
	if (asks_for(ops, count, EWS_ITEM_TASK))
		write_fields(writer, of_task);
	if (asks_for(ops, count, EWS_ITEM_CONTACT)) {
		write_fields(writer, of_contact);
		write_entries(writer);
	}
	ews_writer_end(writer);
	ews_writer_end(writer);
	ews_writer_start(writer, "m:ItemIds");
	for (unsigned i = 0; i < count; i++)
		ews_writer_empty(writer, "t:ItemId", "Id", ((const GetDetails *)ops[i])->id);
	ews_writer_end(writer);
}

/* --- what is answered -------------------------------------------------------------------- */

/* What is beyond the caps is left out, name and value. */
static void add(GetDetails *self, const char *value)
{
	size_t bytes = self->path->len + strlen(value);

	if (self->pairs->len >= 2 * PAIRS_MAX || bytes > ALL_MAX_BYTES - self->bytes)
		return;
	self->bytes += bytes;
	g_ptr_array_add(self->pairs, g_strdup(self->path->str));
	g_ptr_array_add(self->pairs, g_strdup(value));
}

static void start_item(EwsReading *reading)
{
	GetDetails *self = (GetDetails *)reading->op;

	g_ptr_array_set_size(self->pairs, 0);
	self->bytes = 0;
	g_string_truncate(self->path, 0);
}

static void start_property(EwsReading *reading)
{
	GetDetails *self = (GetDetails *)reading->op;
	g_autofree char *key = NULL;

	if (strcmp(reading->element, "Entry") == 0)
		key = ews_reading_attribute(reading, EWS_NAME_Key);
	if (self->path->len > 0)
		g_string_append_c(self->path, '/');
	/* A slash in it would be a way that is none. */
	g_string_append(self->path, key ? g_strdelimit(key, "/", '_') : reading->element);
	self->is_leaf = true;
	if (self->path->len > NAME_MAX_BYTES)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
						  "GetItem: a property is nested too deeply"));
}

static void end_property(EwsReading *reading)
{
	GetDetails *self = (GetDetails *)reading->op;
	char *slash;

	if (self->is_leaf) {
		add(self, reading->text->str);
	} else {
		g_string_append_c(self->path, '/');
		add(self, "");
		g_string_truncate(self->path, self->path->len - 1);
	}
	self->is_leaf = false;
	slash = strrchr(self->path->str, '/');
	g_string_truncate(self->path, slash ? (size_t)(slash - self->path->str) : 0);
}

static void read_id(EwsReading *reading)
{
	GetDetails *self = (GetDetails *)reading->op;

	g_free(self->told_id);
	self->told_id = ews_reading_attribute(reading, EWS_NAME_Id);
}

static void reset(EwsOp *op)
{
	GetDetails *self = (GetDetails *)op;

	g_clear_pointer(&self->told_id, g_free);
	g_ptr_array_set_size(self->pairs, 0);
}

static bool finish(EwsOp *op, GError **error)
{
	if (((const GetDetails *)op)->told_id)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL, "GetItem: an answer without an item");
	return false;
}

static bool is_about(const EwsOp *op, const EwsOp *asked)
{
	return g_str_equal(((const GetDetails *)op)->told_id, ((const GetDetails *)asked)->id);
}

static void clear(EwsOp *op)
{
	GetDetails *self = (GetDetails *)op;

	g_free(self->id);
	g_free(self->told_id);
	g_ptr_array_unref(self->pairs);
	g_string_free(self->path, TRUE);
}

/* clang-format off */
extern const EwsElement ews_details_property[];
const EwsElement ews_details_property[] = {
	{ .name = EWS_NAME_ANY, .type = EWS_FIELD_TEXT, .text_max = VALUE_MAX_BYTES,
	  .children = ews_details_property, .start = start_property, .end = end_property },
	{ 0 },
};

static const EwsElement item[] = {
	{ .name = EWS_NAME_ItemId, .start = read_id },
	{ .name = EWS_NAME_ANY, .type = EWS_FIELD_TEXT, .text_max = VALUE_MAX_BYTES,
	  .children = ews_details_property, .start = start_property, .end = end_property },
	{ 0 },
};

static const EwsElement items[] = {
	{ .name = EWS_NAME_ANY, .children = item, .start = start_item },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_Items, .children = items },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_GET_DETAILS,
	.to = EWS_TO_CONTENT,
	.name = "GetItem",
	.batch_max = 100,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.is_about = is_about,
	.clear = clear,
};

EwsOp *ews_get_details_new(const char *item_id, EwsItemKind item_kind)
{
	GetDetails *self = g_new0(GetDetails, 1);

	ews_op_init(&self->op, &kind);
	self->id = g_strdup(item_id);
	self->kind = item_kind;
	self->pairs = g_ptr_array_new_with_free_func(g_free);
	self->path = g_string_new(NULL);
	return &self->op;
}

char **ews_get_details_take(EwsOp *op)
{
	GetDetails *self = (GetDetails *)op;
	GPtrArray *pairs;

	g_assert(op->kind == &kind);
	if (op->error)
		return NULL;
	pairs = self->pairs;
	self->pairs = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(pairs, NULL);
	return (char **)g_ptr_array_free(pairs, FALSE);
}
