/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirdots.h"

#include <glib.h>
#include <string.h>

#include "fs/fs.h"

static void test_names(void)
{
	static const struct {
		const char *dotted;
		const char *path; /* the names, with "/" between them */
		bool is_in_inbox;
	} rows[] = {
		{".Drafts", "Drafts", false},
		{".A.B.C", "A/B/C", false},
		{".INBOX.Sub", "Sub", true},
		{".INBOX.A.B", "A/B", true},
		{".Sub", "Sub", false},
		{".Entwürfe.日本", "Entwürfe/日本", false},
		{".v1%2E0.x", "v1.0/x", false},
		{".%2Ehidden", ".hidden", false},
		{".a%2F%252E", "a%2F%252E", false},
		/* Folders called ".", ".." and ".ewsfs", as the index calls them. */
		{".%2e", "%2E", false},
		{".A.%2e%2e", "A/%2E%2E", false},
		{".%2eewsfs", "%2Eewsfs", false},
		/* What is called so already. */
		{".%65wsfs", "ewsfs", false},
		{".%74ext.text", "text/text", false},
		{".%70arts", "parts", false},
		{".%73earch", "search", false},
		{".%73end", "send", false},
		{".Text", "Text", false},
		{".INBOX.text", "text", true},
		{".%49NBOX", "INBOX", false},
		{".%69nbox.A", "inbox/A", false},
		{".INBOX.INBOX", "INBOX", true},
		{".A.Inbox", "A/Inbox", false},
		{".cur", "cur", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		bool is_in_inbox = !rows[i].is_in_inbox;
		g_auto(GStrv) names = g_strsplit(rows[i].path, "/", -1);
		g_autofree char *dotted = fs_maildirdots_make((const char *const *)names,
			rows[i].is_in_inbox);
		g_assert_cmpstr(dotted, ==, rows[i].dotted);
		g_auto(GStrv) parsed = fs_maildirdots_parse(dotted, &is_in_inbox);
		g_assert_nonnull(parsed);
		g_assert_true(g_strv_equal((const char *const *)parsed,
			(const char *const *)names));
		g_assert_true(is_in_inbox == rows[i].is_in_inbox);
	}
}

static void test_no_names(void)
{
	static const char *const names[] = {"", ".", "..", "A", "cur", "..DOVECOT-TRASHED", ".A.",
		".A..B", ".INBOX", ".INBOX.", ".Inbox", ".inbox.A", ".text", ".send", ".text.A",
		".%41", ".%49nbo", ".%", ".%4", ".%2", ".%74exT", ".A%~0123456789abcdef"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		bool is_in_inbox = false;
		g_auto(GStrv) parsed = fs_maildirdots_parse(names[i], &is_in_inbox);
		bool is_kept = parsed != NULL && parsed[1] == NULL &&
			       g_str_equal(parsed[0], names[i] + 1);
		/* An escape that is none of ours is left to the index, which has no such name. */
		g_assert_true(parsed == NULL || (is_kept && names[i][1] == '%'));
	}
}

static void test_length(void)
{
	g_autofree char *most = g_strnfill(FS_NAME_MAX - 1, 'a');
	const char *const good[] = {most, NULL};
	const char *const names[] = {most, "é", NULL};
	g_autofree char *dotted = fs_maildirdots_make(good, false);
	g_autofree char *fits = fs_maildirdots_fit(dotted, 1);
	g_autofree char *longer = fs_maildirdots_make(names, false);
	g_autofree char *one = fs_maildirdots_fit(longer, UINT64_C(0x123456789abcdef0));
	g_autofree char *other = fs_maildirdots_fit(longer, 2);

	g_assert_cmpstr(fits, ==, dotted);
	g_assert_false(fs_maildirdots_is_cut(fits));
	g_assert_cmpuint(strlen(one), ==, FS_NAME_MAX);
	g_assert_true(g_str_has_suffix(one, "%~123456789abcdef0"));
	g_assert_true(fs_maildirdots_is_cut(one) && fs_maildirdots_is_cut(other));
	g_assert_cmpstr(one, !=, other);
	/* Between characters. */
	g_autoptr(GString) many = g_string_new(".x");
	while (many->len <= FS_NAME_MAX)
		g_string_append(many, "日");
	g_autofree char *cut = fs_maildirdots_fit(many->str, 3);
	g_assert_true(g_utf8_validate(cut, -1, NULL));
	g_assert_cmpuint(strlen(cut), >, FS_NAME_MAX - 3);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/maildirdots/each-path-has-one-name", test_names);
	g_test_add_func("/fs/maildirdots/what-names-no-folder", test_no_names);
	g_test_add_func("/fs/maildirdots/what-is-too-long", test_length);
	return g_test_run();
}
