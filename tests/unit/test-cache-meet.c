/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Changes that meet: what is done while a call is on its way, what others do at the same time, and
 * who waits for it.
 */

static Kit *kit;
static int64_t one, two;

static void set_up(World *world, gconstpointer data)
{
	kit = &world->kit;
	world_set_scene(world, &one, &two);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close_clean(world);
}

/* --- while it is on its way ---------------------------------------------------------- */

static int64_t hold_create(World *world)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	pen_assert_queue(kit, "sending /F1/new.eml create");
	return id;
}

static void test_meanwhile_moved(World *world, gconstpointer data)
{
	int64_t id = hold_create(world);
	pen_rename(kit, one, "new.eml", two, "moved.eml");
	pen_flag(kit, id);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, MoveItem 1, UpdateItem 1");
	world_assert_where(world, id, "F2");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "moved.eml");
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
}

/* The create that is said once more carries what was asked for during the first. */
static void test_meanwhile_flagged_and_refused(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateItem", EWS_ERROR_BUSY, 1);
	int64_t id = hold_create(world);
	pen_flag(kit, id);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, CreateItem 1");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
}

static void test_meanwhile_deleted(World *world, gconstpointer data)
{
	hold_create(world);
	pen_unlink(kit, one, "new.eml");
	world_assert_ls(world, "F1", "a.eml b.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_ls(world, "deleteditems", "new.eml");
}

static void test_meanwhile_deleted_and_refused(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateItem", EWS_ERROR_BUSY, 1);
	hold_create(world);
	pen_unlink(kit, one, "new.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1");
	world_assert_ls(world, "F1", "a.eml b.eml");
}

/* A message that is written anew, and deleted while its new content is on its way. */
static void delete_rewritten(World *world)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "CreateItem");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_await_held(world->fake, 1);
	pen_unlink(kit, one, "a.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
}

static void test_rewritten_deleted_and_refused(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateItem", EWS_ERROR_BUSY, 1);
	delete_rewritten(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	world_assert_ls(world, "deleteditems", "a.eml");
}

static void test_rewritten_deleted_and_lost(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateItem", false, 1);
	delete_rewritten(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	world_assert_ls(world, "deleteditems", "a.eml");
}

static void test_rewritten_deleted_and_done(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateItem", true, 1);
	delete_rewritten(world);
	world_assert_asked(world, "CreateItem", 1);
	world_assert_asked(world, "DeleteItem", 2);
}

/* Which contents there are of the message in the end, wherever. */
static void assert_one_left(World *world, const char *content)
{
	int64_t id = world_find(world, "F1", "a.eml");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, content);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM stray"), ==, 0);
	/* Of the two in the folder: nothing is hidden in it. */
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 2);
}

/* Our own update is no change by somebody else, whose message would be kept too. */
static void test_rewritten_while_updated(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	const CacheFields fields = {.set = CACHE_FIELD_SUBJECT, .subject = "another"};
	fake_hold(world->fake, "UpdateItem");
	pen_set(kit, id, &fields);
	fake_await_held(world->fake, 1);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	assert_one_left(world, PEN_MAIL("newer"));
}

static void test_rewritten_twice(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "CreateItem");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_await_held(world->fake, 1);
	pen_rewrite(kit, id, PEN_MAIL("newest"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 2);
	world_until(world, 0, "SELECT count(*) FROM stray");
	assert_one_left(world, PEN_MAIL("newest"));
}

/* While what it replaced is being removed. */
static void test_rewritten_again(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "DeleteItem");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_await_held(world->fake, 1);
	pen_rewrite(kit, id, PEN_MAIL("newest"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_until(world, 0, "SELECT count(*) FROM stray");
	assert_one_left(world, PEN_MAIL("newest"));
}

/* Between the two: the second has not left yet. */
static void test_rewritten_twice_and_deleted(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "CreateItem");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_await_held(world->fake, 1);
	pen_rewrite(kit, id, PEN_MAIL("newest"));
	fake_hold(world->fake, NULL);
	world_until(world, 1, "SELECT count(*) FROM item WHERE node = %lld AND item_id != 'A'", id);
	pen_unlink(kit, one, "a.eml");
	world_flush(world);
	world_until(world, 0, "SELECT count(*) FROM stray");
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
}

static void remove_dir_meanwhile(World *world)
{
	fake_hold(world->fake, "CreateFolder");
	pen_mkdir(kit, one, "sub");
	fake_await_held(world->fake, 1);
	pen_rmdir(kit, one, "sub");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
}

static void test_dir_deleted_and_refused(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateFolder", EWS_ERROR_BUSY, 1);
	remove_dir_meanwhile(world);
	world_assert_calls(world, "CreateFolder 1");
}

static void test_dir_deleted_and_lost(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateFolder", false, 1);
	remove_dir_meanwhile(world);
	world_assert_calls(world, "CreateFolder 1");
}

static void test_dir_deleted_and_done(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateFolder", true, 1);
	remove_dir_meanwhile(world);
	world_assert_calls(world, "CreateFolder 1, DeleteFolder 1");
}

static void test_meanwhile_rewritten(World *world, gconstpointer data)
{
	int64_t id = hold_create(world);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, CreateItem 1, DeleteItem 1");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("newer"));
}

/* A sync that is faster than the answer says the same. */
static void test_seen_before_answered(World *world, gconstpointer data)
{
	int64_t id = hold_create(world);
	g_autofree char *guid = kit_text(kit, "SELECT guid FROM intent WHERE node = %lld", id);
	g_autoptr(EwsItem) item = kit_make_item("EARLY", "EARLY");
	item->guid = g_strdup_printf("%s/1", guid);
	item->file_name = g_strdup("new.eml");
	fake_item(world->fake, "F1", item, PEN_MAIL("new"));
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	pen_assert_queue(kit, "");
	g_assert_cmpint(kit_node(kit, "EARLY"), ==, id);
	/* The fake would make a second one now. */
	fake_drain(world->fake);
}

static void test_twice_moved(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_hold(world->fake, "MoveItem");
	fake_await_held(world->fake, 1);
	pen_rename(kit, two, "a.eml", one, "a.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "MoveItem 1, MoveItem 1");
	world_assert_where(world, id, "F1");
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
}

/* --- waiting ------------------------------------------------------------------------- */

static void test_fsync_waits(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_hold(world->fake, "CreateItem");
	cache_fsync(kit->cache, id, waiter_done, waiter);
	fake_await_held(world->fake, 1);
	g_assert_false(waiter_is_done(waiter));
	fake_hold(world->fake, NULL);
	g_assert_null(waiter_wait(waiter));
}

/* ... for the directory: all in it, and what left it. */
static void test_fsync_dir(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	pen_unlink(kit, one, "a.eml");
	pen_rename(kit, one, "b.eml", two, "b.eml");
	pen_write(kit, one, "c.eml", PEN_MAIL("c"));
	fake_hold(world->fake, "DeleteItem");
	cache_fsync(kit->cache, one, waiter_done, waiter);
	fake_await_held(world->fake, 1);
	world_until(world, 1, "SELECT count(*) FROM intent");
	g_assert_false(waiter_is_done(waiter));
	fake_hold(world->fake, NULL);
	g_assert_null(waiter_wait(waiter));
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent"), ==, 0);
}

static void test_fsync_finishes(World *world, gconstpointer data)
{
	CacheFile *file = pen_create(kit, one, "new.eml", PEN_MAIL("new"));
	int64_t id = world_find(world, "F1", "new.eml");
	world_fsync_well(world, id);
	world_assert_asked(world, "CreateItem", 1);
	/* Written on after that: another message in its place. */
	pen_append(file, "more\r\n");
	pen_close(file);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, CreateItem 1, DeleteItem 1");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("new") "more\r\n");
}

/* What will never be sent is not waited for. */
static void test_fsync_scratch(World *world, gconstpointer data)
{
	int64_t scratch = pen_write(kit, one, "notes", "some notes");
	int64_t empty = pen_write(kit, one, "empty.eml", "");
	world_fsync_well(world, scratch);
	world_fsync_well(world, empty);
	world_fsync_well(world, one);
	world_fsync_well(world, CACHE_ROOT);
	world_assert_calls(world, "");
	pen_unlink(kit, one, "notes");
	pen_unlink(kit, one, "empty.eml");
}

static void test_fsync_is_quick(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	int64_t begin = g_get_monotonic_time();
	world_fsync_well(world, id);
	/* It does not linger, though a busy machine may. */
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 20 * G_USEC_PER_SEC);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent"), ==, 0);
}

static void test_drain_deadline(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_hold(world->fake, "CreateItem");
	cache_drain(kit->cache, g_get_monotonic_time() + G_USEC_PER_SEC / 2, waiter_done, waiter);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 1);
}

/* --- others -------------------------------------------------------------------------- */

/* What was set here and is not there yet wins over what the server says meanwhile. */
static void test_pending_wins(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "UpdateItem");
	pen_flag(kit, id);
	fake_await_held(world->fake, 1);
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	item->importance = EWS_IMPORTANCE_HIGH;
	item->flag = EWS_FLAG_COMPLETE;
	fake_item(world->fake, "F1", item, "bytes");
	world_sync_well(world);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_cmpint(details->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_cmpint(details->importance, ==, EWS_IMPORTANCE_HIGH);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	g_autoptr(CacheDetails) after = cache_details(kit->cache, id, NULL);
	g_assert_cmpint(after->flag, ==, EWS_FLAG_FLAGGED);
}

/* A move that is not sent yet is not undone by what the server says of the old place. */
static void test_pending_place(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "MoveItem");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_unlink(kit, one, "b.eml");
	fake_await_held(world->fake, 1);
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	item->is_read = !item->is_read;
	fake_item(world->fake, "F1", item, "bytes");
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F2", "a.eml"), ==, id);
	world_assert_ls(world, "F1", "");
	fake_hold(world->fake, NULL);
}

/* A page that was made before our change, and comes after its answer. */
static void begin_old_page(World *world, Waiter *waiter)
{
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	item->is_read = !item->is_read;
	fake_item(world->fake, "F1", item, "bytes");
	fake_hold_answers(world->fake, "SyncFolderItems F1");
	cache_sync(kit->cache, CACHE_ROOT, false, 0, waiter_done, waiter);
	fake_await_held(world->fake, 1);
}

static void end_old_page(World *world, Waiter *waiter)
{
	world_until(world, 0, "SELECT count(*) FROM intent");
	fake_hold(world->fake, NULL);
	g_assert_no_error(waiter_wait(waiter));
}

static void test_deleted_before_the_page_came(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	begin_old_page(world, waiter);
	pen_unlink(kit, one, "a.eml");
	end_old_page(world, waiter);
	world_assert_ls(world, "F1", "b.eml");
}

static void test_moved_before_the_page_came(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	begin_old_page(world, waiter);
	pen_rename(kit, one, "a.eml", two, "a.eml");
	end_old_page(world, waiter);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "a.eml");
}

static void test_replaced_before_the_page_came(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	int64_t id = world_find(world, "F1", "a.eml");
	begin_old_page(world, waiter);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	end_old_page(world, waiter);
	world_assert_ls(world, "F1", "a.eml b.eml");
}

/* Nor is what we set undone, or taken for another content when the next page tells of it. */
static void test_updated_before_the_page_came(World *world, gconstpointer data)
{
	g_autoptr(Waiter) waiter = waiter_new();
	const CacheFields fields = {.set = CACHE_FIELD_CATEGORIES, .categories = "Red"};
	int64_t id = world_find(world, "F1", "a.eml");
	begin_old_page(world, waiter);
	pen_set(kit, id, &fields);
	end_old_page(world, waiter);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_cmpstr(details->categories, ==, "Red");
	world_sync_well(world);
	/* 4: NODE_SUSPECT */
	g_assert_cmpint(kit_int(kit, "SELECT flags & 4 FROM node WHERE id = %lld", id), ==, 0);
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	g_assert_cmpint(kit_int(kit, "SELECT is_read FROM item WHERE node = %lld", id), ==,
		item->is_read);
}

/* Of what we made and took away no sync ever tells; and what it is, the server cannot say. */
static void test_gone_and_not_described(World *world, gconstpointer data)
{
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	fake_fail(world->fake, "GetItem ", EWS_ERROR_CORRUPT, -1);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
}

/* It was to be asked for when it went. */
static void test_gone_before_it_was_described(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	g_autofree char *id = kit_text(kit, "SELECT item_id FROM item WHERE print = 0");
	fake_item_lost(world->fake, "F1", id);
	fake_fail(world->fake, "GetItem ", EWS_ERROR_OFFLINE, 1);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "refresh: *");
	error = world_sync(world, false);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_OFFLINE);
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	fake_fail(world->fake, "GetItem ", EWS_ERROR_CORRUPT, -1);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
}

/* Removed by somebody else while it is written anew here: what was written stays. */
static void test_written_and_removed(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	CacheFile *file = pen_truncate(kit, id);
	pen_append(file, PEN_MAIL("another"));
	fake_item_gone(world->fake, "F1", "A");
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	pen_close(file);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 1);
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("another"));
}

static void test_flagged_and_removed(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_item_gone(world->fake, "F1", "A");
	pen_flag(kit, id);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
}

#define ADD(path, test) g_test_add("/cache/meet/" path, World, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("moved-meanwhile", test_meanwhile_moved);
	ADD("flagged-meanwhile-and-refused", test_meanwhile_flagged_and_refused);
	ADD("deleted-meanwhile", test_meanwhile_deleted);
	ADD("deleted-meanwhile-and-refused", test_meanwhile_deleted_and_refused);
	ADD("rewritten-deleted-and-refused", test_rewritten_deleted_and_refused);
	ADD("rewritten-deleted-and-lost", test_rewritten_deleted_and_lost);
	ADD("rewritten-while-updated", test_rewritten_while_updated);
	ADD("rewritten-twice", test_rewritten_twice);
	ADD("rewritten-again", test_rewritten_again);
	ADD("rewritten-twice-and-deleted", test_rewritten_twice_and_deleted);
	ADD("rewritten-deleted-and-done", test_rewritten_deleted_and_done);
	ADD("dir-deleted-and-refused", test_dir_deleted_and_refused);
	ADD("dir-deleted-and-lost", test_dir_deleted_and_lost);
	ADD("dir-deleted-and-done", test_dir_deleted_and_done);
	ADD("rewritten-meanwhile", test_meanwhile_rewritten);
	ADD("seen-before-it-is-answered", test_seen_before_answered);
	ADD("moved-back-meanwhile", test_twice_moved);
	ADD("fsync-waits", test_fsync_waits);
	ADD("fsync-of-a-directory", test_fsync_dir);
	ADD("fsync-finishes", test_fsync_finishes);
	ADD("fsync-of-what-is-not-sent", test_fsync_scratch);
	ADD("fsync-does-not-linger", test_fsync_is_quick);
	ADD("drain-until", test_drain_deadline);
	ADD("pending-fields-win", test_pending_wins);
	ADD("pending-places-win", test_pending_place);
	ADD("deleted-before-the-page-came", test_deleted_before_the_page_came);
	ADD("moved-before-the-page-came", test_moved_before_the_page_came);
	ADD("replaced-before-the-page-came", test_replaced_before_the_page_came);
	ADD("gone-and-not-described", test_gone_and_not_described);
	ADD("updated-before-the-page-came", test_updated_before_the_page_came);
	ADD("gone-before-it-was-described", test_gone_before_it_was_described);
	ADD("written-here-removed-there", test_written_and_removed);
	ADD("flagged-here-removed-there", test_flagged_and_removed);
	return g_test_run();
}
