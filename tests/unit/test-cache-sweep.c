/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/ident.h"
#include "cache/sweep.h"
#include "cache/sync.h"
#include "tests/unit/test-cache-world.h"

/*
 * Whether to believe that what a full run did not name is gone. The fake answers, the test plays
 * the folder sync.
 */

static void set_up(World *world, gconstpointer data)
{
	kit_open(&world->kit);
	kit_folder(&world->kit, "F1", KIT_TOP, "One");
	world->fake = fake_start();
	fake_folder(world->fake, "F1", KIT_TOP, "One");
}

static void tear_down(World *world, gconstpointer data)
{
	fake_stop(world->fake);
	kit_check(&world->kit);
	kit_close(&world->kit);
}

/* @named items of run 2 and @missing of run 1; of these the server still has @there. */
static void fill(World *world, int named, int missing, int there)
{
	for (int i = 0; i < named + missing; i++) {
		g_autofree char *id = g_strdup_printf("I%03d", i);
		g_autoptr(EwsItem) item = kit_make_item(id, id);
		g_autoptr(GPtrArray) changes =
			g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
		g_ptr_array_add(changes, kit_change(EWS_CHANGE_CREATE, item));
		kit_page(&world->kit, "F1", changes, i < named ? 2 : 1);
		if (i < named + there)
			fake_item(world->fake, "F1", item, "bytes");
	}
}

static Waiter *answered;
static EwsOp *answered_op;

static void op_done(EwsOp *op, void *user)
{
	answered_op = op;
	waiter_done(answered, NULL);
}

/* Asks one question after the other; gives their number. */
static unsigned ask_all(World *world, CacheSweep *sweep)
{
	unsigned asked = 0;
	EwsOp *op;
	while ((op = cache_sweep_next(sweep)) != NULL) {
		g_assert_false(cache_sweep_is_done(sweep));
		answered = waiter_new();
		ews_submit(world->fake, op, EWS_PRIORITY_SCAN, op_done, NULL);
		g_assert_null(waiter_wait(answered));
		waiter_free(answered);
		cache_sweep_answer(sweep, answered_op);
		ews_op_free(answered_op);
		asked++;
	}
	g_assert_true(cache_sweep_is_done(sweep));
	return asked;
}

/* Sweeps; gives the number of questions, *ret_left the items that are left. */
static unsigned sweep_once(World *world, int64_t *ret_left, int64_t *ret_surplus)
{
	g_autoptr(GError) error = NULL;
	Kit *kit = &world->kit;
	CacheApply apply = {
		.cache = kit->cache,
		.mailbox = KIT_MAILBOX,
		.mailbox_hash = cache_ident_mailbox(KIT_MAILBOX),
		.folder = kit_int(kit, "SELECT id FROM folder WHERE folder_id = 'F1'"),
		.dir = kit_dir(kit, "F1"),
		.run = 2,
		.round = kit->round,
	};
	apply.conn = cache_sync_begin(kit->cache, &error);
	const CacheSweepOf of = {"F1", apply.dir, 2, KIT_TIME, -1};
	CacheSweep *sweep = cache_sweep_new(apply.conn, &of, &error);
	g_assert_no_error(error);
	unsigned asked = ask_all(world, sweep);
	if (cache_sweep_error(sweep) == NULL)
		g_assert_true(cache_sweep_apply(sweep, &apply, &error));
	g_assert_true(cache_sync_commit(kit->cache, &error));
	*ret_surplus = cache_sweep_surplus(sweep);
	*ret_left = kit_int(kit, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
	cache_sweep_free(sweep);
	return asked;
}

static void assert_sweep(World *world, unsigned asked, int64_t left, int64_t surplus)
{
	int64_t left_now = 0;
	int64_t surplus_now = 0;
	g_assert_cmpuint(sweep_once(world, &left_now, &surplus_now), ==, asked);
	g_assert_cmpint(left_now, ==, left);
	g_assert_cmpint(surplus_now, ==, surplus);
}

static void test_nothing_missing(World *world, gconstpointer data)
{
	fill(world, 10, 0, 0);
	assert_sweep(world, 1, 10, 0);
}

static void test_few(World *world, gconstpointer data)
{
	fill(world, 10, 2, 0);
	assert_sweep(world, 1, 10, 0);
}

/* Over a fifth: each is asked for. */
static void test_part(World *world, gconstpointer data)
{
	fill(world, 10, 3, 0);
	assert_sweep(world, 4, 10, 0);
}

static void test_all(World *world, gconstpointer data)
{
	fill(world, 0, 3, 0);
	assert_sweep(world, 4, 0, 0);
}

static void test_many(World *world, gconstpointer data)
{
	fill(world, 500, 101, 0);
	assert_sweep(world, 102, 500, 0);
}

static void test_hundred(World *world, gconstpointer data)
{
	fill(world, 500, 100, 0);
	assert_sweep(world, 1, 500, 0);
}

/* The server says that it has more than it named: it left some out. */
static void test_left_out(World *world, gconstpointer data)
{
	fill(world, 10, 2, 2);
	assert_sweep(world, 1, 12, 2);
}

/* It says that it has fewer than it named: who knows what it counts. */
static void test_fewer(World *world, gconstpointer data)
{
	fill(world, 10, 2, 0);
	fake_miscount(world->fake, "F1", -3);
	assert_sweep(world, 1, 12, -3);
}

/* Counted right and left out all the same: who is asked for by id answers. */
static void test_there_after_all(World *world, gconstpointer data)
{
	fill(world, 10, 4, 2);
	fake_miscount(world->fake, "F1", -2);
	assert_sweep(world, 5, 12, 0);
}

static void test_no_count(World *world, gconstpointer data)
{
	fill(world, 10, 2, 0);
	fake_fail(world->fake, "GetFolder", EWS_ERROR_OFFLINE, 1);
	assert_sweep(world, 1, 12, 0);
}

/* One item that cannot be told of stays, the others go. */
static void test_one_unclear(World *world, gconstpointer data)
{
	fill(world, 5, 4, 0);
	fake_fail(world->fake, "GetItem I007", EWS_ERROR_CORRUPT, 1);
	assert_sweep(world, 5, 6, 0);
}

/* No server, or somebody else in its place, is no answer. */
static void test_interrupted(World *world, gconstpointer data)
{
	const EwsErrorCode *code = data;
	int64_t left = 0;
	int64_t surplus = 0;
	fill(world, 5, 4, 0);
	fake_fail(world->fake, "GetItem I007", *code, 1);
	sweep_once(world, &left, &surplus);
	g_assert_cmpint(left, ==, 9);
	sweep_once(world, &left, &surplus);
	g_assert_cmpint(left, ==, 5);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/sweep/" claim, World, NULL, set_up, test, tear_down)
	ADD("nothing-missing", test_nothing_missing);
	ADD("few-are-believed", test_few);
	ADD("a-fifth-is-asked-for", test_part);
	ADD("all-is-asked-for", test_all);
	ADD("a-hundred-are-believed", test_hundred);
	ADD("more-than-a-hundred-are-asked-for", test_many);
	ADD("left-out-removes-nothing", test_left_out);
	ADD("fewer-than-named-removes-nothing", test_fewer);
	ADD("there-after-all-stays", test_there_after_all);
	ADD("without-a-count-removes-nothing", test_no_count);
	ADD("one-unclear-stays", test_one_unclear);
	static const EwsErrorCode away = EWS_ERROR_OFFLINE;
	static const EwsErrorCode other = EWS_ERROR_TLS;
	g_test_add("/cache/sweep/no-server-is-no-answer", World, &away, set_up, test_interrupted,
		tear_down);
	g_test_add("/cache/sweep/another-server-is-no-answer", World, &other, set_up,
		test_interrupted, tear_down);
#undef ADD
	return g_test_run();
}
