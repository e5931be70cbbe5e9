/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/cache.h"
#include "cache/template.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Which templates are taken: nothing that could make a name that is not unique, not safe, or cut
 * where it must not be. And an index that is named by one. What names become of them is in
 * test-cache-name.c.
 */

static void test_usual(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheTemplate) usual = cache_template_new(NULL, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(usual->words, ==, "{date}_{party}_{subject}.{key}");
	g_assert_cmpuint(usual->count, ==, 7);
	g_assert_cmpuint(usual->key, ==, 6);
	g_assert_cmpint(usual->pieces[0].field, ==, CACHE_TEMPLATE_DATE);
	g_assert_cmpint(usual->pieces[1].field, ==, CACHE_TEMPLATE_TEXT);
	g_assert_cmpstr(usual->pieces[1].text, ==, "_");
	g_assert_cmpint(usual->pieces[6].field, ==, CACHE_TEMPLATE_KEY);
}

static void test_taken(void)
{
	static const char *const words[] = {"{key}", "x{key}", "a.b_c-d.{key}",
		"{day}{time}{subject}{key}", "{date}_{from}_{to}_{subject}.{key}",
		"\346\227\245\346\234\254-{key}"};
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_true(cache_names_check(words[i], &error));
		g_assert_no_error(error);
	}
}

static void test_refused(void)
{
	static const char *const cases[][2] = {
		{"", "{key} is missing"},
		{"{date}_{subject}", "{key} is missing"},
		{"key", "{key} is missing"},
		{"{key}{key}", "{key} is in it twice"},
		{"{subject}.{key}.{subject}", "{subject} is in it twice"},
		{"{sender}.{key}", "no field \"{sender}\"; there are {date}, {day}, {time}, "
				   "{party}, {from}, {to}, {subject}, {key}"},
		{"{}.{key}", "no field \"{}\""},
		{"{KEY}", "no field \"{KEY}\""},
		{"{da\033te}{key}", "no field \"{da\\033te}\""},
		{"{{key}}", "no field \"{{key}\""},
		{"{key}_{date", "a \"{\" without its \"}\""},
		{"{key}}", "\"}\" cannot be in it"},
		{"{date}/{key}", "\"/\" cannot be in it"},
		{"../{key}", "\"/\" cannot be in it"},
		{"{day} {key}", "U+0020 cannot be in it"},
		{"{day}\n{key}", "U+000A cannot be in it"},
		{"{day}\033[2J{key}", "U+001B cannot be in it"},
		{"{day}\177{key}", "U+007F cannot be in it"},
		{"{day}\342\200\256{key}", "U+202E cannot be in it"},
		{"{day}\343\205\244{key}", "cannot be in it"},
		{"{day}\314\201{key}", "cannot be in it"},
		{"{day}:{key}", "\":\" cannot be in it"},
		{"{day}$(reboot){key}", "\"$\" cannot be in it"},
		{".{key}", "it cannot begin with \".\""},
		{"-{key}", "it cannot begin with \"-\""},
		{"_{key}", "it cannot begin with \"_\""},
		{"{key}.", "it cannot end with \".\""},
		{"{day}..{key}", "two dots in a row"},
		{"{day}\377{key}", "it is not UTF-8"},
		{"{date}_{party}_{from}_{to}.{key}", "at most 120"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(cache_names_check(cases[i][0], &error));
		g_assert_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED);
		g_assert_true(g_str_has_prefix(error->message, "names=: "));
		if (strstr(error->message, cases[i][1]) == NULL)
			g_error("\"%s\" does not say \"%s\"", error->message, cases[i][1]);
	}
}

/* Text as long as there is room, and a byte more. */
static void test_length(void)
{
	g_autofree char *most = g_strnfill(120 - 4 - 10 - 16, 'x');
	g_autofree char *fits = g_strconcat(most, "{subject}{key}", NULL);
	g_autofree char *wider = g_strconcat("x", fits, NULL);
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_names_check(fits, &error));
	g_assert_no_error(error);
	g_assert_false(cache_names_check(wider, &error));
	g_assert_nonnull(strstr(error->message, "121 bytes"));
}

/* --- an index ---------------------------------------------------------------------------- */

/* The names of two copies in a folder, of which the older comes first or last; owned. */
static char *names_of_copies(const char *words, bool is_older_first)
{
	Kit kit = {.names = words};
	g_autoptr(EwsItem) older = kit_make_item("A", "ka");
	g_autoptr(EwsItem) younger = kit_copy_item(older);
	g_free(younger->id);
	younger->id = g_strdup("B");
	younger->created = older->created + G_USEC_PER_SEC;
	kit_open(&kit);
	kit_folder(&kit, "F", KIT_TOP, "Folder");
	kit_say(&kit, "F", EWS_CHANGE_CREATE, is_older_first ? older : younger);
	kit_say(&kit, "F", EWS_CHANGE_CREATE, is_older_first ? younger : older);
	g_autoptr(CacheNode) first = kit_get(&kit, kit_node(&kit, "A"));
	g_autoptr(CacheNode) second = kit_get(&kit, kit_node(&kit, "B"));
	char *names = g_strdup_printf("%s %s", first->name, second->name);
	kit_check(&kit);
	kit_close(&kit);
	return names;
}

/* The older has the key, wherever that stands: a lost index is filled in another order. */
static void test_copies(void)
{
	static const char *const words[] = {NULL, "{key}", "{key}_{subject}",
		"{day}-{key}-{subject}", "{subject}{key}"};
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *names = names_of_copies(words[i], true);
		g_autofree char *others = names_of_copies(words[i], false);
		g_assert_cmpstr(names, ==, others);
		g_auto(GStrv) both = g_strsplit(names, " ", 2);
		g_assert_cmpstr(both[0], !=, both[1]);
	}
}

/* NULL: it is taken. */
static char *why_not(const char *dir, const char *words)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = g_build_filename(dir, "state", NULL);
	g_autofree char *blobs = g_build_filename(dir, "cache", NULL);
	CacheConfig config = {.state_dir = state, .cache_dir = blobs, .account = "owner",
		.server = "https://example.org/EWS/Exchange.asmx", .names = words};
	g_autoptr(Cache) cache = cache_open(&config, &error);
	return cache == NULL ? g_strdup(error->message) : NULL;
}

/* An index is of the template that it was made with; one without is of the usual. */
static void test_another(void)
{
	static const char *const words[][2] = {{"{key}_{subject}", "{key}_{subject}"},
		{NULL, CACHE_NAMES_USUAL}};
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		g_autofree char *dir = g_dir_make_tmp("ewsfs-unit-XXXXXX", NULL);
		g_autofree char *made = why_not(dir, words[i][0]);
		g_autofree char *again = why_not(dir, words[i][1]);
		g_autofree char *other = why_not(dir, "{key}");
		g_autofree char *said = g_strconcat(" was made with names=", words[i][1], "; ",
			NULL);
		g_assert_cmpstr(made, ==, NULL);
		g_assert_cmpstr(again, ==, NULL);
		g_assert_nonnull(other);
		g_assert_nonnull(strstr(other, said));
		kit_remove(dir);
	}
}

/* Made before there was a choice. */
static void test_from_before(void)
{
	Kit kit = {0};
	kit_open(&kit);
	kit_run(&kit, "DELETE FROM meta WHERE key = 'names'");
	kit_reopen(&kit);
	g_autofree char *dir = g_strdup(kit.dir);
	sqlite3_close(kit.sql);
	cache_free(kit.cache);
	g_autofree char *other = why_not(dir, "{key}");
	g_assert_nonnull(other);
	g_assert_nonnull(strstr(other, "names=" CACHE_NAMES_USUAL ";"));
	kit_remove(dir);
	g_ptr_array_unref(kit.changes);
	g_free(kit.dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/template/usual-is-as-designed", test_usual);
	g_test_add_func("/cache/template/takes-what-names-hold", test_taken);
	g_test_add_func("/cache/template/refuses-the-rest-and-says-why", test_refused);
	g_test_add_func("/cache/template/leaves-room-for-the-subject", test_length);
	g_test_add_func("/cache/template/copies-are-named-in-any-order", test_copies);
	g_test_add_func("/cache/template/index-is-of-one", test_another);
	g_test_add_func("/cache/template/index-from-before-is-of-the-usual", test_from_before);
	return g_test_run();
}
