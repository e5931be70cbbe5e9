/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/fields.h"

#include <stdio.h>
#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/xml.h"

#define D FIELD_DEFAULT
#define A FIELD_ALL
#define M FIELD_MESSAGE
#define H FIELD_HEAVY
#define OF(member) offsetof(Item, member)
#define OTHER(uri, what, flags) {uri, NULL, FIELD_OTHER, what, 0, NULL, flags}

const char *const FIELD_IMPORTANCE[3] = {"Low", "Normal", "High"};
const char *const FIELD_SENSITIVITY[4] = {"Normal", "Personal", "Private", "Confidential"};
const char *const FIELD_FLAG[3] = {"NotFlagged", "Complete", "Flagged"};

/* The order is that of t:ItemType, then t:MessageType, in the schema. */
const Field FIELDS[] = {
	OTHER("item:MimeContent", OTHER_MIME, H),
	OTHER("item:ItemId", OTHER_ID, D | A),
	OTHER("item:ParentFolderId", OTHER_PARENT, A),
	{"item:ItemClass", "t:ItemClass", FIELD_STRING, 0, OF(class), "class", A},
	{"item:Subject", "t:Subject", FIELD_STRING, 0, OF(subject), "subject", D | A},
	{"item:Sensitivity", "t:Sensitivity", FIELD_ENUM, 0, OF(sensitivity), "sensitivity", D | A},
	OTHER("item:Body", OTHER_BODY, H),
	{"item:DateTimeReceived", "t:DateTimeReceived", FIELD_DATE, 0, OF(received), "received",
		A},
	{"item:Size", "t:Size", FIELD_INT, 0, OF(size), "size", D | A},
	{"item:Categories", "t:Categories", FIELD_LINES, 0, OF(categories), "categories", A},
	{"item:Importance", "t:Importance", FIELD_ENUM, 0, OF(importance), "importance", A},
	{"item:InReplyTo", "t:InReplyTo", FIELD_STRING, 0, OF(in_reply_to), "in_reply_to", A},
	{"item:IsDraft", "t:IsDraft", FIELD_BOOL, 0, OF(is_draft), "is_draft", A},
	OTHER("item:InternetMessageHeaders", OTHER_HEADERS, H),
	{"item:DateTimeSent", "t:DateTimeSent", FIELD_DATE, 0, OF(sent), "sent", D | A},
	{"item:DateTimeCreated", "t:DateTimeCreated", FIELD_DATE, 0, OF(created), "created",
		D | A},
	{"item:DisplayCc", "t:DisplayCc", FIELD_STRING, 0, OF(display_cc), "display_cc", A},
	{"item:DisplayTo", "t:DisplayTo", FIELD_STRING, 0, OF(display_to), "display_to", A},
	{"item:HasAttachments", "t:HasAttachments", FIELD_BOOL, 0, OF(has_attach), "has_attach",
		D | A},
	OTHER("", OTHER_EXT, 0),
	OTHER("item:EffectiveRights", OTHER_RIGHTS, A),
	{"item:LastModifiedName", "t:LastModifiedName", FIELD_STRING, 0, OF(author), "author", A},
	{"item:LastModifiedTime", "t:LastModifiedTime", FIELD_DATE, 0, OF(modified), "modified",
		A},
	{"item:IsAssociated", "t:IsAssociated", FIELD_BOOL, 0, OF(assoc), "assoc", D | A},
	OTHER("item:ConversationId", OTHER_CONVERSATION, A),
	OTHER("item:Flag", OTHER_FLAG, A),
	OTHER("message:Sender", OTHER_SENDER, D | A | M),
	{"message:ToRecipients", "t:ToRecipients", FIELD_PEOPLE, 0, OF(to), "rcpt_to",
		D | A | M | H},
	{"message:CcRecipients", "t:CcRecipients", FIELD_PEOPLE, 0, OF(cc), "rcpt_cc",
		D | A | M | H},
	{"message:BccRecipients", "t:BccRecipients", FIELD_PEOPLE, 0, OF(bcc), "rcpt_bcc",
		A | M | H},
	{"message:IsReadReceiptRequested", "t:IsReadReceiptRequested", FIELD_BOOL, 0,
		OF(wants_receipt), "wants_receipt", A | M},
	OTHER("message:ConversationTopic", OTHER_TOPIC, A | M),
	OTHER("message:From", OTHER_FROM, D | A | M),
	{"message:InternetMessageId", "t:InternetMessageId", FIELD_STRING, 0, OF(msgid), "msgid",
		A | M},
	{"message:IsRead", "t:IsRead", FIELD_BOOL, 0, OF(is_read), "is_read", D | A | M},
	{"message:References", "t:References", FIELD_STRING, 0, OF(refs), "refs", A | M},
	{"message:ReplyTo", "t:ReplyTo", FIELD_PEOPLE, 0, OF(reply_to), "reply_to", A | M | H},
};

const unsigned FIELDS_N = G_N_ELEMENTS(FIELDS);

const Field *field_by_uri(const char *uri)
{
	for (unsigned i = 0; i < FIELDS_N; i++) {
		if (strcmp(FIELDS[i].uri, uri) == 0)
			return &FIELDS[i];
	}
	return NULL;
}

void ext_field_free(ExtField *self)
{
	if (!self)
		return;
	g_free(self->key);
	g_free(self->echo);
	g_free(self->type);
	g_free(self);
}

static const struct {
	const char *name;
	const char *guid;
} SETS[] = {
	{"PublicStrings", "00020329-0000-0000-c000-000000000046"},
	{"InternetHeaders", "00020386-0000-0000-c000-000000000046"},
	{"Common", "00062008-0000-0000-c000-000000000046"},
	{"Appointment", "00062002-0000-0000-c000-000000000046"},
	{"Address", "00062004-0000-0000-c000-000000000046"},
	{"Task", "00062003-0000-0000-c000-000000000046"},
	{"Meeting", "6ed8da90-450b-101b-98da-00aa003f1305"},
	{"CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0"},
	{"UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b"},
	{"Sharing", "00062040-0000-0000-c000-000000000046"},
};

static void echo_attr(GString *to, const char *name, const char *value)
{
	if (value) {
		g_autofree char *safe = g_markup_escape_text(value, -1);

		g_string_append_printf(to, " %s=\"%s\"", name, safe);
	}
}

static char *set_guid(const char *dist, const char *guid)
{
	for (size_t i = 0; dist && i < G_N_ELEMENTS(SETS); i++) {
		if (strcmp(SETS[i].name, dist) == 0)
			return g_strdup(SETS[i].guid);
	}
	return g_ascii_strdown(guid ? guid : "", -1);
}

ExtField *ext_field_parse(const xmlNode *node)
{
	g_autofree char *tag = xml_attr(node, "PropertyTag");
	g_autofree char *dist = xml_attr(node, "DistinguishedPropertySetId");
	g_autofree char *guid = xml_attr(node, "PropertySetId");
	g_autofree char *name = xml_attr(node, "PropertyName");
	g_autofree char *id = xml_attr(node, "PropertyId");
	g_autoptr(GString) echo = g_string_new(NULL);
	ExtField *self = g_new0(ExtField, 1);

	self->tag = -1;
	self->type = xml_attr(node, "PropertyType");
	if (tag) {
		self->tag = (int)g_ascii_strtoull(tag, NULL, 0) & 0xffff;
		self->key = g_strdup_printf("t:%x", (unsigned)self->tag);
		g_string_append_printf(echo, " PropertyTag=\"0x%x\"", (unsigned)self->tag);
	} else {
		g_autofree char *set = set_guid(dist, guid);

		self->key = name ? g_strdup_printf("n:%s:%s", set, name)
			: g_strdup_printf("i:%s:%s", set, id ? id : "");
		echo_attr(echo, "DistinguishedPropertySetId", dist);
		echo_attr(echo, "PropertySetId", guid);
		echo_attr(echo, "PropertyName", name);
		echo_attr(echo, "PropertyId", id);
	}
	echo_attr(echo, "PropertyType", self->type);
	self->echo = g_string_free(g_steal_pointer(&echo), FALSE);
	return self;
}

char *ext_value_parse(const xmlNode *property)
{
	xmlNode *values = xml_child(property, "Values");
	g_autoptr(GString) text = NULL;

	if (!values)
		return xml_child_text(property, "Value");
	text = g_string_new(NULL);
	for (xmlNode *v = xml_first(values); v; v = xml_next(v)) {
		g_autofree char *one = xml_text(v);

		if (text->len)
			g_string_append_c(text, '\x1e');
		g_string_append(text, one);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Tags that are columns of the item. */
static const struct {
	int tag;
	FieldKind kind;
	const char *column;
	size_t offset;
} TAGS[] = {
	{0x0e07, FIELD_OTHER, "(is_read + 8 * is_draft + 16 * has_attach)", 0},
	{0x0e06, FIELD_DATE, "received", OF(received)},
	{0x0039, FIELD_DATE, "sent", OF(sent)},
	{0x3007, FIELD_DATE, "created", OF(created)},
	{0x3008, FIELD_DATE, "modified", OF(modified)},
	{0x0037, FIELD_STRING, "subject", OF(subject)},
	{0x001a, FIELD_STRING, "class", OF(class)},
	{0x1035, FIELD_STRING, "msgid", OF(msgid)},
	{0x1042, FIELD_STRING, "in_reply_to", OF(in_reply_to)},
	{0x1039, FIELD_STRING, "refs", OF(refs)},
	{0x0e04, FIELD_STRING, "display_to", OF(display_to)},
	{0x0e03, FIELD_STRING, "display_cc", OF(display_cc)},
	{0x0c1a, FIELD_STRING, "from_name", OF(from_name)},
	{0x0c1f, FIELD_STRING, "from_addr", OF(from_addr)},
	{0x0042, FIELD_STRING, "from_name", OF(from_name)},
	{0x0065, FIELD_STRING, "from_addr", OF(from_addr)},
	{0x5d02, FIELD_STRING, "from_addr", OF(from_addr)},
	{0x300b, FIELD_STRING, "search_key", OF(search_key)},
	{0x0e08, FIELD_INT, "size", OF(size)},
	{0x0e23, FIELD_INT, "id", OF(id)},
	{0x0017, FIELD_INT, "importance", OF(importance)},
	{0x0e1b, FIELD_BOOL, "has_attach", OF(has_attach)},
	{0x0e69, FIELD_BOOL, "is_read", OF(is_read)},
};

const char *ext_column(int tag, FieldKind *ret_kind)
{
	for (size_t i = 0; i < G_N_ELEMENTS(TAGS); i++) {
		if (TAGS[i].tag != tag)
			continue;
		*ret_kind = TAGS[i].kind == FIELD_OTHER ? FIELD_INT : TAGS[i].kind;
		return TAGS[i].column;
	}
	return NULL;
}

static char *date_text(int64_t ms, bool with_ms)
{
	char text[CLOCK_TEXT];

	if (ms == 0)
		return NULL;
	clock_format(ms, with_ms, text);
	return g_strdup(text);
}

static char *column_value(const Item *item, size_t i, bool with_ms)
{
	const char *at = (const char *)item + TAGS[i].offset;
	int64_t number = TAGS[i].kind == FIELD_STRING ? 0 : *(const int64_t *)(const void *)at;

	switch (TAGS[i].kind) {
	case FIELD_STRING:
		return g_strdup(*(char *const *)(const void *)at);
	case FIELD_DATE:
		return date_text(number, with_ms);
	case FIELD_BOOL:
		return g_strdup(number ? "true" : "false");
	case FIELD_INT:
		return g_strdup_printf("%" G_GINT64_FORMAT, number);
	case FIELD_ENUM:
	case FIELD_LINES:
	case FIELD_PEOPLE:
	case FIELD_OTHER:
		break;
	}
	return g_strdup_printf("%" G_GINT64_FORMAT,
		item->is_read + 8 * item->is_draft + 16 * item->has_attach);
}

char *ext_value(Store *store, const Item *item, const ExtField *ext, bool with_ms)
{
	for (size_t i = 0; ext->tag >= 0 && i < G_N_ELEMENTS(TAGS); i++) {
		if (TAGS[i].tag == ext->tag)
			return column_value(item, i, with_ms);
	}
	if (ext->tag == 0x1090)
		return item->flag ? g_strdup_printf("%d", (int)item->flag) : NULL;
	return item_prop(store, item->id, ext->key);
}

void shape_free(Shape *self)
{
	if (!self)
		return;
	g_ptr_array_unref(self->ext);
	g_ptr_array_unref(self->ext_values);
	g_free(self->pim);
	g_ptr_array_unref(self->folder_uris);
	g_free(self);
}

static void shape_add(Shape *self, const xmlNode *path)
{
	g_autofree char *uri = NULL;

	if (xml_is(path, "ExtendedFieldURI")) {
		g_ptr_array_add(self->ext, ext_field_parse(path));
		return;
	}
	uri = xml_attr(path, "FieldURI");
	for (unsigned i = 0; uri && i < FIELDS_N; i++) {
		if (strcmp(FIELDS[i].uri, uri) == 0)
			self->fields |= UINT64_C(1) << i;
	}
	if (uri)
		g_ptr_array_add(self->folder_uris, g_steal_pointer(&uri));
}

Shape *shape_parse(const xmlNode *shape, bool is_listing, bool with_ms)
{
	Shape *self = g_new0(Shape, 1);
	g_autofree char *base = xml_child_text(shape, "BaseShape");
	bool mime = xml_is_true(xml_child(shape, "IncludeMimeContent"));
	unsigned want = 0;

	self->ext = g_ptr_array_new_with_free_func((GDestroyNotify)ext_field_free);
	self->ext_values = g_ptr_array_new_with_free_func(g_free);
	self->folder_uris = g_ptr_array_new_with_free_func(g_free);
	self->is_listing = is_listing;
	self->with_ms = with_ms;
	self->is_all = base && strcmp(base, "AllProperties") == 0;
	self->is_default = base && strcmp(base, "Default") == 0;
	want = self->is_all ? FIELD_ALL : self->is_default ? FIELD_DEFAULT : 0;
	for (xmlNode *n = xml_first(xml_child(shape, "AdditionalProperties")); n; n = xml_next(n))
		shape_add(self, n);
	for (unsigned i = 0; i < FIELDS_N; i++) {
		if ((FIELDS[i].flags & want) || FIELDS[i].other == OTHER_ID
			|| (FIELDS[i].other == OTHER_MIME && mime)
			|| (FIELDS[i].other == OTHER_EXT && self->ext->len))
			self->fields |= UINT64_C(1) << i;
		if (is_listing && (FIELDS[i].flags & FIELD_HEAVY))
			self->fields &= ~(UINT64_C(1) << i);
	}
	return self;
}

bool shape_has(const Shape *self, FieldOther other)
{
	for (unsigned i = 0; i < FIELDS_N; i++) {
		if (FIELDS[i].other == other && (self->fields >> i & 1))
			return true;
	}
	return false;
}
