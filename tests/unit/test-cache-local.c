/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/local.h"
#include "cache/node.h"
#include "cache/private.h"
#include "cache/step.h"
#include "cache/written.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Bytes that are only here: what the row says of them after each thing that a program may do, and
 * what is left of it after a crash.
 */

#define MAIL "Subject: a\r\n\r\nbody\r\n"

static void set_up(Kit *kit, gconstpointer data)
{
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_close(kit);
}

static CacheConn *begin(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_db_begin(kit->cache->db, &error);
	g_assert_no_error(error);
	return conn;
}

static void commit(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_db_commit(kit->cache->db, &error));
}

static int64_t add_node(Kit *kit, const char *name, int flags)
{
	kit_run(kit,
		"INSERT INTO node (parent, kind, name, ino, rights, mtime, ctime, flags)"
		" VALUES (%lld, 1, %Q, 77, 0, 5, 5, %d)",
		kit_dir(kit, "F1"), name, flags | NODE_LOCAL);
	return kit_int(kit, "SELECT id FROM node WHERE name = %Q", name);
}

/* What cache_create does for the bytes. */
static CacheFile *create(Kit *kit, const char *name, int flags)
{
	g_autoptr(GError) error = NULL;
	int64_t node = add_node(kit, name, flags);
	CacheConn *conn = begin(kit);
	bool is_made = cache_local_make(kit->cache->locals, conn, node, -1, &error);
	g_assert_no_error(error);
	g_assert_true(is_made);
	CacheFile *file = cache_file_new(kit->cache, conn, node, &error);
	g_assert_no_error(error);
	commit(kit);
	return file;
}

static CacheFile *open_again(Kit *kit, int64_t node)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = begin(kit);
	CacheFile *file = cache_file_new(kit->cache, conn, node, &error);
	g_assert_no_error(error);
	commit(kit);
	return file;
}

static void put(CacheFile *file, int64_t at, const char *text)
{
	g_autoptr(GError) error = NULL;
	bool is_ready = cache_file_prepare(file, at + (int64_t)strlen(text), &error);
	g_assert_no_error(error);
	g_assert_true(is_ready);
	g_assert_cmpint(pwrite(cache_file_fd(file), text, strlen(text), at), ==,
		(ssize_t)strlen(text));
}

static void flush(CacheFile *file)
{
	g_autoptr(GError) error = NULL;
	bool is_ok = cache_file_flush(file, &error);
	g_assert_no_error(error);
	g_assert_true(is_ok);
}

static void assert_refused(CacheFile *file, EwsErrorCode code)
{
	g_autoptr(GError) error = NULL;
	g_assert_false(cache_file_flush(file, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
}

static CacheLocalRow *row_of(Kit *kit, int64_t node)
{
	g_autoptr(GError) error = NULL;
	CacheLocalRow *row = NULL;
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_get(conn, node, &row, &error));
	commit(kit);
	return row;
}

static bool is_dirty(Kit *kit, int64_t node)
{
	return kit_int(kit, "SELECT is_dirty FROM local WHERE node = %lld", node) == 1;
}

static bool finish(Kit *kit, int64_t node, const char *name)
{
	g_autoptr(GError) error = NULL;
	bool is_ready = false;
	CacheConn *conn = begin(kit);
	bool is_ok = cache_local_finish(kit->cache->locals, conn, node, name, &is_ready, &error);
	g_assert_no_error(error);
	g_assert_true(is_ok);
	commit(kit);
	return is_ready;
}

static char *bytes_of(Kit *kit, int64_t node)
{
	char *text = NULL;
	g_autofree char *path = cache_local_path(kit->cache->locals, node);
	return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static bool exists(Kit *kit, int64_t node)
{
	g_autofree char *text = bytes_of(kit, node);
	return text != NULL;
}

/* --- the life of a message ----------------------------------------------------------------- */

static void test_message(Kit *kit, gconstpointer data)
{
	int64_t node;
	CacheFile *file = create(kit, "a.eml", 0);
	node = cache_file_node(file);
	g_assert_true(is_dirty(kit, node));
	put(file, 0, MAIL);
	g_assert_false(finish(kit, 4711, "a.eml"));
	flush(file);
	g_assert_false(is_dirty(kit, node));
	g_assert_cmpint(kit_int(kit, "SELECT size FROM node WHERE id = %lld", node), ==,
		(int64_t)strlen(MAIL));
	g_assert_true(cache_file_drop(file, &node));
	g_assert_true(finish(kit, node, "a.eml"));

	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, MAIL, -1);
	g_assert_true(row->is_finished);
	g_assert_cmpstr(row->sha256, ==, sum);
	g_assert_cmpint(row->size, ==, (int64_t)strlen(MAIL));
	g_assert_null(row->error);
}

static void test_finish_flushes(Kit *kit, gconstpointer data)
{
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	/* fsync with the file still open */
	g_assert_true(finish(kit, node, "a.eml"));
	g_assert_false(is_dirty(kit, node));
	/* ... and written on */
	put(file, (int64_t)strlen(MAIL), "more");
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_assert_true(row->is_dirty);
	g_assert_false(row->is_finished);
	g_assert_null(row->sha256);
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_assert_true(finish(kit, node, "a.eml"));
	g_autoptr(CacheLocalRow) after = row_of(kit, node);
	g_assert_cmpint(after->size, ==, (int64_t)strlen(MAIL) + 4);
}

static void test_empty(Kit *kit, gconstpointer data)
{
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_assert_false(finish(kit, node, "a.eml"));
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_assert_null(row->error);
}

static void test_no_message(Kit *kit, gconstpointer data)
{
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, "%PDF-1.4\n");
	assert_refused(file, EWS_ERROR_INVALID);
	/* every close is told */
	assert_refused(file, EWS_ERROR_INVALID);
	g_assert_false(finish(kit, node, "a.eml"));
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_file_truncate(file, 0, &error));
	put(file, 0, MAIL);
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_assert_true(finish(kit, node, "a.eml"));
}

static void test_shared(Kit *kit, gconstpointer data)
{
	CacheFile *one = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(one);
	CacheFile *two = open_again(kit, node);
	put(one, 0, MAIL);
	flush(two);
	g_assert_false(is_dirty(kit, node));
	g_assert_false(cache_file_drop(two, &node));
	g_assert_true(cache_local_is_open(kit->cache->locals, node));
	g_assert_true(cache_file_drop(one, &node));
	g_assert_false(cache_local_is_open(kit->cache->locals, node));
}

/* A mapping's pages come after the FLUSH of its descriptor. */
static void test_late_write(Kit *kit, gconstpointer data)
{
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	flush(file);
	put(file, (int64_t)strlen(MAIL), "more");
	g_assert_true(is_dirty(kit, node));
	g_assert_true(cache_file_drop(file, &node));
	g_assert_false(is_dirty(kit, node));
	g_assert_true(finish(kit, node, "a.eml"));
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_assert_cmpint(row->size, ==, (int64_t)strlen(MAIL) + 4);
}

static void test_removed_while_open(Kit *kit, gconstpointer data)
{
	char text[8] = "";
	g_autoptr(GError) error = NULL;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_drop(conn, node, &error));
	g_assert_true(cache_node_detach(conn, node, NODE_GONE, &error));
	commit(kit);
	cache_local_remove(kit->cache->locals, node);
	put(file, 0, "%PDF");
	flush(file);
	g_assert_cmpint(pread(cache_file_fd(file), text, 4, 0), ==, 4);
	g_assert_cmpstr(text, ==, "%PDF");
	g_assert_true(cache_file_drop(file, &node));
	g_assert_null(row_of(kit, node));
}

static void test_remove(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	/* Somebody was faster, and writes it anew. */
	cache_local_remove(kit->cache->locals, node);
	g_assert_true(exists(kit, node));
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_drop(conn, node, &error));
	commit(kit);
	cache_local_remove(kit->cache->locals, node);
	g_assert_false(exists(kit, node));
	g_assert_true(cache_file_drop(file, &node));
}

/* --- rewriting a message -------------------------------------------------------------------- */

static void test_from_bytes(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(kit->dir, "source", NULL);
	g_assert_true(g_file_set_contents(path, MAIL, -1, &error));
	int fd = open(path, O_RDONLY);
	int64_t node = add_node(kit, "a.eml", 0);
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_make(kit->cache->locals, conn, node, fd, &error));
	CacheFile *file = cache_file_new(kit->cache, conn, node, &error);
	commit(kit);
	g_assert_false(is_dirty(kit, node));
	g_assert_cmpint(kit_int(kit, "SELECT size FROM local WHERE node = %lld", node), ==,
		(int64_t)strlen(MAIL));
	put(file, 9, "b");
	g_assert_true(is_dirty(kit, node));
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_autofree char *text = bytes_of(kit, node);
	g_assert_cmpstr(text, ==, "Subject: b\r\n\r\nbody\r\n");
	close(fd);
}

/* What an earlier one left may have another name, as a blob. */
static void test_made_anew(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	g_autofree char *other = g_build_filename(kit->dir, "other", NULL);
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	g_assert_true(cache_file_drop(file, &node));
	g_autofree char *path = cache_local_path(kit->cache->locals, node);
	g_assert_cmpint(link(path, other), ==, 0);
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_make(kit->cache->locals, conn, node, -1, &error));
	commit(kit);
	g_assert_true(g_file_get_contents(other, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, MAIL);
}

static void test_fill(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(kit->dir, "source", NULL);
	g_assert_true(g_file_set_contents(path, MAIL, -1, &error));
	int fd = open(path, O_RDONLY);
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	g_assert_true(cache_file_fill(file, fd, &error));
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_assert_true(finish(kit, node, "a.eml"));
	g_autofree char *text = bytes_of(kit, node);
	g_assert_cmpstr(text, ==, MAIL);
	close(fd);
}

/* --- after a crash -------------------------------------------------------------------------- */

/* The registry is gone, the rows and files are not. */
static void test_crash(Kit *kit, gconstpointer data)
{
	CacheFile *flushed = create(kit, "flushed.eml", 0);
	CacheFile *open = create(kit, "open.eml", 0);
	int64_t flushed_node = cache_file_node(flushed);
	int64_t open_node = cache_file_node(open);
	put(flushed, 0, MAIL);
	flush(flushed);
	put(open, 0, MAIL);
	/* As a killed process leaves it: nothing is closed. */
	g_free(flushed);
	g_free(open);
	kit_reopen(kit);
	g_assert_true(finish(kit, flushed_node, "flushed.eml"));
	g_assert_false(finish(kit, open_node, "open.eml"));
	g_assert_true(is_dirty(kit, open_node));
	g_assert_cmpint(kit_int(kit, "SELECT size FROM node WHERE id = %lld", open_node), ==,
		(int64_t)strlen(MAIL));
	g_autofree char *text = bytes_of(kit, open_node);
	g_assert_cmpstr(text, ==, MAIL);

	g_autoptr(GError) error = NULL;
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_accept(conn, open_node, &error));
	commit(kit);
	g_assert_true(finish(kit, open_node, "open.eml"));
}

/* Rows came to the disk, bytes did not. */
static void test_cut(Kit *kit, gconstpointer data)
{
	int64_t nodes[3];
	for (int i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("%d.eml", i);
		CacheFile *file = create(kit, name, 0);
		put(file, 0, MAIL);
		flush(file);
		g_assert_true(cache_file_drop(file, &nodes[i]));
		g_assert_true(finish(kit, nodes[i], name));
	}
	g_autofree char *gone = cache_local_path(kit->cache->locals, nodes[0]);
	g_autofree char *part = cache_local_path(kit->cache->locals, nodes[1]);
	g_assert_cmpint(g_unlink(gone), ==, 0);
	g_assert_cmpint(truncate(part, 7), ==, 0);
	kit_reopen(kit);
	for (int i = 0; i < 3; i++) {
		g_autoptr(CacheLocalRow) row = row_of(kit, nodes[i]);
		g_autofree char *text = bytes_of(kit, nodes[i]);
		const int64_t lengths[] = {0, 7, (int64_t)strlen(MAIL)};
		g_assert_cmpint((int64_t)strlen(text), ==, lengths[i]);
		g_assert_cmpint(row->size, ==, lengths[i]);
		g_assert_true(row->is_finished == (i == 2));
		g_assert_true(row->is_dirty == (i != 2));
		g_assert_cmpstr(row->error, ==, i == 2 ? NULL : CACHE_LOCAL_CUT);
	}
	g_assert_false(finish(kit, nodes[1], "1.eml"));
}

static void test_sweep(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	/* One whose row went just before the crash, and one that this index never knew. */
	int64_t dropped = add_node(kit, "dropped.eml", 0);
	g_autofree char *dropped_path = cache_local_path(kit->cache->locals, dropped);
	g_autofree char *lost_path = cache_local_path(kit->cache->locals, 99999);
	g_assert_true(g_file_set_contents(dropped_path, "x", -1, &error));
	g_assert_true(g_file_set_contents(lost_path, "y", -1, &error));
	/* A create that was killed before its word was in the journal. */
	g_autofree char *begun_path = cache_local_path(kit->cache->locals, 99998);
	g_assert_true(g_file_set_contents(begun_path, "", 0, &error));
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "*no longer knows*");
	kit_reopen(kit);
	g_test_assert_expected_messages();
	g_assert_true(exists(kit, node));
	g_assert_false(exists(kit, dropped));
	g_assert_false(exists(kit, 99999));
	g_assert_false(exists(kit, 99998));
	g_autofree char *lost = g_build_filename(kit->dir, "state", "lost", NULL);
	g_autoptr(GDir) dir = g_dir_open(lost, 0, &error);
	g_assert_no_error(error);
	g_assert_true(g_str_has_prefix(g_dir_read_name(dir), "99999."));
	g_assert_null(g_dir_read_name(dir));
}

static void test_check(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheLocals *locals = kit->cache->locals;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	g_assert_true(finish(kit, node, "a.eml"));
	g_assert_true(cache_local_sync(locals, node, &error));
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_assert_true(cache_local_check(locals, node, row, &error));
	g_autofree char *path = cache_local_path(locals, node);
	g_assert_true(g_file_set_contents(path, "Subject: b\r\n\r\nbody\r\n", -1, &error));
	g_assert_false(cache_local_check(locals, node, row, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
	g_clear_error(&error);
	g_assert_cmpint(truncate(path, 3), ==, 0);
	g_assert_false(cache_local_check(locals, node, row, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
	g_clear_error(&error);
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_assert_false(cache_local_check(locals, node, row, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

/* --- limits --------------------------------------------------------------------------------- */

static void test_too_big(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	g_assert_false(cache_file_truncate(file, INT64_C(0x80000000), &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_TOO_BIG);
	g_clear_error(&error);
	g_assert_false(cache_file_prepare(file, INT64_C(0x80000000), &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_TOO_BIG);
	/* Half of what was to be written is not sent. */
	assert_refused(file, EWS_ERROR_TOO_BIG);
	g_assert_true(is_dirty(kit, node));
	g_assert_true(cache_file_drop(file, &node));
	g_assert_false(finish(kit, node, "a.eml"));
}

/* pwrite ran into a full disk; the program was told by write itself. */
static void test_failed_write(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	g_assert_true(cache_file_prepare(file, 1000, &error));
	flush(file);
	g_assert_true(is_dirty(kit, node));
	g_assert_true(cache_file_drop(file, &node));
	g_assert_false(finish(kit, node, "a.eml"));
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_assert_nonnull(row->error);
}

static void set_up_small(Kit *kit, gconstpointer data)
{
	kit->scratch_size = 100;
	set_up(kit, data);
}

static void test_scratch_limit(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	char ninety[91];
	memset(ninety, 'x', 90);
	ninety[90] = '\0';
	CacheFile *one = create(kit, "a.tmp", NODE_SCRATCH);
	CacheFile *two = create(kit, "b.tmp", NODE_SCRATCH);
	CacheFile *mail = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(one);
	put(one, 0, ninety);
	put(one, 0, ninety);
	g_assert_false(cache_file_prepare(two, 11, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE);
	g_clear_error(&error);
	assert_refused(two, EWS_ERROR_NO_SPACE);
	put(mail, 0, MAIL MAIL MAIL MAIL MAIL MAIL);
	/* What is given back counts; also once nothing is open. */
	g_assert_true(cache_file_truncate(one, 50, &error));
	flush(one);
	g_assert_true(cache_file_drop(one, &node));
	g_assert_true(cache_file_truncate(two, 0, &error));
	g_assert_true(cache_file_prepare(two, 50, &error));
	g_assert_no_error(error);
	g_assert_false(cache_file_prepare(two, 51, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE);
	cache_file_drop(two, &node);
	cache_file_drop(mail, &node);
}

/* --- what an open file looks like ------------------------------------------------------------ */

static void test_look(Kit *kit, gconstpointer data)
{
	CacheLocals *locals = kit->cache->locals;
	int64_t before = g_get_real_time();
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, MAIL);
	CacheNode seen = {.id = node, .size = -1, .mtime = 5};
	cache_local_look(locals, &seen);
	g_assert_cmpint(seen.size, ==, (int64_t)strlen(MAIL));
	g_assert_cmpint(seen.mtime, >=, before - G_USEC_PER_SEC);
	cache_local_set_time(locals, node, 1000000);
	cache_local_look(locals, &seen);
	g_assert_cmpint(seen.mtime, ==, 1000000);
	flush(file);
	g_assert_cmpint(kit_int(kit, "SELECT mtime FROM node WHERE id = %lld", node), ==, 1000000);
	g_assert_true(cache_file_drop(file, &node));
	CacheNode closed = {.id = node, .size = 7, .mtime = 5};
	cache_local_look(locals, &closed);
	g_assert_cmpint(closed.size, ==, 7);
	g_assert_cmpint(closed.mtime, ==, 5);
}

typedef struct Sample {
	const char *name;
	const char *text;
	bool is_message;
} Sample;

static void test_is_message(Kit *kit, gconstpointer data)
{
	static const Sample samples[] = {
		{"a.eml", MAIL, true},
		{"a.eml", "\xef\xbb\xbfSubject: a\n\n", true},
		{"a.eml", "X-Mine : old\n\n", true},
		{"a.eml", "From: a@b\n\n", true},
		{"a.eml", "From a@b Fri Nov 20 10:15:00 2026\nFrom: a@b\n\n", false},
		{"a.eml", "", false},
		{"a.eml", "\n\nSubject: a\n", false},
		{"a.eml", " folded: a\n", false},
		{"a.eml", ": a\n", false},
		{"a.eml", "%PDF-1.4\n1 0 obj\n", false},
		{"a.eml", "hello\n", false},
		{"a.eml",
			"\x7f"
			"ELF:",
			false},
		{"a.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", true},
		{"A.ICS", "begin:vcalendar\nbegin:vevent\n", true},
		{"a.ics", "BEGIN:VCALENDAR\r\n", false},
		{"a.ics", "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nX:BEGIN:VEVENT\r\n", false},
		{"a.ics",
			"\xef\xbb\xbf"
			"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
			true},
		{"a.ics", MAIL, false},
		{"a.vcf", "BEGIN:VCARD\n", false},
		{"a.vcf", "BEGIN:VCALENDAR\n", false},
	};
	g_autofree char *path = g_build_filename(kit->dir, "sample", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
		g_assert_true(g_file_set_contents(path, samples[i].text, -1, NULL));
		int fd = open(path, O_RDONLY);
		const char *flaw = cache_local_flaw(fd, samples[i].name);
		if ((flaw == NULL) != samples[i].is_message ||
			(flaw != NULL && !cache_local_is_flaw(flaw)))
			g_error("%s: \"%s\"", samples[i].name, samples[i].text);
		close(fd);
	}
}

/* An event is found wherever its line stands, also across two pieces that are looked at. */
static void test_event_anywhere(Kit *kit, gconstpointer data)
{
	g_autofree char *path = g_build_filename(kit->dir, "sample", NULL);
	for (size_t blanks = 900; blanks < 1100; blanks++) {
		g_autoptr(GString) text = g_string_new("BEGIN:VCALENDAR\n");
		for (size_t i = 0; i < blanks; i++)
			g_string_append_c(text, i % 2 == 0 ? 'x' : 'B');
		g_string_append(text, "\nBEGIN:VEVENT\n");
		g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
		int fd = open(path, O_RDONLY);
		g_assert_null(cache_local_flaw(fd, "a.ics"));
		close(fd);
	}
}

/* --- many at once ---------------------------------------------------------------------------- */

#define WRITERS 4
#define ROUNDS 200

typedef struct Writer {
	Kit *kit;
	int64_t node;
	unsigned number;
} Writer;

static void *write_on(void *data)
{
	Writer *writer = data;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t node;
		CacheFile *file = open_again(writer->kit, writer->node);
		put(file, 32 + (int64_t)writer->number, "x");
		flush(file);
		cache_file_drop(file, &node);
	}
	return NULL;
}

static void test_threads(Kit *kit, gconstpointer data)
{
	Writer writers[WRITERS];
	pthread_t threads[WRITERS];
	CacheFile *file = create(kit, "a.eml", 0);
	int64_t node = cache_file_node(file);
	put(file, 0, "Subject: 0123456789012345678901234567890123456789");
	flush(file);
	g_assert_true(cache_file_drop(file, &node));
	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (Writer){kit, node, i};
		g_assert_cmpint(pthread_create(&threads[i], NULL, write_on, &writers[i]), ==, 0);
	}
	for (unsigned i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	g_assert_false(cache_local_is_open(kit->cache->locals, node));
	g_assert_true(finish(kit, node, "a.eml"));
	g_autoptr(CacheLocalRow) row = row_of(kit, node);
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_local_check(kit->cache->locals, node, row, &error));
}

/* --- steps ----------------------------------------------------------------------------------- */

/* Takes steps in a child, and tells how it ended: the signal, or 0. */
static int step_in_child(const char *kill_at)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		g_setenv("EWSFS_TEST_KILL", kill_at, TRUE);
		cache_step(CACHE_STEP_COMMIT);
		cache_step(CACHE_STEP_SEND);
		cache_step(CACHE_STEP_COMMIT);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_steps(Kit *kit, gconstpointer data)
{
	g_autofree char *path = g_build_filename(kit->dir, "steps", NULL);
	g_autofree char *count = g_strdup_printf("count:%s", path);
	g_autofree char *text = NULL;
	g_assert_cmpint(step_in_child("commit:2"), ==, SIGKILL);
	g_assert_cmpint(step_in_child("any:3"), ==, SIGKILL);
	g_assert_cmpint(step_in_child("send:1"), ==, SIGKILL);
	g_assert_cmpint(step_in_child("commit:3"), ==, 0);
	g_assert_cmpint(step_in_child("any:4"), ==, 0);
	g_assert_cmpint(step_in_child("answer:1"), ==, 0);
	g_assert_cmpint(step_in_child("nonsense"), ==, 0);
	g_assert_cmpint(step_in_child(count), ==, 0);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "commit\nsend\ncommit\n");
}

#define ADD(path, test) g_test_add("/cache/local/" path, Kit, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("message", test_message);
	ADD("finish-flushes-what-is-open", test_finish_flushes);
	ADD("empty-is-unfinished", test_empty);
	ADD("no-message", test_no_message);
	ADD("shared", test_shared);
	ADD("write-after-flush", test_late_write);
	ADD("removed-while-open", test_removed_while_open);
	ADD("remove", test_remove);
	ADD("from-bytes", test_from_bytes);
	ADD("made-anew", test_made_anew);
	ADD("fill", test_fill);
	ADD("crash", test_crash);
	ADD("cut", test_cut);
	ADD("sweep", test_sweep);
	ADD("check", test_check);
	ADD("too-big", test_too_big);
	ADD("failed-write", test_failed_write);
	g_test_add("/cache/local/scratch-limit", Kit, NULL, set_up_small, test_scratch_limit,
		tear_down);
	ADD("look", test_look);
	ADD("is-message", test_is_message);
	ADD("an-event-anywhere", test_event_anywhere);
	ADD("threads", test_threads);
	ADD("steps", test_steps);
	return g_test_run();
}
