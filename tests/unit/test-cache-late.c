/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Answers that never came (test-cache-doubt.c), and what is asked for before it is known whether
 * the work was done; and work that is done late. settle= is one second here.
 */

static Kit *kit;
static int64_t one, two;

static void empty_steps(void);

static void set_up(World *world, gconstpointer data)
{
	kit = &world->kit;
	empty_steps();
	world_set_scene(world, &one, &two);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close_clean(world);
}

/* --- moves ----------------------------------------------------------------------------------- */

static void lose_move(World *world, bool was_moved)
{
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_lose(world->fake, "MoveItem", was_moved, 1);
	world_until(world, 1, "SELECT tries FROM intent");
}

/* Moved, the answer was lost, and deleted before it could be asked again. */
static void delete_moved(World *world, bool was_moved)
{
	lose_move(world, was_moved);
	pen_unlink(kit, two, "a.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
	world_assert_asked(world, "MoveItem", 1);
}

static void test_moved_and_deleted(World *world, gconstpointer data)
{
	delete_moved(world, true);
}

static void test_not_moved_and_deleted(World *world, gconstpointer data)
{
	delete_moved(world, false);
}

/* Moved on, before the first move could be asked again. */
static void move_on(World *world, bool was_moved)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, was_moved);
	pen_rename(kit, two, "a.eml", kit_dir(kit, "F3"), "c.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_where(world, id, "F3");
	world_assert_ls(world, "F3", "c.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
}

static void test_moved_on(World *world, gconstpointer data)
{
	move_on(world, true);
}

static void test_not_moved_and_on(World *world, gconstpointer data)
{
	move_on(world, false);
}

/* Moved and renamed at once, and no answer comes for a while. */
static void test_moved_and_renamed(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_rename(kit, one, "a.eml", two, "c.eml");
	fake_lose(world->fake, "MoveItem", true, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	/* A later attempt never left: that says nothing of the first. */
	fake_fail(world->fake, "MoveItem", EWS_ERROR_OFFLINE, 1);
	world_until(world, 2, "SELECT tries FROM intent");
	fake_lose(world->fake, "UpdateItem", true, 2);
	world_flush(world);
	world_assert_where(world, id, "F2");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "c.eml");
}

/* Deleted, and seen where it went before the server says that it is not where it was. */
static void test_moved_and_seen_deleted(World *world, gconstpointer data)
{
	lose_move(world, true);
	fake_hold(world->fake, "DeleteItem");
	pen_unlink(kit, two, "a.eml");
	fake_await_held(world->fake, 1);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
}

/* Back again, before the move could be asked again. */
static void test_moved_and_back(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, true);
	pen_rename(kit, two, "a.eml", one, "a.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	world_assert_where(world, id, "F1");
}

/* Written anew and deleted, while it is not known whether the new content was made. */
static void delete_rewritten(World *world, bool was_made)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "SyncFolderItems");
	fake_lose(world->fake, "CreateItem", was_made, 1);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_unlink(kit, one, "a.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
}

static void test_rewritten_and_deleted(World *world, gconstpointer data)
{
	delete_rewritten(world, true);
}

static void test_not_rewritten_and_deleted(World *world, gconstpointer data)
{
	delete_rewritten(world, false);
}

/* What was set meanwhile is not what the server says when it is found. */
static void test_moved_and_set(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, true);
	const CacheFields fields = {.set = CACHE_FIELD_CATEGORIES, .categories = "Red"};
	pen_set(kit, id, &fields);
	world_flush(world);
	world_sync_well(world);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_nonnull(item->categories);
	g_assert_cmpstr(item->categories[0], ==, "Red");
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_cmpstr(details->categories, ==, "Red");
}

/* A create on its way to where it was moved is no move that was sent. */
static void test_rewritten_and_moved_on(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_lose(world->fake, "CreateItem", false, 1);
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_rename(kit, two, "a.eml", kit_dir(kit, "F3"), "a.eml");
	pen_rewrite(kit, id, PEN_MAIL("newest"));
	world_flush(world);
	world_sync_well(world);
	world_assert_where(world, id, "F3");
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "");
	world_assert_asked(world, "MoveItem", 0);
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
}

/* In the end it is where it was moved to, as the same node, and once. */
static void settle_in_two(World *world, int64_t id)
{
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "a.eml");
	g_assert_cmpint(world_find(world, "F2", "a.eml"), ==, id);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 1);
}

/* Written anew, before the move could be asked again. */
static void rewrite_moved(World *world, bool was_moved)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, was_moved);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	settle_in_two(world, id);
	world_assert_ls(world, "F1", "b.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
}

static void test_moved_and_rewritten(World *world, gconstpointer data)
{
	rewrite_moved(world, true);
}

static void test_not_moved_and_rewritten(World *world, gconstpointer data)
{
	rewrite_moved(world, false);
}

/* An earlier attempt was done late, while the next was on its way, and after the sync that followed
 * its sending: where the item is now, only one after the answer tells. */
static void test_moved_late_and_rewritten(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "MoveItem");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_await_held(world->fake, 1);
	world_sync_well(world);
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	g_autofree char *mime = fake_mime(world->fake, "A");
	fake_item_gone(world->fake, "F1", "A");
	g_free(item->id);
	item->id = g_strdup("A.moved");
	fake_item(world->fake, "F2", item, mime);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_hold(world->fake, NULL);
	settle_in_two(world, id);
}

/* And deleted before it was found where it was moved to. */
static void test_moved_rewritten_and_deleted(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, true);
	fake_hold(world->fake, "SyncFolderItems");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	world_until(world, 2, "SELECT state FROM intent"); /* in doubt */
	pen_unlink(kit, two, "a.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 1);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
	world_assert_asked(world, "CreateItem", 0);
}

/* Neither where it was nor where it was to go: somebody took it; what was written stays. */
static void test_moved_taken_and_rewritten(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	lose_move(world, false);
	fake_item_gone(world->fake, "F1", "A");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	settle_in_two(world, id);
}

/* The same, deleted while the move was on its way. */
static void test_deleted_while_moved(World *world, gconstpointer data)
{
	fake_lose(world->fake, "MoveItem", true, 1);
	fake_hold(world->fake, "MoveItem");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_await_held(world->fake, 1);
	pen_unlink(kit, two, "a.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "");
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
}

/* Made here, and moved before any sync has told its search key. The answer to the move is lost. */
static int64_t lose_new(World *world)
{
	fake_hold(world->fake, "SyncFolderItems");
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_fsync_well(world, id);
	pen_rename(kit, one, "new.eml", two, "new.eml");
	fake_lose(world->fake, "MoveItem", true, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	return id;
}

static void test_new_moved(World *world, gconstpointer data)
{
	int64_t id = lose_new(world);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_ls(world, "F2", "new.eml");
	g_assert_cmpint(world_find(world, "F2", "new.eml"), ==, id);
	world_assert_where(world, id, "F2");
}

static void test_new_moved_and_deleted(World *world, gconstpointer data)
{
	lose_new(world);
	pen_unlink(kit, two, "new.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 0);
}

/* --- meanwhile ------------------------------------------------------------------------------- */

static void test_moved_in_doubt(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_lose(world->fake, "CreateItem", true, 1);
	fake_hold(world->fake, "SyncFolderItems");
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_rename(kit, one, "new.eml", two, "moved.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_asked(world, "CreateItem", 1);
	world_assert_where(world, id, "F2");
	g_assert_cmpint(world_find(world, "F2", "moved.eml"), ==, id);
}

static void test_deleted_in_doubt(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_lose(world->fake, "CreateItem", true, 1);
	fake_hold(world->fake, "SyncFolderItems");
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_unlink(kit, one, "new.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_asked(world, "CreateItem", 1);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_ls(world, "deleteditems", "new.eml");
}

/* It never arrived: then there is nothing to delete. */
static void test_deleted_and_never_made(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_lose(world->fake, "CreateItem", false, 1);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_asked(world, "CreateItem", 1);
	pen_assert_queue(kit, "");
}

static void test_rewritten_in_doubt(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", true, 1);
	fake_hold(world->fake, "SyncFolderItems");
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_autofree char *first = fake_made(world->fake, guid, 0);
	g_assert_null(first);
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 3);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
}

/* --- copies ---------------------------------------------------------------------------------- */

/* What was to be copied is written anew before it is known that the copy was made. */
static void copy_late(World *world, const char *name)
{
	g_autoptr(GError) error = NULL;
	int64_t from = world_find(world, "F1", name);
	g_autoptr(GError) fetched = world_fetch(world, from, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	g_autoptr(EwsItem) late = world_get(world, from);
	g_autofree char *mime = fake_mime(world->fake, late->id);
	CacheFile *file = pen_create(kit, two, "copy.eml", "");
	g_assert_true(cache_file_copy(file, from, &error));
	pen_close(file);
	fake_lose(world->fake, "CopyItem", false, 1);
	int64_t copy = world_find(world, "F2", "copy.eml");
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", copy);
	pen_rewrite(kit, from, PEN_MAIL("newer"));
	world_fsync_well(world, from);
	g_free(late->id);
	late->id = g_strdup("LATE");
	fake_hold(world->fake, NULL);
	world_sync_well(world);
	fake_item(world->fake, "F2", late, mime);
	world_flush(world);
	world_sync_well(world);
	world_assert_asked(world, "CopyItem", 1);
	world_assert_ls(world, "F2", "copy.eml");
	g_assert_cmpint(kit_node(kit, "LATE"), ==, copy);
	g_autoptr(EwsItem) item = world_get(world, copy);
	g_assert_cmpstr(item->file_name, ==, "copy.eml");
}

static void test_copy_was_late(World *world, gconstpointer data)
{
	copy_late(world, "a.eml");
}

/* ... of a message that was made here, and whose search key no sync has told yet. */
static void test_copy_of_new_was_late(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems");
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_fsync_well(world, id);
	copy_late(world, "new.eml");
}

/* The copy is written over before it is known whether it was made. */
static void rewrite_copy(World *world, bool was_made)
{
	g_autoptr(GError) error = NULL;
	int64_t from = world_find(world, "F1", "a.eml");
	g_autoptr(GError) fetched = world_fetch(world, from, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	CacheFile *file = pen_create(kit, two, "copy.eml", "");
	g_assert_true(cache_file_copy(file, from, &error));
	pen_close(file);
	fake_hold(world->fake, "SyncFolderItems");
	fake_lose(world->fake, "CopyItem", was_made, 1);
	int64_t copy = world_find(world, "F2", "copy.eml");
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", copy);
	pen_rewrite(kit, copy, PEN_MAIL("newer"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "copy.eml");
	g_assert_cmpint(world_find(world, "F2", "copy.eml"), ==, copy);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 1);
	g_autoptr(EwsItem) item = world_get(world, copy);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
}

static void test_copied_and_rewritten(World *world, gconstpointer data)
{
	rewrite_copy(world, true);
}

static void test_not_copied_and_rewritten(World *world, gconstpointer data)
{
	rewrite_copy(world, false);
}

/* --- creates --------------------------------------------------------------------------------- */

/* The first attempt is seen while the second is on its way. */
static void test_first_while_second(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	g_assert_cmpint(kit_node(kit, "LATE"), ==, id);
	fake_hold(world->fake, NULL);
	/* Its answer says nothing new; that it was done shows later. */
	for (int i = 0; i < 500 && fake_items(world->fake, "F1") < 4; i++)
		g_usleep(G_USEC_PER_SEC / 50);
	world_sync_well(world);
	world_until(world, 0, "SELECT count(*) FROM stray");
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	world_assert_once(world, guid);
	g_assert_cmpint(kit_node(kit, "LATE"), ==, id);
}

/* Whoever waits for all waits for that too. */
static void test_flush_waits_for_strays(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_fsync_well(world, id);
	world_sync_well(world);
	fake_fail(world->fake, "DeleteItem", EWS_ERROR_BUSY, 1);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	world_flush(world);
	world_assert_once(world, guid);
	/* One that the server will not remove is waited for no longer. */
	g_test_expect_message("cache", G_LOG_LEVEL_MESSAGE, "*arrived twice*");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*there twice stays*");
	fake_fail(world->fake, "DeleteItem", EWS_ERROR_DENIED, 1);
	world_arrive(world, guid, 3, "LATER", "new.eml");
	world_sync_well(world);
	world_flush(world);
	g_test_assert_expected_messages();
	world_assert_asked(world, "DeleteItem", 3);
}

/* Emptied, while it is not known whether it was made, and deleted. */
static void test_emptied(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems");
	fake_lose(world->fake, "CreateItem", true, 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	pen_close(pen_truncate(kit, id));
	fake_hold(world->fake, NULL);
	world_until(world, 5, "SELECT state FROM intent WHERE node = %lld", id);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 2);
}

/* What comes late of an earlier content is not taken for the new one. */
static void test_old_content_was_late(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	pen_flag(kit, id);
	fake_hold(world->fake, "UpdateItem");
	fake_await_held(world->fake, 1);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_until(world, 0, "SELECT count(*) FROM stray");
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
	g_assert_cmpuint(fake_items(world->fake, "F1"), ==, 3);
}

/* A pipe that cache/step.c writes into at each step: a full one keeps the program there. */
static int steps[2];

static void fill_steps(void)
{
	static const char noise[PIPE_BUF];
	while (write(steps[1], noise, sizeof noise) > 0 || errno == EINTR)
		continue;
}

static void empty_steps(void)
{
	char noise[PIPE_BUF];
	while (read(steps[0], noise, sizeof noise) > 0 || errno == EINTR)
		continue;
}

static void *unlink_new(void *data)
{
	pen_unlink(kit, one, "new.eml");
	return NULL;
}

/* Deleted between the word in the journal and the reading of its bytes. */
static void test_deleted_before_it_left(World *world, gconstpointer data)
{
	pthread_t other;
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fill_steps();
	world_until(world, 1, "SELECT state FROM intent WHERE node = %lld", id);
	/* It stops for its own step, before the last of it: that the file goes. */
	g_assert_cmpint(pthread_create(&other, NULL, unlink_new, NULL), ==, 0);
	world_until(world, 1, "SELECT state FROM node WHERE id = %lld", id);
	g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, id);
	g_autofree char *path = g_build_filename(kit->dir, "state", "files", name, NULL);
	g_assert_cmpint(unlink(path), ==, 0);
	empty_steps();
	pthread_join(other, NULL);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 0);
	world_assert_ls(world, "F1", "a.eml b.eml");
}

#define ADD(path, test) g_test_add("/cache/late/" path, World, NULL, set_up, test, tear_down)

static void watch_steps(void)
{
	g_assert_cmpint(pipe2(steps, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_autofree char *words = g_strdup_printf("count:/dev/fd/%d", steps[1]);
	g_setenv("EWSFS_TEST_KILL", words, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	watch_steps();
	ADD("moved-and-deleted", test_moved_and_deleted);
	ADD("not-moved-and-deleted", test_not_moved_and_deleted);
	ADD("moved-on", test_moved_on);
	ADD("not-moved-and-on", test_not_moved_and_on);
	ADD("moved-and-seen-deleted", test_moved_and_seen_deleted);
	ADD("moved-and-back", test_moved_and_back);
	ADD("rewritten-and-deleted", test_rewritten_and_deleted);
	ADD("not-rewritten-and-deleted", test_not_rewritten_and_deleted);
	ADD("moved-and-set", test_moved_and_set);
	ADD("rewritten-and-moved-on", test_rewritten_and_moved_on);
	ADD("moved-and-rewritten", test_moved_and_rewritten);
	ADD("not-moved-and-rewritten", test_not_moved_and_rewritten);
	ADD("moved-late-and-rewritten", test_moved_late_and_rewritten);
	ADD("moved-rewritten-and-deleted", test_moved_rewritten_and_deleted);
	ADD("moved-taken-and-rewritten", test_moved_taken_and_rewritten);
	ADD("moved-and-renamed", test_moved_and_renamed);
	ADD("deleted-while-moved", test_deleted_while_moved);
	ADD("moved-meanwhile", test_moved_in_doubt);
	ADD("deleted-meanwhile", test_deleted_in_doubt);
	ADD("deleted-and-never-made", test_deleted_and_never_made);
	ADD("rewritten-meanwhile", test_rewritten_in_doubt);
	ADD("new-moved", test_new_moved);
	ADD("new-moved-and-deleted", test_new_moved_and_deleted);
	ADD("copied-and-rewritten", test_copied_and_rewritten);
	ADD("not-copied-and-rewritten", test_not_copied_and_rewritten);
	ADD("emptied", test_emptied);
	ADD("copy-was-late", test_copy_was_late);
	ADD("copy-of-new-was-late", test_copy_of_new_was_late);
	ADD("first-while-second", test_first_while_second);
	ADD("deleted-before-it-left", test_deleted_before_it_left);
	ADD("flush-waits-for-strays", test_flush_waits_for_strays);
	ADD("old-content-was-late", test_old_content_was_late);
	return g_test_run();
}
