/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Public folders: found folder by folder, listed where they moved, never synced, and without a
 * Deleted Items. (The fake refuses whatever Exchange does.)
 */

#define HOUR_US (INT64_C(3600) * G_USEC_PER_SEC)

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_public = world->kit.is_without_prefetch = true;
	world_open(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_assert_asked(world, "Sync", 0);
	world_assert_asked(world, "FindFolder", 0);
	world_close(world);
}

static void sync_first(World *world)
{
	world_start(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
}

/* --- folders ------------------------------------------------------------------------------ */

static void assert_path(World *world, const char *folder_id, const char *parent_id)
{
	g_assert_cmpint(kit_int(&world->kit, "SELECT parent FROM node WHERE id = %lld",
				(long long)kit_dir(&world->kit, folder_id)),
		==, kit_dir(&world->kit, parent_id));
}

static void test_found_by_folder(World *world, gconstpointer data)
{
	fake_folder(world->fake, "F4", "F1", "below");
	fake_folder(world->fake, "F5", "F4", "deep");
	world_add(world, "F5", "E.1");
	world_start(world);
	world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	world_assert_items(world, "F5", "E.1", NULL);
	assert_path(world, "F1", KIT_TOP);
	assert_path(world, "F5", "F4");
	/* Those that have none in them are not asked. */
	world_assert_asked(world, "FindSubfolders F2", 0);
	world_assert_asked(world, "FindSubfolders F5", 0);
}

static void test_folders_change(World *world, gconstpointer data)
{
	fake_folder(world->fake, "F4", "F3", "four");
	fake_folder(world->fake, "F5", "F4", "five");
	world_add(world, "F5", "E.1");
	sync_first(world);
	int64_t dir = kit_dir(&world->kit, "F1");
	fake_folder(world->fake, "F1", "F2", "moved");
	fake_folder(world->fake, "F6", "F1", "new");
	world_add(world, "F6", "F.1");
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F1"), ==, dir);
	assert_path(world, "F1", "F2");
	assert_path(world, "F6", "F1");
	world_assert_items(world, "F6", "F.1", NULL);
	/* What is below a folder that is gone goes too, though the server may have it still. */
	fake_folder(world->fake, "F4", "nowhere", "four");
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F4"), ==, 0);
	g_assert_cmpint(kit_dir(&world->kit, "F5"), ==, 0);
	g_assert_cmpint(kit_dir(&world->kit, "F3"), !=, 0);
	fake_folder_gone(world->fake, "F1");
	world_sync_well(world);
	g_assert_cmpint(kit_dir(&world->kit, "F1"), ==, 0);
	g_assert_cmpint(kit_dir(&world->kit, "F6"), ==, 0);
}

static void test_pages_of_folders(World *world, gconstpointer data)
{
	fake_page_size(world->fake, 2);
	for (int i = 4; i < 12; i++) {
		g_autofree char *id = g_strdup_printf("F%d", i);
		fake_folder(world->fake, id, "F1", id);
	}
	sync_first(world);
	for (int i = 4; i < 12; i++) {
		g_autofree char *id = g_strdup_printf("F%d", i);
		assert_path(world, id, "F1");
	}
}

static void test_a_closed_folder(World *world, gconstpointer data)
{
	fake_folder(world->fake, "F4", "F1", "below");
	fake_fail(world->fake, "FindSubfolders F1", EWS_ERROR_DENIED, -1);
	sync_first(world);
	g_assert_cmpint(kit_dir(&world->kit, "F4"), ==, 0);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
}

/* What was not told is not gone. */
static void test_a_find_that_fails(World *world, gconstpointer data)
{
	static const EwsErrorCode codes[] = {EWS_ERROR_PROTOCOL, EWS_ERROR_BUSY,
		EWS_ERROR_CORRUPT};
	fake_folder(world->fake, "F4", "F1", "below");
	sync_first(world);
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		fake_fail(world->fake, "FindSubfolders F1", codes[i], 1);
		g_autoptr(GError) error = world_sync(world, false);
		g_assert_error(error, EWS_ERROR, (gint)codes[i]);
		g_assert_cmpint(kit_dir(&world->kit, "F4"), !=, 0);
		world_sync_well(world);
	}
	fake_fail(world->fake, "FindSubfolders top", EWS_ERROR_NOT_FOUND, 1);
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_assert_cmpint(kit_dir(&world->kit, "F1"), !=, 0);
}

/* Of F3 nobody says where it is. */
static void spread(World *world)
{
	fake_replica(world->fake, "F1", "one");
	fake_replica(world->fake, "F2", "two");
}

/* Whatever is asked of a folder is asked of the mailbox that has it. */
static void test_several_mailboxes(World *world, gconstpointer data)
{
	spread(world);
	sync_first(world);
	world_assert_items(world, "F1", "A.1", "A.2", NULL);
	world_assert_items(world, "F2", "B.1", "B.2", NULL);
	g_autoptr(GError) error =
		world_fetch(world, kit_node(&world->kit, "B.1"), CACHE_REASON_READ);
	g_assert_no_error(error);
	/* What is in a folder goes to another mailbox. */
	fake_replica(world->fake, "F2", "three");
	world_sync_well(world);
	g_autoptr(GError) again =
		world_fetch(world, kit_node(&world->kit, "B.2"), CACHE_REASON_READ);
	g_assert_no_error(again);
	fake_replica(world->fake, "F2", NULL);
	world_add(world, "F2", "B.3");
	world_sync_well(world);
	world_assert_items(world, "F2", "B.1", "B.2", "B.3", NULL);
	world_remount(world);
	world_sync_well(world);
	world_assert_asked(world, "Misled", 0);
}

/* The index is as old as the last refresh: what is asked meanwhile finds nothing, and takes nothing
 * away. */
static void test_a_mailbox_that_was_left(World *world, gconstpointer data)
{
	spread(world);
	sync_first(world);
	fake_replica(world->fake, "F2", "three");
	g_autoptr(GError) error =
		world_fetch(world, kit_node(&world->kit, "B.1"), CACHE_REASON_READ);
	g_assert_nonnull(error);
	world_assert_asked(world, "Misled GetItemMime B.1", 1);
	world_sync_well(world);
	world_assert_items(world, "F2", "B.1", "B.2", NULL);
	world_assert_asked(world, "Misled", 1);
}

/* --- what is asked ------------------------------------------------------------------------ */

static void test_nothing_new(World *world, gconstpointer data)
{
	fake_folder(world->fake, "F4", "F1", "below");
	fake_folder(world->fake, "F5", "F4", "deep");
	sync_first(world);
	world_sync_well(world);
	world_assert_asked(world, "FindItem", 0);
	/* Every folder that has any, and every folder's counts; nothing else. */
	world_assert_asked(world, "FindSubfolders", 3);
	world_assert_asked(world, "GetFolder", 6);
	world_assert_asked(world, "", 9);
	fake_forget_lines(world->fake);
	world_remount(world);
	world_sync_well(world);
	world_assert_asked(world, "FindItem", 0);
}

static void test_only_what_moved(World *world, gconstpointer data)
{
	sync_first(world);
	int64_t kept = kit_node(&world->kit, "B.2");
	world_add(world, "F2", "B.3");
	fake_item_gone(world->fake, "F2", "B.1");
	world_sync_well(world);
	world_assert_items(world, "F2", "B.2", "B.3", NULL);
	g_assert_cmpint(kit_node(&world->kit, "B.2"), ==, kept);
	world_assert_asked(world, "FindItem", 1);
	world_assert_asked(world, "FindItem F2", 1);
	/* The listing says itself how many there are. */
	world_assert_asked(world, "GetFolder F2", 1);
}

/* Who does not say whether he changed is listed when he counts otherwise; and now and then. */
static void test_who_does_not_say(World *world, gconstpointer data)
{
	fake_fail(world->fake, "GetFolder F2", EWS_ERROR_DENIED, -1);
	sync_first(world);
	world_assert_items(world, "F2", "B.1", "B.2", NULL);
	world_add(world, "F2", "B.3");
	world_sync_well(world);
	world_assert_asked(world, "FindItem", 0);
	kit_run(&world->kit, "UPDATE folder SET listed_at = listed_at - %lld",
		(long long)HOUR_US / 2);
	world_sync_well(world);
	world_assert_asked(world, "FindItem", 1);
	world_assert_items(world, "F2", "B.1", "B.2", "B.3", NULL);
	kit_run(&world->kit, "UPDATE folder SET listed_at = listed_at - %lld", (long long)HOUR_US);
	world_sync_well(world);
	/* All of them, the top one too. */
	world_assert_asked(world, "FindItem", 5);
}

/* --- listings ----------------------------------------------------------------------------- */

static void test_pages(World *world, gconstpointer data)
{
	for (unsigned i = 0; i < 100; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		world_add(world, "F1", id);
	}
	fake_page_size(world->fake, 3);
	sync_first(world);
	g_assert_cmpint(
		kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0"), ==,
		106);
	fake_item_gone(world->fake, "F1", "many.7");
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "many.7"), ==, 0);
	g_assert_cmpint(kit_node(&world->kit, "many.8"), !=, 0);
}

/* Between two pages one goes from the first: the next begins where one was skipped. */
static void test_pages_that_move(World *world, gconstpointer data)
{
	for (unsigned i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		world_add(world, "F1", id);
	}
	fake_page_size(world->fake, 4);
	fake_hold(world->fake, "FindItem F1 3:");
	world_start(world);
	fake_await_held(world->fake, 1);
	fake_item_gone(world->fake, "F1", "A.1");
	fake_hold(world->fake, NULL);
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "A.1"), ==, 0);
	for (unsigned i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		g_assert_cmpint(kit_node(&world->kit, id), !=, 0);
	}
}

/* --- a long folder ------------------------------------------------------------------------ */

#define MANY 600

static void add_many(World *world)
{
	for (unsigned i = 0; i < MANY; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		world_add(world, "F1", id);
	}
	sync_first(world);
}

static int64_t count_files(World *world)
{
	return kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

/* @key NULL: it is as it was, but was touched. */
static void change(World *world, const char *folder, const char *id, const char *key)
{
	g_autoptr(EwsItem) item = fake_get(world->fake, id);
	if (key != NULL) {
		g_free(item->change_key);
		item->change_key = g_strdup(key);
		item->is_read = !item->is_read;
	}
	fake_item(world->fake, folder, item, "bytes");
}

static void test_glance(World *world, gconstpointer data)
{
	add_many(world);
	world_add(world, "F1", "new");
	change(world, "F1", "many.3", "other");
	world_sync_well(world);
	world_assert_asked(world, "FindNewest F1", 1);
	world_assert_asked(world, "FindItem", 0);
	g_assert_cmpint(kit_node(&world->kit, "new"), !=, 0);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) FROM item WHERE item_id = 'many.3'"
					     " AND change_key = 'other'"),
		==, 1);
	g_assert_cmpint(count_files(world), ==, MANY + 7);
	/* What is seen so keeps nobody from listing the folder now and then. */
	kit_run(&world->kit, "UPDATE folder SET listed_at = listed_at - %lld",
		(long long)2 * HOUR_US);
	fake_forget_lines(world->fake);
	world_sync_well(world);
	world_assert_asked(world, "FindItem F1", 2);
}

/* Short folders are one request in any case. */
static void test_no_glance_at_short_ones(World *world, gconstpointer data)
{
	add_many(world);
	world_add(world, "F2", "B.3");
	world_sync_well(world);
	world_assert_asked(world, "FindNewest", 0);
	world_assert_asked(world, "FindItem F2", 1);
}

/* One that is gone shows in no page of what was modified. */
static void test_no_glance_after_a_delete(World *world, gconstpointer data)
{
	add_many(world);
	fake_item_gone(world->fake, "F1", "many.3");
	world_add(world, "F1", "new");
	world_sync_well(world);
	world_assert_asked(world, "FindNewest", 0);
	g_assert_cmpint(kit_node(&world->kit, "many.3"), ==, 0);
	g_assert_cmpint(count_files(world), ==, MANY + 6);
}

/* More is new than the page holds; or one came that the page does not show. */
static void test_a_glance_is_not_enough(World *world, gconstpointer data)
{
	add_many(world);
	fake_page_size(world->fake, 4);
	for (unsigned i = 0; i < 9; i++) {
		g_autofree char *id = g_strdup_printf("new.%u", i);
		world_add(world, "F1", id);
	}
	world_sync_well(world);
	world_assert_asked(world, "FindNewest F1", 1);
	g_assert_cmpint(count_files(world), ==, MANY + 15);
	/* Something moved in as old as it was: before what is known, and what was changed. */
	world_add(world, "F1", "moved in");
	change(world, "F1", "many.9", NULL);
	for (unsigned i = 0; i < 3; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		change(world, "F1", id, "again");
	}
	fake_forget_lines(world->fake);
	world_sync_well(world);
	world_assert_asked(world, "FindNewest F1", 1);
	g_assert_cmpint(kit_node(&world->kit, "moved in"), !=, 0);
}

/* A server may refuse to list the root of them all, where nothing can be. */
static void test_a_root_that_is_not_listed(World *world, gconstpointer data)
{
	fake_fail(world->fake, "FindItem top", EWS_ERROR_FORBIDDEN, -1);
	sync_first(world);
	g_assert_true(cache_listing_ready(world->kit.cache, CACHE_ROOT));
	world_add(world, "F1", "A.3");
	world_sync_well(world);
	world_assert_items(world, "F1", "A.1", "A.2", "A.3", NULL);
	/* No other folder's refusal is taken so. */
	fake_fail(world->fake, "FindItem F1", EWS_ERROR_FORBIDDEN, -1);
	world_add(world, "F1", "A.4");
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_FORBIDDEN);
}

/* A message is the same file in another folder. */
static void test_moved(World *world, gconstpointer data)
{
	sync_first(world);
	int64_t node = kit_node(&world->kit, "A.1");
	g_autoptr(EwsItem) item = fake_get(world->fake, "A.1");
	g_free(item->id);
	item->id = g_strdup("moved");
	fake_item_gone(world->fake, "F1", "A.1");
	fake_item(world->fake, "F3", item, "bytes of A.1");
	world_sync_well(world);
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "moved"), ==, node);
	world_assert_items(world, "F1", "A.2", NULL);
}

/* Cut off in the middle, it begins again: half of one listing and half of another is none. */
static void test_killed(World *world, gconstpointer data)
{
	for (unsigned i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("many.%u", i);
		world_add(world, "F1", id);
	}
	fake_page_size(world->fake, 4);
	fake_hold(world->fake, "FindItem F1 7:");
	world_start(world);
	fake_await_held(world->fake, 1);
	cache_stop(world->kit.cache);
	fake_drain(world->fake);
	kit_reopen(&world->kit);
	fake_hold(world->fake, NULL);
	fake_item_gone(world->fake, "F1", "many.0");
	world_add(world, "F1", "many.10");
	world_start(world);
	world_sync_well(world);
	g_assert_cmpint(kit_node(&world->kit, "many.0"), ==, 0);
	g_assert_cmpint(kit_node(&world->kit, "many.10"), !=, 0);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) FROM node WHERE kind = 1 AND"
					     " state = 0"),
		==, 16);
}

/* --- writing ------------------------------------------------------------------------------ */

static void set_up_to_write(World *world, gconstpointer data)
{
	world->kit.is_public = true;
	world_open_to_write(world);
	world_put(world, "F1", "A", "a.eml");
	world_put(world, "F1", "B", "b.eml");
	world_start_to_write(world);
}

static void tear_down_clean(World *world, gconstpointer data)
{
	world_assert_asked(world, "Sync", 0);
	g_assert_cmpint(kit_int(&world->kit, "SELECT count(*) FROM distinguished"), ==, 0);
	world_close_clean(world);
}

static void test_deletes(World *world, gconstpointer data)
{
	int64_t dir = kit_dir(&world->kit, "F1");
	pen_unlink(&world->kit, dir, "a.eml");
	pen_mkdir(&world->kit, dir, "Sub");
	world_flush(world);
	pen_rmdir(&world->kit, dir, "Sub");
	world_flush(world);
	world_assert_ls(world, "F1", "b.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
	g_assert_cmpuint(fake_items(world->fake, "deleteditems"), ==, 0);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
}

static void test_writes(World *world, gconstpointer data)
{
	Kit *kit = &world->kit;
	int64_t one = kit_dir(kit, "F1");
	int64_t two = kit_dir(kit, "F2");
	int64_t made = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	pen_rewrite(kit, made, PEN_MAIL("other"));
	pen_rename(kit, one, "a.eml", two, "c.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml new.eml");
	world_assert_ls(world, "F2", "c.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 2);
	g_assert_cmpint(pen_find(kit, one, "new.eml"), ==, made);
}

/* A page that was made before our message was there says nothing about it. */
static void test_made_while_it_is_listed(World *world, gconstpointer data)
{
	int64_t dir = kit_dir(&world->kit, "F1");
	world_put(world, "F1", "C", "c.eml");
	fake_hold_answers(world->fake, "FindItem F1");
	g_autoptr(Waiter) waiter = waiter_new();
	cache_sync(world->kit.cache, CACHE_ROOT, false, 0, waiter_done, waiter);
	fake_await_held(world->fake, 1);
	int64_t made = pen_write(&world->kit, dir, "new.eml", PEN_MAIL("new"));
	world_fsync_well(world, made);
	fake_hold(world->fake, NULL);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
	g_assert_cmpint(pen_find(&world->kit, dir, "c.eml"), !=, 0);
	g_assert_cmpint(pen_find(&world->kit, dir, "new.eml"), ==, made);
	world_sync_well(world);
	g_assert_cmpint(pen_find(&world->kit, dir, "new.eml"), ==, made);
}

/* One to each mailbox, whatever it is. */
static void test_writes_to_several(World *world, gconstpointer data)
{
	Kit *kit = &world->kit;
	int64_t one = kit_dir(kit, "F1");
	int64_t two = kit_dir(kit, "F2");
	int64_t three = kit_dir(kit, "F3");
	spread(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	pen_write(kit, two, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	world_assert_asked(world, "Call CreateItem 1", 2);
	/* From one to the other and back, with what follows. */
	pen_rename(kit, one, "a.eml", two, "a.eml");
	world_flush(world);
	pen_flag(kit, pen_find(kit, two, "a.eml"));
	pen_flag(kit, pen_find(kit, one, "b.eml"));
	world_flush(world);
	world_assert_asked(world, "Call UpdateItem 1", 2);
	pen_rename(kit, two, "a.eml", three, "a.eml");
	world_flush(world);
	pen_rewrite(kit, pen_find(kit, three, "a.eml"), PEN_MAIL("other"));
	pen_rewrite(kit, pen_find(kit, two, "new.eml"), PEN_MAIL("other"));
	world_flush(world);
	pen_unlink(kit, one, "new.eml");
	pen_unlink(kit, two, "new.eml");
	pen_unlink(kit, three, "a.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "");
	world_assert_ls(world, "F3", "");
	world_assert_asked(world, "Misled", 0);
}

/* What is put into a folder that was made here waits until it is told where that is. */
static void test_writes_to_a_new_folder(World *world, gconstpointer data)
{
	Kit *kit = &world->kit;
	spread(world);
	world_sync_well(world);
	int64_t dir = pen_mkdir(kit, kit_dir(kit, "F2"), "Sub");
	pen_write(kit, dir, "new.eml", PEN_MAIL("new"));
	pen_rename(kit, kit_dir(kit, "F1"), "a.eml", dir, "a.eml");
	world_flush(world);
	pen_flag(kit, pen_find(kit, dir, "a.eml"));
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "N1", "a.eml new.eml");
	world_assert_asked(world, "Misled", 0);
	world_assert_asked(world, "CreateItem", 1);
}

/* A second one of what was sent twice goes from the mailbox that it came to. */
static void test_a_stray(World *world, gconstpointer data)
{
	spread(world);
	world_sync_well(world);
	int64_t id = pen_write(&world->kit, kit_dir(&world->kit, "F1"), "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_fsync_well(world, id);
	world_sync_well(world);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	world_until(world, 0, "SELECT count(*) FROM stray");
	world_assert_once(world, guid);
	world_assert_asked(world, "DeleteItem LATE", 1);
	world_assert_asked(world, "Misled", 0);
}

#define ADD(name, function)                                                                        \
	g_test_add("/cache/public/" name, World, NULL, set_up, function, tear_down)
#define ADD_WRITE(name, function)                                                                  \
	g_test_add("/cache/public/" name, World, NULL, set_up_to_write, function, tear_down_clean)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* Refreshes fail here, and say so. */
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	ADD("found-by-folder", test_found_by_folder);
	ADD("folders-change", test_folders_change);
	ADD("pages-of-folders", test_pages_of_folders);
	ADD("a-closed-folder", test_a_closed_folder);
	ADD("a-find-that-fails", test_a_find_that_fails);
	ADD("several-mailboxes", test_several_mailboxes);
	ADD("a-mailbox-that-was-left", test_a_mailbox_that_was_left);
	ADD("nothing-new", test_nothing_new);
	ADD("only-what-moved", test_only_what_moved);
	ADD("who-does-not-say", test_who_does_not_say);
	ADD("pages", test_pages);
	ADD("pages-that-move", test_pages_that_move);
	ADD("glance", test_glance);
	ADD("no-glance-at-short-ones", test_no_glance_at_short_ones);
	ADD("no-glance-after-a-delete", test_no_glance_after_a_delete);
	ADD("a-glance-is-not-enough", test_a_glance_is_not_enough);
	ADD("a-root-that-is-not-listed", test_a_root_that_is_not_listed);
	ADD("moved", test_moved);
	ADD("killed", test_killed);
	ADD_WRITE("deletes", test_deletes);
	ADD_WRITE("writes", test_writes);
	ADD_WRITE("made-while-it-is-listed", test_made_while_it_is_listed);
	ADD_WRITE("writes-to-several", test_writes_to_several);
	ADD_WRITE("writes-to-a-new-folder", test_writes_to_a_new_folder);
	ADD_WRITE("a-stray", test_a_stray);
	return g_test_run();
}
