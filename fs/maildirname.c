/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirname.h"

#include <string.h>

#define MESSAGE_EXT ".eml"
#define INFO ":2,"

G_STATIC_ASSERT(CACHE_MARK_SEEN == 1 && CACHE_MARK_FLAGGED == 2 && CACHE_MARK_DRAFT == 4);

/* A name that a program gave comes back from the server only so far (cache/name.c). */
#define STORED_MAX 240

#define TMP_PREFIX ".tmp."
#define DIR_PREFIX ".dir."

static const char *const part_names[FS_MAILDIR_PARTS] = {"", "cur", "new", "tmp"};
static const char *const part_escapes[FS_MAILDIR_PARTS] = {"", "%63ur", "%6Eew", "%74mp"};

/* In the order in which they are written. */
static const struct {
	char letter;
	uint64_t mark;
} letters[] = {
	{'D', CACHE_MARK_DRAFT},
	{'F', CACHE_MARK_FLAGGED},
	{'P', CACHE_MARK_PASSED},
	{'R', CACHE_MARK_REPLIED},
	{'S', CACHE_MARK_SEEN},
	{'T', CACHE_MARK_TRASHED},
};

/* --- parts --------------------------------------------------------------- */

const char *fs_maildirname_of_part(FsMaildirPart part)
{
	return part_names[part];
}

static FsMaildirPart find_part(const char *const *names, const char *name)
{
	for (int i = FS_MAILDIR_CUR; i < FS_MAILDIR_PARTS; i++) {
		if (g_str_equal(names[i], name))
			return (FsMaildirPart)i;
	}
	return FS_MAILDIR_NONE;
}

FsMaildirPart fs_maildirname_part(const char *name)
{
	return find_part(part_names, name);
}

/* --- messages ------------------------------------------------------------ */

/* What could not be kept as the name of a message is none: what begins with a dot is scratch. */
static bool is_unique(const char *text)
{
	if (*text == '\0' || *text == '.' || g_str_has_prefix(text, "~$") ||
		!g_utf8_validate(text, -1, NULL))
		return false;
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (c == '/' || !g_unichar_isprint(c))
			return false;
	}
	return true;
}

static uint64_t mark_of(char letter)
{
	for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
		if (letters[i].letter == letter)
			return letters[i].mark;
	}
	return g_ascii_islower(letter) ? CACHE_MARK_KEYWORD(letter - 'a') : 0;
}

/* @info is what begins with the colon, or NULL. */
static bool parse_info(const char *info, uint64_t *ret_marks)
{
	uint64_t marks = 0;

	if (info != NULL && !g_str_has_prefix(info, INFO))
		return false;
	for (const char *c = info != NULL ? info + strlen(INFO) : ""; *c != '\0'; c++) {
		uint64_t mark = mark_of(*c);
		if (mark == 0)
			return false;
		marks |= mark;
	}
	*ret_marks = marks;
	return true;
}

static bool is_item(const char *unique)
{
	return g_str_has_suffix(unique, ".ics") || g_str_has_suffix(unique, ".vcf");
}

bool fs_maildirname_parse(const char *name, char **ret_stored, uint64_t *ret_marks)
{
	const char *info = strchr(name, ':');
	g_autofree char *unique = info != NULL ? g_strndup(name, (gsize)(info - name))
		: g_strdup(name);
	uint64_t marks = 0;

	if (!is_unique(unique) || !parse_info(info, &marks))
		return false;
	g_autofree char *stored = g_strconcat(unique, is_item(unique) ? "" : MESSAGE_EXT, NULL);
	if (strlen(stored) > STORED_MAX)
		return false;
	*ret_stored = g_steal_pointer(&stored);
	*ret_marks = marks;
	return true;
}

char *fs_maildirname_make(const char *stored, uint64_t marks)
{
	size_t len = strlen(stored);

	if (g_str_has_suffix(stored, MESSAGE_EXT) && len > strlen(MESSAGE_EXT))
		len -= strlen(MESSAGE_EXT);
	GString *name = g_string_new_len(stored, (gssize)len);

	if (fs_maildirname_place(marks) == FS_MAILDIR_CUR)
		g_string_append(name, INFO);
	for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
		if (marks & letters[i].mark)
			g_string_append_c(name, letters[i].letter);
	}
	for (int i = 0; i < 26; i++) {
		if (marks & CACHE_MARK_KEYWORD(i))
			g_string_append_c(name, (char)('a' + i));
	}
	return g_string_free(name, FALSE);
}

FsMaildirPart fs_maildirname_place(uint64_t marks)
{
	return marks != 0 ? FS_MAILDIR_CUR : FS_MAILDIR_NEW;
}

/* --- directories --------------------------------------------------------- */

char *fs_maildirname_store_dir(const char *name)
{
	FsMaildirPart part = find_part(part_escapes, name);

	return g_strdup(part != FS_MAILDIR_NONE ? part_names[part] : name);
}

char *fs_maildirname_show_dir(const char *stored)
{
	FsMaildirPart part = find_part(part_names, stored);

	return g_strdup(part != FS_MAILDIR_NONE ? part_escapes[part] : stored);
}

/* --- files that are only here -------------------------------------------- */

static const char *prefix_of(FsMaildirPart part)
{
	return part == FS_MAILDIR_TMP ? TMP_PREFIX : DIR_PREFIX;
}

char *fs_maildirname_store_file(FsMaildirPart part, const char *name)
{
	return g_strconcat(prefix_of(part), name, NULL);
}

const char *fs_maildirname_show_file(FsMaildirPart part, const char *stored)
{
	const char *prefix = prefix_of(part);

	return g_str_has_prefix(stored, prefix) ? stored + strlen(prefix) : NULL;
}

/* --- whatever it is ------------------------------------------------------ */

#define OF_SERVER (CACHE_MARK_SEEN | CACHE_MARK_FLAGGED | CACHE_MARK_DRAFT)

static void each_of_message(const char *stored, uint64_t marks, FsMaildirEach each, void *user)
{
	for (uint64_t some = 0; some <= OF_SERVER; some++) {
		uint64_t others = (marks & ~OF_SERVER) | some;
		g_autofree char *name = fs_maildirname_make(stored, others);
		each(fs_maildirname_place(others), name, user);
	}
}

void fs_maildirname_each(const char *stored, uint64_t marks, FsMaildirEach each, void *user)
{
	const char *tmp = fs_maildirname_show_file(FS_MAILDIR_TMP, stored);
	const char *file = fs_maildirname_show_file(FS_MAILDIR_NONE, stored);
	g_autofree char *dir = fs_maildirname_show_dir(stored);

	if (tmp != NULL)
		each(FS_MAILDIR_TMP, tmp, user);
	if (file != NULL)
		each(FS_MAILDIR_NONE, file, user);
	if (g_str_has_suffix(stored, MESSAGE_EXT) || is_item(stored))
		each_of_message(stored, marks, each, user);
	each(FS_MAILDIR_NONE, dir, user);
}
