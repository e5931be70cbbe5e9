/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "tests/unit/test-cache-ops.h"

/*
 * A sequence of file operations in, the list of calls out: rows of the words of test-cache-ops.h.
 */

typedef struct Row {
	const char *ops;
	const char *calls;
} Row;

static void check_rows(const Row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ops_check(rows[i].ops, rows[i].calls);
}

#define CHECK_ROWS(rows) check_rows(rows, G_N_ELEMENTS(rows))

/* The columns of the table in cache/intent.h. */
static void test_unsent(void)
{
	static const Row rows[] = {
		{"create a F1", "CreateItem F1 1"},
		{"create a F1; write a", "CreateItem F1 1"},
		{"create a F1; move a F2", "CreateItem F2 1"},
		{"create a F1; rename a; flag a; read a", "CreateItem F1 1"},
		{"create a F1; flag a; move a F2; write a; rename a", "CreateItem F2 1"},
		{"create a F1; delete a", ""},
		{"create a F1; flag a; move a F2; delete a", ""},
		{"item b F1; copy b a F2", "CopyItem F2 1, UpdateItem 1"},
		{"item b F1; copy b a F2; rename a; flag a", "CopyItem F2 1, UpdateItem 1"},
		{"item b F1; copy b a F2; move a F3", "CopyItem F3 1, UpdateItem 1"},
		{"item b F1; copy b a F2; write a", "CreateItem F2 1"},
		{"item b F1; copy b a F2; delete a", ""},
		{"mkdir d TOP", "CreateFolder TOP 1"},
		{"mkdir d TOP; rename d", "CreateFolder TOP 1"},
		{"mkdir d TOP; move d F1; delete d", ""},
		/* What the unsent one was to replace goes all the same: the program removed it. */
		{"item a F1; create b F1; over b a; delete b", "DeleteItem old 1"},
	};
	CHECK_ROWS(rows);
}

static void test_on_its_way(void)
{
	static const Row rows[] = {
		{"create a F1; wait 300; leave; write a",
			"CreateItem F1 1, CreateItem F1 1, DeleteItem old 1"},
		{"create a F1; wait 300; leave; move a F2", "CreateItem F1 1, MoveItem F2 1"},
		{"create a F1; wait 300; leave; move a F2; move a F1", "CreateItem F1 1"},
		{"create a F1; wait 300; leave; rename a; flag a", "CreateItem F1 1, UpdateItem 1"},
		{"create a F1; wait 300; leave; move a F2; flag a",
			"CreateItem F1 1, MoveItem F2 1, UpdateItem 1"},
		{"create a F1; wait 300; leave; delete a", "CreateItem F1 1, DeleteItem trash 1"},
		{"create a F1; wait 300; leave; flag a; move a F2; write a; delete a",
			"CreateItem F1 1, DeleteItem trash 1"},
		{"create a F1; wait 300; leave; write a; move a F2; flag a",
			"CreateItem F1 1, CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; move a F2; wait 300; leave; move a F1",
			"MoveItem F2 1, MoveItem F1 1"},
		{"item a F1; move a F2; wait 300; leave; delete a",
			"MoveItem F2 1, DeleteItem trash 1"},
		{"item a F1; flag a; wait 300; leave; read a", "UpdateItem 1, UpdateItem 1"},
		{"item a F1; flag a; wait 300; leave; delete a",
			"UpdateItem 1, DeleteItem trash 1"},
		{"mkdir d TOP; wait 300; leave; rename d", "CreateFolder TOP 1, UpdateFolder 1"},
		{"mkdir d TOP; wait 300; leave; delete d",
			"CreateFolder TOP 1, DeleteFolder trash 1"},
		{"item b F1; copy b a F2; wait 300; leave; write a",
			"CopyItem F2 1, CreateItem F2 1, DeleteItem old 1"},
	};
	CHECK_ROWS(rows);
}

/* Sent, and certainly not done: as if it had not been sent. */
static void test_refused(void)
{
	static const Row rows[] = {
		{"create a F1; wait 300; leave; refuse", "CreateItem F1 1, CreateItem F1 1"},
		{"create a F1; wait 300; leave; refuse; move a F2; flag a",
			"CreateItem F1 1, CreateItem F2 1"},
		{"create a F1; wait 300; leave; refuse; delete a", "CreateItem F1 1"},
		{"mkdir d TOP; wait 300; leave; refuse; delete d", "CreateFolder TOP 1"},
		{"item a F1; create b F1; over b a; wait 300; leave; refuse; delete b",
			"CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; flag a; wait 300; leave; refuse; read a",
			"UpdateItem 1, UpdateItem 1"},
		{"item a F1; move a F2; wait 300; leave; refuse; move a F1", "MoveItem F2 1"},
		{"item a F1; delete a; wait 300; leave; refuse",
			"DeleteItem trash 1, DeleteItem trash 1"},
	};
	CHECK_ROWS(rows);
}

static void test_on_the_server(void)
{
	static const Row rows[] = {
		{"item a F1; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; write a; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; move a F2", "MoveItem F2 1"},
		{"item a F1; move a F2; move a F3", "MoveItem F3 1"},
		{"item a F1; move a F2; move a F1", ""},
		{"item a F1; flag a; read a; flag a; rename a", "UpdateItem 1"},
		{"item a F1; move a F2; flag a", "MoveItem F2 1, UpdateItem 1"},
		{"item a F1; delete a", "DeleteItem trash 1"},
		{"item a F1; flag a; move a F2; delete a", "DeleteItem trash 1"},
		/* Written anew and deleted: what goes is the one that is there. */
		{"item a F1; write a; delete a", "DeleteItem trash 1"},
		{"item a F1; flag a; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; move a F2; write a", "CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; write a; move a F2; flag a", "CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; create b F1; over b a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; send a", "SendItem 1"},
		{"create a F1; send a", "CreateItem F1 1, SendItem 1"},
		{"folder d TOP; rename d", "UpdateFolder 1"},
		{"folder d TOP; move d F1", "MoveFolder F1 1"},
		{"folder d TOP; move d F1; rename d", "MoveFolder F1 1, UpdateFolder 1"},
		{"folder d TOP; delete d", "DeleteFolder trash 1"},
		{"folder d TOP; rename d; move d F1; delete d", "DeleteFolder trash 1"},
	};
	CHECK_ROWS(rows);
}

static void test_linger(void)
{
	static const Row rows[] = {
		{"create a F1; look", "[250 ms]"},
		{"create a F1; wait 249; look", "[1 ms]"},
		{"create a F1; wait 250; look", "[CreateItem F1 1]"},
		/* Each word prolongs it, up to a second. */
		{"create a F1; wait 200; flag a; look", "[250 ms]"},
		{"create a F1; wait 200; flag a; wait 200; flag a; wait 200; flag a; wait 200;"
		 " flag a; wait 150; look",
			"[50 ms]"},
		{"create a F1; wait 200; flag a; wait 200; flag a; wait 200; flag a; wait 200;"
		 " flag a; wait 200; flag a; look",
			"[CreateItem F1 1]"},
		/* One that is ready takes those along that linger still. */
		{"create a F1; wait 200; create b F1; wait 50; look", "[CreateItem F1 2]"},
		/* ... but not those of another call. */
		{"create a F1; wait 200; create b F2; wait 50; look", "[CreateItem F1 1; 200 ms]"},
		{"create a F1; urgent a; look", "[CreateItem F1 1]"},
		{"create a F1; create b F1; urgent b; create c F2; look",
			"[CreateItem F1 2; 250 ms]"},
	};
	CHECK_ROWS(rows);
}

static void test_batches(void)
{
	static const Row rows[] = {
		/* A full call leaves at once; the rest lingers. */
		{"9*create a F1; look", "[250 ms]"},
		{"10*create a F1; look", "[CreateItem F1 10]"},
		{"25*create a F1; look", "[CreateItem F1 10, CreateItem F1 10; 250 ms]"},
		{"25*create a F1", "CreateItem F1 10, CreateItem F1 10, CreateItem F1 5"},
		{"5*create a F1; 5*create b F2; look", "[250 ms]"},
		{"13*item a F1; 13*delete a", "DeleteItem trash 9, DeleteItem trash 4"},
		{"13*item a F1; 13*flag a", "UpdateItem 8, UpdateItem 5"},
		{"13*item a F1; 13*move a F2", "MoveItem F2 7, MoveItem F2 6"},
		{"item b F2; 7*item a F1; 7*send a", "SendItem 5, SendItem 2"},
		{"5*mkdir d TOP", "CreateFolder TOP 4, CreateFolder TOP 1"},
		/* Of any folder. */
		{"3*item a F1; 3*item b F2; 3*delete a; 3*delete b; 3*item c F1; 3*item d F2;"
		 " 3*flag c; 3*flag d",
			"DeleteItem trash 6, UpdateItem 6"},
		{"3*item a F1; 3*item b F2; 3*move a F3; 3*move b F4",
			"MoveItem F3 3, MoveItem F4 3"},
		{"3*create a F1; 2*create b F2; 2*item c F2; 2*delete c",
			"CreateItem F1 3, CreateItem F2 2, DeleteItem trash 2"},
		/* Oldest first. */
		{"create b F2; create a F1; wait 300; look", "[CreateItem F2 1, CreateItem F1 1]"},
	};
	CHECK_ROWS(rows);
}

static void test_bytes(void)
{
	static const Row rows[] = {
		/* 9 MB are 12 on the wire. */
		{"3*create a F1 9000000", "CreateItem F1 2, CreateItem F1 1"},
		{"2*create a F1 9500000", "CreateItem F1 1, CreateItem F1 1"},
		/* One that is larger than a call goes alone. */
		{"create a F1; create b F1 40000000; create c F1",
			"CreateItem F1 1, CreateItem F1 1, CreateItem F1 1"},
		/* Moves carry no bytes. */
		{"create a F1 40000000; create b F1 40000000; wait 300; leave; answer;"
		 " move a F2; move b F2",
			"CreateItem F1 1, CreateItem F1 1, MoveItem F2 2"},
	};
	CHECK_ROWS(rows);
}

static void test_order(void)
{
	static const Row rows[] = {
		/* A folder exists before anything enters it. */
		{"mkdir d TOP; create a d; wait 300; look", "[CreateFolder TOP 1]"},
		{"mkdir d TOP; create a d; create b d", "CreateFolder TOP 1, CreateItem d 2"},
		{"mkdir d TOP; item a F1; move a d", "CreateFolder TOP 1, MoveItem d 1"},
		{"mkdir d TOP; mkdir e d; create a e",
			"CreateFolder TOP 1, CreateFolder d 1, CreateItem e 1"},
		/* What came before must be over, all of it. */
		{"item a F1; item b F1; delete a; rename b; after b a; wait 300; look",
			"[DeleteItem trash 1]"},
		{"item a F1; item b F1; delete a; rename b; after b a",
			"DeleteItem trash 1, UpdateItem 1"},
		{"item a F1; item b F1; delete a; rename b; after b a; urgent b; look", "[250 ms]"},
		/* A step at a time. */
		{"item a F1; move a F2; flag a; wait 300; look", "[MoveItem F2 1]"},
		{"item a F1; move a F2; flag a; wait 300; leave; wait 300; look",
			"MoveItem F2 1 []"},
	};
	CHECK_ROWS(rows);
}

static void test_patience(void)
{
	static const Row rows[] = {
		{"create a F1; later a 5000; wait 300; look", "[4700 ms]"},
		{"create a F1; later a 5000; urgent a; wait 300; look", "[4700 ms]"},
		{"create a F1; later a 5000; wait 5000; look", "[CreateItem F1 1]"},
		/* Others need not wait for it. */
		{"create a F1; later a 5000; create b F1; wait 300; look",
			"[CreateItem F1 1; 4700 ms]"},
	};
	CHECK_ROWS(rows);
}

static void test_disposal(void)
{
	static const Row rows[] = {
		{"item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem trash 1, DeleteItem soft 1"},
		{"disposal 1; item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem soft 2"},
		{"disposal 2; item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem hard 2"},
		/* A folder can always be brought back, unless it is in Deleted Items itself. */
		{"disposal 2; folder d TOP; delete d", "DeleteFolder trash 1"},
		{"disposal 1; folder d TOP; trash d; delete d", "DeleteFolder hard 1"},
	};
	CHECK_ROWS(rows);
}

/* Where there is no Deleted Items nothing goes there, and softly only what is to go softly. */
static void test_no_trash(void)
{
	static const struct {
		CacheKind kind;
		CacheDisposal wanted;
		CacheDisposal found;
	} rows[] = {
		{CACHE_KIND_FILE, CACHE_DISPOSAL_TRASH, CACHE_DISPOSAL_HARD},
		{CACHE_KIND_FILE, CACHE_DISPOSAL_SOFT, CACHE_DISPOSAL_SOFT},
		{CACHE_KIND_FILE, CACHE_DISPOSAL_HARD, CACHE_DISPOSAL_HARD},
		{CACHE_KIND_DIR, CACHE_DISPOSAL_TRASH, CACHE_DISPOSAL_HARD},
		{CACHE_KIND_DIR, CACHE_DISPOSAL_SOFT, CACHE_DISPOSAL_HARD},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(CacheIntent) intent = cache_intent_new(1, rows[i].kind);
		for (int is_trash = 0; is_trash < 2; is_trash++) {
			intent->is_trash = is_trash;
			g_assert_cmpint(cache_plan_disposal(intent, rows[i].wanted, false), ==,
				rows[i].found);
		}
	}
}

/* Only what is queued is planned, whatever else a row says. */
static void test_states(void)
{
	for (int state = CACHE_INTENT_QUEUED; state <= CACHE_INTENT_MAYBE_SENT; state++) {
		g_autoptr(GPtrArray) intents = g_ptr_array_new();
		g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
		int64_t next = 0;
		intent->id = g_strdup("id");
		cache_intent_ask_delete(intent);
		intent->state = (CacheIntentState)state;
		g_ptr_array_add(intents, intent);
		g_autoptr(GPtrArray) calls = cache_plan(intents, &ops_limits, OPS_BEGIN, &next);
		g_assert_cmpuint(calls->len, ==, state == CACHE_INTENT_QUEUED ? 1 : 0);
		g_assert_cmpint(next, ==, INT64_MAX);
	}
}

static void test_reopen(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	cache_intent_ask_make(intent, NULL, 0);
	g_autofree char *guid = g_strdup(intent->guid);
	intent->state = CACHE_INTENT_FAILED;
	intent->tries = 5;
	intent->not_before = OPS_BEGIN;
	intent->error = g_strdup("refused");
	/* A program that writes it again has another try. */
	cache_intent_ask_make(intent, NULL, 0);
	g_assert_cmpint(intent->state, ==, CACHE_INTENT_QUEUED);
	g_assert_cmpuint(intent->tries, ==, 0);
	g_assert_cmpint(intent->not_before, ==, 0);
	g_assert_null(intent->error);
	g_assert_cmpstr(intent->guid, ==, guid);
}

/* A create that may have arrived is not unsent, and is not forgotten by a delete. */
static void test_doubt(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	cache_intent_ask_make(intent, NULL, 0);
	g_assert_true(cache_intent_is_unsent(intent));
	intent->attempt = 1;
	intent->state = CACHE_INTENT_DOUBT;
	g_assert_false(cache_intent_is_unsent(intent));
	cache_intent_ask_delete(intent);
	g_assert_cmpint(intent->state, ==, CACHE_INTENT_DOUBT);
	g_assert_cmpuint(intent->todo, ==, CACHE_TODO_MAKE | CACHE_TODO_DELETE);
}

static void test_describe(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	intent->todo = CACHE_TODO_MAKE | CACHE_TODO_REMOVE_OLD;
	g_autofree char *first = cache_intent_describe(intent);
	g_assert_cmpstr(first, ==, "create, replace");
	intent->todo = CACHE_TODO_COPY | CACHE_TODO_MOVE | CACHE_TODO_UPDATE | CACHE_TODO_SEND |
		       CACHE_TODO_DELETE;
	g_autofree char *second = cache_intent_describe(intent);
	g_assert_cmpstr(second, ==, "copy, move, update, send, delete");
	g_assert_cmpint(cache_intent_next(intent), ==, CACHE_TODO_COPY);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/plan/what-is-unsent-merges", test_unsent);
	g_test_add_func("/cache/plan/what-is-on-its-way-is-followed", test_on_its_way);
	g_test_add_func("/cache/plan/what-is-on-the-server-is-changed", test_on_the_server);
	g_test_add_func("/cache/plan/what-was-refused-is-unsent", test_refused);
	g_test_add_func("/cache/plan/lingers", test_linger);
	g_test_add_func("/cache/plan/groups-and-cuts", test_batches);
	g_test_add_func("/cache/plan/minds-the-wire", test_bytes);
	g_test_add_func("/cache/plan/keeps-the-order", test_order);
	g_test_add_func("/cache/plan/waits-when-asked-to", test_patience);
	g_test_add_func("/cache/plan/deletes-as-told", test_disposal);
	g_test_add_func("/cache/plan/has-no-trash", test_no_trash);
	g_test_add_func("/cache/plan/only-what-is-queued", test_states);
	g_test_add_func("/cache/intent/asked-anew-is-tried-anew", test_reopen);
	g_test_add_func("/cache/intent/doubt-is-not-forgotten", test_doubt);
	g_test_add_func("/cache/intent/describes-itself", test_describe);
	return g_test_run();
}
