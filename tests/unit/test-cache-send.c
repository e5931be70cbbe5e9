/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * From the doors to the server and back: which calls leave, in which order, and what the tree is
 * when the answers, and then the next sync, have come.
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

/* --- create -------------------------------------------------------------------------- */

static void test_create(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	g_autoptr(CacheNode) before = kit_get(kit, id);
	world_fsync_well(world, id);
	world_assert_calls(world, "CreateItem 1");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "new.eml");
	g_assert_true(g_str_has_suffix(item->guid, "/1"));
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("new"));
	/* Ours: a restore that is repeated may set its attributes again. */
	g_assert_true(cache_is_new(kit->cache, id));
	pen_assert_queue(kit, "");
	/* Our own change comes back: the same file, with what was written. */
	world_sync_well(world);
	g_autoptr(CacheNode) after = kit_get(kit, id);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("new"));
	g_assert_cmpint(after->mtime, ==, before->mtime);
	g_assert_cmpint(after->size, ==, before->size);
	g_assert_cmpuint(after->content, ==, before->content);
	g_assert_false(after->is_suspect);
	g_assert_false(after->is_local);
	world_assert_ls(world, "F1", "a.eml b.eml new.eml");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
	/* Its number is the one that it has for everybody, and stays. */
	world_remount(world);
	world_sync_well(world);
	g_autoptr(CacheNode) later = kit_get(kit, world_find(world, "F1", "new.eml"));
	g_assert_cmpint((int64_t)later->ino, ==, (int64_t)after->ino);
}

static void test_many(World *world, gconstpointer data)
{
	for (int i = 0; i < 25; i++) {
		g_autofree char *name = g_strdup_printf("m%02d.eml", i);
		pen_write(kit, one, name, PEN_MAIL("one of many"));
	}
	world_flush(world);
	world_assert_asked(world, "CreateItem F1", 25);
	g_assert_cmpuint(fake_count(world->fake, "Call CreateItem"), <=, 4);
	g_autofree char *full = fake_line(world->fake, "Call CreateItem 10", 1);
	g_assert_nonnull(full);
}

/* cp -a, tar x, a restore: one call has it all. */
static void test_create_carries(World *world, gconstpointer data)
{
	CacheFields fields = {.set = CACHE_FIELD_RECEIVED | CACHE_FIELD_IS_READ | CACHE_FIELD_FLAG |
				     CACHE_FIELD_CATEGORIES | CACHE_FIELD_IMPORTANCE,
		.received = KIT_TIME - 77 * G_USEC_PER_SEC,
		.is_read = false,
		.flag = EWS_FLAG_FLAGGED,
		.categories = "Red, Blue",
		.importance = EWS_IMPORTANCE_HIGH};
	int64_t id = pen_write(kit, one, ".new.eml.Ab12Cd", PEN_MAIL("new"));
	pen_set(kit, id, &fields);
	pen_rename(kit, one, ".new.eml.Ab12Cd", one, "new.eml");
	pen_rename(kit, one, "new.eml", two, "other.eml");
	world_fsync_well(world, id);
	world_assert_calls(world, "CreateItem 1");
	world_assert_where(world, id, "F2");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpint(item->received, ==, fields.received);
	g_assert_false(item->is_read);
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_cmpint(item->importance, ==, EWS_IMPORTANCE_HIGH);
	g_assert_cmpstr(item->categories[0], ==, "Red");
	g_assert_cmpstr(item->categories[1], ==, "Blue");
	g_assert_cmpstr(item->file_name, ==, "other.eml");
}

static void test_draft(World *world, gconstpointer data)
{
	int64_t drafts = kit_dir(kit, "drafts");
	int64_t id = pen_write(kit, drafts, "d.eml", PEN_MAIL("d"));
	int64_t other = pen_write(kit, one, "m.eml", PEN_MAIL("m"));
	world_flush(world);
	g_autoptr(EwsItem) draft = world_get(world, id);
	g_autoptr(EwsItem) message = world_get(world, other);
	g_assert_true(draft->is_draft);
	g_assert_false(message->is_draft);
}

static void test_cancels_out(World *world, gconstpointer data)
{
	pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	pen_unlink(kit, one, "new.eml");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_rename(kit, two, "a.eml", one, "a.eml");
	world_flush(world);
	world_assert_calls(world, "");
}

/* --- change -------------------------------------------------------------------------- */

static void test_update(World *world, gconstpointer data)
{
	CacheFields fields = {.set = CACHE_FIELD_SUBJECT, .subject = "Another"};
	int64_t a = world_find(world, "F1", "a.eml");
	int64_t b = world_find(world, "F1", "b.eml");
	pen_flag(kit, a);
	pen_flag(kit, b);
	pen_set(kit, a, &fields);
	pen_rename(kit, one, "b.eml", one, "c.eml");
	world_flush(world);
	world_assert_calls(world, "UpdateItem 2");
	g_autoptr(EwsItem) item = world_get(world, a);
	g_autoptr(EwsItem) other = world_get(world, b);
	g_assert_cmpstr(item->subject, ==, "Another");
	g_assert_cmpint(item->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_cmpint(other->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_cmpstr(other->file_name, ==, "c.eml");
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml c.eml");
}

static void test_move(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_autoptr(GError) fetched = world_fetch(world, id, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	g_autoptr(CacheNode) before = kit_get(kit, id);
	pen_rename(kit, one, "a.eml", two, "a.eml");
	world_flush(world);
	world_assert_calls(world, "MoveItem 1");
	world_assert_where(world, id, "F2");
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
	world_assert_ls(world, "F2", "a.eml");
	g_autoptr(CacheNode) after = kit_get(kit, id);
	g_assert_cmpint((int64_t)after->ino, ==, (int64_t)before->ino);
	g_assert_cmpint(after->mtime, ==, before->mtime);
	g_assert_true(after->is_here);
	g_assert_false(after->is_suspect);
}

static void test_move_and_rename(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_rename(kit, one, "a.eml", two, "z.eml");
	world_flush(world);
	world_assert_calls(world, "MoveItem 1, UpdateItem 1");
	g_autoptr(EwsItem) item = world_get(world, id);
	g_assert_cmpstr(item->file_name, ==, "z.eml");
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F2", "z.eml"), ==, id);
}

static void test_delete(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, one, "b.eml");
	world_flush(world);
	world_assert_calls(world, "DeleteItem 2");
	world_sync_well(world);
	world_assert_ls(world, "F1", "");
	world_assert_ls(world, "deleteditems", "a.eml b.eml");
	/* It is the same message, elsewhere. */
	g_assert_cmpint(world_find(world, "deleteditems", "a.eml"), ==, id);
	pen_unlink(kit, kit_dir(kit, "deleteditems"), "a.eml");
	world_flush(world);
	world_sync_well(world);
	world_assert_ls(world, "deleteditems", "b.eml");
	world_assert_calls(world, "DeleteItem 2, DeleteItem 1");
}

/* Nothing is taken away before its successor is safe. */
static void test_replace(World *world, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "a.tmp", PEN_MAIL("another"));
	pen_rename(kit, one, "a.tmp", one, "a.eml");
	fake_hold(world->fake, "CreateItem");
	fake_await_held(world->fake, 1);
	world_assert_asked(world, "DeleteItem", 0);
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	g_autofree char *gone = fake_where(world->fake, "A");
	g_assert_null(gone);
	/* Soft: the one that was replaced is not in Deleted Items. */
	world_sync_well(world);
	world_assert_ls(world, "deleteditems", "");
	world_assert_ls(world, "F1", "b.eml a.eml");
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
}

static void test_rewrite(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	pen_rewrite(kit, id, PEN_MAIL("another"));
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	world_sync_well(world);
	g_assert_cmpint(world_find(world, "F1", "a.eml"), ==, id);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_ls(world, "deleteditems", "");
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("another"));
	g_autoptr(CacheNode) after = kit_get(kit, id);
	g_assert_cmpint((int64_t)after->ino, ==, (int64_t)before->ino);
}

/* vim: the message is put aside, a new one takes its name, the backup goes. */
static void test_aside(World *world, gconstpointer data)
{
	int64_t old = world_find(world, "F1", "a.eml");
	g_autoptr(GError) fetched = world_fetch(world, old, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_write(kit, one, "a.eml", PEN_MAIL("edited"));
	pen_unlink(kit, one, "a.eml~");
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, DeleteItem 1");
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml a.eml");
	world_assert_ls(world, "deleteditems", "");
}

/* What is aside is no news to the server, and the server's sync is none to it. */
static void test_aside_stays(World *world, gconstpointer data)
{
	int64_t id = world_find(world, "F1", "a.eml");
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	world_flush(world);
	world_sync_well(world);
	g_autoptr(EwsItem) item = fake_get(world->fake, "A");
	item->is_read = !item->is_read;
	fake_item(world->fake, "F1", item, "bytes");
	world_sync_well(world);
	world_assert_calls(world, "");
	g_assert_cmpint(world_find(world, "F1", "a.eml~"), ==, id);
	pen_rename(kit, one, "a.eml~", one, "a.eml");
}

/* Not sent yet. */
static int64_t copy_to(World *world, int64_t dir, int64_t from)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) fetched = world_fetch(world, from, CACHE_REASON_OPEN);
	g_assert_no_error(fetched);
	CacheFile *file = pen_create(kit, dir, "copy.eml", "");
	g_assert_true(cache_file_copy(file, from, &error));
	pen_close(file);
	return pen_find(kit, dir, "copy.eml");
}

static void test_copy(World *world, gconstpointer data)
{
	int64_t copy = copy_to(world, two, world_find(world, "F1", "a.eml"));
	world_flush(world);
	world_assert_calls(world, "CopyItem 1, UpdateItem 1");
	g_autoptr(EwsItem) item = world_get(world, copy);
	g_assert_cmpstr(item->file_name, ==, "copy.eml");
	g_assert_nonnull(item->guid);
	world_sync_well(world);
	world_assert_ls(world, "F1", "a.eml b.eml");
	world_assert_ls(world, "F2", "copy.eml");
	g_assert_cmpint(world_find(world, "F2", "copy.eml"), ==, copy);
}

/* In a directory that is not there yet. */
static int64_t late_copy_of(World *world, int64_t from)
{
	fake_hold(world->fake, "CreateFolder");
	return copy_to(world, pen_mkdir(kit, CACHE_ROOT, "Late"), from);
}

static void assert_copy_is_of_a(World *world, int64_t copy)
{
	fake_hold(world->fake, NULL);
	world_flush(world);
	g_autoptr(EwsItem) item = world_get(world, copy);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("a.eml"));
	pen_assert_queue(kit, "");
}

/* What is copied is what it was then. */
static void test_copy_of_what_is_rewritten(World *world, gconstpointer data)
{
	int64_t from = world_find(world, "F1", "a.eml");
	int64_t copy = late_copy_of(world, from);
	pen_rewrite(kit, from, PEN_MAIL("another"));
	world_fsync_well(world, from);
	assert_copy_is_of_a(world, copy);
	g_autoptr(EwsItem) item = world_get(world, from);
	g_autofree char *mime = fake_mime(world->fake, item->id);
	g_assert_cmpstr(mime, ==, PEN_MAIL("another"));
}

static void test_copy_of_what_is_removed(World *world, gconstpointer data)
{
	int64_t from = world_find(world, "F1", "a.eml");
	int64_t copy = late_copy_of(world, from);
	pen_unlink(kit, one, "a.eml");
	world_until(world, 0, "SELECT count(*) FROM intent WHERE node = %lld", from);
	assert_copy_is_of_a(world, copy);
	world_sync_well(world);
	world_assert_ls(world, "F1", "b.eml");
}

static void test_copy_of_what_is_replaced(World *world, gconstpointer data)
{
	int64_t copy = copy_to(world, two, world_find(world, "F1", "a.eml"));
	pen_write(kit, one, ".new", PEN_MAIL("another"));
	pen_rename(kit, one, ".new", one, "a.eml");
	assert_copy_is_of_a(world, copy);
}

/* By somebody else, and nobody has told. */
static void test_copy_of_what_is_gone(World *world, gconstpointer data)
{
	int64_t copy = copy_to(world, two, world_find(world, "F1", "a.eml"));
	fake_item_gone(world->fake, "F1", "A");
	assert_copy_is_of_a(world, copy);
	world_assert_asked(world, "CreateItem F2", 1);
}

/* --- directories --------------------------------------------------------------------- */

static void test_fill_a_new_directory(World *world, gconstpointer data)
{
	int64_t box = pen_mkdir(kit, CACHE_ROOT, "Box");
	int64_t sub = pen_mkdir(kit, box, "Sub");
	int64_t id = pen_write(kit, sub, "new.eml", PEN_MAIL("new"));
	pen_rename(kit, one, "a.eml", box, "a.eml");
	world_flush(world);
	world_assert_asked(world, "CreateFolder", 2);
	world_assert_asked(world, "CreateItem", 1);
	world_assert_asked(world, "MoveItem A", 1);
	world_sync_well(world);
	pen_assert_ls(kit, box, "a.eml Sub");
	pen_assert_ls(kit, sub, "new.eml");
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "Box"), ==, box);
	g_assert_cmpint(pen_find(kit, box, "Sub"), ==, sub);
	g_assert_cmpint(pen_find(kit, sub, "new.eml"), ==, id);
}

static void test_remove_a_tree(World *world, gconstpointer data)
{
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, one, "b.eml");
	pen_rmdir(kit, CACHE_ROOT, "F1");
	fake_hold(world->fake, "DeleteItem");
	fake_await_held(world->fake, 2);
	world_assert_asked(world, "DeleteFolder", 0);
	fake_hold(world->fake, NULL);
	world_flush(world);
	/* Its counts are asked for last. */
	world_assert_asked(world, "GetFolder F1", 1);
	world_assert_asked(world, "DeleteFolder F1", 1);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F1"), ==, 0);
	world_assert_ls(world, "deleteditems", "a.eml b.eml F1");
}

/* What others have put into it meanwhile is not thrown away unseen. */
static void test_not_empty_any_more(World *world, gconstpointer data)
{
	int64_t id = kit_dir(kit, "F2");
	fake_hold(world->fake, "GetFolder F2");
	pen_rmdir(kit, CACHE_ROOT, "F2");
	fake_await_held(world->fake, 1);
	world_put(world, "F2", "C", "c.eml");
	fake_hold(world->fake, NULL);
	world_flush(world);
	world_assert_asked(world, "DeleteFolder", 0);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F2"), ==, id);
	world_assert_ls(world, "F2", "c.eml");
}

static void test_change_a_directory(World *world, gconstpointer data)
{
	int64_t id = kit_dir(kit, "F2");
	pen_rename(kit, CACHE_ROOT, "F2", one, "Inner");
	world_flush(world);
	world_assert_asked(world, "MoveFolder F2 F1", 1);
	world_assert_asked(world, "UpdateFolder F2 Inner", 1);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, one, "Inner"), ==, id);
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F2"), ==, 0);
}

static void test_directory_again(World *world, gconstpointer data)
{
	pen_rmdir(kit, CACHE_ROOT, "F2");
	int64_t again = pen_mkdir(kit, CACHE_ROOT, "F2");
	world_flush(world);
	world_assert_asked(world, "DeleteFolder F2", 1);
	world_assert_asked(world, "CreateFolder top F2", 1);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "F2"), ==, again);
}

/* --- sending ------------------------------------------------------------------------- */

static void test_send(World *world, gconstpointer data)
{
	int64_t box = pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME);
	pen_write(kit, one, "out.tmp", PEN_MAIL("out"));
	pen_rename(kit, one, "out.tmp", box, "out.eml");
	world_flush(world);
	world_assert_calls(world, "CreateItem 1, SendItem 1");
	world_assert_asked(world, "CreateItem drafts", 1);
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, box, "out.eml"), ==, 0);
	world_assert_ls(world, "drafts", "");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE parent = %lld AND state = 0",
				kit_dir(kit, "sentitems")),
		==, 1);
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

static void test_send_a_draft(World *world, gconstpointer data)
{
	int64_t box = pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME);
	int64_t drafts = kit_dir(kit, "drafts");
	g_autoptr(EwsItem) item = kit_make_item("D", "D");
	item->file_name = g_strdup("d.eml");
	item->is_draft = true;
	fake_item(world->fake, "drafts", item, PEN_MAIL("d"));
	world_sync_well(world);
	pen_rename(kit, drafts, "d.eml", box, "d.eml");
	world_flush(world);
	world_assert_calls(world, "SendItem 1");
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
}

static void send_draft(World *world, bool is_submitted)
{
	g_autoptr(EwsItem) item = kit_make_item("D", "D");
	item->file_name = g_strdup("d.eml");
	item->is_draft = true;
	item->is_submitted = is_submitted;
	fake_item(world->fake, "drafts", item, PEN_MAIL("d"));
	world_sync_well(world);
	fake_leave_drafts(world->fake);
	pen_rename(kit, kit_dir(kit, "drafts"), "d.eml", pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME),
		"d.eml");
	world_flush(world);
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
	/* The folder is listed anew: what was sent is not shown as a draft again. */
	fake_spoil_states(world->fake);
	world_sync_well(world);
	world_assert_ls(world, "drafts", "");
}

static int64_t count_sent(World *world)
{
	return kit_int(kit, "SELECT count(*) FROM node WHERE parent = %lld AND state = 0",
		kit_dir(kit, "sentitems"));
}

/* Some servers leave the draft behind. */
static void test_left_behind(World *world, gconstpointer data)
{
	send_draft(world, false);
	world_until(world, 0, "SELECT count(*) FROM sent");
	world_assert_calls(world, "SendItem 1, MoveItem 1");
	world_sync_well(world);
	world_assert_ls(world, "drafts", "");
	g_assert_cmpint(count_sent(world), ==, 1);
	g_assert_cmpuint(fake_sent(world->fake), ==, 1);
}

/* What is on its way out is not touched. */
static void test_on_its_way(World *world, gconstpointer data)
{
	send_draft(world, true);
	world_until(world, 1, "SELECT count(*) FROM sent WHERE look_at > since + 30000000");
	world_assert_calls(world, "SendItem 1");
	/* Nor after the next start. */
	world_remount(world);
	world_sync_well(world);
	world_assert_calls(world, "SendItem 1");
	world_assert_ls(world, "drafts", "");
}

/* One that cannot be moved is shown where it is. */
static void test_cannot_be_moved(World *world, gconstpointer data)
{
	fake_fail(world->fake, "MoveItem", EWS_ERROR_DENIED, 1);
	send_draft(world, false);
	world_until(world, 0, "SELECT count(*) FROM sent");
	world_sync_well(world);
	world_assert_ls(world, "drafts", "d.eml");
	g_assert_cmpint(count_sent(world), ==, 0);
}

#define ADD(path, test) g_test_add("/cache/send/" path, World, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create", test_create);
	ADD("many", test_many);
	ADD("create-carries-all", test_create_carries);
	ADD("drafts", test_draft);
	ADD("cancels-out", test_cancels_out);
	ADD("update", test_update);
	ADD("move", test_move);
	ADD("move-and-rename", test_move_and_rename);
	ADD("delete", test_delete);
	ADD("replace", test_replace);
	ADD("rewrite", test_rewrite);
	ADD("aside-and-replaced", test_aside);
	ADD("aside-stays", test_aside_stays);
	ADD("copy", test_copy);
	ADD("copy-of-what-is-rewritten", test_copy_of_what_is_rewritten);
	ADD("copy-of-what-is-removed", test_copy_of_what_is_removed);
	ADD("copy-of-what-is-replaced", test_copy_of_what_is_replaced);
	ADD("copy-of-what-is-gone", test_copy_of_what_is_gone);
	ADD("fill-a-new-directory", test_fill_a_new_directory);
	ADD("remove-a-tree", test_remove_a_tree);
	ADD("not-empty-any-more", test_not_empty_any_more);
	ADD("change-a-directory", test_change_a_directory);
	ADD("directory-again", test_directory_again);
	ADD("mail", test_send);
	ADD("mail-a-draft", test_send_a_draft);
	ADD("left-behind", test_left_behind);
	ADD("on-its-way", test_on_its_way);
	ADD("cannot-be-moved", test_cannot_be_moved);
	return g_test_run();
}
