/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Answers that never came: lost on the way, cut off, or the program was killed. Nothing may be
 * missing after it, nothing there twice. settle= is one second here.
 */

#define SETTLE_US ((int64_t)G_USEC_PER_SEC)

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

/* --- lost answers ---------------------------------------------------------------------------- */

static void test_create_was_done(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", true, 1);
	world_fsync_well(world, id);
	world_assert_asked(world, "CreateItem", 1);
	world_assert_once(world, guid);
	g_assert_cmpint(world_find(world, "F1", "new.eml"), ==, id);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("new"));
}

/* ... and is a file like any other from then on. */
static void test_rewritten_when_found(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	fake_lose(world->fake, "CreateItem", true, 1);
	world_fsync_well(world, id);
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	world_fsync_well(world, id);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("newer"));
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("newer"));
}

static void test_create_was_not_done(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	int64_t begin = g_get_monotonic_time();
	fake_lose(world->fake, "CreateItem", false, 1);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	g_autofree char *queue = pen_queue(kit);
	g_assert_true(g_str_has_prefix(queue, "doubt /F1/new.eml create"));
	world_fsync_well(world, id);
	/* It was waited for. */
	g_assert_cmpint(g_get_monotonic_time() - begin, >=, SETTLE_US);
	world_assert_asked(world, "CreateItem", 2);
	world_assert_once(world, guid);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_true(g_str_has_suffix(item->guid, "/2"));
}

/* Done after the connection was cut, and before the wait was over. */
static void test_create_was_late(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", id);
	g_usleep(SETTLE_US / 2);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_fsync_well(world, id);
	world_assert_asked(world, "CreateItem", 1);
	g_assert_cmpint(kit_node(kit, "LATE"), ==, id);
}

/* Of many that were cut some arrive: the others may still, for as long again. */
static void test_some_arrive(World *world, gconstpointer data)
{
	int64_t first = pen_write(kit, one, "first.eml", PEN_MAIL("first"));
	int64_t second = pen_write(kit, one, "second.eml", PEN_MAIL("second"));
	g_autofree char *guid = world_guid_of(world, first);
	g_autofree char *other = world_guid_of(world, second);
	fake_lose(world->fake, "CreateItem", false, 2);
	world_until(world, 2, "SELECT count(*) FROM intent WHERE state = 2");
	g_usleep(SETTLE_US * 2 / 3);
	world_arrive(world, guid, 1, "LATE", "first.eml");
	world_until(world, 1, "SELECT count(*) FROM intent");
	int64_t seen = g_get_monotonic_time();
	world_fsync_well(world, second);
	g_assert_cmpint(g_get_monotonic_time() - seen, >=, SETTLE_US * 2 / 3);
	world_assert_asked(world, "CreateItem", 3);
	world_assert_once(world, guid);
	world_assert_once(world, other);
}

/* It came after all, after it was sent again: one of the two goes. */
static void test_twins(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_fsync_well(world, id);
	world_sync_well(world);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	/* Never shown. */
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	world_until(world, 0, "SELECT count(*) FROM stray");
	world_assert_once(world, guid);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	world_assert_where(world, id, "F1");
	world_assert_ls(world, "deleteditems", "");
}

/* The second one is asked to be removed again, though the answer made no sense. */
static void test_twin_and_rubbish(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_fsync_well(world, id);
	world_sync_well(world);
	fake_fail(world->fake, "DeleteItem LATE", EWS_ERROR_PROTOCOL, 2);
	world_arrive(world, guid, 1, "LATE", "new.eml");
	world_sync_well(world);
	world_flush(world);
	world_assert_asked(world, "DeleteItem LATE", 3);
	world_assert_once(world, guid);
	world_assert_where(world, id, "F1");
}

/* The same GUID and the same attempt: a copy that somebody made. */
static void test_copies_stay(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_lose(world->fake, "CreateItem", false, 1);
	world_fsync_well(world, id);
	world_arrive(world, guid, 2, "COPY", "copy.eml");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml copy.eml");
	world_assert_asked(world, "DeleteItem", 0);
}

static void test_update(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_flag(kit, id);
	fake_lose(world->fake, "UpdateItem", false, 1);
	world_fsync_well(world, id);
	world_assert_asked(world, "UpdateItem", 2);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
}

static void test_delete(World *world, gconstpointer data)
{
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, one, "b.eml");
	fake_lose(world->fake, "DeleteItem A", true, 1);
	fake_lose(world->fake, "DeleteItem B", false, 1);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "");
	world_assert_ls(world, "deleteditems", "a.eml b.eml");
}

static void test_move(World *world, gconstpointer data)
{
	int64_t a = world_find(world, "F1", "a.eml");
	int64_t b = world_find(world, "F1", "b.eml");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_rename(kit, one, "b.eml", two, "b.eml");
	fake_lose(world->fake, "MoveItem A", true, 1);
	fake_lose(world->fake, "MoveItem B", false, 1);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "");
	world_assert_ls(world, "F2", "a.eml b.eml");
	g_assert_cmpint(world_find(world, "F2", "a.eml"), ==, a);
	g_assert_cmpint(world_find(world, "F2", "b.eml"), ==, b);
	world_assert_where(world, a, "F2");
	world_assert_where(world, b, "F2");
}

/* Found moved: what was to follow follows. */
static void test_move_and_rename(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_rename(kit, one, "a.eml", two, "z.eml");
	fake_lose(world->fake, "MoveItem", true, 1);
	world_flush(world);
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F2", "z.eml"), ==, id);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "z.eml");
}

/* Written anew, and moved before a sync has told the search key of what it is now. */
static void test_move_of_rewritten(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "SyncFolderItems");
	pen_rewrite(kit, id, PEN_MAIL("newer"));
	world_fsync_well(world, id);
	pen_rename(kit, one, "a.eml", two, "c.eml");
	fake_lose(world->fake, "MoveItem", true, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "c.eml");
	g_assert_cmpint(world_find(world, "F2", "c.eml"), ==, id);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 1);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "c.eml");
}

/* A copy that is to be made of @from as F2/copy.eml. */
static int64_t copy_to_two(World *world, int64_t from)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) fetched = world_fetch(world, from, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	CacheFile *file = pen_create(kit, two, "copy.eml", "");
	g_assert_true(cache_file_copy(file, from, &error));
	pen_close(file);
	return world_find(world, "F2", "copy.eml");
}

/* What is copied was written anew before a sync has told what it is now. */
static void test_copy_of_rewritten(World *world, gconstpointer data)
{
	int64_t from = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "SyncFolderItems");
	pen_rewrite(kit, from, PEN_MAIL("newer"));
	world_fsync_well(world, from);
	fake_lose(world->fake, "CopyItem", true, 1);
	int64_t copy = copy_to_two(world, from);
	world_until(world, 2, "SELECT state FROM intent WHERE node = %lld", copy);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_asked(world, "CopyItem", 1);
	world_assert_ls(world, "F2", "copy.eml");
	g_assert_cmpint(world_find(world, "F2", "copy.eml"), ==, copy);
	g_assert_cmpuint(fake_items(world->fake, "F2"), ==, 1);
}

/* A copy is moved before a sync has told of it. */
static void move_copy(World *world, int64_t from)
{
	fake_hold(world->fake, "SyncFolderItems");
	int64_t copy = copy_to_two(world, from);
	world_fsync_well(world, copy);
	pen_rename(kit, two, "copy.eml", kit_dir(kit, "F3"), "moved.eml");
	fake_lose(world->fake, "MoveItem", true, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F2", "");
	world_assert_ls(world, "F3", "moved.eml");
	g_assert_cmpint(world_find(world, "F3", "moved.eml"), ==, copy);
	world_assert_where(world, copy, "F3");
}

static void test_move_of_copy(World *world, gconstpointer data)
{
	move_copy(world, world_find(world, "F1", "a.eml"));
}

/* ... of a message of which no sync has told yet either. */
static void test_move_of_copy_of_new(World *world, gconstpointer data)
{
	fake_hold(world->fake, "SyncFolderItems");
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_fsync_well(world, id);
	move_copy(world, id);
}

static void test_copy(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CopyItem", true, 1);
	int64_t copy = copy_to_two(world, world_find(world, "F1", "a.eml"));
	world_fsync_well(world, copy);
	world_assert_asked(world, "CopyItem", 1);
	world_sync_well(world);
	world_assert_ls(world, "F2", "copy.eml");
	g_assert_cmpint(world_find(world, "F2", "copy.eml"), ==, copy);
	g_autoptr(EwsItem) item = world_get(world, copy);
	g_assert_cmpstr(item->file_name, ==, "copy.eml");
}

static void test_mkdir(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateFolder", true, 1);
	int64_t box = pen_mkdir(kit, one, "Box");
	pen_write(kit, box, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, one, "Box"), ==, box);
	pen_assert_ls(kit, box, "new.eml");
	pen_assert_ls(kit, one, "a.eml b.eml Box");
}

/* The old one goes although nobody said whether it went. */
static void test_replace(World *world, gconstpointer data)
{
	pen_write(kit, one, "a.tmp", PEN_MAIL("another"));
	pen_rename(kit, one, "a.tmp", one, "a.eml");
	fake_lose(world->fake, "CreateItem", true, 1);
	fake_lose(world->fake, "DeleteItem A", true, 1);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml a.eml");
	g_autofree char *where = fake_where(world->fake, "A");
	g_assert_null(where);
	world_assert_asked(world, "CreateItem", 1);
}

/* --- mail ------------------------------------------------------------------------------------- */

static void write_mail(void)
{
	pen_write(kit, one, "out.tmp", PEN_MAIL("out"));
	pen_rename(kit, one, "out.tmp", pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME), "out.eml");
}

static void test_mail_was_sent(World *world, gconstpointer data)
{
	fake_lose(world->fake, "SendItem", true, 1);
	write_mail();
	world_flush(world);
	world_until(world, 0, "SELECT count(*) FROM intent");
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
	world_assert_asked(world, "SendItem", 1);
}

/* Whether it was sent nobody knows: a person decides, and nothing is sent by itself. */
static void test_mail_may_have_been_sent(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "out.eml: *");
	fake_lose(world->fake, "SendItem", false, 1);
	write_mail();
	world_until(world, 6, "SELECT state FROM intent");
	g_test_assert_expected_messages();
	g_usleep(2 * SETTLE_US);
	world_sync_well(world);
	world_assert_asked(world, "SendItem", 1);
	g_assert_cmpuint(fake_sent(world->fake), ==, 0);
	g_assert_false(cache_queue_retry(kit->cache, 0, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_true(cache_queue_discard(kit->cache, 0, &error));
	g_assert_no_error(error);
}

static void test_mail_is_made_again(World *world, gconstpointer data)
{
	fake_lose(world->fake, "CreateItem", false, 1);
	write_mail();
	world_flush(world);
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
	world_assert_asked(world, "CreateItem", 2);
}

/* --- the program ended ------------------------------------------------------------------------ */

static void test_killed_and_done(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	world_arrive(world, guid, 1, "DONE", "new.eml");
	world_remount(world);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 1);
	g_assert_cmpint(kit_node(kit, "DONE"), ==, id);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
}

static void test_killed_and_not_done(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *guid = world_guid_of(world, id);
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	world_remount(world);
	world_flush(world);
	world_assert_asked(world, "CreateItem", 2);
	world_assert_once(world, guid);
	world_assert_where(world, id, "F1");
}

static void test_killed_while_moving(World *world, gconstpointer data)
{
	int64_t a = world_find(world, "F1", "a.eml");
	int64_t b = world_find(world, "F1", "b.eml");
	fake_hold(world->fake, "MoveItem");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_rename(kit, one, "b.eml", two, "b.eml");
	fake_await_held(world->fake, 2);
	/* One was moved, the other was not. */
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	g_free(item->id);
	item->id = g_strdup("A2");
	fake_item_gone(world->fake, "F1", "A");
	fake_item(world->fake, "F2", item, PEN_MAIL("a.eml"));
	world_remount(world);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "");
	world_assert_ls(world, "F2", "a.eml b.eml");
	g_assert_cmpint(world_find(world, "F2", "a.eml"), ==, a);
	g_assert_cmpint(world_find(world, "F2", "b.eml"), ==, b);
}

static void test_killed_while_changing(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_hold(world->fake, "UpdateItem");
	pen_flag(kit, id);
	fake_await_held(world->fake, 1);
	fake_hold(world->fake, "DeleteItem");
	pen_unlink(kit, one, "b.eml");
	fake_await_held(world->fake, 2);
	world_remount(world);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml");
	world_assert_ls(world, "deleteditems", "b.eml");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
}

static void test_killed_before_sending(World *world, gconstpointer data)
{
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	int64_t box = pen_mkdir(kit, one, "Box");
	pen_rename(kit, one, "a.eml", box, "a.eml");
	world_remount(world);
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml new.eml Box");
	pen_assert_ls(kit, pen_find(kit, kit_dir(kit, "F1"), "Box"), "a.eml");
}

/* Power cuts take bytes: what is not what was written is not sent. */
static void test_bytes_are_gone(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	fake_hold(world->fake, "CreateItem");
	int64_t other = pen_write(kit, one, "other.eml", PEN_MAIL("other"));
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autofree char *name = g_strdup_printf("%" G_GINT64_FORMAT, id);
	g_autofree char *path = g_build_filename(kit->dir, "state", "files", name, NULL);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "new.eml: *not all here*");
	g_assert_true(g_file_set_contents(path, "Subject: n", -1, NULL));
	fake_hold(world->fake, NULL);
	world_flush(world);
	g_test_assert_expected_messages();
	world_assert_asked(world, "CreateItem", 1);
	world_assert_where(world, other, "F1");
	g_autofree char *queue = pen_queue(kit);
	g_assert_true(g_str_has_prefix(queue, "failed /F1/new.eml create"));
	g_assert_true(cache_queue_discard(kit->cache, id, &error));
}

#define ADD(path, test) g_test_add("/cache/doubt/" path, World, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create-was-done", test_create_was_done);
	ADD("rewritten-when-found", test_rewritten_when_found);
	ADD("create-was-not-done", test_create_was_not_done);
	ADD("create-was-late", test_create_was_late);
	ADD("some-arrive", test_some_arrive);
	ADD("twins", test_twins);
	ADD("twin-and-rubbish", test_twin_and_rubbish);
	ADD("copies-stay", test_copies_stay);
	ADD("update", test_update);
	ADD("delete", test_delete);
	ADD("move", test_move);
	ADD("move-and-rename", test_move_and_rename);
	ADD("move-of-rewritten", test_move_of_rewritten);
	ADD("move-of-copy", test_move_of_copy);
	ADD("move-of-copy-of-new", test_move_of_copy_of_new);
	ADD("copy", test_copy);
	ADD("copy-of-rewritten", test_copy_of_rewritten);
	ADD("mkdir", test_mkdir);
	ADD("replace", test_replace);
	ADD("mail-was-sent", test_mail_was_sent);
	ADD("mail-may-have-been-sent", test_mail_may_have_been_sent);
	ADD("mail-is-made-again", test_mail_is_made_again);
	ADD("killed-and-done", test_killed_and_done);
	ADD("killed-and-not-done", test_killed_and_not_done);
	ADD("killed-while-moving", test_killed_while_moving);
	ADD("killed-while-changing", test_killed_while_changing);
	ADD("killed-before-sending", test_killed_before_sending);
	ADD("bytes-are-gone", test_bytes_are_gone);
	return g_test_run();
}
