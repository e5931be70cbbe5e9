/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/mountinfo.h"

#include <string.h>

/* Of a line: 36 35 98:0 /root /where rw,noatime master:1 - type source options. */
#define FIELD_PATH 4
#define FIELD_OPTIONAL 6 /* any number of them, until a lone "-" */

static void entry_free(void *user)
{
	FsMountEntry *self = user;

	g_free(self->path);
	g_free(self->type);
	g_free(self->source);
	g_free(self);
}

/* Blank, tab, newline and backslash come as three octal digits. */
static char *unescape(const char *text)
{
	g_autoptr(GString) plain = g_string_new(NULL);

	for (const char *c = text; *c != '\0'; c++) {
		bool is_escape = c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' &&
			c[2] <= '7' && c[3] >= '0' && c[3] <= '7';
		if (is_escape) {
			g_string_append_c(plain,
				(char)((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0')));
			c += 3;
		} else {
			g_string_append_c(plain, *c);
		}
	}
	return g_string_free(g_steal_pointer(&plain), FALSE);
}

static FsMountEntry *parse_line(const char *line)
{
	g_auto(GStrv) fields = g_strsplit(line, " ", -1);
	guint count = g_strv_length(fields);
	guint dash = FIELD_OPTIONAL;

	while (dash < count && !g_str_equal(fields[dash], "-"))
		dash++;
	if (dash + 2 >= count)
		return NULL;
	FsMountEntry *entry = g_new0(FsMountEntry, 1);
	entry->path = unescape(fields[FIELD_PATH]);
	entry->type = unescape(fields[dash + 1]);
	entry->source = unescape(fields[dash + 2]);
	return entry;
}

GPtrArray *fs_mountinfo_parse(const char *text)
{
	GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		FsMountEntry *entry = parse_line(*line);
		if (entry != NULL)
			g_ptr_array_add(entries, entry);
	}
	return entries;
}

GPtrArray *fs_mountinfo_read(GError **error)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, error))
		return NULL;
	return fs_mountinfo_parse(text);
}

const FsMountEntry *fs_mountinfo_at(GPtrArray *entries, const char *path)
{
	for (guint i = entries->len; i > 0; i--) {
		const FsMountEntry *entry = g_ptr_array_index(entries, i - 1);
		if (g_str_equal(entry->path, path))
			return entry;
	}
	return NULL;
}

const char *fs_mountinfo_below(const char *mountpoint, const char *path)
{
	size_t len = strlen(mountpoint);

	if (g_str_equal(mountpoint, "/"))
		return path + 1;
	if (strncmp(path, mountpoint, len) != 0)
		return NULL;
	if (path[len] == '\0')
		return path + len;
	return path[len] == '/' ? path + len + 1 : NULL;
}

const FsMountEntry *fs_mountinfo_above(GPtrArray *entries, const char *path)
{
	const FsMountEntry *best = NULL;

	for (guint i = 0; i < entries->len; i++) {
		const FsMountEntry *entry = g_ptr_array_index(entries, i);
		if (fs_mountinfo_below(entry->path, path) == NULL)
			continue;
		if (best == NULL || strlen(entry->path) >= strlen(best->path))
			best = entry;
	}
	return best;
}

bool fs_mountinfo_is_ours(const FsMountEntry *entry)
{
	return entry != NULL && g_str_equal(entry->type, FS_MOUNT_TYPE);
}
