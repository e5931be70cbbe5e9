/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirdots.h"

#include <string.h>

#include "fs/fs.h"
#include "fs/hidden.h"

#define INBOX "INBOX"
#define CUT "%~"
#define CUT_LEN (strlen(CUT) + 16)

/* --- one name ------------------------------------------------------------ */

/* As the first one it would be taken for something else. */
static bool is_taken(const char *name)
{
	g_autofree char *entry = g_strconcat(".", name, NULL);

	return g_ascii_strcasecmp(name, INBOX) == 0 || g_str_equal(entry, CACHE_SEND_NAME) ||
	       fs_hidden_at(FUSE_ROOT_ID, entry) != NULL;
}

static void append(GString *out, const char *name, bool is_first)
{
	bool is_escaped = is_first && is_taken(name);

	if (is_escaped)
		g_string_append_printf(out, "%%%02X", (unsigned char)*name++);
	while (*name != '\0') {
		bool is_dot = *name == '.';
		bool was_dot = g_str_has_prefix(name, "%2E");
		g_string_append(out, is_dot ? "%2E" : was_dot ? "%2e" : "");
		if (!is_dot && !was_dot)
			g_string_append_c(out, *name);
		name += was_dot ? 3 : 1;
	}
}

/* The character that was escaped as the first of @text; 0: none was. */
static char escaped(const char *text)
{
	int high = *text == '%' ? g_ascii_xdigit_value(text[1]) : -1;
	int low = high >= 0 ? g_ascii_xdigit_value(text[2]) : -1;
	if (low < 0)
		return 0;
	char c = (char)(high << 4 | low);
	g_autofree char *name = g_strdup_printf("%c%s", c, text + 3);

	return c != '\0' && is_taken(name) ? c : '\0';
}

static char *read_name(const char *text, bool is_first)
{
	GString *name = g_string_new(NULL);
	char c = is_first ? escaped(text) : '\0';

	if (c != '\0') {
		g_string_append_c(name, c);
		text += 3;
	}
	while (*text != '\0') {
		bool is_dot = g_str_has_prefix(text, "%2E");
		bool was_dot = g_str_has_prefix(text, "%2e");
		g_string_append(name, is_dot ? "." : was_dot ? "%2E" : "");
		if (!is_dot && !was_dot)
			g_string_append_c(name, *text);
		text += is_dot || was_dot ? 3 : 1;
	}
	return g_string_free(name, FALSE);
}

/* --- all of them --------------------------------------------------------- */

char *fs_maildirdots_make(const char *const *names, bool is_in_inbox)
{
	GString *out = g_string_new(is_in_inbox ? "." INBOX : "");

	for (size_t i = 0; names[i] != NULL; i++) {
		g_string_append_c(out, '.');
		append(out, names[i], i == 0 && !is_in_inbox);
	}
	return g_string_free(out, FALSE);
}

char **fs_maildirdots_parse(const char *dotted, bool *ret_is_in_inbox)
{
	if (*dotted != '.' || fs_maildirdots_is_cut(dotted))
		return NULL;
	g_auto(GStrv) texts = g_strsplit(dotted + 1, ".", -1);
	bool is_in_inbox = texts[0] != NULL && g_str_equal(texts[0], INBOX);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (char **text = texts + (is_in_inbox ? 1 : 0); *text != NULL; text++)
		g_ptr_array_add(names, read_name(*text, text == texts));
	bool has_any = names->len > 0;
	g_ptr_array_add(names, NULL);
	/* There is one way to write it. */
	g_autofree char *again =
		fs_maildirdots_make((const char *const *)names->pdata, is_in_inbox);
	if (!has_any || strstr(dotted, "..") != NULL || g_str_has_suffix(dotted, ".") ||
		!g_str_equal(again, dotted))
		return NULL;
	*ret_is_in_inbox = is_in_inbox;
	g_ptr_array_set_free_func(names, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

/* --- too long ------------------------------------------------------------ */

char *fs_maildirdots_fit(const char *dotted, uint64_t ino)
{
	if (strlen(dotted) <= FS_NAME_MAX)
		return g_strdup(dotted);
	size_t len = FS_NAME_MAX - CUT_LEN;
	/* Between characters. */
	while (((unsigned char)dotted[len] & 0xc0) == 0x80)
		len--;
	return g_strdup_printf("%.*s%s%016" G_GINT64_MODIFIER "x", (int)len, dotted, CUT, ino);
}

bool fs_maildirdots_is_cut(const char *dotted)
{
	size_t len = strlen(dotted);

	return len > CUT_LEN && g_str_has_prefix(dotted + len - CUT_LEN, CUT);
}
