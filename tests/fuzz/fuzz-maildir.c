/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names in a Maildir, as any program or any mailbox may give them, one a line.
 *
 * What is listed must lead back to the same message with the same marks, by whatever spelling it
 * was given first; and no two things in the index may look the same.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\n", 8);

	for (char **line = lines; *line != NULL; line++) {
		check_message(*line);
		check_directory(*line);
		check_file(*line);
	}
	return 0;
}
