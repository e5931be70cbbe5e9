/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "cache/evict.h"
#include "cache/sync.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * The life of a blob file, and who goes when the cache is too full.
 */

static void set_up(Kit *kit, gconstpointer data)
{
	kit->cache_size = (uint64_t)GPOINTER_TO_SIZE(data);
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_check(kit);
	kit_close(kit);
}

static int64_t add(Kit *kit, const char *id, const char *bytes)
{
	g_autoptr(EwsItem) item = kit_make_item(id, id);
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	int64_t node = kit_node(kit, id);
	if (bytes != NULL)
		kit_store(kit, node, bytes);
	return node;
}

static char *find_file(Kit *kit, int64_t node)
{
	g_autofree char *name = g_strdup_printf("%" G_GINT64_MODIFIER "x.0", node);
	g_autofree char *fan = g_strdup_printf("%02x", (unsigned)(node % 256));
	return g_build_filename(kit->dir, "cache", "blobs", fan, name, NULL);
}

static void assert_missing(Kit *kit, int64_t node)
{
	g_autoptr(GError) error = NULL;
	g_assert_null(cache_blob_open(kit->cache, node, 0, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

static void test_open(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t node = add(kit, "A", NULL);
	assert_missing(kit, node);
	kit_store(kit, node, "bytes");
	g_autoptr(CacheBlob) blob = cache_blob_open(kit->cache, node, 0, &error);
	g_assert_no_error(error);
	g_assert_cmpint(cache_blob_size(blob), ==, 5);
	g_assert_cmpint(fcntl(cache_blob_fd(blob), F_GETFD) & FD_CLOEXEC, !=, 0);
	g_assert_null(cache_blob_open(kit->cache, node, 1, NULL));
	g_assert_null(cache_blob_open(kit->cache, 4711, 0, NULL));
	g_assert_null(cache_blob_open(kit->cache, kit_dir(kit, "F1"), 0, NULL));
	g_autofree char *path = find_file(kit, node);
	GStatBuf st;
	g_assert_cmpint(g_stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 077, ==, 0);
}

static void test_empty(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "A", "");
	g_autofree char *bytes = kit_read(kit, node);
	g_assert_cmpstr(bytes, ==, "");
}

static void test_pinned(Kit *kit, gconstpointer data)
{
	char bytes[5];
	int64_t node = add(kit, "A", "bytes");
	g_assert_cmpint(cache_blob_pinned_size(kit->cache, node, 0), ==, -1);
	CacheBlob *first = cache_blob_open(kit->cache, node, 0, NULL);
	CacheBlob *second = cache_blob_open(kit->cache, node, 0, NULL);
	g_assert_true(cache_blobs_is_pinned(kit->cache->blobs, node, 0));
	cache_blob_close(first);
	g_assert_true(cache_blobs_is_pinned(kit->cache->blobs, node, 0));
	g_assert_cmpint(cache_blob_pinned_size(kit->cache, node, 0), ==, 5);
	cache_blobs_remove(kit->cache->blobs, node, 0);
	g_assert_cmpint(pread(cache_blob_fd(second), bytes, 5, 0), ==, 5);
	g_assert_cmpint(memcmp(bytes, "bytes", 5), ==, 0);
	cache_blob_close(second);
	g_assert_false(cache_blobs_is_pinned(kit->cache->blobs, node, 0));
	cache_blobs_remove(kit->cache->blobs, node, 0);
}

/* After a power cut a file may be shorter, or longer, than the index believes. */
static void test_wrong_length(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "A", "bytes");
	g_autofree char *path = find_file(kit, node);
	g_assert_cmpint(truncate(path, 3), ==, 0);
	assert_missing(kit, node);
	g_assert_cmpint(truncate(path, 9), ==, 0);
	assert_missing(kit, node);
	g_assert_cmpint(g_unlink(path), ==, 0);
	assert_missing(kit, node);
}

static void test_remount(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "A", "bytes");
	g_autofree char *left = g_build_filename(kit->dir, "cache", "tmp", "17", NULL);
	g_assert_true(g_file_set_contents(left, "half a message", -1, NULL));
	kit_reopen(kit);
	g_autofree char *bytes = kit_read(kit, node);
	g_assert_cmpstr(bytes, ==, "bytes");
	g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 5);
}

/* Blobs of another index mean nothing to this one. */
static void test_epoch(Kit *kit, gconstpointer data)
{
	int64_t node = add(kit, "A", "bytes");
	g_autofree char *path = find_file(kit, node);
	g_autofree char *stamp = g_build_filename(kit->dir, "cache", "epoch", NULL);
	g_assert_true(g_file_set_contents(stamp, "another", -1, NULL));
	kit_reopen(kit);
	g_autoptr(CacheNode) lost = kit_get(kit, node);
	g_assert_false(lost->is_here);
	g_assert_cmpint(lost->size, ==, 5);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 0);
	/* And no stamp at all. */
	kit_store(kit, node, "bytes");
	g_assert_cmpint(g_unlink(stamp), ==, 0);
	kit_reopen(kit);
	g_autoptr(CacheNode) again = kit_get(kit, node);
	g_assert_false(again->is_here);
}

/* The machine went down: what was written shortly before is not believed. */
static void test_power_cut(Kit *kit, gconstpointer data)
{
	int64_t old = add(kit, "A", "old bytes");
	int64_t young = add(kit, "B", "young bytes");
	kit_run(kit, "UPDATE blob SET used = used - 1000000000 WHERE node = %lld", old);
	kit_reopen(kit);
	g_autofree char *safe = kit_read(kit, young);
	g_assert_nonnull(safe);
	/* cache_stop clears the mark; a process of an earlier boot did not come so far. */
	g_autofree char *boot = kit_text(kit, "SELECT value FROM meta WHERE key = 'boot_id'");
	g_assert_cmpstr(boot, !=, "");
	kit_run(kit, "CREATE TRIGGER cut AFTER UPDATE ON meta WHEN new.key = 'boot_id'"
		     " AND new.value = '' BEGIN UPDATE meta SET value = 'earlier'"
		     " WHERE key = 'boot_id'; END");
	kit_reopen(kit);
	kit_run(kit, "DROP TRIGGER cut");
	g_autofree char *kept = kit_read(kit, old);
	g_autofree char *doubted = kit_read(kit, young);
	g_assert_cmpstr(kept, ==, "old bytes");
	g_assert_null(doubted);
}

static void test_second_process(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = g_build_filename(kit->dir, "state", NULL);
	g_autofree char *blobs = g_build_filename(kit->dir, "cache", NULL);
	CacheConfig config = {.state_dir = state, .cache_dir = blobs, .account = "owner"};
	g_assert_null(cache_open(&config, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_BUSY);
	g_autofree char *pid = g_strdup_printf("%d", (int)getpid());
	g_assert_nonnull(strstr(error->message, pid));
}

/* --- evicting --------------------------------------------------------------------------- */

static bool is_here(Kit *kit, int64_t node)
{
	g_autofree char *bytes = kit_read(kit, node);
	return bytes != NULL;
}

static void test_least_recently_used(Kit *kit, gconstpointer data)
{
	int64_t nodes[10];
	g_autofree char *bytes = g_strnfill(300, 'x');
	for (int i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("A%d", i);
		nodes[i] = add(kit, id, bytes);
		kit_run(kit, "UPDATE blob SET used = %d WHERE node = %lld", i, nodes[i]);
	}
	/* The oldest is used once more, the next one is open. */
	g_assert_true(is_here(kit, nodes[0]));
	cache_evict_tick(kit->cache);
	g_assert_true(is_here(kit, nodes[0]));
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), <=, 2000);
	g_assert_false(is_here(kit, nodes[1]));
	g_assert_true(is_here(kit, nodes[9]));
	g_autoptr(CacheNode) gone = kit_get(kit, nodes[1]);
	g_assert_cmpint(gone->size, ==, 300);
}

static void test_pins_stay(Kit *kit, gconstpointer data)
{
	CacheBlob *blobs[10];
	g_autofree char *bytes = g_strnfill(300, 'x');
	for (int i = 0; i < 10; i++) {
		g_autofree char *id = g_strdup_printf("A%d", i);
		blobs[i] = cache_blob_open(kit->cache, add(kit, id, bytes), 0, NULL);
	}
	/* It is to be looked again: nothing else may happen when they are closed. */
	g_assert_true(cache_evict_tick(kit->cache));
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 3000);
	for (int i = 0; i < 10; i++)
		cache_blob_close(blobs[i]);
	g_assert_false(cache_evict_tick(kit->cache));
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), <=, 2000);
}

/* Far more are open than are looked at in one go: those behind them can go all the same. */
static void test_many_pins(Kit *kit, gconstpointer data)
{
	CacheBlob *blobs[300];
	for (int i = 0; i < 310; i++) {
		g_autofree char *id = g_strdup_printf("A%d", i);
		int64_t node = add(kit, id, "0123456789");
		kit_run(kit, "UPDATE blob SET used = %d WHERE node = %lld", i, node);
		if (i < 300)
			blobs[i] = cache_blob_open(kit->cache, node, 0, NULL);
	}
	g_hash_table_unref(cache_blobs_take_used(kit->cache->blobs));
	cache_evict_tick(kit->cache);
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 3000);
	for (int i = 0; i < 300; i++)
		cache_blob_close(blobs[i]);
}

static void test_room(Kit *kit, gconstpointer data)
{
	g_autofree char *bytes = g_strnfill(1500, 'x');
	g_assert_true(cache_evict_has_room(kit->cache, 1800));
	g_assert_true(cache_evict_has_room(kit->cache, -1));
	g_assert_false(cache_evict_has_room(kit->cache, 2001));
	add(kit, "A", bytes);
	g_assert_false(cache_evict_has_room(kit->cache, 600));
	g_assert_true(cache_evict_has_room(kit->cache, 100));
}

static void test_for_one(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t first = add(kit, "A", "0123456789");
	kit_run(kit, "UPDATE blob SET used = 1");
	int64_t second = add(kit, "B", "0123456789");
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_true(cache_evict_bytes(kit->cache, conn, 5));
	g_assert_true(cache_sync_commit(kit->cache, &error));
	g_assert_false(is_here(kit, first));
	g_assert_true(is_here(kit, second));
	conn = cache_sync_begin(kit->cache, &error);
	g_assert_true(cache_evict_bytes(kit->cache, conn, 5));
	g_assert_false(cache_evict_bytes(kit->cache, conn, 5));
	g_assert_true(cache_sync_commit(kit->cache, &error));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, size, test)                                                                     \
	g_test_add("/cache/" claim, Kit, GSIZE_TO_POINTER(size), set_up, test, tear_down)
	ADD("blob/opens-what-was-stored", 0, test_open);
	ADD("blob/may-be-empty", 0, test_empty);
	ADD("blob/pinned-is-readable-to-the-end", 0, test_pinned);
	ADD("blob/wrong-length-is-missing", 0, test_wrong_length);
	ADD("blob/temporary-files-go-at-start", 0, test_remount);
	ADD("blob/another-epoch-voids-all", 0, test_epoch);
	ADD("blob/power-cut-is-doubted", 0, test_power_cut);
	ADD("blob/second-process-is-told-of-the-first", 0, test_second_process);
	ADD("evict/least-recently-used-goes", 2000, test_least_recently_used);
	ADD("evict/pinned-stays", 2000, test_pins_stay);
	ADD("evict/behind-many-pins", 2000, test_many_pins);
	ADD("evict/knows-its-room", 2000, test_room);
	ADD("evict/makes-room-for-one", 2000, test_for_one);
#undef ADD
	return g_test_run();
}
