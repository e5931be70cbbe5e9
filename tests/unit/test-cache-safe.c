/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "cache/safe.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Bytes that were made safe ahead: what is taken for the same afterwards, and what is not.
 */

#define MAIL "Subject: a\r\n\r\nbody\r\n"
#define OTHER "Subject: b\r\n\r\nbody\r\n"

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

static void put(Kit *kit, int64_t node, const char *text)
{
	g_autofree char *path = cache_local_path(kit->cache->locals, node);
	int fd = open(path, O_WRONLY | O_TRUNC);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
	close(fd);
}

/* A message that a program has written and closed. */
static int64_t make(Kit *kit, const char *name)
{
	bool is_ready = false;
	g_autoptr(GError) error = NULL;
	CacheLocals *locals = kit->cache->locals;
	kit_run(kit,
		"INSERT INTO node (parent, kind, name, ino, rights, mtime, ctime, flags)"
		" VALUES (%lld, 1, %Q, 77, 0, 5, 5, %d)",
		kit_dir(kit, "F1"), name, NODE_LOCAL);
	int64_t node = kit_int(kit, "SELECT id FROM node WHERE name = %Q", name);
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_make(locals, conn, node, -1, &error));
	put(kit, node, MAIL);
	g_assert_true(cache_local_accept(conn, node, &error));
	g_assert_true(cache_local_finish(locals, conn, node, name, &is_ready, &error));
	g_assert_true(is_ready);
	g_assert_true(cache_db_commit(kit->cache->db, &error));
	return node;
}

static bool has(Kit *kit, const CacheSafe *safe, int64_t node)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheLocalRow) row = NULL;
	CacheConn *conn = begin(kit);
	g_assert_true(cache_local_get(conn, node, &row, &error));
	bool has = cache_safe_has(safe, node, row);
	cache_db_rollback(kit->cache->db);
	return has;
}

/* Whoever writes meanwhile is not waited for: a second one that wants the lock would hang here. */
static void test_without_the_lock(Kit *kit, gconstpointer data)
{
	const int64_t nodes[] = {make(kit, "a.eml"), make(kit, "b.eml")};
	begin(kit);
	g_autoptr(CacheSafe) safe =
		cache_safe_new(kit->cache->locals, nodes, G_N_ELEMENTS(nodes));
	cache_db_rollback(kit->cache->db);
	g_assert_true(has(kit, safe, nodes[0]));
	g_assert_true(has(kit, safe, nodes[1]));
	g_assert_false(has(kit, safe, make(kit, "c.eml")));
}

static void test_written_anew(Kit *kit, gconstpointer data)
{
	int64_t node = make(kit, "a.eml");
	g_autoptr(CacheSafe) safe = cache_safe_new(kit->cache->locals, &node, 1);
	/* Longer than the clock that a file's time is taken from ticks. */
	g_usleep(20000);
	put(kit, node, OTHER);
	g_assert_false(has(kit, safe, node));
}

static void test_another_file(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t node = make(kit, "a.eml");
	g_autoptr(CacheSafe) safe = cache_safe_new(kit->cache->locals, &node, 1);
	g_assert_true(cache_local_renew(kit->cache->locals, node, &error));
	g_assert_false(has(kit, safe, node));
}

static void test_another_row(Kit *kit, gconstpointer data)
{
	int64_t node = make(kit, "a.eml");
	g_autoptr(CacheSafe) safe = cache_safe_new(kit->cache->locals, &node, 1);
	kit_run(kit, "UPDATE local SET sha256 = 'another'");
	g_assert_false(has(kit, safe, node));
	kit_run(kit, "UPDATE local SET is_finished = 0, sha256 = NULL");
	g_assert_false(has(kit, safe, node));
}

static void test_not_what_was_written(Kit *kit, gconstpointer data)
{
	const int64_t nodes[] = {make(kit, "a.eml"), make(kit, "b.eml"), make(kit, "c.eml")};
	g_autofree char *path = cache_local_path(kit->cache->locals, nodes[2]);
	put(kit, nodes[0], OTHER);
	kit_run(kit, "UPDATE local SET is_finished = 0 WHERE node = %lld", nodes[1]);
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_autoptr(CacheSafe) safe =
		cache_safe_new(kit->cache->locals, nodes, G_N_ELEMENTS(nodes));
	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++)
		g_assert_false(has(kit, safe, nodes[i]));
}

#define ADD(name, test) g_test_add("/cache/safe/" name, Kit, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("without-the-lock", test_without_the_lock);
	ADD("written-anew", test_written_anew);
	ADD("another-file", test_another_file);
	ADD("another-row", test_another_row);
	ADD("not-what-was-written", test_not_what_was_written);
	return g_test_run();
}
