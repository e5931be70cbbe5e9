/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirname.h"

#include <string.h>

static void test_names_of_messages(void)
{
	static const struct {
		const char *name, *stored;
		uint64_t marks;
		const char *listed; /* NULL: as it was given */
	} rows[] = {
		{"1234.M5P6.host", "1234.M5P6.host.eml", 0, NULL},
		{"1234.M5P6.host:2,", "1234.M5P6.host.eml", 0, "1234.M5P6.host"},
		{"1234.M5P6.host:2,S", "1234.M5P6.host.eml", CACHE_MARK_SEEN, NULL},
		{"1234,U=7:2,FS", "1234,U=7.eml", CACHE_MARK_FLAGGED | CACHE_MARK_SEEN, NULL},
		{"1:2,SF", "1.eml", CACHE_MARK_FLAGGED | CACHE_MARK_SEEN, "1:2,FS"},
		{"1:2,DPRT", "1.eml",
			CACHE_MARK_DRAFT | CACHE_MARK_PASSED | CACHE_MARK_REPLIED |
				CACHE_MARK_TRASHED, NULL},
		{"1:2,Saz", "1.eml",
			CACHE_MARK_SEEN | CACHE_MARK_KEYWORD(0) | CACHE_MARK_KEYWORD(25), NULL},
		{"1:2,zSa", "1.eml",
			CACHE_MARK_SEEN | CACHE_MARK_KEYWORD(0) | CACHE_MARK_KEYWORD(25),
			"1:2,Saz"},
		{"1.eml:2,T", "1.eml.eml", CACHE_MARK_TRASHED, NULL},
		{"1.k3f9q2zt7a.ewsfs.ics:2,S", "1.k3f9q2zt7a.ewsfs.ics", CACHE_MARK_SEEN, NULL},
		{"über", "über.eml", 0, NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *stored = NULL;
		uint64_t marks = 0;
		g_assert_true(fs_maildirname_parse(rows[i].name, &stored, &marks));
		g_assert_cmpstr(stored, ==, rows[i].stored);
		g_assert_cmpuint(marks, ==, rows[i].marks);
		g_autofree char *listed = fs_maildirname_make(stored, marks);
		g_assert_cmpstr(listed, ==,
			rows[i].listed != NULL ? rows[i].listed : rows[i].name);
	}
}

static void test_no_names(void)
{
	static const char *const names[] = {"", ".hidden", ":2,S", "~$a", "1:", "1:2", "1:2S",
		"1:1,S", "1:2,X", "1:2,S:2,F", "1:2,S.", "a\nb", "\xff", "a/b"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *stored = NULL;
		uint64_t marks = 0;
		g_assert_false(fs_maildirname_parse(names[i], &stored, &marks));
		g_assert_null(stored);
	}
}

static void test_length(void)
{
	g_autofree char *most = g_strnfill(236, 'a');
	g_autofree char *more = g_strnfill(237, 'a');
	g_autofree char *stored = NULL;
	uint64_t marks = 0;

	g_assert_false(fs_maildirname_parse(more, &stored, &marks));
	g_assert_true(fs_maildirname_parse(most, &stored, &marks));
	g_assert_cmpuint(strlen(stored), ==, 240);
}

/* Taken out of new is no letter, but a place. */
static void test_places(void)
{
	g_autofree char *old = fs_maildirname_make("1.eml", CACHE_MARK_OLD);
	g_autofree char *fresh = fs_maildirname_make("1.eml", 0);

	g_assert_cmpstr(old, ==, "1:2,");
	g_assert_cmpstr(fresh, ==, "1");
	g_assert_cmpint(fs_maildirname_place(0), ==, FS_MAILDIR_NEW);
	g_assert_cmpint(fs_maildirname_place(CACHE_MARK_OLD), ==, FS_MAILDIR_CUR);
	g_assert_cmpint(fs_maildirname_place(CACHE_MARK_SEEN), ==, FS_MAILDIR_CUR);
	g_assert_cmpint(fs_maildirname_part("new"), ==, FS_MAILDIR_NEW);
	g_assert_cmpint(fs_maildirname_part("news"), ==, FS_MAILDIR_NONE);
	g_assert_cmpint(fs_maildirname_part(""), ==, FS_MAILDIR_NONE);
	g_assert_cmpstr(fs_maildirname_of_part(FS_MAILDIR_TMP), ==, "tmp");
}

/* A mail folder may be called so too. */
static void test_directories(void)
{
	static const char *const rows[][2] = {{"cur", "%63ur"}, {"new", "%6Eew"}, {"tmp", "%74mp"},
		{"Inbox", "Inbox"}, {"%25", "%25"}, {".notmuch", ".notmuch"}};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *shown = fs_maildirname_show_dir(rows[i][0]);
		g_autofree char *stored = fs_maildirname_store_dir(rows[i][1]);
		g_assert_cmpstr(shown, ==, rows[i][1]);
		g_assert_cmpstr(stored, ==, rows[i][0]);
	}
}

static void test_files(void)
{
	g_autofree char *tmp = fs_maildirname_store_file(FS_MAILDIR_TMP, "1.2.host");
	g_autofree char *other = fs_maildirname_store_file(FS_MAILDIR_NONE, "dovecot.index.log");

	g_assert_true(tmp[0] == '.' && other[0] == '.');
	g_assert_cmpstr(fs_maildirname_show_file(FS_MAILDIR_TMP, tmp), ==, "1.2.host");
	g_assert_null(fs_maildirname_show_file(FS_MAILDIR_NONE, tmp));
	g_assert_cmpstr(fs_maildirname_show_file(FS_MAILDIR_NONE, other), ==, "dovecot.index.log");
	g_assert_null(fs_maildirname_show_file(FS_MAILDIR_TMP, other));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/maildirname/messages-have-one-listed-name", test_names_of_messages);
	g_test_add_func("/fs/maildirname/what-names-no-message", test_no_names);
	g_test_add_func("/fs/maildirname/names-that-come-back-are-short", test_length);
	g_test_add_func("/fs/maildirname/new-is-without-marks", test_places);
	g_test_add_func("/fs/maildirname/folders-called-like-parts", test_directories);
	g_test_add_func("/fs/maildirname/files-that-are-only-here", test_files);
	return g_test_run();
}
