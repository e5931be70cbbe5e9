/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/change.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/mime.h"
#include "tests/ewsd/pim.h"

void change_init(Change *self, Item *item, bool is_new)
{
	*self = (Change){.item = item, .is_new = is_new, .only_read = true};
	self->keys = g_ptr_array_new_with_free_func(g_free);
	self->values = g_ptr_array_new_with_free_func(g_free);
}

void change_clear(Change *self)
{
	if (self->mime)
		g_bytes_unref(self->mime);
	g_free(self->body);
	g_ptr_array_unref(self->keys);
	g_ptr_array_unref(self->values);
}

static void replace(char **to, char *value)
{
	g_free(*to);
	*to = value;
}

static char *people(const xmlNode *list)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	for (xmlNode *n = xml_first(list); n; n = xml_next(n)) {
		g_autofree char *name = xml_child_text(n, "Name");
		g_autofree char *addr = xml_child_text(n, "EmailAddress");

		g_string_append_printf(lines, "%s%s\t%s", lines->len ? "\n" : "",
			name ? name : "", addr ? addr : "");
	}
	return lines->len ? g_string_free(g_steal_pointer(&lines), FALSE) : NULL;
}

static char *strings(const xmlNode *list)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	for (xmlNode *n = xml_first(list); n; n = xml_next(n)) {
		g_autofree char *one = xml_text(n);

		g_string_append_printf(lines, "%s%s", lines->len ? "\n" : "", one);
	}
	return lines->len ? g_string_free(g_steal_pointer(&lines), FALSE) : NULL;
}

static int64_t index_of(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	return 0;
}

static const char *set_mime(Change *self, const xmlNode *node)
{
	GBytes *mime = xml_base64(node);

	if (!mime)
		return "ErrorMimeContentInvalidBase64String";
	if (self->mime)
		g_bytes_unref(self->mime);
	self->mime = mime;
	return NULL;
}

static const char *set_body(Change *self, const xmlNode *node)
{
	replace(&self->body, xml_text(node));
	self->is_html = xml_attr_is(node, "BodyType", "HTML");
	return NULL;
}

static const char *set_text(Change *self, const xmlNode *node)
{
	const struct {
		const char *name;
		char **to;
	} texts[] = {
		{"ItemClass", &self->item->class}, {"Subject", &self->item->subject},
		{"InReplyTo", &self->item->in_reply_to},
		{"InternetMessageId", &self->item->msgid}, {"References", &self->item->refs},
	};
	const struct {
		const char *name;
		char **to;
	} lists[] = {
		{"ToRecipients", &self->item->to}, {"CcRecipients", &self->item->cc},
		{"BccRecipients", &self->item->bcc}, {"ReplyTo", &self->item->reply_to},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (xml_is(node, texts[i].name))
			replace(texts[i].to, xml_text(node));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		if (xml_is(node, lists[i].name))
			replace(lists[i].to, people(node));
	}
	if (xml_is(node, "ToRecipients"))
		replace(&self->item->display_to, mime_display(self->item->to));
	if (xml_is(node, "CcRecipients"))
		replace(&self->item->display_cc, mime_display(self->item->cc));
	return NULL;
}

static const char *set_from(Change *self, const xmlNode *node)
{
	xmlNode *mailbox = xml_child(node, "Mailbox");

	replace(&self->item->from_name, xml_child_text(mailbox, "Name"));
	replace(&self->item->from_addr, xml_child_text(mailbox, "EmailAddress"));
	return NULL;
}

static const char *set_simple(Change *self, const xmlNode *node)
{
	g_autofree char *text = xml_text(node);
	Item *item = self->item;

	if (xml_is(node, "Importance"))
		item->importance = index_of(FIELD_IMPORTANCE, 3, text);
	else if (xml_is(node, "Sensitivity"))
		item->sensitivity = index_of(FIELD_SENSITIVITY, 4, text);
	else if (xml_is(node, "Categories"))
		replace(&item->categories, strings(node));
	else if (xml_is(node, "IsReadReceiptRequested"))
		item->wants_receipt = xml_is_true(node);
	return NULL;
}

static const char *set_flag(Change *self, const xmlNode *node)
{
	g_autofree char *status = xml_child_text(node, "FlagStatus");

	self->item->flag = index_of(FIELD_FLAG, 3, status ? status : "");
	return NULL;
}

static const char *set_is_read(Change *self, const xmlNode *node)
{
	self->item->is_read = xml_is_true(node);
	self->has_flags = true;
	return NULL;
}

static const char *set_flags(Change *self, const char *value)
{
	int64_t flags = g_ascii_strtoll(value, NULL, 10);

	/* Read-only once the message was saved, but for the read bit. */
	self->item->is_read = flags & 1;
	if (self->is_new)
		self->item->is_draft = (flags & 8) != 0;
	self->has_flags = true;
	return NULL;
}

static const char *set_date(int64_t *to, const char *value)
{
	return clock_parse(value, to) ? NULL : "ErrorInvalidExtendedPropertyValue";
}

static const char *set_ext(Change *self, const ExtField *ext, char *taken)
{
	g_autofree char *value = taken;

	if (!value)
		return "ErrorInvalidExtendedPropertyValue";
	switch (ext->tag) {
	case 0x0e07:
		return set_flags(self, value);
	case 0x0e06:
		return set_date(&self->item->received, value);
	case 0x0039:
		return set_date(&self->item->sent, value);
	case 0x1090:
		self->item->flag = g_ascii_strtoll(value, NULL, 10) % 3;
		return NULL;
	case 0x0037:
		replace(&self->item->subject, g_steal_pointer(&value));
		return NULL;
	case 0x300b:
	case 0x0e23:
	case 0x0e08:
		return "ErrorInvalidPropertySet";
	default:
		g_ptr_array_add(self->keys, g_strdup(ext->key));
		g_ptr_array_add(self->values, g_steal_pointer(&value));
		return NULL;
	}
}

static const char *set_extended(Change *self, const xmlNode *node)
{
	xmlNode *uri = xml_child(node, "ExtendedFieldURI");
	g_autoptr(ExtField) ext = ext_field_parse(uri);

	return set_ext(self, ext, ext_value_parse(node));
}

static const char *refuse(Change *self, const xmlNode *node)
{
	return "ErrorInvalidPropertySet";
}

static const struct {
	const char *name;
	const char *(*set)(Change *self, const xmlNode *node);
} SETTERS[] = {
	{"MimeContent", set_mime}, {"Body", set_body}, {"ItemClass", set_text},
	{"Subject", set_text}, {"InReplyTo", set_text}, {"InternetMessageId", set_text},
	{"References", set_text}, {"ToRecipients", set_text}, {"CcRecipients", set_text},
	{"BccRecipients", set_text}, {"ReplyTo", set_text}, {"From", set_from},
	{"Sender", set_from}, {"Importance", set_simple}, {"Sensitivity", set_simple},
	{"Categories", set_simple}, {"IsReadReceiptRequested", set_simple},
	{"Flag", set_flag}, {"IsRead", set_is_read}, {"ExtendedProperty", set_extended},
	{"DateTimeReceived", refuse}, {"DateTimeSent", refuse}, {"DateTimeCreated", refuse},
	{"Size", refuse}, {"IsDraft", refuse}, {"HasAttachments", refuse},
};

const char *change_set(Change *self, const xmlNode *property)
{
	if (!xml_is(property, "IsRead"))
		self->only_read = false;
	if (xml_is(property, "Body") && pim_keep(self, property))
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(SETTERS); i++) {
		if (xml_is(property, SETTERS[i].name))
			return SETTERS[i].set(self, property);
	}
	/* What else belongs to calendars, contacts and tasks is taken and forgotten. */
	pim_keep(self, property);
	return NULL;
}

const char *change_append(Change *self, const xmlNode *property)
{
	char **lists[] = {&self->item->to, &self->item->cc, &self->item->bcc,
		&self->item->reply_to};
	static const char *const names[] = {"ToRecipients", "CcRecipients", "BccRecipients",
		"ReplyTo"};

	self->only_read = false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *more = NULL;

		if (!xml_is(property, names[i]))
			continue;
		more = people(property);
		if (more)
			replace(lists[i], *lists[i] ? g_strconcat(*lists[i], "\n", more, NULL)
				: g_strdup(more));
		return NULL;
	}
	return "ErrorInvalidPropertyAppend";
}

const char *change_delete(Change *self, const xmlNode *path)
{
	g_autofree char *uri = xml_attr(path, "FieldURI");
	const Field *field = uri ? field_by_uri(uri) : NULL;

	self->only_read = false;
	if (xml_is(path, "ExtendedFieldURI")) {
		g_autoptr(ExtField) ext = ext_field_parse(path);

		if (ext->tag == 0x1090)
			self->item->flag = 0;
		g_ptr_array_add(self->keys, g_strdup(ext->key));
		g_ptr_array_add(self->values, NULL);
		return NULL;
	}
	if (field && field->other == OTHER_FLAG) {
		self->item->flag = 0;
		return NULL;
	}
	if (!field || (field->kind != FIELD_STRING && field->kind != FIELD_LINES
		&& field->kind != FIELD_PEOPLE))
		return "ErrorInvalidPropertyDelete";
	replace((char **)(void *)((char *)self->item + field->offset), NULL);
	return NULL;
}

static void describe_anew(Change *self)
{
	Item fresh = {.importance = 1};
	Item *item = self->item;

	/* On an old item the new bytes decide, on a new one what was said beside them. */
	if (self->is_new) {
		mime_describe(self->mime, item);
		return;
	}
	mime_describe(self->mime, &fresh);
	replace(&item->subject, fresh.subject);
	replace(&item->from_name, fresh.from_name);
	replace(&item->from_addr, fresh.from_addr);
	replace(&item->to, fresh.to);
	replace(&item->cc, fresh.cc);
	replace(&item->display_to, fresh.display_to);
	replace(&item->display_cc, fresh.display_cc);
	replace(&item->msgid, fresh.msgid);
	item->size = fresh.size;
	item->has_attach = fresh.has_attach;
	item->sent = fresh.sent ? fresh.sent : item->sent;
	g_free(fresh.class);
	g_free(fresh.bcc);
	g_free(fresh.reply_to);
	g_free(fresh.in_reply_to);
	g_free(fresh.refs);
}

static void take(Change *self, GBytes *mime)
{
	g_bytes_unref(self->mime);
	self->mime = mime;
}

void change_take_mime(Change *self, Request *request)
{
	bool is_mail = !self->item->class || g_str_has_prefix(self->item->class, "IPM.Note")
		|| g_str_has_prefix(self->item->class, "IPM.Post");

	if (!self->mime && (self->body || self->is_new) && is_mail)
		self->mime = mime_compose(self->item, self->body, self->is_html);
	if (self->mime && request->world->like_grommunio && pim_is(self->item))
		take(self, pim_mime_in(self->mime));
	if (!self->mime)
		return;
	describe_anew(self);
	if (request->world->like_real && !pim_is(self->item))
		take(self, mime_as_stored(self->mime));
	self->item->body = item_body_add(request->store, self->mime);
	self->item->seed_bytes = self->item->seed = 0;
}

void change_store(Change *self, Store *store)
{
	for (guint i = 0; i < self->keys->len; i++)
		item_prop_set(store, self->item->id, self->keys->pdata[i], self->values->pdata[i]);
}
