/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names in a Maildir, as any program or any mailbox may give them, one a line.
 *
 * What is listed must lead back to the same message with the same marks, by whatever spelling it
 * was given first; and no two things in the index may look the same. Of folders in one directory
 * beside each other (layout=maildir++) the same: the lines are a path of DisplayNames, too.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "cache/name.h"
#include "fs/fs.h"
#include "fs/maildirdots.h"
#include "fs/maildirname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const char *name)
{
	g_autofree char *stored = NULL;
	g_autofree char *again = NULL;
	uint64_t marks = 0;
	uint64_t marks_again = 0;

	if (!fs_maildirname_parse(name, &stored, &marks))
		return;
	g_assert_true(g_str_has_suffix(stored, ".eml") || g_str_has_suffix(stored, ".ics") ||
		g_str_has_suffix(stored, ".vcf"));
	g_assert_true(stored[0] != '.' && strchr(stored, ':') == NULL);
	g_assert_cmpuint(marks & CACHE_MARK_OLD, ==, 0);
	g_autofree char *listed = fs_maildirname_make(stored, marks);
	g_assert_true(fs_maildirname_parse(listed, &again, &marks_again));
	g_assert_cmpstr(again, ==, stored);
	g_assert_cmpuint(marks_again, ==, marks);
	g_autofree char *twice = fs_maildirname_make(again, marks_again);
	g_assert_cmpstr(twice, ==, listed);
	bool is_new = fs_maildirname_place(marks) == FS_MAILDIR_NEW;
	g_assert_true(is_new == (strchr(listed, ':') == NULL));
}

static void check_directory(const char *name)
{
	g_autofree char *shown = fs_maildirname_show_dir(name);
	g_autofree char *stored = fs_maildirname_store_dir(shown);
	bool is_escape = g_str_equal(name, "%63ur") || g_str_equal(name, "%6Eew") ||
		g_str_equal(name, "%74mp");

	g_assert_true(fs_maildirname_part(shown) == FS_MAILDIR_NONE);
	if (!is_escape)
		g_assert_cmpstr(stored, ==, name);
}

static void check_file(const char *name)
{
	for (int part = FS_MAILDIR_NONE; part < FS_MAILDIR_PARTS; part++) {
		g_autofree char *stored = fs_maildirname_store_file((FsMaildirPart)part, name);
		g_assert_cmpstr(fs_maildirname_show_file((FsMaildirPart)part, stored), ==, name);
	}
}

/* By whatever program: there is one way to write what can be read. */
static void check_dotted(const char *dotted)
{
	bool is_in_inbox = false;
	g_auto(GStrv) names = fs_maildirdots_parse(dotted, &is_in_inbox);

	if (names == NULL)
		return;
	g_autofree char *again = fs_maildirdots_make((const char *const *)names, is_in_inbox);
	g_assert_cmpstr(again, ==, dotted);
}

/* By whatever mailbox: every path leads back, in the Inbox or not. */
static void check_path(char **lines)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

	for (char **line = lines; *line != NULL; line++)
		g_ptr_array_add(names, cache_name_folder(*line, line == lines));
	g_ptr_array_add(names, NULL);
	const char *const *path = (const char *const *)names->pdata;
	g_autofree char *beside = fs_maildirdots_make(path, false);
	g_autofree char *inside = fs_maildirdots_make(path, true);
	g_autofree char *fitting = fs_maildirdots_fit(beside, g_str_hash(beside));
	bool is_in_inbox = true;
	g_auto(GStrv) parsed = fs_maildirdots_parse(beside, &is_in_inbox);
	g_assert_true(parsed != NULL && !is_in_inbox);
	g_assert_true(g_strv_equal((const char *const *)parsed, path));
	g_assert_cmpstr(beside, !=, inside);
	g_assert_cmpuint(strlen(fitting), <=, FS_NAME_MAX);
	g_assert_true(strlen(beside) <= FS_NAME_MAX || fs_maildirdots_is_cut(fitting));
	g_assert_true(g_utf8_validate(fitting, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 8);

	for (char **line = lines; *line != NULL; line++) {
		check_message(*line);
		check_directory(*line);
		check_file(*line);
		check_dotted(*line);
	}
	if (*lines != NULL)
		check_path(lines);
	return 0;
}
