/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * File and directory names made of whatever a mailbox holds.
 *
 * The first byte says what kind of item it is, the rest is its subject, party, recipients, file
 * name and the template of its name, one a line. A name must keep its promises: length, characters,
 * no path, the same each time; and a folder's can be read back.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "cache/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LETTERS "k3f9q2zt7a"

static const char *const classes[] = {"IPM.Note", "IPM.Appointment", "IPM.Contact", NULL};

static void check_characters(const char *name, bool is_generated)
{
	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_true(name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		g_assert_true(c != '/' && g_unichar_isprint(c));
		if (is_generated && c < 128)
			g_assert_true(g_ascii_isalnum(c) || strchr("._-", (int)c) != NULL);
	}
}

static void check_item(const CacheTemplate *template, const EwsItem *item)
{
	g_autofree char *name = cache_name_item(template, item, LETTERS, "me@example.org");
	g_autofree char *again = cache_name_item(template, item, LETTERS, "me@example.org");
	bool is_generated = g_strcmp0(name, item->file_name) != 0;
	if (is_generated)
		g_assert_true(strstr(name, LETTERS) != NULL && strchr("._-", name[0]) == NULL);
	g_autofree char *other = cache_name_with_letters(name, LETTERS "-99");
	g_assert_cmpstr(name, ==, again);
	g_assert_true(g_str_has_suffix(name, cache_name_extension(item->item_class)));
	g_assert_cmpuint(strlen(name), <=, is_generated ? CACHE_NAME_MAX : 240);
	g_assert_cmpuint(strlen(other), <=, 255);
	check_characters(name, is_generated);
}

static char *decode(const char *name)
{
	GString *out = g_string_new(NULL);
	for (const char *p = name; *p != '\0'; p++) {
		bool is_coded = *p == '%';
		if (is_coded)
			g_assert_true(g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2]));
		g_string_append_c(out, is_coded ? (char)(g_ascii_xdigit_value(p[1]) * 16 +
							  g_ascii_xdigit_value(p[2]))
						: *p);
		p += is_coded ? 2 : 0;
	}
	return g_string_free(out, FALSE);
}

static void check_folder(const char *text, bool is_top)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *name = cache_name_folder(text, is_top);
	g_autofree char *back = decode(name);
	g_assert_cmpuint(strlen(name), <=, 240);
	check_characters(name, false);
	/* Cut where it is too long, else all of it. */
	g_assert_true(g_str_has_prefix(valid, back));
	if (strlen(valid) <= 80)
		g_assert_cmpstr(valid, ==, back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 5);
	guint count = g_strv_length(lines);
	g_autoptr(EwsItem) item = ews_item_new();
	item->item_class = g_strdup(classes[data[0] & 3]);
	item->is_draft = (data[0] & 4) != 0;
	if ((data[0] & 8) != 0)
		item->from_address = g_strdup("me@example.org");
	item->received = (data[0] & 16) != 0 ? (int64_t)data[0] << 54 : EWS_TIME_NONE;
	item->subject = count > 0 ? g_strdup(lines[0]) : NULL;
	item->from_name = count > 1 ? g_strdup(lines[1]) : NULL;
	item->display_to = count > 2 ? g_strdup(lines[2]) : NULL;
	item->file_name = count > 3 ? g_strdup(lines[3]) : NULL;
	g_autoptr(CacheTemplate) usual = cache_template_new(NULL, NULL);
	check_item(usual, item);
	g_autoptr(CacheTemplate) other = cache_template_new(count > 4 ? lines[4] : NULL, NULL);
	if (other != NULL)
		check_item(other, item);
	for (guint i = 0; i < count; i++)
		check_folder(lines[i], i % 2 == 0);
	return 0;
}
