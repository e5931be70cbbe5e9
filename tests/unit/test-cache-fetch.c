/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "tests/unit/test-cache-world.h"

/*
 * The miss path and the prefetch worker, on the real sync thread, against a mailbox in memory.
 */

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_without_prefetch = true;
	world_open(world);
}

static void set_up_prefetch(World *world, gconstpointer data)
{
	world_open(world);
}

static void set_up_hasty(World *world, gconstpointer data)
{
	world->kit.timeout_s = 1;
	set_up(world, data);
}

static void set_up_small(World *world, gconstpointer data)
{
	world->kit.cache_size = 2000;
	world_open(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

static int64_t node_of(World *world, const char *item_id)
{
	int64_t node = kit_node(&world->kit, item_id);
	g_assert_cmpint(node, !=, 0);
	return node;
}

static void begin(World *world)
{
	world_start(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
}

static void add_many(World *world, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		g_autofree char *id = g_strdup_printf("many.%03u", i);
		world_add(world, "F1", id);
	}
}

static void assert_bytes(World *world, const char *item_id)
{
	g_autofree char *expected = g_strdup_printf("bytes of %s", item_id);
	g_autofree char *bytes = kit_read(&world->kit, node_of(world, item_id));
	g_assert_cmpstr(bytes, ==, expected);
}

static void fetch_well(World *world, const char *item_id, CacheReason reason)
{
	g_autoptr(GError) error = world_fetch(world, node_of(world, item_id), reason);
	g_assert_no_error(error);
}

static void test_open(World *world, gconstpointer data)
{
	begin(world);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	assert_bytes(world, "A.1");
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 1);
	/* Here already: nobody is asked. */
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	fetch_well(world, "A.1", CACHE_REASON_STAT);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 1);
}

static void test_unknown(World *world, gconstpointer data)
{
	begin(world);
	g_autoptr(GError) error = world_fetch(world, 4711, CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_autoptr(GError) dir = world_fetch(world, kit_dir(&world->kit, "F1"), CACHE_REASON_OPEN);
	g_assert_error(dir, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

/* One fetch, however many wait. */
static void test_joined(World *world, gconstpointer data)
{
	Waiter *waiters[20];
	begin(world);
	fake_hold(world->fake, "GetItemMime A.1");
	for (size_t i = 0; i < G_N_ELEMENTS(waiters); i++) {
		waiters[i] = waiter_new();
		cache_fetch(world->kit.cache, node_of(world, "A.1"),
			i % 2 == 0 ? CACHE_REASON_STAT : CACHE_REASON_OPEN, waiter_done,
			waiters[i]);
	}
	fake_await_held(world->fake, 1);
	fake_hold(world->fake, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(waiters); i++) {
		g_autoptr(GError) error = waiter_wait(waiters[i]);
		g_assert_no_error(error);
		waiter_free(waiters[i]);
	}
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime A.1"), ==, 1);
}

/* The first miss goes alone, the second brings what comes after. */
static void test_scan(World *world, gconstpointer data)
{
	add_many(world, 50);
	begin(world);
	g_autofree char *first = kit_text(&world->kit,
		"SELECT item_id FROM item JOIN node ON node.id = item.node WHERE parent = %lld"
		" ORDER BY node.id LIMIT 1",
		kit_dir(&world->kit, "F1"));
	g_autofree char *second = kit_text(&world->kit,
		"SELECT item_id FROM item JOIN node ON node.id = item.node WHERE parent = %lld"
		" ORDER BY node.id LIMIT 1 OFFSET 1",
		kit_dir(&world->kit, "F1"));
	fetch_well(world, first, CACHE_REASON_OPEN);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 1);
	fetch_well(world, second, CACHE_REASON_OPEN);
	for (int i = 0; i < 200 && fake_count(world->fake, "GetItemMime") < 52; i++)
		g_usleep(20000);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 52);
}

static void test_error(World *world, gconstpointer data)
{
	begin(world);
	g_autoptr(EwsItem) item = kit_make_item("A.3", "A.3");
	fake_item(world->fake, "F1", item, NULL);
	world_sync_well(world);
	int64_t node = node_of(world, "A.3");
	g_autoptr(GError) error = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
	/* Once said, it is not asked for again, and its neighbours are not touched. */
	g_autoptr(GError) again = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_error(again, EWS_ERROR, EWS_ERROR_CORRUPT);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime A.3"), ==, 1);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	/* Until it changed. */
	g_free(item->change_key);
	item->change_key = g_strdup("other");
	fake_item(world->fake, "F1", item, "bytes of A.3");
	world_sync_well(world);
	fetch_well(world, "A.3", CACHE_REASON_OPEN);
	assert_bytes(world, "A.3");
}

static void test_temporary(World *world, gconstpointer data)
{
	begin(world);
	fake_fail(world->fake, "GetItemMime A.1", EWS_ERROR_BUSY, 1);
	g_autoptr(GError) error = world_fetch(world, node_of(world, "A.1"), CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_BUSY);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	assert_bytes(world, "A.1");
}

/* The server has it no more: the listing is old, and is looked at again. */
static void test_gone(World *world, gconstpointer data)
{
	begin(world);
	int64_t node = node_of(world, "A.1");
	fake_item_gone(world->fake, "F1", "A.1");
	g_autoptr(GError) error = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	for (int i = 0; i < 200 && kit_node(&world->kit, "A.1") != 0; i++)
		g_usleep(20000);
	g_assert_cmpint(kit_node(&world->kit, "A.1"), ==, 0);
}

static void test_suspect(World *world, gconstpointer data)
{
	begin(world);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	g_autoptr(EwsItem) item = kit_make_item("A.1", "A.1");
	g_free(item->change_key);
	item->change_key = g_strdup("other");
	fake_item(world->fake, "F1", item, "new bytes");
	world_sync_well(world);
	/* What is open may be read on; who opens gets the new ones. */
	fetch_well(world, "A.1", CACHE_REASON_READ);
	assert_bytes(world, "A.1");
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	g_autofree char *bytes = kit_read(&world->kit, node_of(world, "A.1"));
	g_assert_cmpstr(bytes, ==, "new bytes");
}

static void test_emptied_directory(World *world, gconstpointer data)
{
	begin(world);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	g_autoptr(CacheNode) node = kit_get(&world->kit, node_of(world, "A.1"));
	cache_blobs_remove(world->kit.cache->blobs, node->id, node->content);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	assert_bytes(world, "A.1");
}

static void test_silence(World *world, gconstpointer data)
{
	begin(world);
	fake_be_silent(world->fake, true);
	int64_t before = g_get_monotonic_time();
	g_autoptr(GError) error = world_fetch(world, node_of(world, "A.1"), CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
	int64_t waited = g_get_monotonic_time() - before;
	g_assert_cmpint(waited, >=, G_USEC_PER_SEC);
	g_assert_cmpint(waited, <, 6 * G_USEC_PER_SEC);
	/* The fetch goes on: what comes late is kept. */
	fake_be_silent(world->fake, false);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	assert_bytes(world, "A.1");
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime A.1"), ==, 1);
}

/* Progress on something else is no silence. */
static void test_progress(World *world, gconstpointer data)
{
	begin(world);
	fake_hold(world->fake, "GetItemMime A.1");
	g_autoptr(Waiter) waiter = waiter_new();
	cache_fetch(world->kit.cache, node_of(world, "A.1"), CACHE_REASON_OPEN, waiter_done,
		waiter);
	fake_await_held(world->fake, 1);
	for (int i = 0; i < 9; i++) {
		g_usleep(300000);
		world_sync_well(world);
		g_assert_false(waiter_is_done(waiter));
	}
	fake_hold(world->fake, NULL);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
}

static void test_stop(World *world, gconstpointer data)
{
	begin(world);
	fake_hold(world->fake, "GetItemMime");
	g_autoptr(Waiter) waiter = waiter_new();
	cache_fetch(world->kit.cache, node_of(world, "A.1"), CACHE_REASON_OPEN, waiter_done,
		waiter);
	fake_await_held(world->fake, 1);
	cache_stop(world->kit.cache);
	/* One who asks when nobody is there any more. */
	g_autoptr(Waiter) late = waiter_new();
	cache_fetch(world->kit.cache, node_of(world, "A.2"), CACHE_REASON_OPEN, waiter_done, late);
	fake_drain(world->fake);
	kit_reopen(&world->kit);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_autoptr(GError) error_late = waiter_wait(late);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CANCELLED);
	g_assert_error(error_late, EWS_ERROR, EWS_ERROR_CANCELLED);
}

/* A hint is nobody's wait. */
static void test_hint(World *world, gconstpointer data)
{
	begin(world);
	cache_fetch(world->kit.cache, node_of(world, "A.1"), CACHE_REASON_OPEN, NULL, NULL);
	for (int i = 0; i < 200 && fake_count(world->fake, "GetItemMime") < 1; i++)
		g_usleep(20000);
	fetch_well(world, "A.1", CACHE_REASON_OPEN);
	assert_bytes(world, "A.1");
}

/* --- prefetch --------------------------------------------------------------------------- */

static void test_prefetch(World *world, gconstpointer data)
{
	add_many(world, 30);
	world_start(world);
	g_autoptr(GError) error = world_sync(world, true);
	g_assert_no_error(error);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1"
					     " AND state = 0 AND size >= 0 AND flags & 2 != 0"),
		==, 36);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 36);
	assert_bytes(world, "many.007");
}

/* Without the worker, bytes come when somebody waits for all of them, and only then. */
static void test_prefetch_off(World *world, gconstpointer data)
{
	begin(world);
	g_usleep(300000);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 0);
	g_autoptr(GError) error = world_sync(world, true);
	g_assert_no_error(error);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 6);
}

static void test_prefetch_below(World *world, gconstpointer data)
{
	begin(world);
	g_autoptr(Waiter) waiter = waiter_new();
	cache_sync(world->kit.cache, kit_dir(&world->kit, "F2"), true, 0, waiter_done, waiter);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 2);
	assert_bytes(world, "B.1");
	assert_bytes(world, "B.2");
}

static void test_prefetch_error(World *world, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A.3", "A.3");
	fake_item(world->fake, "F1", item, NULL);
	fake_fail(world->fake, "GetItemMime B.1", EWS_ERROR_BUSY, 1);
	world_start(world);
	g_autoptr(GError) error = world_sync(world, true);
	/* One cannot be had; the one that was refused once can. */
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
	assert_bytes(world, "B.1");
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime A.3"), ==, 1);
}

/* The cache is full: lengths are learned all the same. */
static void test_prefetch_full(World *world, gconstpointer data)
{
	g_autofree char *bytes = g_strnfill(600, 'x');
	for (int i = 0; i < 20; i++) {
		g_autofree char *id = g_strdup_printf("big.%d", i);
		g_autoptr(EwsItem) item = kit_make_item(id, id);
		item->size = 600;
		fake_item(world->fake, "F1", item, bytes);
	}
	world_start(world);
	g_autoptr(GError) error = world_sync(world, true);
	g_assert_no_error(error);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1 AND state = "
					     "0 AND size < 0"),
		==, 0);
	g_assert_cmpint(kit_int(&world->kit, "SELECT sum(bytes) FROM blob"), <, 12000);
	/* Who opens one gets it whatever the cache holds. */
	fetch_well(world, "big.3", CACHE_REASON_OPEN);
	g_autofree char *here = kit_read(&world->kit, node_of(world, "big.3"));
	g_assert_cmpstr(here, ==, bytes);
}

/* Opened while the worker is learning its length alone: the bytes are wanted now. */
static void test_open_joins_length(World *world, gconstpointer data)
{
	g_autofree char *bytes = g_strnfill(1990, 'x');
	g_autoptr(EwsItem) item = kit_make_item("big", "big");
	item->size = 1990;
	fake_item(world->fake, "F1", item, bytes);
	fake_hold(world->fake, "GetItemMime big");
	world_start(world);
	fake_await_held(world->fake, 1);
	g_autoptr(Waiter) waiter = waiter_new();
	cache_fetch(world->kit.cache, node_of(world, "big"), CACHE_REASON_OPEN, waiter_done,
		waiter);
	g_usleep(100000);
	fake_hold(world->fake, NULL);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
	g_autofree char *here = kit_read(&world->kit, node_of(world, "big"));
	g_assert_cmpstr(here, ==, bytes);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_fatal_mask("cache", G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
#define ADD(claim, up, test) g_test_add("/cache/fetch/" claim, World, NULL, up, test, tear_down)
	ADD("open-brings-the-bytes", set_up, test_open);
	ADD("of-what-is-not-there", set_up, test_unknown);
	ADD("many-wait-for-one", set_up, test_joined);
	ADD("second-miss-makes-a-scan", set_up, test_scan);
	ADD("error-is-the-items-own", set_up, test_error);
	ADD("temporary-error-may-be-tried-again", set_up, test_temporary);
	ADD("gone-there-makes-a-refresh", set_up, test_gone);
	ADD("suspect-is-fetched-at-open", set_up, test_suspect);
	ADD("emptied-directory", set_up, test_emptied_directory);
	ADD("silence-ends-a-wait", set_up_hasty, test_silence);
	ADD("progress-is-no-silence", set_up_hasty, test_progress);
	ADD("stop-answers-everybody", set_up, test_stop);
	ADD("hint-waits-for-nothing", set_up, test_hint);
	ADD("prefetch-brings-all", set_up_prefetch, test_prefetch);
	ADD("prefetch-off-until-somebody-waits", set_up, test_prefetch_off);
	ADD("prefetch-below-a-directory", set_up, test_prefetch_below);
	ADD("prefetch-goes-on-after-errors", set_up_prefetch, test_prefetch_error);
	ADD("prefetch-of-lengths-when-full", set_up_small, test_prefetch_full);
	ADD("open-joins-a-fetch-of-the-length", set_up_small, test_open_joins_length);
#undef ADD
	return g_test_run();
}
