/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "cache/evict.h"
#include "cache/node.h"
#include "cache/sync.h"
#include "ews/types.h"
#include "tests/unit/test-cache-pen.h"

/*
 * What programs do to messages, and what the tree and the journal say of it when the call returns.
 * Nothing is sent here.
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

/* --- creating ------------------------------------------------------------------------ */

static void test_create(Kit *kit, gconstpointer data)
{
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	int64_t id = pen_find(kit, one, "a.eml");
	g_assert_true(cache_is_new(kit->cache, id));
	pen_assert_queue(kit, "open /One/a.eml create");
	pen_close(file);
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->size, ==, (int64_t)strlen(PEN_MAIL("a")));
	g_assert_cmpint(node->mtime % G_USEC_PER_SEC, ==, 0);
	g_assert_true(node->is_local);
	g_assert_false(node->is_scratch);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, PEN_MAIL("a"), -1);
	g_autofree char *kept = kit_text(kit, "SELECT sha256 FROM local WHERE node = %lld", id);
	g_assert_cmpstr(kept, ==, sum);
	pen_assert_ls(kit, one, "a.eml");
	g_assert_cmpuint(pen_count_files(kit), ==, 1);
}

static void test_create_refused(Kit *kit, gconstpointer data)
{
	int64_t inside = pen_mkdir(kit, one, ".git");
	pen_item(kit, "F1", "A", "a.eml");
	g_assert_cmpint(pen_create_fails(kit, one, "a.eml"), ==, EWS_ERROR_EXISTS);
	g_assert_cmpint(pen_create_fails(kit, one, "a.pdf"), ==, EWS_ERROR_INVALID);
	g_assert_cmpint(pen_create_fails(kit, 4711, "b.eml"), ==, EWS_ERROR_NOT_FOUND);
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHT_READ, two);
	g_assert_cmpint(pen_create_fails(kit, two, "b.eml"), ==, EWS_ERROR_DENIED);
	g_assert_cmpint(pen_mkdir_fails(kit, two, "Three"), ==, EWS_ERROR_DENIED);
	/* Below a directory that begins with a dot anything goes, and nowhere. */
	pen_write(kit, inside, "a.pdf", "%PDF");
	pen_assert_queue(kit, "scratch /One/.git/a.pdf");
}

static void test_empty(Kit *kit, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "a.eml", "");
	pen_assert_queue(kit, "unfinished /One/a.eml create");
	/* A shell's `> a.eml`, and later the command that writes. */
	pen_rewrite(kit, id, PEN_MAIL("a"));
	pen_assert_queue(kit, "waiting /One/a.eml create");
}

static void test_no_message(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = pen_create(kit, one, "a.eml", "no message at all");
	g_assert_false(cache_file_flush(file, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_INVALID);
	cache_file_close(file);
	pen_assert_queue(kit, "unfinished /One/a.eml create (these bytes are no message)");
	pen_unlink(kit, one, "a.eml");
	pen_assert_queue(kit, "");
}

static void test_abandoned(Kit *kit, gconstpointer data)
{
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	cache_file_abandon(file);
	pen_assert_queue(kit, "unfinished /One/a.eml create");
	g_autofree char *bytes = pen_bytes(kit, pen_find(kit, one, "a.eml"));
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
}

/* The last close finishes it, not the first. */
static void test_two_descriptors(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	int64_t id = pen_find(kit, one, "a.eml");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	CacheFile *other = cache_file_open(kit->cache, id, node->content, false, &error);
	g_assert_no_error(error);
	pen_close(file);
	pen_assert_queue(kit, "open /One/a.eml create");
	pen_append(other, "more\r\n");
	pen_close(other);
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_autofree char *bytes = pen_bytes(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a") "more\r\n");
}

/* --- deleting ------------------------------------------------------------------------ */

static void test_cancels_out(Kit *kit, gconstpointer data)
{
	pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	pen_unlink(kit, one, "a.eml");
	pen_assert_queue(kit, "");
	pen_assert_ls(kit, one, "");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
	g_assert_cmpint(pen_unlink_fails(kit, one, "a.eml"), ==, EWS_ERROR_NOT_FOUND);
}

static void test_unlink_open(Kit *kit, gconstpointer data)
{
	char byte = 0;
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	pen_unlink(kit, one, "a.eml");
	/* Who has it open goes on; nobody will hear of it. */
	pen_append(file, "more");
	g_assert_cmpint(pread(cache_file_fd(file), &byte, 1, 0), ==, 1);
	cache_file_close(file);
	pen_assert_queue(kit, "");
	pen_write(kit, one, "a.eml", PEN_MAIL("b"));
	pen_assert_queue(kit, "waiting /One/a.eml create");
}

static void test_unlink(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	pen_item(kit, PEN_TRASH, "B", "b.eml");
	pen_unlink(kit, one, "a.eml");
	pen_unlink(kit, kit_dir(kit, PEN_TRASH), "b.eml");
	pen_assert_queue(kit, "waiting /One/a.eml delete; waiting /Deleted Items/b.eml delete");
	g_assert_cmpint(kit_int(kit, "SELECT is_trash FROM intent WHERE node = %lld", id), ==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT sum(is_trash) FROM intent"), ==, 1);
	pen_assert_ls(kit, one, "");
	/* The name is free. */
	pen_write(kit, one, "a.eml", PEN_MAIL("c"));
	pen_assert_queue(kit, "waiting /One/a.eml delete; waiting /Deleted Items/b.eml delete;"
			      " waiting /One/a.eml create");
}

static void test_unlink_changed(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	pen_flag(kit, id);
	pen_rename(kit, one, "a.eml", two, "b.eml");
	pen_assert_queue(kit, "waiting /Two/b.eml move, update");
	pen_unlink(kit, two, "b.eml");
	pen_assert_queue(kit, "waiting /Two/b.eml delete");
}

static void test_unlink_denied(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHT_READ, id);
	g_assert_cmpint(pen_unlink_fails(kit, one, "a.eml"), ==, EWS_ERROR_DENIED);
	pen_assert_ls(kit, one, "a.eml");
	pen_assert_queue(kit, "");
}

/* --- writing anew -------------------------------------------------------------------- */

static void test_rewrite(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	CacheFile *file = pen_truncate(kit, id);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->size, ==, 0);
	g_assert_false(cache_is_new(kit->cache, id));
	pen_append(file, PEN_MAIL("another"));
	pen_close(file);
	pen_assert_queue(kit, "waiting /One/a.eml create");
	/* The item that is there is removed when the other one is. */
	g_autofree char *old = kit_text(kit, "SELECT old_id FROM intent WHERE node = %lld", id);
	g_assert_cmpstr(old, ==, "A");
	pen_rewrite(kit, id, PEN_MAIL("a third"));
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_autofree char *bytes = pen_bytes(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a third"));
	/* Deleted after all: it is the old one that goes. */
	pen_unlink(kit, one, "a.eml");
	pen_assert_queue(kit, "waiting /One/a.eml delete");
	g_assert_cmpuint(pen_count_files(kit), ==, 0);
}

static void test_rewrite_same(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	g_autoptr(CacheNode) before = kit_get(kit, id);
	pen_rewrite(kit, id, PEN_MAIL("a"));
	g_autoptr(CacheNode) after = kit_get(kit, id);
	pen_assert_queue(kit, "");
	g_assert_cmpint(after->size, ==, before->size);
	g_assert_cmpint(after->mtime, ==, before->mtime);
	g_assert_false(after->is_local);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
}

static void test_open_unseen(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_null(cache_file_open(kit->cache, id, node->content, false, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	g_clear_error(&error);
	g_assert_null(cache_file_open(kit->cache, id, node->content + 1, false, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_STALE);
	/* Who writes it anew need not see it. */
	pen_rewrite(kit, id, PEN_MAIL("b"));
	pen_assert_queue(kit, "waiting /One/a.eml create");
}

/* Truncated and left so: nothing is sent, and the server keeps what it has. */
static void test_truncated(Kit *kit, gconstpointer data)
{
	int64_t id = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	pen_close(pen_truncate(kit, id));
	pen_assert_queue(kit, "unfinished /One/a.eml create");
}

/* --- attributes ---------------------------------------------------------------------- */

static void test_fields(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	CacheFields first = {.set = CACHE_FIELD_IS_READ | CACHE_FIELD_CATEGORIES,
		.is_read = true,
		.categories = "Red, Blue"};
	CacheFields second = {.set = CACHE_FIELD_SUBJECT | CACHE_FIELD_IMPORTANCE |
				     CACHE_FIELD_RECEIVED | CACHE_FIELD_SENT,
		.subject = "Another",
		.importance = EWS_IMPORTANCE_HIGH,
		.received = KIT_TIME + 1234567,
		.sent = KIT_TIME};
	pen_set(kit, id, &first);
	pen_set(kit, id, &second);
	pen_flag(kit, id);
	pen_assert_queue(kit, "waiting /One/a.eml update");
	/* The date on which it was sent is the sender's word. */
	g_assert_cmpint(kit_int(kit, "SELECT fields FROM intent WHERE node = %lld", id), ==,
		CACHE_FIELD_IS_READ | CACHE_FIELD_CATEGORIES | CACHE_FIELD_SUBJECT |
			CACHE_FIELD_IMPORTANCE | CACHE_FIELD_RECEIVED | CACHE_FIELD_FLAG);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, NULL);
	g_assert_cmpstr(details->subject, ==, "Another");
	g_assert_cmpstr(details->categories, ==, "Red, Blue");
	g_assert_cmpint(details->importance, ==, EWS_IMPORTANCE_HIGH);
	g_assert_cmpint(details->flag, ==, EWS_FLAG_FLAGGED);
	g_assert_true(details->is_read);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->mtime, ==, KIT_TIME + G_USEC_PER_SEC);
	CacheFields none = {.set = CACHE_FIELD_CATEGORIES, .categories = ""};
	pen_set(kit, id, &none);
	g_autoptr(CacheDetails) cleared = cache_details(kit->cache, id, NULL);
	g_assert_null(cleared->categories);
}

static void test_fields_of_new(Kit *kit, gconstpointer data)
{
	int64_t id = pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	CacheFields fields = {.set = CACHE_FIELD_RECEIVED | CACHE_FIELD_SENT | CACHE_FIELD_FLAG,
		.received = KIT_TIME,
		.sent = KIT_TIME - G_USEC_PER_SEC,
		.flag = EWS_FLAG_COMPLETE};
	pen_set(kit, id, &fields);
	/* The create carries them. */
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_assert_cmpuint((unsigned)kit_int(kit, "SELECT fields FROM intent"), ==, fields.set);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->mtime, ==, KIT_TIME);
}

/* utimens while it is open, as cp -p and tar do: the close does not move the time again. */
static void test_fields_of_open(Kit *kit, gconstpointer data)
{
	CacheFields fields = {.set = CACHE_FIELD_RECEIVED, .received = KIT_TIME};
	CacheFile *file = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	int64_t id = pen_find(kit, one, "a.eml");
	pen_set(kit, id, &fields);
	pen_assert_queue(kit, "open /One/a.eml create");
	pen_close(file);
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->mtime, ==, KIT_TIME);
}

static void test_fields_of_draft(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "A");
	CacheFields fields = {.set = CACHE_FIELD_RECEIVED, .received = KIT_TIME - 1};
	item->is_draft = true;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	kit_forget_changes(kit);
	/* The server's clock says when a draft was changed. */
	pen_set(kit, kit_node(kit, "A"), &fields);
	pen_assert_queue(kit, "");
}

static void test_fields_denied(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	CacheFields fields = {.set = CACHE_FIELD_IS_READ, .is_read = true};
	kit_run(kit, "UPDATE node SET rights = %d WHERE id = %lld", EWS_RIGHT_READ, id);
	g_assert_false(cache_set_fields(kit->cache, id, &fields, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_DENIED);
	pen_assert_queue(kit, "");
}

/* --- copying ------------------------------------------------------------------------- */

static void test_copy(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t from = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	CacheFile *file = pen_create(kit, two, "b.eml", "");
	g_assert_true(cache_file_copy(file, from, &error));
	g_assert_no_error(error);
	pen_assert_queue(kit, "open /Two/b.eml copy, update");
	pen_close(file);
	pen_assert_queue(kit, "waiting /Two/b.eml copy, update");
	int64_t copy = pen_find(kit, two, "b.eml");
	g_autofree char *bytes = pen_bytes(kit, copy);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
	/* Written into: it is no copy any more. */
	pen_rewrite(kit, copy, PEN_MAIL("b"));
	pen_assert_queue(kit, "waiting /Two/b.eml create");
}

static void test_copy_by_hand(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t unseen = pen_item(kit, "F1", "A", "a.eml");
	CacheFile *file = pen_create(kit, two, "b.eml", "");
	g_assert_false(cache_file_copy(file, unseen, &error));
	g_assert_nonnull(error);
	pen_append(file, PEN_MAIL("b"));
	pen_close(file);
	/* Of what is only here the server has nothing to copy. */
	int64_t from = pen_find(kit, two, "b.eml");
	CacheFile *other = pen_create(kit, two, "c.eml", "");
	g_clear_error(&error);
	if (cache_file_copy(other, from, &error))
		g_assert_no_error(error);
	else
		pen_append(other, PEN_MAIL("c"));
	pen_close(other);
	pen_assert_queue(kit, "waiting /Two/b.eml create; waiting /Two/c.eml create");
}

/* --- after the end ------------------------------------------------------------------- */

/* A proper end and a new start: what waited waits, bytes and all. */
static void test_reopen(Kit *kit, gconstpointer data)
{
	int64_t kept = pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	pen_write(kit, one, "notes", "some notes");
	int64_t item = pen_fetched(kit, "B", "b.eml", PEN_MAIL("b"));
	pen_flag(kit, item);
	pen_rename(kit, one, "b.eml", two, "b.eml");
	kit_reopen(kit);
	pen_assert_queue(kit, "waiting /One/a.eml create; scratch /One/notes;"
			      " waiting /Two/b.eml move, update");
	g_autofree char *bytes = pen_bytes(kit, kept);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("a"));
	CacheQueueCounts counts;
	cache_queue_counts(kit->cache, &counts);
	g_assert_cmpuint(counts.waiting, ==, 2);
	g_assert_cmpuint(counts.scratch, ==, 1);
	g_assert_cmpuint(counts.scratch_bytes, ==, 10);
	g_assert_cmpuint(counts.failed + counts.open + counts.held, ==, 0);
}

/* What was flushed is finished by the next start, what was not is kept and shown. */
static void test_killed(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *flushed = pen_create(kit, one, "a.eml", PEN_MAIL("a"));
	CacheFile *cut = pen_create(kit, one, "b.eml", PEN_MAIL("b"));
	g_assert_true(cache_file_flush(flushed, &error));
	cache_file_abandon(flushed);
	cache_file_abandon(cut);
	kit_reopen(kit);
	pen_assert_queue(kit, "waiting /One/a.eml create; unfinished /One/b.eml create");
	g_autofree char *bytes = pen_bytes(kit, pen_find(kit, one, "b.eml"));
	g_assert_cmpstr(bytes, ==, PEN_MAIL("b"));
}

/* The same for what was finished, and written anew and flushed, but not closed. */
static void test_killed_while_rewriting(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t id = pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	CacheFile *file = pen_truncate(kit, id);
	pen_append(file, PEN_MAIL("another"));
	g_assert_true(cache_file_flush(file, &error));
	cache_file_abandon(file);
	kit_reopen(kit);
	pen_assert_queue(kit, "waiting /One/a.eml create");
	g_assert_cmpint(kit_int(kit, "SELECT is_finished FROM local WHERE node = %lld", id), ==, 1);
	g_autofree char *bytes = pen_bytes(kit, id);
	g_assert_cmpstr(bytes, ==, PEN_MAIL("another"));
}

#define ADD(path, test) g_test_add("/cache/write/" path, Kit, NULL, set_up, test, tear_down)

/* What makes room takes what the server has, and nothing else. */
static void test_never_evicted(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t theirs = pen_fetched(kit, "A", "a.eml", PEN_MAIL("a"));
	int64_t ours = pen_write(kit, one, "new.eml", PEN_MAIL("new"));
	CacheFile *file = pen_create(kit, one, "open.eml", PEN_MAIL("open"));
	int64_t open = pen_find(kit, one, "open.eml");
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_true(cache_evict_bytes(kit->cache, conn, INT64_MAX));
	g_assert_true(cache_sync_commit(kit->cache, &error));
	g_autofree char *gone = kit_read(kit, theirs);
	g_autofree char *unsent = pen_bytes(kit, ours);
	g_autofree char *unfinished = pen_bytes(kit, open);
	g_assert_null(gone);
	g_assert_cmpstr(unsent, ==, PEN_MAIL("new"));
	g_assert_cmpstr(unfinished, ==, PEN_MAIL("open"));
	pen_close(file);
	pen_assert_queue(kit, "waiting /One/new.eml create; waiting /One/open.eml create");
	kit_forget_changes(kit);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create", test_create);
	ADD("unsent-is-never-evicted", test_never_evicted);
	ADD("create-refused", test_create_refused);
	ADD("empty-is-unfinished", test_empty);
	ADD("no-message", test_no_message);
	ADD("abandoned", test_abandoned);
	ADD("the-last-close-finishes", test_two_descriptors);
	ADD("create-and-delete-cancel-out", test_cancels_out);
	ADD("unlink-while-open", test_unlink_open);
	ADD("unlink", test_unlink);
	ADD("unlink-what-was-changed", test_unlink_changed);
	ADD("unlink-denied", test_unlink_denied);
	ADD("rewrite", test_rewrite);
	ADD("rewrite-with-the-same", test_rewrite_same);
	ADD("open-what-is-not-here", test_open_unseen);
	ADD("truncated-is-unfinished", test_truncated);
	ADD("fields-merge", test_fields);
	ADD("fields-of-a-new-file", test_fields_of_new);
	ADD("fields-of-an-open-file", test_fields_of_open);
	ADD("fields-of-a-draft", test_fields_of_draft);
	ADD("fields-denied", test_fields_denied);
	ADD("copy", test_copy);
	ADD("copy-by-hand", test_copy_by_hand);
	ADD("remount-goes-on", test_reopen);
	ADD("killed-writer", test_killed);
	ADD("killed-while-rewriting", test_killed_while_rewriting);
	return g_test_run();
}
