/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/name.h"

#include <string.h>

static void expect(const char *text, const char *wanted)
{
	g_autofree char *name = view_name_safe(text);

	g_assert_cmpstr(name, ==, wanted);
}

static void test_safe(void)
{
	expect("report.pdf", "report.pdf");
	expect("B\xC3\xBC"
	       "cher 2026.tar.gz",
		"B\xC3\xBC"
		"cher 2026.tar.gz");
	expect("u\xCC\x88.txt", "\xC3\xBC.txt");
	expect("a/b\\c", "a_b_c");
	expect("../../etc/passwd", "_._.._etc_passwd");
	expect(".", "_");
	expect("..", "_.");
	expect("-rf", "_rf");
	expect("~me", "_me");
	expect(".bashrc", "_bashrc");
	expect("  a\tb\r\nc  ", "a b  c");
	expect("a\x1b[31mb\x7f", "a[31mb");
	expect("a\xE2\x80\xAE"
	       "fdp.exe",
		"afdp.exe");
	expect("\xE2\x81\xA6x\xE2\x81\xA9\xE2\x80\x8F\xD8\x9C", "x");
	expect("a\xE2\x80\xA8"
	       "b",
		"a b");
	expect("\xFF\xFE", "\xEF\xBF\xBD\xEF\xBF\xBD");
	expect("", NULL);
	expect(" \t\n", NULL);
	expect("\xE2\x80\xAE\xEF\xBB\xBF", NULL);
	expect("\xEF\xBB\xBF.hidden", "_hidden");
}

/* As much of the name as there is room for, in whole characters, and its extension. */
static void test_long(void)
{
	g_autoptr(GString) text = g_string_new(NULL);

	while (text->len < 1000)
		g_string_append(text, "\xE2\x82\xAC");
	g_string_append(text, ".pdf");
	g_autofree char *name = view_name_safe(text->str);
	g_assert_cmpuint(strlen(name), ==, 83 * 3 + 4);
	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_true(g_str_has_suffix(name, "\xE2\x82\xAC.pdf"));
	g_autofree char *calendar = view_name_with(name, ".ics");
	g_assert_cmpuint(strlen(calendar), <=, VIEW_NAME_MAX);
	g_assert_true(g_str_has_suffix(calendar, ".ics"));
	g_autofree char *same = view_name_with("a.ics", ".ics");
	g_assert_cmpstr(same, ==, "a.ics");
	g_autoptr(ViewNames) names = view_names_new();
	g_autofree char *first = view_names_take(names, 1, name);
	g_autofree char *second = view_names_take(names, 1, name);
	g_assert_cmpstr(first, ==, name);
	g_assert_cmpuint(strlen(second), <=, VIEW_NAME_MAX);
	g_assert_true(g_str_has_suffix(second, "-2.pdf"));
	/* What stands behind a point is no extension when it is long. */
	memset(text->str, 'x', text->len);
	text->str[3] = '.';
	g_autofree char *all = view_name_safe(text->str);
	g_assert_cmpuint(strlen(all), ==, VIEW_NAME_MAX);
}

static void expect_taken(ViewNames *names, unsigned dir, const char *name, const char *wanted)
{
	g_autofree char *taken = view_names_take(names, dir, name);

	g_assert_cmpstr(taken, ==, wanted);
}

static void test_numbers(void)
{
	g_autoptr(ViewNames) names = view_names_new();

	expect_taken(names, 1, "a.pdf", "a.pdf");
	expect_taken(names, 2, "a.pdf", "a.pdf");
	expect_taken(names, 1, "a.pdf", "a-2.pdf");
	expect_taken(names, 1, "a-3.pdf", "a-3.pdf");
	expect_taken(names, 1, "a.pdf", "a-4.pdf");
	expect_taken(names, 1, "a.pdf", "a-5.pdf");
	expect_taken(names, 1, "a-2.pdf", "a-2-2.pdf");
	expect_taken(names, 1, "b", "b");
	expect_taken(names, 1, "b", "b-2");
}

/* Many of one name take no more time each than few. */
static void test_many(void)
{
	g_autoptr(ViewNames) names = view_names_new();
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (unsigned i = 0; i < 20000; i++)
		g_assert_true(g_hash_table_add(seen, view_names_take(names, 1, "x.png")));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/view/name/safe", test_safe);
	g_test_add_func("/view/name/long", test_long);
	g_test_add_func("/view/name/numbered", test_numbers);
	g_test_add_func("/view/name/many", test_many);
	return g_test_run();
}
