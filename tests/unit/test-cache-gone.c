/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "tests/unit/test-cache-kit.h"

/*
 * What is deleted leaves nothing behind, once nobody can still mean it.
 */

static void set_up(Kit *kit, gconstpointer data)
{
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
	kit_list(kit, "F1");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_check(kit);
	kit_close(kit);
}

/* A message that was here with its bytes, and is deleted by somebody. */
static int64_t add(Kit *kit, const char *id, const char *key)
{
	g_autoptr(EwsItem) item = kit_make_item(id, key);
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	int64_t node = kit_node(kit, id);
	kit_store(kit, node, "bytes");
	return node;
}

static void settle(Kit *kit)
{
	kit_settle(kit);
	kit_settle(kit);
}

/* The next look will be at once, as if time had passed. */
static void wait_for_look(Kit *kit)
{
	kit->cache->gone_us = G_MININT64 / 2;
	kit_settle(kit);
}

static int64_t count_rows(Kit *kit, int64_t node)
{
	return kit_int(kit,
		"SELECT (SELECT count(*) FROM node WHERE id = %lld)"
		" + (SELECT count(*) FROM item WHERE node = %lld)",
		node, node);
}

static void test_dropped(Kit *kit, gconstpointer data)
{
	int64_t stays = add(kit, "A", "ka");
	int64_t goes = add(kit, "B", "kb");
	wait_for_look(kit);
	kit_say_gone(kit, "F1", "B");
	settle(kit);
	g_assert_cmpint(count_rows(kit, goes), >, 0);
	/* Seen once, and only then dropped. */
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, goes), >, 0);
	kit_settle(kit);
	g_assert_cmpint(count_rows(kit, goes), >, 0);
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, goes), ==, 0);
	g_assert_cmpint(count_rows(kit, stays), ==, 2);
}

/* Whoever has it open may ask for its attributes, whatever has become of its content. */
static void test_open(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = add(kit, "A", "ka");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_autoptr(CacheBlob) blob = cache_blob_open(kit->cache, id, node->content, &error);
	g_assert_no_error(error);
	kit_say_gone(kit, "F1", "A");
	settle(kit);
	kit_run(kit, "UPDATE node SET content = content + 1 WHERE id = %lld", id);
	wait_for_look(kit);
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, id), >, 0);
	cache_blob_close(g_steal_pointer(&blob));
	wait_for_look(kit);
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, id), ==, 0);
}

/* A number that somebody still holds must never come to mean something else. */
static void test_numbers(Kit *kit, gconstpointer data)
{
	int64_t id = add(kit, "A", "ka");
	kit_say_gone(kit, "F1", "A");
	settle(kit);
	wait_for_look(kit);
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, id), ==, 0);
	g_assert_cmpint(add(kit, "B", "kb"), >, id);
}

/* A directory that was removed, with what was in it. */
static void test_folder(Kit *kit, gconstpointer data)
{
	int64_t id = add(kit, "A", "ka");
	int64_t dir = kit_dir(kit, "F1");
	kit_say_gone(kit, "F1", "A");
	settle(kit);
	kit_folder_gone(kit, "F1");
	settle(kit);
	wait_for_look(kit);
	wait_for_look(kit);
	g_assert_cmpint(count_rows(kit, id), ==, 0);
	g_assert_cmpint(count_rows(kit, dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/gone/" claim, Kit, NULL, set_up, test, tear_down)
	ADD("row-is-dropped-in-time", test_dropped);
	ADD("open-stays", test_open);
	ADD("number-is-not-used-again", test_numbers);
	ADD("folder-goes-with-its-items", test_folder);
#undef ADD
	return g_test_run();
}
