/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "tests/unit/test-cache-world.h"

/*
 * The truth path: refreshes, folder syncs and those who wait for them, against a mailbox in
 * memory that can be made to fail at any question.
 */

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_without_prefetch = true;
	world_open(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

static void assert_all(World *world)
{
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	world_assert_items(world, "F2", "B.1", "B.2", NULL);
	world_assert_items(world, "F3", "C.1", "C.2", NULL);
}

static void add_many(World *world, const char *folder, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		world_add(world, folder, id);
	}
}

static int64_t count_items(World *world)
{
	return kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

static void test_first(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	assert_all(world);
	g_assert_true(cache_has_tree(world->kit.cache));
	g_assert_true(cache_listing_ready(world->kit.cache, kit_dir(&world->kit, "F1")));
}

/* The mailbox, the folders, the hierarchy, then what is in them. */
static void test_order(World *world, gconstpointer data)
{
	static const char *const order[] = {"GetFolder", "ResolveNames", "FindFolder"};
	world_start(world);
	world_sync_well(world);
	for (unsigned i = 0; i < G_N_ELEMENTS(order); i++) {
		g_autofree char *line = fake_line(world->fake, "", i);
		g_assert_true(g_str_has_prefix(line, order[i]));
	}
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderHierarchy"), ==, 1);
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderItems"), ==, 4);
}

static void test_nothing_new(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	world_sync_well(world); /* counts of a first sync are compared once */
	fake_forget_lines(world->fake);
	world_sync_well(world);
	g_assert_cmpuint(fake_count(world->fake, "FindFolder"), ==, 1);
	g_assert_cmpuint(fake_count(world->fake, "Sync"), ==, 0);
	g_assert_cmpuint(fake_count(world->fake, ""), <=, 2);
}

static void test_remount(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	cache_stop(world->kit.cache);
	fake_drain(world->fake);
	kit_reopen(&world->kit);
	/* There before any request is answered. */
	g_assert_true(cache_has_tree(world->kit.cache));
	g_assert_true(cache_listing_ready(world->kit.cache, kit_dir(&world->kit, "F2")));
	assert_all(world);
	fake_forget_lines(world->fake);
	world_start(world);
	world_sync_well(world);
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderHierarchy"), ==, 0);
	g_assert_cmpuint(fake_count(world->fake, "ResolveNames"), ==, 0);
	assert_all(world);
}

static void test_only_what_moved(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
	world_add(world, "F2", "B.3");
	fake_item_gone(world->fake, "F2", "B.1");
	world_sync_well(world);
	world_assert_items(world, "F2", "B.2", "B.3", NULL);
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderItems"), ==, 1);
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderItems F2"), ==, 1);
}

static void test_folders_change(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	int64_t dir = kit_dir(&world->kit, "F1");
	fake_folder(world->fake, "F1", "F2", "moved");
	fake_folder(world->fake, "F4", "F1", "new");
	world_add(world, "F4", "D.1");
	fake_folder_gone(world->fake, "F3");
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F1"), ==, dir);
	g_assert_cmpint(kit_dir(&world->kit, "F3"), ==, 0);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	world_assert_items(world, "F4", "D.1", NULL);
	g_assert_cmpint(kit_node(&world->kit, "C.1"), ==, 0);
}

static void test_stale_hierarchy(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	world_remount(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	fake_folder_gone(world->fake, "F3");
	fake_folder(world->fake, "F4", KIT_TOP, "F4");
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F3"), ==, 0);
	g_assert_cmpint(kit_dir(&world->kit, "F4"), !=, 0);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
}

/* The same in the first refresh after a remount, when rounds count from 1 again. */
static void test_stale_hierarchy_at_once(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	fake_folder_gone(world->fake, "F3");
	world_remount(world);
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F3"), ==, 0);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
}

/* --- pages ------------------------------------------------------------------------------ */

static void test_pages(World *world, gconstpointer data)
{
	add_many(world, "F1", 200);
	fake_page_size(world->fake, 3);
	world_start(world);
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, 206);
}

/* Killed anywhere between two pages, a first sync goes on where it was. */
static void test_killed(World *world, gconstpointer data)
{
	add_many(world, "F1", 40);
	fake_page_size(world->fake, 1);
	for (unsigned at = 1; at < 40; at += 6) {
		g_autofree char *prefix = g_strdup_printf("SyncFolderItems F1 0/f/%u/", at);
		fake_hold(world->fake, prefix);
		world_start(world);
		fake_await_held(world->fake, 1);
		cache_stop(world->kit.cache);
		fake_drain(world->fake);
		kit_reopen(&world->kit);
		int64_t dir = kit_dir(&world->kit, "F1");
		/* Half a listing is none. */
		g_assert_true(dir == 0 || !cache_listing_ready(world->kit.cache, dir));
	}
	fake_forget_lines(world->fake);
	world_start(world);
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, 46);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) - count(DISTINCT item_id) FROM item"),
		==, 0);
}

/* Pages are asked for ahead of their writing, and not without a limit. */
static void test_chain(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	/* More than come within the half second in which pages gather unwritten. */
	const unsigned count = 8000;
	add_many(world, "F1", count);
	fake_page_size(world->fake, 1);
	fake_hold(world->fake, "SyncFolderItems F1");
	world_start(world);
	fake_await_held(world->fake, 1);
	/* While somebody else has the index, the chain runs into its limit. */
	CacheConn *conn = cache_db_begin(world->kit.cache->db, &error);
	g_assert_nonnull(conn);
	fake_forget_lines(world->fake);
	fake_hold(world->fake, NULL);
	g_usleep(1500000);
	unsigned ahead = fake_count(world->fake, "SyncFolderItems F1");
	cache_db_rollback(world->kit.cache->db);
	g_assert_cmpuint(ahead, >, 1);
	g_assert_cmpuint(ahead, <, count);
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, count + 6);
}

static void test_page_fails(World *world, gconstpointer data)
{
	add_many(world, "F1", 30);
	fake_page_size(world->fake, 1);
	fake_fail(world->fake, "SyncFolderItems F1 0/f/20/", EWS_ERROR_BUSY, 1);
	world_start(world);
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_BUSY);
	/* Others got theirs; and it goes on by itself. */
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, 36);
}

/* --- states ----------------------------------------------------------------------------- */

static void test_stale_items(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	int64_t node = kit_node(&world->kit, "A.1");
	fake_spoil_states(world->fake);
	fake_item_lost(world->fake, "F1", "A.2");
	world_add(world, "F1", "A.3");
	world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.3", NULL);
	g_assert_cmpint(kit_node(&world->kit, "A.1"), ==, node);
}

/* A state that is refused in the middle of the pages. */
static void test_stale_between_pages(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	add_many(world, "F1", 30);
	fake_page_size(world->fake, 4);
	fake_fail(world->fake, "SyncFolderItems F1 0/l/10", EWS_ERROR_STALE, 1);
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, 36);
}

/* Refused for ever: that folder's trouble, and the others are synced all the same. */
static void test_stale_for_ever(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	fake_fail(world->fake, "SyncFolderItems F1", EWS_ERROR_STALE, -1);
	world_add(world, "F1", "A.3");
	world_add(world, "F2", "B.3");
	world_add(world, "F3", "C.3");
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_STALE);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	world_assert_items(world, "F2", "B.1", "B.2", "B.3", NULL);
	world_assert_items(world, "F3", "C.1", "C.2", "C.3", NULL);
}

/* One folder that may not be read keeps nobody else from being listed. */
static void test_one_folder_fails(World *world, gconstpointer data)
{
	static const EwsErrorCode codes[] = {EWS_ERROR_DENIED, EWS_ERROR_CORRUPT,
		EWS_ERROR_PROTOCOL, EWS_ERROR_UNSUPPORTED};
	for (int i = 4; i < 12; i++) {
		g_autofree char *id = g_strdup_printf("F%d", i);
		g_autofree char *item = g_strdup_printf("X.%d", i);
		fake_folder(world->fake, id, KIT_TOP, id);
		world_add(world, id, item);
	}
	fake_fail(world->fake, "SyncFolderItems F1", codes[GPOINTER_TO_INT(data)], -1);
	/* F10 and F11 begin like F1, and fail too. */
	world_start(world);
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, (gint)codes[GPOINTER_TO_INT(data)]);
	for (int i = 2; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("F%d", i);
		g_autoptr(CacheNode) dir = kit_get(&world->kit, kit_dir(&world->kit, id));
		g_assert_true(dir->is_listed);
	}
	g_autoptr(GError) waited = world_await(world, kit_dir(&world->kit, "F1"));
	g_assert_error(waited, EWS_ERROR, (gint)codes[GPOINTER_TO_INT(data)]);
}

/* Deleted after the folders were listed: who waits gets what is true by then. */
static void test_folder_overtaken(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	world_add(world, "F1", "A.9");
	fake_fail(world->fake, "SyncFolderItems F1", EWS_ERROR_NOT_FOUND, 1);
	world_sync_well(world);
	world_add(world, "F1", "A.10");
	fake_fail(world->fake, "SyncFolderItems F1", EWS_ERROR_NOT_FOUND, -1);
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

/* --- sweeps ----------------------------------------------------------------------------- */

/* The server lost a change, and TotalCount shows it: all over again. */
static void test_lost_in_silence(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	fake_item_lost(world->fake, "F1", "A.2");
	world_sync_well(world); /* the count moved, the changes say nothing */
	world_sync_well(world); /* so it starts over */
	world_assert_items(world, "F1", "A.1", NULL);
}

/* A server that counts otherwise is believed otherwise, and not asked again and again. */
static void test_miscount(World *world, gconstpointer data)
{
	fake_miscount(world->fake, "F1", 3);
	world_start(world);
	for (int i = 0; i < 4; i++)
		world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	fake_forget_lines(world->fake);
	world_sync_well(world);
	g_assert_cmpuint(fake_count(world->fake, "SyncFolderItems"), ==, 0);
}

/* A full run that names less than TotalCount says leaves out: nothing is removed. */
static void test_not_believed(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	fake_item_lost(world->fake, "F1", "A.2");
	fake_miscount(world->fake, "F1", 1);
	world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
}

/* What came between its last page and the count is looked at before it is judged. */
static void test_more_came_meanwhile(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	world_start(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	fake_item_lost(world->fake, "F1", "A.2");
	fake_hold(world->fake, "GetFolder F1");
	cache_sync(world->kit.cache, CACHE_ROOT, false, 0, waiter_done, waiter);
	fake_await_held(world->fake, 1);
	world_add(world, "F1", "A.3");
	fake_hold(world->fake, NULL);
	g_assert_no_error(waiter_wait(waiter));
	world_assert_items(world, "F1", "A.1", "A.3", NULL);
}

/* Many are missing: each is asked for, and what is there after all stays. */
static void test_many_missing(World *world, gconstpointer data)
{
	add_many(world, "F1", 20);
	world_start(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	for (int i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("many.%d", i);
		fake_item_lost(world->fake, "F1", id);
		/* One of them turned up in another folder under its old id. */
		if (i == 4)
			world_add(world, "F2", id);
	}
	fake_forget_lines(world->fake);
	world_sync_well(world);
	g_assert_cmpuint(fake_count(world->fake, "GetItem many."), >=, 9);
	g_assert_cmpint(count_items(world), ==, 17);
	g_assert_cmpint(kit_node(&world->kit, "many.4"), !=, 0);
}

/* The question fails: no answer is not a No. */
static void test_sweep_interrupted(World *world, gconstpointer data)
{
	add_many(world, "F1", 20);
	world_start(world);
	world_sync_well(world);
	fake_spoil_states(world->fake);
	for (int i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("many.%d", i);
		fake_item_lost(world->fake, "F1", id);
	}
	fake_fail(world->fake, "GetItem many.5", EWS_ERROR_OFFLINE, 1);
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
	g_assert_cmpint(kit_node(&world->kit, "many.3"), !=, 0);
	world_sync_well(world);
	g_assert_cmpint(count_items(world), ==, 16);
}

/* --- ids only --------------------------------------------------------------------------- */

static void test_completed(World *world, gconstpointer data)
{
	fake_ids_only(world->fake, true);
	world_start(world);
	world_sync_well(world);
	assert_all(world);
	g_assert_cmpuint(fake_count(world->fake, "GetItem A"), ==, 2);
	g_autoptr(CacheNode) node = kit_get(&world->kit, kit_node(&world->kit, "A.1"));
	g_assert_true(g_str_has_prefix(node->name, "2026-11-20T101500Z_Some-One_"));
}

static void test_completing_killed(World *world, gconstpointer data)
{
	fake_ids_only(world->fake, true);
	fake_hold(world->fake, "GetItem A.2");
	world_start(world);
	fake_await_held(world->fake, 1);
	world_remount(world);
	world_sync_well(world);
	assert_all(world);
}

/* What the server cannot describe is listed, and what is known already stays known. */
static void test_completing_fails(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	world_start(world);
	world_sync_well(world);
	int64_t id = kit_node(&world->kit, "A.1");
	fake_ids_only(world->fake, true);
	fake_fail(world->fake, "GetItem A.1", EWS_ERROR_CORRUPT, -1);
	fake_fail(world->fake, "GetItem A.3", EWS_ERROR_CORRUPT, -1);
	world_add(world, "F1", "A.1");
	world_add(world, "F1", "A.3");
	world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.2", "A.3", NULL);
	g_autoptr(CacheDetails) details = cache_details(world->kit.cache, id, &error);
	g_assert_cmpstr(details->subject, ==, "Subject of A.1");
	g_assert_cmpint(kit_int(&world->kit,
				"SELECT key_hash != 0 FROM item WHERE item_id = 'A.1'"),
		==, 1);
	/* Gone before it was asked for: not listed, and no error. */
	fake_fail(world->fake, "GetItem A.4", EWS_ERROR_NOT_FOUND, -1);
	world_add(world, "F1", "A.4");
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "A.4"), ==, 0);
}

/* --- waiting ---------------------------------------------------------------------------- */

static void test_await(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems F2");
	world_start(world);
	fake_await_held(world->fake, 1);
	int64_t dir = kit_dir(&world->kit, "F2");
	g_assert_false(cache_listing_ready(world->kit.cache, dir));
	g_autoptr(Waiter) waiter = waiter_new();
	cache_await_listing(world->kit.cache, dir, waiter_done, waiter);
	g_autoptr(GError) other = world_await(world, kit_dir(&world->kit, "F1"));
	g_assert_no_error(other);
	g_assert_false(waiter_is_done(waiter));
	fake_hold(world->fake, NULL);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
	world_assert_items(world, "F2", "B.1", "B.2", NULL);
}

/* Who waits goes first in line. */
static void test_await_first(World *world, gconstpointer data)
{
	for (int i = 4; i < 40; i++) {
		g_autofree char *id = g_strdup_printf("F%d", i);
		fake_folder(world->fake, id, KIT_TOP, id);
	}
	fake_hold(world->fake, "SyncFolderItems");
	world_start(world);
	fake_await_held(world->fake, 3);
	g_autofree char *last = kit_text(&world->kit,
		"SELECT folder_id FROM folder WHERE node IS NOT NULL ORDER BY node DESC LIMIT 1");
	g_autoptr(Waiter) waiter = waiter_new();
	cache_await_listing(world->kit.cache, kit_dir(&world->kit, last), waiter_done, waiter);
	/* The question of one who waits at the root is behind it in the inbox: both are in line. */
	g_usleep(200000);
	fake_forget_lines(world->fake);
	fake_hold(world->fake, NULL);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
	g_autofree char *line = fake_line(world->fake, "SyncFolderItems", 0);
	g_autofree char *expected = g_strdup_printf("SyncFolderItems %s", last);
	g_assert_cmpstr(line, ==, expected);
}

static void test_await_unknown(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	g_autoptr(GError) never = world_await(world, 4711);
	g_assert_error(never, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	int64_t dir = kit_dir(&world->kit, "F3");
	fake_folder_gone(world->fake, "F3");
	world_sync_well(world);
	g_autoptr(GError) gone = world_await(world, dir);
	g_assert_error(gone, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

static void test_silence(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems F2");
	world_start(world);
	fake_await_held(world->fake, 1);
	fake_be_silent(world->fake, true);
	int64_t before = g_get_monotonic_time();
	g_autoptr(GError) error = world_await(world, kit_dir(&world->kit, "F2"));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
	int64_t waited = g_get_monotonic_time() - before;
	g_assert_cmpint(waited, >=, G_USEC_PER_SEC);
	g_assert_cmpint(waited, <, 6 * G_USEC_PER_SEC);
}

static void test_deadline(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems F2");
	world_start(world);
	g_autoptr(Waiter) waiter = waiter_new();
	cache_sync(world->kit.cache, CACHE_ROOT, false, g_get_monotonic_time() + G_USEC_PER_SEC / 2,
		waiter_done, waiter);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
}

static void test_refresh_fails(World *world, gconstpointer data)
{
	static const char *const steps[] = {"GetFolder", "ResolveNames", "FindFolder",
		"SyncFolderHierarchy", "SyncFolderItems top"};
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
		fake_fail(world->fake, steps[i], EWS_ERROR_AUTH, 1);
	world_start(world);
	unsigned failed = 0;
	/* It also tries by itself, and may meet one of the failures then. */
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_autoptr(GError) error = world_sync(world, false);
		if (error != NULL)
			g_assert_error(error, EWS_ERROR, EWS_ERROR_AUTH);
		failed += error != NULL;
	}
	g_assert_cmpuint(failed, >, 0);
	world_sync_well(world);
	assert_all(world);
}

/* A failed refresh is repeated by itself. */
static void test_tries_again(World *world, gconstpointer data)
{
	fake_fail(world->fake, "FindFolder", EWS_ERROR_OFFLINE, 1);
	world_start(world);
	for (int i = 0; i < 100 && !cache_has_tree(world->kit.cache); i++)
		g_usleep(100000);
	g_assert_true(cache_has_tree(world->kit.cache));
}

static void test_backup(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	int64_t dir = kit_dir(&world->kit, "F1");
	g_assert_true(cache_listing_ready(world->kit.cache, dir));
	world_remount(world);
	fake_fail(world->fake, "FindFolder", EWS_ERROR_OFFLINE, 1);
	/* Listed once, but of that nobody knows how old it is. */
	g_autoptr(GError) error = world_await(world, dir);
	g_clear_error(&error);
	error = world_await(world, dir);
	g_assert_no_error(error);
	g_assert_true(cache_listing_ready(world->kit.cache, dir));
}

static void set_up_backup(World *world, gconstpointer data)
{
	world->kit.is_backup = true;
	set_up(world, data);
}

static void set_up_hasty(World *world, gconstpointer data)
{
	world->kit.timeout_s = 1;
	set_up(world, data);
}

/* Whoever waits when all ends is told so. */
static void test_stop(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems");
	world_start(world);
	fake_await_held(world->fake, 2);
	g_autoptr(Waiter) first = waiter_new();
	g_autoptr(Waiter) second = waiter_new();
	cache_await_listing(world->kit.cache, kit_dir(&world->kit, "F1"), waiter_done, first);
	cache_sync(world->kit.cache, CACHE_ROOT, true, 0, waiter_done, second);
	cache_stop(world->kit.cache);
	fake_drain(world->fake);
	kit_reopen(&world->kit);
	g_autoptr(GError) one = waiter_wait(first);
	g_autoptr(GError) two = waiter_wait(second);
	g_assert_error(one, EWS_ERROR, EWS_ERROR_CANCELLED);
	g_assert_error(two, EWS_ERROR, EWS_ERROR_CANCELLED);
}

/* --- moves through the whole path --------------------------------------------------------- */

static void test_move(World *world, gconstpointer data)
{
	world_start(world);
	world_sync_well(world);
	int64_t node = kit_node(&world->kit, "A.1");
	g_autoptr(GError) fetched = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	g_autoptr(EwsItem) moved = kit_make_item("A.1b", "A.1");
	fake_item(world->fake, "F3", moved, "bytes of A.1");
	fake_item_gone(world->fake, "F1", "A.1");
	fake_forget_lines(world->fake);
	world_sync_well(world);
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "A.1b"), ==, node);
	g_autofree char *bytes = kit_read(&world->kit, node);
	g_assert_cmpstr(bytes, ==, "bytes of A.1");
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* Failing is what these tests are about. */
	g_log_set_fatal_mask("cache", G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
#define ADD(claim, test) g_test_add("/cache/refresh/" claim, World, NULL, set_up, test, tear_down)
	ADD("first", test_first);
	ADD("asks-in-order", test_order);
	ADD("nothing-new-is-one-question", test_nothing_new);
	ADD("remount-shows-the-tree-at-once", test_remount);
	ADD("syncs-only-what-moved", test_only_what_moved);
	ADD("folders-come-go-and-move", test_folders_change);
	ADD("stale-hierarchy-starts-over", test_stale_hierarchy);
	ADD("stale-hierarchy-right-after-a-remount", test_stale_hierarchy_at_once);
	ADD("many-pages", test_pages);
	ADD("killed-between-pages-goes-on", test_killed);
	ADD("pages-ahead-have-a-limit", test_chain);
	ADD("page-that-fails-is-asked-again", test_page_fails);
	ADD("stale-state-is-a-full-run", test_stale_items);
	ADD("stale-between-pages", test_stale_between_pages);
	ADD("stale-for-ever-is-one-folders-trouble", test_stale_for_ever);
	for (int i = 0; i < 4; i++) {
		g_autofree char *path =
			g_strdup_printf("/cache/refresh/one-folder-fails-alone/%d", i);
		g_test_add(path, World, GINT_TO_POINTER(i), set_up, test_one_folder_fails,
			tear_down);
	}
	ADD("lost-in-silence-is-found-by-count", test_lost_in_silence);
	ADD("miscount-is-learned", test_miscount);
	ADD("sweep-is-not-believed", test_not_believed);
	ADD("more-came-meanwhile", test_more_came_meanwhile);
	ADD("many-missing-are-asked-for", test_many_missing);
	ADD("sweep-without-an-answer-removes-nothing", test_sweep_interrupted);
	ADD("ids-are-completed", test_completed);
	ADD("completing-goes-on-after-a-kill", test_completing_killed);
	ADD("completing-fails-alone", test_completing_fails);
	ADD("await-ends-when-listed", test_await);
	ADD("await-goes-first", test_await_first);
	ADD("await-of-what-is-not-there", test_await_unknown);
	g_test_add("/cache/refresh/silence-ends-a-wait", World, NULL, set_up_hasty, test_silence,
		tear_down);
	ADD("deadline-ends-a-sync", test_deadline);
	ADD("folder-overtaken", test_folder_overtaken);
	ADD("each-step-may-fail", test_refresh_fails);
	ADD("failed-is-tried-again", test_tries_again);
	g_test_add("/cache/refresh/backup-wants-it-fresh", World, NULL, set_up_backup, test_backup,
		tear_down);
	ADD("stop-answers-everybody", test_stop);
	ADD("move-needs-no-second-download", test_move);
#undef ADD
	return g_test_run();
}
