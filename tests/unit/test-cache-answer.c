/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * What the server does not do: refused for good, not now, gone already. And what a person then
 * decides about it.
 */

static Kit *kit;
static int64_t one, two;

static void set_up(World *world, gconstpointer data)
{
	kit = &world->kit;
	world_set_scene(world, &one, &two);
}

static void set_up_few_deletes(World *world, gconstpointer data)
{
	world->kit.delete_max = 2;
	set_up(world, data);
}

static void tear_down(World *world, gconstpointer data)
{
	world_flush(world);
	world_sync_well(world);
	world_close(world);
}

static void decide(bool (*how)(Cache *, int64_t, GError **), int64_t node)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(how(kit->cache, node, &error));
	g_assert_no_error(error);
}

/* The queue, without the fake's words. */
static void assert_queue(const char *expected)
{
	g_autoptr(GRegex) words = g_regex_new(" \\([^)]*\\)", 0, 0, NULL);
	g_autofree char *queue = pen_queue(kit);
	g_autofree char *bare = g_regex_replace(words, queue, -1, 0, "", 0, NULL);
	g_assert_cmpstr(bare, ==, expected);
}

/* --- refused -------------------------------------------------------------------------------- */

static void test_create(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "new.eml: *");
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_DENIED, "ErrorAccessDenied", 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_assert_cmpint(world_fsync_fails(world, id), ==, EWS_ERROR_DENIED);
	g_test_assert_expected_messages();
	assert_queue("failed /F1/new.eml create");
	/* It stays, with its bytes and the reason, and is told again to who asks again. */
	g_autofree char *bytes = pen_bytes(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("new"));
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_nonnull(details->error);
	g_assert_cmpint(world_fsync_fails(world, id), !=, 0);
	CacheQueueCounts counts;
	cache_queue_counts(kit->cache, &counts);
	g_assert_cmpuint(counts.failed, ==, 1);
	g_assert_cmpuint(counts.waiting, ==, 0);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	decide(cache_queue_retry, 0);
	world_flush(world);
	assert_queue("");
	world_assert_where(world, id, "F1");
	g_autoptr(CacheDetails) after = cache_details(kit->cache, id, NULL);
	g_assert_null(after->error);
}

/* One item's failure is that item's. */
static void test_one_of_many(World *world, gconstpointer data)
{
	int64_t nodes[3];
	g_autofree char *prefix = NULL;
	for (int i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("m%d.eml", i);
		nodes[i] = pen_write(kit, one, name, PEN_MAIL("one of three"));
	}
	g_autofree char *guid =
		kit_text(kit, "SELECT guid FROM intent WHERE node = %lld", nodes[1]);
	prefix = g_strdup_printf("CreateItem F1 %s", guid);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "m1.eml: *");
	fake_refuse(world->fake, prefix, EWS_ERROR_TOO_BIG, "ErrorMessageSizeExceeded", 1);
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("failed /F1/m1.eml create");
	world_assert_where(world, nodes[0], "F1");
	world_assert_where(world, nodes[2], "F1");
	decide(cache_queue_discard, nodes[1]);
	assert_queue("");
	world_assert_ls(world, "F1", "a.eml b.eml m0.eml m2.eml");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

static void test_move(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "z.eml: *");
	fake_refuse(world->fake, "MoveItem", EWS_ERROR_DENIED, "ErrorMoveCopyFailed", 1);
	pen_rename(kit, one, "a.eml", two, "z.eml");
	g_assert_cmpint(world_fsync_fails(world, id), ==, EWS_ERROR_DENIED);
	g_test_assert_expected_messages();
	/* As it was, the name too. */
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	world_assert_ls(world, "F2", "");
	assert_queue("");
}

static void test_delete(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "a.eml: *");
	fake_refuse(world->fake, "DeleteItem", EWS_ERROR_DENIED, "ErrorCannotDeleteObject", 1);
	pen_unlink(kit, one, "a.eml");
	g_assert_cmpint(world_fsync_fails(world, one), ==, EWS_ERROR_DENIED);
	g_test_assert_expected_messages();
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	assert_queue("");
}

/* The name was taken meanwhile: both are there. */
static void test_delete_and_taken(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "a.eml: *");
	fake_refuse(world->fake, "DeleteItem", EWS_ERROR_DENIED, "ErrorCannotDeleteObject", 1);
	pen_unlink(kit, one, "a.eml");
	int64_t other = pen_write(kit, one, "a.eml", PEN_MAIL("another"));
	world_flush(world);
	g_test_assert_expected_messages();
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, other);
	g_assert_cmpint(kit_int(kit, "SELECT parent FROM node WHERE id = %lld", id), ==, one);
	g_autofree char *name = kit_text(kit, "SELECT name FROM node WHERE id = %lld", id);
	g_assert_true(g_str_has_prefix(name, "a."));
	g_assert_true(g_str_has_suffix(name, ".eml"));
}

static void test_update(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "a.eml: *");
	fake_refuse(world->fake, "UpdateItem", EWS_ERROR_DENIED, "ErrorAccessDenied", 1);
	pen_flag(kit, id);
	g_assert_cmpint(world_fsync_fails(world, id), ==, EWS_ERROR_DENIED);
	g_test_assert_expected_messages();
	/* What the server has is asked for. */
	world_until(world, 0, "SELECT flag FROM item WHERE node = %lld", id);
	assert_queue("");
}

static void test_mkdir(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "Box: *");
	fake_refuse(world->fake, "CreateFolder", EWS_ERROR_DENIED, "ErrorAccessDenied", 1);
	int64_t box = pen_mkdir(kit, one, "Box");
	pen_write(kit, box, "new.eml", PEN_MAIL("new"));
	g_assert_cmpint(world_fsync_fails(world, box), ==, EWS_ERROR_DENIED);
	g_test_assert_expected_messages();
	/* What is in it cannot go either, and is told of. */
	assert_queue("failed /F1/Box create; waiting /F1/Box/new.eml create");
	decide(cache_queue_retry, box);
	world_flush(world);
	assert_queue("");
	world_sync_well(world);
	pen_assert_ls(kit, box, "new.eml");
}

static void test_rmdir(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*F2*: *");
	fake_refuse(world->fake, "DeleteFolder", EWS_ERROR_DENIED, "ErrorCannotDeleteObject", 1);
	pen_rmdir(kit, CACHE_ROOT, "F2");
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("");
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F2"), ==, two);
	g_autoptr(CacheNode) root = kit_get(kit, CACHE_ROOT);
	g_assert_cmpuint(root->subdirs, ==, 6);
}

static void test_rename(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "z.eml: *");
	fake_refuse(world->fake, "UpdateItem", EWS_ERROR_DENIED, "ErrorAccessDenied", 1);
	pen_rename(kit, one, "a.eml", one, "z.eml");
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("");
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
}

static void test_busy_and_removed(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateItem", EWS_ERROR_BUSY, 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_until(world, 1, "SELECT tries FROM intent WHERE node = %lld", id);
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	assert_queue("");
	world_assert_calls(world, "CreateItem 1");
}

static void test_rename_dir(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*Other*: *");
	fake_refuse(world->fake, "UpdateFolder", EWS_ERROR_DENIED, "ErrorAccessDenied", 1);
	pen_rename(kit, CACHE_ROOT, "F2", CACHE_ROOT, "Other");
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("");
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F2"), ==, two);
}

/* The old one is there still, and is seen again when a person gives the new one up. */
static void test_replace(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "a.eml: *");
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_DENIED, "ErrorAccessDenied", -1);
	pen_write(kit, one, "a.tmp", PEN_MAIL("another"));
	pen_rename(kit, one, "a.tmp", one, "a.eml");
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("failed /F1/a.eml create");
	world_assert_asked(world, "DeleteItem", 0);
	decide(cache_queue_discard, 0);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml a.eml");
	g_autofree char *id =
		kit_text(kit, "SELECT item_id FROM item JOIN node ON node.id = item.node"
			      " WHERE name = 'a.eml' AND state = 0");
	g_assert_cmpstr(id, ==, "A");
}

/* The same where it was opened and written anew: the server's bytes are what it has. */
static void test_rewrite(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "a.eml: *");
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_DENIED, "ErrorAccessDenied", -1);
	pen_rewrite(kit, id, PEN_MAIL("another"));
	world_flush(world);
	g_test_assert_expected_messages();
	assert_queue("failed /F1/a.eml create");
	decide(cache_queue_discard, id);
	assert_queue("");
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	g_autoptr(GError) error = world_fetch(world, id, CACHE_REASON_OPEN);
	g_assert_no_error(error);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a.eml"));
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

/* Written anew by a program: that is another try. */
static void test_written_again(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "new.eml: *");
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_TOO_BIG, "ErrorMessageSizeExceeded", 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	g_test_assert_expected_messages();
	pen_rewrite(kit, id, PEN_MAIL("less"));
	world_fsync_well(world, id);
	assert_queue("");
}

static void test_refused_and_removed(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "new.eml: *");
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_TOO_BIG, "ErrorMessageSizeExceeded", 1);
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	world_flush(world);
	g_test_assert_expected_messages();
	pen_unlink(kit, one, "new.eml");
	world_flush(world);
	assert_queue("");
	world_assert_calls(world, "CreateItem 1");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

/* --- not now -------------------------------------------------------------------------------- */

static void test_busy(World *world, gconstpointer data)
{
	fake_fail(world->fake, "CreateItem", EWS_ERROR_BUSY, 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	int64_t begin = g_get_monotonic_time();
	world_fsync_well(world, id);
	/* Not at once: with a pause. */
	g_assert_cmpint(g_get_monotonic_time() - begin, >, G_USEC_PER_SEC / 2);
	world_assert_asked(world, "CreateItem", 2);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_true(g_str_has_suffix(item->guid, "/2"));
}

static void test_stale(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	fake_refuse(world->fake, "UpdateItem", EWS_ERROR_STALE, "ErrorIrresolvableConflict", 1);
	pen_flag(kit, id);
	world_fsync_well(world, id);
	world_assert_asked(world, "UpdateItem", 2);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
}

/* A report must be made as one. */
static void test_other_class(World *world, gconstpointer data)
{
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_UNSUPPORTED, "ErrorObjectTypeChanged", 1);
	int64_t id = pen_write(kit, one, "report.eml",
		"Subject: Read\r\nContent-Type: multipart/report;\r\n"
		" report-type=disposition-notification; boundary=x\r\n\r\n--x--\r\n");
	world_fsync_well(world, id);
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->item_class, ==, "REPORT.IPM.Note.IPNRN");
}

/* A full mailbox: creates wait, and a delete makes room again. */
static void test_full(World *world, gconstpointer data)
{
	fake_refuse(world->fake, "CreateItem", EWS_ERROR_QUOTA, "ErrorQuotaExceeded", 1);
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_assert_cmpint(world_fsync_fails(world, id), ==, EWS_ERROR_QUOTA);
	assert_queue("waiting /F1/new.eml create");
	pen_write(kit, one, "more.eml", PEN_MAIL("more"));
	g_usleep(G_USEC_PER_SEC);
	world_assert_asked(world, "CreateItem", 1);
	pen_unlink(kit, one, "a.eml");
	world_flush(world);
	world_assert_asked(world, "CreateItem", 3);
	world_assert_where(world, id, "F1");
}

/* --- gone already --------------------------------------------------------------------------- */

static void test_deleted_elsewhere(World *world, gconstpointer data)
{
	fake_item_lost(world->fake, "F1", "A");
	pen_unlink(kit, one, "a.eml");
	world_flush(world);
	assert_queue("");
	world_assert_ls(world, "F1", "b.eml");
}

static void test_moved_and_deleted_elsewhere(World *world, gconstpointer data)
{
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_item_gone(world->fake, "F1", "A");
	world_flush(world);
	world_sync_well(world);
	assert_queue("");
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "");
}

/* Moved by somebody else before our move came: it is in one place, wherever that is. */
static void test_moved_elsewhere(World *world, gconstpointer data)
{
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	g_free(item->id);
	item->id = g_strdup("A2");
	fake_hold(world->fake, "MoveItem");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	fake_await_held(world->fake, 1);
	fake_item_gone(world->fake, "F1", "A");
	fake_item(world->fake, "F3", item, PEN_MAIL("a.eml"));
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_sync_well(world);
	world_flush(world);
	assert_queue("");
	world_assert_ls(world, "F1", "b.eml");
	g_assert_cmpint(kit_int(kit,
				"SELECT count(*) FROM node WHERE name = 'a.eml' AND state = 0"),
		==, 1);
}

/* --- a person decides ------------------------------------------------------------------------ */

static void test_nothing_to_decide(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_assert_false(cache_queue_retry(kit->cache, 0, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(cache_queue_discard(kit->cache, 0, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_false(cache_queue_confirm(kit->cache, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

/* What a dead writer left: whole, says a person; or not. */
static void test_unfinished(World *world, gconstpointer data)
{
	CacheFile *file = pen_create(kit, one, "new.eml", PEN_MAIL("new"));
	CacheFile *other = pen_create(kit, one, "half.eml", "Subject: ha");
	int64_t half = world_find(world, "F1", "half.eml");
	cache_file_abandon(file);
	cache_file_abandon(other);
	assert_queue("unfinished /F1/new.eml create; unfinished /F1/half.eml create");
	decide(cache_queue_discard, half);
	assert_queue("unfinished /F1/new.eml create");
	decide(cache_queue_retry, 0);
	world_flush(world);
	assert_queue("");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
}

/* The writer closed it, and the mount went before the kernel could say so. */
static void test_closed_at_the_end(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = pen_create(kit, one, "new.eml", PEN_MAIL("new"));
	g_assert_true(cache_file_flush(file, &error));
	cache_file_abandon(file);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1");
}

/* Truncated and left so; the server's version again. */
static void test_discard_truncated(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_close(pen_truncate(kit, id));
	assert_queue("unfinished /F1/a.eml create");
	decide(cache_queue_discard, id);
	assert_queue("");
	g_autoptr(GError) error = world_fetch(world, id, CACHE_REASON_OPEN);
	g_assert_no_error(error);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a.eml"));
}

static void delete_three(World *world)
{
	world_put(world, "F1", "C", "c.eml");
	world_sync_well(world);
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, one, "b.eml");
	pen_unlink(kit, one, "c.eml");
	world_until(world, 3, "SELECT count(*) FROM intent WHERE state = 3");
	assert_queue("held /F1/a.eml delete; held /F1/b.eml delete; held /F1/c.eml delete");
	CacheQueueCounts counts;
	cache_queue_counts(kit->cache, &counts);
	g_assert_cmpuint(counts.held, ==, 3);
	/* Nobody waits for them. */
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "F1", "");
	world_assert_asked(world, "DeleteItem", 0);
}

static void test_confirm(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	delete_three(world);
	g_assert_true(cache_queue_confirm(kit->cache, &error));
	world_flush(world);
	world_assert_calls(world, "DeleteItem 3");
	assert_queue("");
}

static void test_discard_deletes(World *world, gconstpointer data)
{
	delete_three(world);
	decide(cache_queue_discard, 0);
	assert_queue("");
	world_assert_ls(world, "F1", "a.eml b.eml c.eml");
	world_assert_asked(world, "DeleteItem", 0);
}

/* Held over a remount. */
static void test_held_stays(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	delete_three(world);
	world_remount(world);
	world_flush(world);
	assert_queue("held /F1/a.eml delete; held /F1/b.eml delete; held /F1/c.eml delete");
	g_assert_true(cache_queue_confirm(kit->cache, &error));
}

/* Up to the limit they go by themselves. */
static void test_few_deletes(World *world, gconstpointer data)
{
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, one, "b.eml");
	world_flush(world);
	world_assert_calls(world, "DeleteItem 2");
	assert_queue("");
}

#define ADD(path, test) g_test_add("/cache/answer/" path, World, NULL, set_up, test, tear_down)
#define ADD_FEW(path, test)                                                                        \
	g_test_add("/cache/answer/" path, World, NULL, set_up_few_deletes, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create-refused", test_create);
	ADD("one-of-many", test_one_of_many);
	ADD("move-refused", test_move);
	ADD("delete-refused", test_delete);
	ADD("delete-refused-and-name-taken", test_delete_and_taken);
	ADD("update-refused", test_update);
	ADD("mkdir-refused", test_mkdir);
	ADD("rmdir-refused", test_rmdir);
	ADD("rename-refused", test_rename);
	ADD("rename-of-a-directory-refused", test_rename_dir);
	ADD("replace-refused", test_replace);
	ADD("rewrite-refused", test_rewrite);
	ADD("written-again", test_written_again);
	ADD("refused-and-removed", test_refused_and_removed);
	ADD("busy", test_busy);
	ADD("busy-and-removed", test_busy_and_removed);
	ADD("stale", test_stale);
	ADD("another-class", test_other_class);
	ADD("full", test_full);
	ADD("deleted-elsewhere", test_deleted_elsewhere);
	ADD("moved-here-deleted-there", test_moved_and_deleted_elsewhere);
	ADD("moved-here-moved-there", test_moved_elsewhere);
	ADD("nothing-to-decide", test_nothing_to_decide);
	ADD("unfinished", test_unfinished);
	ADD("closed-at-the-end", test_closed_at_the_end);
	ADD("discard-what-was-truncated", test_discard_truncated);
	ADD_FEW("confirm-deletes", test_confirm);
	ADD_FEW("discard-deletes", test_discard_deletes);
	ADD_FEW("held-over-a-remount", test_held_stays);
	ADD_FEW("few-deletes-go", test_few_deletes);
	return g_test_run();
}
