/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/intent.h"
#include "ews/types.h"
#include "tests/unit/test-cache-pen.h"

/*
 * Renaming, and directories: what the tree and the journal say when the call returns. Nothing is
 * sent here.
 */

static int64_t one, two;

static void set_up(Kit *kit, gconstpointer data)
{
	pen_open(kit);
	one = kit_dir(kit, "F1");
	two = kit_dir(kit, "F2");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	pen_end(kit);
}

static int64_t dir_of_send(Kit *kit)
{
	return pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME);
}

static void assert_text(Kit *kit, const char *sql, int64_t node, const char *expected)
{
	g_autofree char *text = kit_text(kit, sql, node);
	g_assert_cmpstr(text, ==, expected);
}

/* --- messages ------------------------------------------------------------------------ */

static void test_move(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	g_autoptr(CacheNode) before = kit_get(kit, id);
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_assert_queue(kit, "waiting /Two/a.eml move");
	pen_rename(kit, two, "a.eml", two, "b.eml");
	pen_assert_queue(kit, "waiting /Two/b.eml move, update");
	pen_assert_ls(kit, one, "");
	pen_assert_ls(kit, two, "b.eml");
	g_autoptr(CacheNode) after = kit_get(kit, id);
	g_assert_cmpint((int64_t)after->ino, ==, (int64_t)before->ino);
	g_assert_cmpint(after->mtime, ==, before->mtime);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
}

static void test_move_back(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_rename(kit, one, "a.eml", two, "a.eml");
	pen_rename(kit, two, "a.eml", one, "a.eml");
	pen_assert_queue(kit, "");
}

static void test_refused(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	pen_item(kit, "F2", "B", "b.eml");
	g_assert_cmpint(pen_rename_fails(kit, one, "x.eml", two, "x.eml"), ==, EWS_ERROR_NOT_FOUND);
	g_assert_cmpint(pen_rename_fails(kit, one, "a.eml", two, "a.pdf"), ==, EWS_ERROR_INVALID);
	g_assert_cmpint(pen_rename_fails(kit, one, "a.eml", CACHE_ROOT, "Two"), ==,
		EWS_ERROR_INVALID);
	g_assert_false(cache_rename(kit->cache, one, "a.eml", two, "b.eml", false, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_EXISTS);
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHT_READ, two);
	g_assert_cmpint(pen_rename_fails(kit, one, "a.eml", two, "a.eml"), ==, EWS_ERROR_DENIED);
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHTS_ALL, two);
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHT_READ, one);
	g_assert_cmpint(pen_rename_fails(kit, one, "a.eml", two, "a.eml"), ==, EWS_ERROR_DENIED);
	pen_assert_queue(kit, "");
	g_assert_cmpint(pen_find(kit, one, "a.eml"), ==, id);
}

static void test_onto_itself(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_rename(kit, one, "a.eml", one, "a.eml");
	pen_assert_queue(kit, "");
}

/* Two messages that the server has: the one that had the name goes. */
static void test_over(Kit *kit, gconstpointer data)
{
	int64_t a = pen_item(kit, "F1", "A", "a.eml");
	int64_t b = pen_item(kit, "F2", "B", "b.eml");
	pen_rename(kit, one, "a.eml", two, "b.eml");
	g_assert_cmpint(pen_find(kit, two, "b.eml"), ==, a);
	pen_assert_ls(kit, two, "b.eml");
	g_assert_cmpint(kit_int(kit, "SELECT todo FROM intent WHERE node = %lld", a), ==, 4 | 8);
	g_assert_cmpint(kit_int(kit, "SELECT todo FROM intent WHERE node = %lld", b), ==, 64);
	/* Not before the other one is in its place. */
	g_assert_cmpint(kit_int(kit, "SELECT after FROM intent WHERE node = %lld", b), ==, a);
}

static void test_unsent(Kit *kit, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	pen_rename(kit, one, "a.eml", two, "b.eml");
	pen_assert_queue(kit, "waiting /Two/b.eml create");
	g_assert_cmpint(pen_find(kit, two, "b.eml"), ==, id);
}

static void test_open(Kit *kit, gconstpointer data)
{
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	pen_append(file, "more\r\n");
	pen_rename(kit, one, "a.eml", one, "b.eml");
	/* A rename into place finishes what is there so far; who goes on writing, writes anew. */
	pen_assert_queue(kit, "waiting /One/b.eml create");
	pen_append(file, "and more\r\n");
	pen_close(file);
	pen_assert_queue(kit, "waiting /One/b.eml create");
	g_autofree char *bytes = pen_bytes(kit, pen_find(kit, one, "b.eml"));
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a") "more\r\nand more\r\n");
}

/* --- scratch ------------------------------------------------------------------------- */

static void test_promote(Kit *kit, gconstpointer data)
{
	CacheFields fields = {.set = CACHE_FIELD_RECEIVED | CACHE_FIELD_IS_READ,
		.received = KIT_TIME + 5,
		.is_read = false};
	int64_t id = pen_write(kit, one, ".a.eml.Xy12Ab", PEN_MAIL("a"));
	pen_assert_queue(kit, "scratch /One/.a.eml.Xy12Ab");
	pen_set(kit, id, &fields);
	pen_assert_queue(kit, "scratch /One/.a.eml.Xy12Ab");
	pen_rename(kit, one, ".a.eml.Xy12Ab", one, "a.eml");
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_false(node->is_scratch);
	/* What was set on it goes along; a message keeps whole seconds. */
	g_assert_cmpint(node->mtime, ==, KIT_TIME);
	g_assert_cmpuint((unsigned)kit_int(kit, "SELECT fields FROM intent"), ==, fields.set);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_false(details->is_read);
	g_assert_cmpint(details->received, ==, KIT_TIME);
}

static void test_promote_refused(Kit *kit, gconstpointer data)
{
	pen_write(kit, one, "notes", "some notes");
	g_assert_cmpint(pen_rename_fails(kit, one, "notes", one, "a.eml"), ==, EWS_ERROR_INVALID);
	pen_assert_queue(kit, "scratch /One/notes");
	pen_rename(kit, one, "notes", two, "notes.tmp");
	pen_assert_queue(kit, "scratch /Two/notes.tmp");
}

static void test_demote(Kit *kit, gconstpointer data)
{
	pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_assert_queue(kit, "scratch /One/a.eml~");
	pen_rename(kit, one, "a.eml~", one, "a.eml");
	pen_assert_queue(kit, "waiting /One/a.eml create");
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_unlink(kit, one, "a.eml~");
	pen_assert_queue(kit, "");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

/* A new message in place of one that the server has: that one's flags, categories and date. */
static void test_replace(Kit *kit, gconstpointer data)
{
	int64_t old = pen_item(kit, "F1", "A", "a.eml");
	CacheFields fields = {.set = CACHE_FIELD_CATEGORIES | CACHE_FIELD_IMPORTANCE,
		.categories = "Red",
		.importance = EWS_IMPORTANCE_HIGH};
	kit_run(kit, "UPDATE item SET flag = %d, is_read = 0, received = %lld WHERE node = %lld",
		EWS_FLAG_FLAGGED, KIT_TIME - G_USEC_PER_SEC, old);
	int64_t id = pen_write(kit, one, "a.eml.tmp", PEN_MAIL("b"));
	pen_set(kit, id, &fields);
	pen_rename(kit, one, "a.eml.tmp", one, "a.eml");
	pen_assert_queue(kit, "waiting /One/a.eml create");
	pen_assert_ls(kit, one, "a.eml");
	g_assert_cmpint(pen_find(kit, one, "a.eml"), ==, id);
	assert_text(kit, "SELECT old_id FROM intent WHERE node = %lld", id, "A");
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_cmpint(details->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_false(details->is_read);
	g_assert_cmpint(details->received, ==, KIT_TIME - G_USEC_PER_SEC);
	/* What was set on the new one wins. */
	g_assert_cmpstr(details->categories, ==, "Red");
	g_assert_cmpint(details->importance, ==, EWS_IMPORTANCE_HIGH);
	/* The one that is no longer seen is not shown again by a sync. */
	g_autoptr(EwsItem) item = kit_make_item("A", "A");
	item->is_read = true;
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	pen_assert_ls(kit, one, "a.eml");
	kit_forget_changes(kit);
}

/* Twice before anything is sent: there is still one item to remove. */
static void test_replace_twice(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_write(kit, one, "x.tmp", PEN_MAIL("b"));
	pen_rename(kit, one, "x.tmp", one, "a.eml");
	pen_write(kit, one, "y.tmp", PEN_MAIL("c"));
	pen_rename(kit, one, "y.tmp", one, "a.eml");
	pen_assert_queue(kit, "waiting /One/a.eml create");
	int64_t id = pen_find(kit, one, "a.eml");
	assert_text(kit, "SELECT old_id FROM intent WHERE node = %lld", id, "A");
	g_autofree char *bytes = pen_bytes(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("c"));
	g_assert_cmpuint(pen_count_files(kit), ==, 1);
}

/* ... and removed by who has just saved it: then the old one goes too. */
static void test_replace_and_delete(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_write(kit, one, "x.tmp", PEN_MAIL("b"));
	pen_rename(kit, one, "x.tmp", one, "a.eml");
	pen_unlink(kit, one, "a.eml");
	pen_assert_ls(kit, one, "");
	pen_assert_queue(kit, "waiting /One/a.eml replace");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

/* vim, backupcopy=no: the message becomes a~, a new one a, and a~ goes. */
static void test_aside(Kit *kit, gconstpointer data)
{
	int64_t old = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_assert_queue(kit, "");
	pen_assert_ls(kit, one, "a.eml~");
	int64_t id = pen_write(kit, one, "a.eml", PEN_MAIL("b"));
	pen_assert_queue(kit, "scratch /One/a.eml~; waiting /One/a.eml create");
	assert_text(kit, "SELECT old_id FROM intent WHERE node = %lld", id, "A");
	/* The backup has the old bytes, here. */
	g_autofree char *bytes = pen_bytes(kit, old);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
	pen_unlink(kit, one, "a.eml~");
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_assert_cmpuint(pen_count_files(kit), ==, 1);
}

/* mv a a~; mv a~ a: nothing happened. */
static void test_aside_back(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_rename(kit, one, "a.eml~", one, "a.eml");
	pen_assert_queue(kit, "");
	g_assert_cmpint(pen_find(kit, one, "a.eml"), ==, id);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM aside"), ==, 0);
}

static void test_aside_elsewhere(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_rename(kit, one, "a.eml", two, "a.eml~");
	pen_rename(kit, two, "a.eml~", two, "b.eml");
	pen_assert_queue(kit, "waiting /Two/b.eml move, update");
}

static void test_aside_deleted(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_rename(kit, one, "a.eml", one, "a.eml~");
	pen_unlink(kit, one, "a.eml~");
	g_autofree char *queue = pen_queue(kit);
	g_assert_true(g_str_has_suffix(queue, " delete"));
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM aside"), ==, 0);
}

/* --- sending ------------------------------------------------------------------------- */

static void test_send(Kit *kit, gconstpointer data)
{
	int64_t box = dir_of_send(kit);
	g_assert_cmpint(box, !=, 0);
	/* A killed writer must not send half of one. */
	g_assert_cmpint(pen_create_fails(kit, box, "a.eml"), ==, EWS_ERROR_INVALID);
	pen_write(kit, box, "a.tmp", PEN_MAIL("a"));
	pen_rename(kit, box, "a.tmp", box, "a.eml");
	pen_write(kit, one, "b.eml", PEN_MAIL("b"));
	pen_rename(kit, one, "b.eml", box, "b.eml");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent WHERE todo = 1 | 16"), ==, 2);
	pen_write(kit, one, "c.tmp", PEN_MAIL("c"));
	g_assert_cmpint(pen_rename_fails(kit, one, "c.tmp", box, "b.eml"), ==, EWS_ERROR_EXISTS);
	pen_item(kit, "F1", "A", "received.eml");
	g_assert_cmpint(pen_rename_fails(kit, one, "received.eml", box, "d.eml"), ==,
		EWS_ERROR_INVALID);
	pen_write(kit, one, "e.tmp", "no message");
	g_assert_cmpint(pen_rename_fails(kit, one, "e.tmp", box, "e.eml"), ==, EWS_ERROR_INVALID);
	pen_write(kit, one, "f.tmp", "");
	g_assert_cmpint(pen_rename_fails(kit, one, "f.tmp", box, "f.eml"), ==, EWS_ERROR_INVALID);
	g_assert_cmpint(pen_mkdir_fails(kit, box, "Box"), ==, EWS_ERROR_INVALID);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent"), ==, 2);
}

/* Found, and not listed. */
static void test_send_is_hidden(Kit *kit, gconstpointer data)
{
	pen_assert_ls(kit, CACHE_ROOT, "One Two Deleted Items");
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, CACHE_SEND_NAME, one, "Box"), !=, 0);
	g_assert_cmpint(pen_rmdir_fails(kit, CACHE_ROOT, CACHE_SEND_NAME), !=, 0);
}

/* --- directories --------------------------------------------------------------------- */

static void test_mkdir(Kit *kit, gconstpointer data)
{
	int64_t id = pen_mkdir(kit, one, "Sub");
	pen_assert_queue(kit, "waiting /One/Sub create");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_true(node->is_listed);
	g_autoptr(CacheNode) up = kit_get(kit, one);
	g_assert_cmpuint(up->subdirs, ==, 1);
	/* As a server compares them. */
	g_assert_cmpint(pen_mkdir_fails(kit, one, "sUB"), ==, EWS_ERROR_EXISTS);
	g_assert_cmpint(pen_mkdir_fails(kit, CACHE_ROOT, "one"), ==, EWS_ERROR_EXISTS);
	g_assert_cmpint(pen_mkdir_fails(kit, one, "50%"), ==, EWS_ERROR_INVALID);
	pen_write(kit, id, "a.eml", PEN_MAIL("a"));
	pen_assert_queue(kit, "waiting /One/Sub create; waiting /One/Sub/a.eml create");
	g_assert_cmpint(pen_rmdir_fails(kit, one, "Sub"), ==, EWS_ERROR_NOT_EMPTY);
	pen_unlink(kit, id, "a.eml");
	pen_rmdir(kit, one, "Sub");
	pen_assert_queue(kit, "");
	g_autoptr(CacheNode) after = kit_get(kit, one);
	g_assert_cmpuint(after->subdirs, ==, 0);
}

static void test_rmdir(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "F3", "F1", "Sub");
	kit_forget_changes(kit);
	/* What is in it is not known yet. */
	g_assert_cmpint(pen_rmdir_fails(kit, one, "Sub"), ==, EWS_ERROR_BUSY);
	kit_list(kit, "F3");
	g_assert_cmpint(pen_rmdir_fails(kit, CACHE_ROOT, "One"), ==, EWS_ERROR_NOT_EMPTY);
	g_assert_cmpint(pen_rmdir_fails(kit, CACHE_ROOT, "Deleted Items"), ==, EWS_ERROR_FORBIDDEN);
	g_assert_cmpint(pen_rmdir_fails(kit, one, "None"), ==, EWS_ERROR_NOT_FOUND);
	pen_rmdir(kit, one, "Sub");
	pen_assert_queue(kit, "waiting /One/Sub delete");
	/* The new one waits until the old one has gone. */
	int64_t again = pen_mkdir(kit, one, "Sub");
	pen_assert_queue(kit, "waiting /One/Sub delete; waiting /One/Sub create");
	g_assert_cmpint(kit_int(kit, "SELECT after FROM intent WHERE node = %lld", again), !=, 0);
}

/* rmdir is for directories, unlink for files. */
static void test_wrong_kind(Kit *kit, gconstpointer data)
{
	pen_item(kit, "F1", "A", "a.eml");
	pen_mkdir(kit, one, "Sub");
	g_assert_cmpint(pen_rmdir_fails(kit, one, "a.eml"), !=, 0);
	g_assert_cmpint(pen_unlink_fails(kit, one, "Sub"), !=, 0);
	pen_assert_queue(kit, "waiting /One/Sub create");
	pen_assert_ls(kit, one, "a.eml Sub");
}

static void test_move_dir(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "F3", "F1", "Sub");
	kit_list(kit, "F3");
	kit_forget_changes(kit);
	int64_t id = kit_dir(kit, "F3");
	pen_rename(kit, one, "Sub", two, "Sub");
	pen_assert_queue(kit, "waiting /Two/Sub move");
	pen_rename(kit, two, "Sub", two, "Other");
	pen_assert_queue(kit, "waiting /Two/Other move, update");
	g_autoptr(CacheNode) from = kit_get(kit, one);
	g_autoptr(CacheNode) to = kit_get(kit, two);
	g_assert_cmpuint(from->subdirs, ==, 0);
	g_assert_cmpuint(to->subdirs, ==, 1);
	g_assert_cmpint(pen_find(kit, two, "Other"), ==, id);
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, "Deleted Items", CACHE_ROOT, "Bin"), ==,
		EWS_ERROR_FORBIDDEN);
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, "One", CACHE_ROOT, ".one"), ==,
		EWS_ERROR_UNSUPPORTED);
}

/* A folder inside itself is a folder that nobody finds again. */
static void test_dir_into_itself(Kit *kit, gconstpointer data)
{
	int64_t sub = pen_mkdir(kit, one, "Sub");
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, "One", one, "In"), ==, EWS_ERROR_INVALID);
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, "One", sub, "In"), ==, EWS_ERROR_INVALID);
	pen_assert_queue(kit, "waiting /One/Sub create");
}

static void test_dir_over_dir(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "F3", KIT_TOP, "Full");
	kit_folder(kit, "F4", KIT_TOP, "Empty");
	kit_list(kit, "F3");
	kit_list(kit, "F4");
	kit_forget_changes(kit);
	pen_item(kit, "F3", "A", "a.eml");
	g_assert_cmpint(pen_rename_fails(kit, CACHE_ROOT, "Empty", CACHE_ROOT, "Full"), ==,
		EWS_ERROR_NOT_EMPTY);
	int64_t full = kit_dir(kit, "F3");
	int64_t empty = kit_dir(kit, "F4");
	pen_rename(kit, CACHE_ROOT, "Full", CACHE_ROOT, "Empty");
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "Empty"), ==, full);
	g_assert_cmpint(pen_find(kit, CACHE_ROOT, "Full"), ==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT after FROM intent WHERE node = %lld", full), ==,
		empty);
	g_autoptr(CacheNode) root = kit_get(kit, CACHE_ROOT);
	g_assert_cmpuint(root->subdirs, ==, 4);
}

/* rm -r: the folder goes after all that was in it. */
static void test_departures(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheIntent) intent = NULL;
	kit_folder(kit, "F3", KIT_TOP, "Box");
	kit_list(kit, "F3");
	pen_item(kit, "F3", "A", "a.eml");
	pen_item(kit, "F3", "B", "b.eml");
	int64_t box = kit_dir(kit, "F3");
	pen_unlink(kit, box, "a.eml");
	pen_rename(kit, box, "b.eml", one, "b.eml");
	pen_rmdir(kit, CACHE_ROOT, "Box");
	CacheConn *conn = cache_db_take_reader(kit->cache->db, &error);
	g_assert_true(cache_intent_get(conn, box, &intent, &error));
	g_assert_true(intent->is_blocked);
	g_assert_cmpstr(intent->id, ==, "F3");
	cache_db_put_reader(kit->cache->db, conn);
}

static void test_scratch_dir(Kit *kit, gconstpointer data)
{
	int64_t id = pen_mkdir(kit, one, ".git");
	int64_t sub = pen_mkdir(kit, id, "objects");
	pen_write(kit, sub, "a.eml", PEN_MAIL("a"));
	pen_assert_queue(kit, "scratch /One/.git/objects/a.eml");
	/* Out of there it becomes a message. */
	pen_rename(kit, sub, "a.eml", two, "a.eml");
	pen_assert_queue(kit, "waiting /Two/a.eml create");
	pen_rename(kit, one, ".git", two, ".hg");
	g_assert_cmpint(pen_rename_fails(kit, id, "objects", one, "Objects"), ==,
		EWS_ERROR_UNSUPPORTED);
	pen_rmdir(kit, id, "objects");
	pen_rmdir(kit, two, ".hg");
	pen_assert_queue(kit, "waiting /Two/a.eml create");
	pen_assert_ls(kit, two, "a.eml");
}

#define ADD(path, test) g_test_add("/cache/rename/" path, Kit, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("moves", test_move);
	ADD("and-back-is-nothing", test_move_back);
	ADD("refused", test_refused);
	ADD("onto-itself", test_onto_itself);
	ADD("over-another", test_over);
	ADD("unsent-is-sent-so", test_unsent);
	ADD("while-it-is-open", test_open);
	ADD("scratch-to-message", test_promote);
	ADD("scratch-that-is-no-message", test_promote_refused);
	ADD("unsent-message-to-scratch", test_demote);
	ADD("replace", test_replace);
	ADD("replace-twice", test_replace_twice);
	ADD("replace-and-delete", test_replace_and_delete);
	ADD("aside-and-replaced", test_aside);
	ADD("aside-and-back", test_aside_back);
	ADD("aside-in-another-folder", test_aside_elsewhere);
	ADD("aside-and-deleted", test_aside_deleted);
	ADD("send", test_send);
	ADD("send-is-hidden", test_send_is_hidden);
	ADD("mkdir", test_mkdir);
	ADD("rmdir", test_rmdir);
	ADD("wrong-kind", test_wrong_kind);
	ADD("move-a-directory", test_move_dir);
	ADD("directory-into-itself", test_dir_into_itself);
	ADD("directory-over-directory", test_dir_over_dir);
	ADD("a-folder-goes-last", test_departures);
	ADD("scratch-directories", test_scratch_dir);
	return g_test_run();
}
