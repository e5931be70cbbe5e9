/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/name.h"

#include <stdbool.h>
#include <string.h>

#define EXTENSION_MAX 16

/* --- characters -------------------------------------------------------------------------- */

/* 0: nothing. Marks of direction, joiners and controls are not printed; any blank is one. */
static gunichar safe_of(gunichar c)
{
	if (g_unichar_isspace(c))
		return ' ';
	if (!g_unichar_isprint(c))
		return 0;
	return c == '/' || c == '\\' ? '_' : c;
}

static bool is_bad_start(char first)
{
	return first == '.' || first == '-' || first == '~';
}

/* Where the extension begins; the end where there is none. */
static size_t stem_len(const char *name)
{
	size_t len = strlen(name);
	const char *point = strrchr(name, '.');

	if (point == NULL || point == name || len - (size_t)(point - name) > EXTENSION_MAX)
		return len;
	return (size_t)(point - name);
}

/* As much of @stem, of @len bytes, as leaves @room for what follows; whole characters. */
static size_t fitting(const char *stem, size_t len, size_t room)
{
	if (len + room <= VIEW_NAME_MAX)
		return len;
	const char *cut = g_utf8_find_prev_char(stem, &stem[VIEW_NAME_MAX - room + 1]);
	return (size_t)(cut - stem);
}

static char *put_together(const char *stem, size_t len, const char *mark, const char *extension)
{
	size_t used = fitting(stem, len, strlen(mark) + strlen(extension));

	return g_strdup_printf("%.*s%s%s", (int)used, stem, mark, extension);
}

char *view_name_safe(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *composed = g_utf8_normalize(valid, -1, G_NORMALIZE_NFC);
	g_autoptr(GString) name = g_string_new(NULL);

	for (const char *at = composed; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = safe_of(g_utf8_get_char(at));
		if (c != 0)
			g_string_append_unichar(name, c);
	}
	g_strstrip(name->str);
	if (name->str[0] == '\0')
		return NULL;
	if (is_bad_start(name->str[0]))
		name->str[0] = '_';
	size_t len = stem_len(name->str);
	return put_together(name->str, len, "", &name->str[len]);
}

char *view_name_with(const char *name, const char *extension)
{
	if (g_str_has_suffix(name, extension))
		return g_strdup(name);
	return put_together(name, strlen(name), "", extension);
}

/* --- names that are taken ---------------------------------------------------------------- */

struct ViewNames {
	GHashTable *taken; /* own; "DIR/NAME" → how many wanted it */
};

ViewNames *view_names_new(void)
{
	ViewNames *self = g_new0(ViewNames, 1);

	self->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return self;
}

void view_names_free(ViewNames *self)
{
	if (self == NULL)
		return;
	g_hash_table_unref(self->taken);
	g_free(self);
}

/* How many wanted it before. */
static unsigned want(ViewNames *self, unsigned dir, const char *name)
{
	char *key = g_strdup_printf("%u/%s", dir, name);
	unsigned before = GPOINTER_TO_UINT(g_hash_table_lookup(self->taken, key));

	g_hash_table_insert(self->taken, key, GUINT_TO_POINTER(before + 1));
	return before;
}

char *view_names_take(ViewNames *self, unsigned dir, const char *name)
{
	unsigned before = want(self, dir, name);
	size_t len = stem_len(name);

	if (before == 0)
		return g_strdup(name);
	/* One that is called so by itself was there already, or is numbered in its turn. */
	for (unsigned number = before + 1;; number++) {
		char mark[16];
		g_snprintf(mark, sizeof(mark), "-%u", number);
		char *other = put_together(name, len, mark, &name[len]);
		if (want(self, dir, other) == 0)
			return other;
		g_free(other);
		want(self, dir, name);
	}
}
