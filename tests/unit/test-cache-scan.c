/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/scan.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Guessing what a reader will want next, from what it missed.
 */

#define ITEMS 30

typedef struct Walk {
	Kit kit;
	CacheConn *conn; /* a reader */
	CacheScan *scan; /* own */
	int64_t by_id[ITEMS];
	int64_t by_name[ITEMS];
} Walk;

static void fill(Kit *kit, int64_t *nodes, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	g_assert_cmpint(sqlite3_prepare_v2(kit->sql, sql, -1, &stmt, NULL), ==, SQLITE_OK);
	for (int i = 0; i < ITEMS; i++) {
		g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
		nodes[i] = sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
}

static void set_up(Walk *walk, gconstpointer data)
{
	kit_open(&walk->kit);
	kit_folder(&walk->kit, "F1", KIT_TOP, "One");
	for (int i = 0; i < ITEMS; i++) {
		/* Names in another order than ids. */
		g_autofree char *id = g_strdup_printf("A%02d", i * 7 % ITEMS);
		g_autoptr(EwsItem) item = kit_make_item(id, id);
		kit_say(&walk->kit, "F1", EWS_CHANGE_CREATE, item);
	}
	fill(&walk->kit, walk->by_id, "SELECT id FROM node WHERE kind = 1 ORDER BY id");
	fill(&walk->kit, walk->by_name, "SELECT id FROM node WHERE kind = 1 ORDER BY name");
	walk->conn = cache_db_take_reader(walk->kit.cache->db, NULL);
	walk->scan = cache_scan_new(kit_dir(&walk->kit, "F1"));
}

static void tear_down(Walk *walk, gconstpointer data)
{
	cache_scan_free(walk->scan);
	cache_db_put_reader(walk->kit.cache->db, walk->conn);
	kit_close(&walk->kit);
}

static bool miss_as(Walk *walk, int64_t id, bool for_length, bool was_foreseen)
{
	g_autoptr(GError) error = NULL;
	bool is_scan = false;
	g_autoptr(CacheNode) node = kit_get(&walk->kit, id);
	CacheScanMiss what = {node, for_length, was_foreseen};
	bool is_ok = cache_scan_miss(walk->scan, walk->conn, &what, &is_scan, &error);
	g_assert_no_error(error);
	g_assert_true(is_ok);
	return is_scan;
}

static bool miss(Walk *walk, int64_t id, bool for_length)
{
	return miss_as(walk, id, for_length, false);
}

static GPtrArray *next(Walk *walk, unsigned max)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *items = cache_scan_next(walk->scan, walk->conn, max, &error);
	g_assert_no_error(error);
	return items;
}

static void assert_next(Walk *walk, unsigned max, const int64_t *nodes, int first, int step)
{
	g_autoptr(GPtrArray) items = next(walk, max);
	for (guint i = 0; i < items->len; i++) {
		const CacheScanItem *item = items->pdata[i];
		g_assert_cmpint(item->node, ==, nodes[first + (int)i * step]);
		g_assert_nonnull(item->item_id);
	}
	g_assert_cmpuint(items->len, ==, max);
}

static void test_first_alone(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[5], false));
	g_autoptr(GPtrArray) items = next(walk, 10);
	g_assert_cmpuint(items->len, ==, 0);
	/* The same once more (another reader, a retry) is no direction. */
	g_assert_false(miss(walk, walk->by_id[5], false));
}

static void test_id_up(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_true(miss(walk, walk->by_id[1], false));
	assert_next(walk, 5, walk->by_id, 2, 1);
	/* Each is handed out once. */
	assert_next(walk, 5, walk->by_id, 7, 1);
}

static void test_id_down(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[29], false));
	g_assert_true(miss(walk, walk->by_id[28], false));
	assert_next(walk, 5, walk->by_id, 27, -1);
}

static void test_name_up(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_name[3], false));
	g_assert_true(miss(walk, walk->by_name[4], false));
	assert_next(walk, 5, walk->by_name, 5, 1);
}

static void test_name_down(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_name[20], false));
	g_assert_true(miss(walk, walk->by_name[19], false));
	assert_next(walk, 5, walk->by_name, 18, -1);
}

/* What is here already is passed over, and tells nothing of the order. */
static void test_gaps(Walk *walk, gconstpointer data)
{
	kit_store(&walk->kit, walk->by_name[4], "bytes");
	kit_store(&walk->kit, walk->by_name[6], "bytes");
	g_assert_false(miss(walk, walk->by_name[3], false));
	g_assert_true(miss(walk, walk->by_name[5], false));
	g_autoptr(GPtrArray) items = next(walk, 1);
	const CacheScanItem *item = items->pdata[0];
	g_assert_cmpint(item->node, ==, walk->by_name[7]);
}

/* A reader in no order that is known: by name from where it is, then what stands before. */
static void test_jumps(Walk *walk, gconstpointer data)
{
	int at = 0;
	while (walk->by_name[at] != walk->by_id[9])
		at++;
	g_assert_false(miss(walk, walk->by_id[2], false));
	g_assert_true(miss(walk, walk->by_id[9], false));
	assert_next(walk, 3, walk->by_name, at + 1, 1);
	g_autoptr(GPtrArray) rest = next(walk, (unsigned)(ITEMS - at - 4) + 5);
	const CacheScanItem *wrapped = rest->pdata[ITEMS - at - 4];
	g_assert_cmpint(wrapped->node, ==, walk->by_name[0]);
}

/* What was taken for a walk by id turns out to be one by name. */
static void test_change_of_mind(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_true(miss(walk, walk->by_id[1], false));
	assert_next(walk, 2, walk->by_id, 2, 1);
	/* A miss that was foreseen confirms, those that were not do the opposite. */
	g_assert_true(miss_as(walk, walk->by_id[2], false, true));
	for (int i = 10; i < 13; i++)
		g_assert_true(miss(walk, walk->by_name[i], false));
	assert_next(walk, 3, walk->by_name, 13, 1);
}

/* Hits move the reader on, and with it how far ahead is far. */
static void test_hits(Walk *walk, gconstpointer data)
{
	cache_scan_hits(walk->scan, 5);
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_true(miss(walk, walk->by_id[1], false));
	assert_next(walk, 10, walk->by_id, 2, 1);
	cache_scan_hits(walk->scan, 4);
	cache_scan_hits(walk->scan, 400);
	assert_next(walk, 10, walk->by_id, 12, 1);
}

static void test_end(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[27], false));
	g_assert_true(miss(walk, walk->by_id[28], false));
	assert_next(walk, 1, walk->by_id, 29, 1);
	g_autoptr(GPtrArray) items = next(walk, 5);
	g_assert_cmpuint(items->len, ==, 0);
}

/* Whoever wants lengths is not given what has one, whoever wants bytes is. */
static void test_lengths(Walk *walk, gconstpointer data)
{
	kit_store(&walk->kit, walk->by_id[2], "bytes");
	kit_run(&walk->kit, "UPDATE node SET flags = 0 WHERE id = %lld", walk->by_id[2]);
	g_assert_false(miss(walk, walk->by_id[0], true));
	g_assert_true(miss(walk, walk->by_id[1], true));
	assert_next(walk, 2, walk->by_id, 3, 1);
	g_assert_true(miss(walk, walk->by_id[1], false));
}

static void test_errors_left_out(Walk *walk, gconstpointer data)
{
	kit_run(&walk->kit, "UPDATE node SET flags = flags | %d WHERE id = %lld", NODE_ERROR,
		walk->by_id[2]);
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_true(miss(walk, walk->by_id[1], false));
	assert_next(walk, 2, walk->by_id, 3, 1);
}

/* The reader overtakes what was handed out. */
static void test_overtaken(Walk *walk, gconstpointer data)
{
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_true(miss(walk, walk->by_id[1], false));
	assert_next(walk, 2, walk->by_id, 2, 1);
	g_assert_true(miss(walk, walk->by_id[10], false));
	assert_next(walk, 2, walk->by_id, 11, 1);
	/* And a miss behind it does not hand out once more. */
	g_assert_true(miss(walk, walk->by_id[4], false));
	assert_next(walk, 2, walk->by_id, 13, 1);
}

static void test_over(Walk *walk, gconstpointer data)
{
	int64_t now = g_get_monotonic_time();
	g_assert_false(miss(walk, walk->by_id[0], false));
	g_assert_false(cache_scan_is_over(walk->scan, now));
	g_assert_true(cache_scan_is_over(walk->scan, now + INT64_C(3600) * G_USEC_PER_SEC));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/scan/" claim, Walk, NULL, set_up, test, tear_down)
	ADD("first-miss-goes-alone", test_first_alone);
	ADD("up-by-id", test_id_up);
	ADD("down-by-id", test_id_down);
	ADD("up-by-name", test_name_up);
	ADD("down-by-name", test_name_down);
	ADD("what-is-here-is-a-gap", test_gaps);
	ADD("reader-that-jumps", test_jumps);
	ADD("reader-that-turns-out-otherwise", test_change_of_mind);
	ADD("hits-move-the-reader", test_hits);
	ADD("ends-at-the-end", test_end);
	ADD("lengths-alone", test_lengths);
	ADD("errors-are-left-out", test_errors_left_out);
	ADD("reader-overtakes", test_overtaken);
	ADD("reader-that-left", test_over);
#undef ADD
	return g_test_run();
}
