/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/change.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the FIELD words say; what it points to lasts as long as the words. */
typedef struct Wanted {
	EwsFields fields;
	const char *item_class;
	char **categories; /* own */
} Wanted;

static EwsItemKind kind_of(const char *word)
{
	if (g_str_equal(word, "calendar"))
		return EWS_ITEM_CALENDAR;
	return g_str_equal(word, "contact") ? EWS_ITEM_CONTACT : EWS_ITEM_MESSAGE;
}

static EwsDisposal disposal_of(const char *word)
{
	if (g_str_equal(word, "soft"))
		return EWS_DISPOSAL_SOFT;
	return g_str_equal(word, "hard") ? EWS_DISPOSAL_HARD : EWS_DISPOSAL_TRASH;
}

/* Fields of text; an empty value is NULL. */
static bool read_text(Wanted *self, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **member;
		unsigned bit;
	} texts[] = {
		{ "class", &self->item_class, 0 },
		{ "subject", &self->fields.subject, EWS_FIELD_SUBJECT },
		{ "name", &self->fields.file_name, EWS_FIELD_FILE_NAME },
		{ "guid", &self->fields.guid, EWS_FIELD_GUID },
		{ "upload", &self->fields.upload, EWS_FIELD_UPLOAD },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (!g_str_equal(texts[i].name, name))
			continue;
		*texts[i].member = *value ? value : NULL;
		self->fields.set |= texts[i].bit;
		return true;
	}
	return false;
}

static bool read_number(Wanted *self, const char *name, const char *value)
{
	EwsFields *fields = &self->fields;
	int64_t number = g_ascii_strtoll(value, NULL, 10);

	if (g_str_equal(name, "read")) {
		fields->is_read = number != 0;
		fields->set |= EWS_FIELD_IS_READ;
	} else if (g_str_equal(name, "importance")) {
		fields->importance = (EwsImportance)number;
		fields->set |= EWS_FIELD_IMPORTANCE;
	} else if (g_str_equal(name, "flag")) {
		fields->flag = (EwsFlag)number;
		fields->set |= EWS_FIELD_FLAG;
	} else if (g_str_equal(name, "received")) {
		fields->received = number;
		fields->set |= EWS_FIELD_RECEIVED;
	} else if (g_str_equal(name, "sent")) {
		fields->sent = number;
		fields->set |= EWS_FIELD_SENT;
	} else {
		return false;
	}
	return true;
}

static bool read_field(Wanted *self, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (g_str_equal(word, "categories")) {
		self->categories = g_strsplit(value, ",", -1);
		self->fields.categories = (const char *const *)self->categories;
		self->fields.set |= EWS_FIELD_CATEGORIES;
		return true;
	}
	return read_text(self, word, value) || read_number(self, word, value);
}

static bool read_fields(Wanted *self, char **words)
{
	for (; *words; words++)
		if (!read_field(self, *words))
			return false;
	return true;
}

static EwsOp *make_create(char **words)
{
	size_t len = strlen(words[4]);
	EwsUpload mime = { .fd = memfd_create("mime", MFD_CLOEXEC), .size = (int64_t)len };
	Wanted wanted = { 0 };
	EwsOp *op = NULL;

	g_assert_cmpint(write(mime.fd, words[4], len), ==, (ssize_t)len);
	if (read_fields(&wanted, words + 5))
		op = ews_create_item_new(words[1], kind_of(words[2]), &mime, &wanted.fields,
			g_str_equal(words[3], "draft"), wanted.item_class);
	close(mime.fd);
	g_strfreev(wanted.categories);
	return op;
}

static const char *key_of(const char *word)
{
	return word && !g_str_equal(word, "-") ? word : NULL;
}

static EwsOp *make_update(char **words)
{
	Wanted wanted = { 0 };
	EwsOp *op = NULL;

	if (read_fields(&wanted, words + 4))
		op = ews_update_item_new(words[1], key_of(words[2]), kind_of(words[3]),
			&wanted.fields);
	g_strfreev(wanted.categories);
	return op;
}

static EwsOp *make_delete(char **words)
{
	return ews_delete_item_new(words[1], disposal_of(words[2]));
}

static EwsOp *make_move(char **words)
{
	return ews_move_item_new(words[1], words[2]);
}

static EwsOp *make_copy(char **words)
{
	return ews_copy_item_new(words[1], words[2]);
}

static EwsOp *make_send(char **words)
{
	return ews_send_item_new(words[1], key_of(words[2]));
}

static EwsOp *make_create_folder(char **words)
{
	return ews_create_folder_new(words[1], words[2]);
}

static EwsOp *make_update_folder(char **words)
{
	return ews_update_folder_new(words[1], key_of(words[2]), words[3]);
}

static EwsOp *make_move_folder(char **words)
{
	return ews_move_folder_new(words[1], words[2]);
}

static EwsOp *make_delete_folder(char **words)
{
	return ews_delete_folder_new(words[1], disposal_of(words[2]));
}

static const struct {
	const char *word;
	unsigned words_min;
	EwsOp *(*make)(char **words);
} changes[] = {
	{ "create-item", 5, make_create },
	{ "update-item", 5, make_update },
	{ "delete-item", 3, make_delete },
	{ "move-item", 3, make_move },
	{ "copy-item", 3, make_copy },
	{ "send-item", 2, make_send },
	{ "create-folder", 3, make_create_folder },
	{ "update-folder", 4, make_update_folder },
	{ "move-folder", 3, make_move_folder },
	{ "delete-folder", 3, make_delete_folder },
};

bool change_is(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		if (g_str_equal(changes[i].word, word))
			return true;
	return false;
}

static char **compress_all(char **words)
{
	GPtrArray *all = g_ptr_array_new();

	for (; *words; words++)
		g_ptr_array_add(all, g_strcompress(*words));
	g_ptr_array_add(all, NULL);
	return (char **)g_ptr_array_free(all, FALSE);
}

EwsOp *change_new(char **words)
{
	g_auto(GStrv) plain = compress_all(words);

	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		if (g_str_equal(changes[i].word, words[0]) &&
			g_strv_length(words) >= changes[i].words_min)
			return changes[i].make(plain);
	return NULL;
}
