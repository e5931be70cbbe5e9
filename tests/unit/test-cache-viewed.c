/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cache/viewed.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Lengths of rendered texts: noted together, found at once, kept over a remount.
 */

static void set_up(Kit *kit, gconstpointer data)
{
	kit_open(kit);
	kit_folder(kit, "inbox", KIT_TOP, "Inbox");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_close(kit);
}

static int64_t add(Kit *kit, const char *id)
{
	g_autoptr(EwsItem) item = kit_make_item(id, id);

	kit_say(kit, "inbox", EWS_CHANGE_CREATE, item);
	return kit_node(kit, id);
}

static void expect(Kit *kit, int64_t node, int64_t stamp, int64_t size)
{
	CacheView view = {0};

	g_assert_true(cache_view(kit->cache, node, &view, NULL));
	g_assert_cmpint(view.stamp, ==, stamp);
	g_assert_cmpint(view.size, ==, size);
	cache_view_clear(&view);
}

static void test_kept(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "a");

	expect(kit, node, 0, -1);
	cache_view_note(kit->cache, node, 7, 100);
	expect(kit, node, 7, 100);
	cache_view_note(kit->cache, node, -8, 0);
	expect(kit, node, -8, 0);
	kit_reopen(kit);
	expect(kit, node, -8, 0);
}

/* Many are one transaction, and none of them is forgotten. */
static void test_together(Kit *kit, gconstpointer data)
{
	int64_t nodes[300];

	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++) {
		g_autofree char *id = g_strdup_printf("m%zu", i);
		nodes[i] = add(kit, id);
	}
	for (size_t i = 0; i < 200; i++)
		cache_view_note(kit->cache, nodes[i], 1, (int64_t)i);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE text_size >= 0"), ==, 0);
	for (size_t i = 200; i < G_N_ELEMENTS(nodes); i++)
		cache_view_note(kit->cache, nodes[i], 1, (int64_t)i);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE text_size >= 0"), >=, 200);
	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++)
		expect(kit, nodes[i], 1, (int64_t)i);
	kit_reopen(kit);
	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++)
		expect(kit, nodes[i], 1, (int64_t)i);
}

static void test_facts(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "a");
	CacheView view = {0};
	g_autoptr(GError) error = NULL;

	kit_run(kit, "UPDATE item SET is_read = 1, flag = 1, importance = 2, categories = 'x, y'"
		     " WHERE node = %lld", (long long)node);
	g_assert_true(cache_view(kit->cache, node, &view, NULL));
	g_assert_true(view.is_item && view.is_read);
	g_assert_cmpint(view.flag, ==, 1);
	g_assert_cmpint(view.importance, ==, 2);
	g_assert_cmpstr(view.categories, ==, "x, y");
	cache_view_clear(&view);
	g_assert_true(cache_view(kit->cache, kit_dir(kit, "inbox"), &view, NULL));
	g_assert_false(view.is_item);
	g_assert_false(cache_view(kit->cache, 4711, &view, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

static void add_test(const char *path, void (*test)(Kit *kit, gconstpointer data))
{
	g_test_add(path, Kit, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_test("/cache/viewed/lengths-are-kept", test_kept);
	add_test("/cache/viewed/many-are-written-together", test_together);
	add_test("/cache/viewed/what-is-not-in-the-bytes", test_facts);
	return g_test_run();
}
