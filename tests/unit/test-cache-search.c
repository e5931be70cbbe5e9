/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-world.h"

/*
 * Searches: who is asked, how often, and what becomes of ids. (The fake finds items by the
 * beginnings of their ids.)
 */

typedef struct Answer {
	Waiter *waiter; /* own */
	GArray *nodes;  /* own; NULL: an error */
} Answer;

static void take_found(void *user, const GArray *nodes, const GError *error)
{
	Answer *self = user;
	self->nodes = nodes != NULL ? g_array_copy((GArray *)nodes) : NULL;
	waiter_done(self->waiter, error);
}

/* The error, owned; *ret_count: of what was found. */
static GError *search(World *world, int64_t dir, const char *query, guint *ret_count)
{
	Answer self = {waiter_new(), NULL};
	cache_search(world->kit.cache, dir, query, take_found, &self);
	GError *error = waiter_wait(self.waiter);
	*ret_count = self.nodes != NULL ? self.nodes->len : 0;
	g_clear_pointer(&self.nodes, g_array_unref);
	waiter_free(self.waiter);
	return error;
}

static void assert_found(World *world, int64_t dir, const char *query, guint expected)
{
	guint count = 0;
	g_autoptr(GError) error = search(world, dir, query, &count);
	g_assert_no_error(error);
	g_assert_cmpuint(count, ==, expected);
}

static void assert_fails(World *world, const char *query, EwsErrorCode code)
{
	guint count = 0;
	g_autoptr(GError) error = search(world, CACHE_ROOT, query, &count);
	g_assert_error(error, EWS_ERROR, (int)code);
}

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_without_prefetch = true;
	world_open(world);
	world_start(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

/* --- how the server searches ----------------------------------------------------------------- */

static void test_aqs_where_it_works(World *world, gconstpointer data)
{
	assert_found(world, CACHE_ROOT, "A", 2);
	assert_found(world, CACHE_ROOT, "B", 2);
	world_assert_asked(world, "GetFolder", 1);
	world_assert_asked(world, "Search F1 aqs 0 subject", 1);
	world_assert_asked(world, "Search F1 aqs 0 A", 1);
	world_assert_asked(world, "Search F1 restriction", 0);
	/* Remembered. */
	world_remount(world);
	fake_forget_lines(world->fake);
	assert_found(world, CACHE_ROOT, "A", 2);
	world_assert_asked(world, "Search F1 aqs 0 subject", 0);
	world_assert_asked(world, "Search F1 aqs 0 A", 1);
}

static void test_restrictions_where_it_is_ignored(World *world, gconstpointer data)
{
	fake_ignore_aqs(world->fake);
	assert_found(world, CACHE_ROOT, "A", 2);
	assert_found(world, CACHE_ROOT, "C", 2);
	world_assert_asked(world, "Search F1 aqs", 1);
	world_assert_asked(world, "Search F1 restriction", 2);
}

/* Of an empty folder nothing can be told: all was found, and it is nothing. */
static void test_nothing_is_learnt_of_nothing(World *world, gconstpointer data)
{
	fake_ignore_aqs(world->fake);
	for (int i = 1; i <= 3; i++) {
		g_autofree char *folder = g_strdup_printf("F%d", i);
		for (int k = 1; k <= 2; k++) {
			g_autofree char *item = g_strdup_printf("%c.%d", 'A' + i - 1, k);
			fake_item_gone(world->fake, folder, item);
		}
	}
	assert_found(world, CACHE_ROOT, "A", 0);
	world_add(world, "F1", "A.3");
	world_add(world, "F1", "B.3");
	assert_found(world, CACHE_ROOT, "A", 1);
}

static void test_restrictions_for_a_while(World *world, gconstpointer data)
{
	assert_found(world, CACHE_ROOT, "B", 2);
	fake_fail(world->fake, "Search F2 aqs", EWS_ERROR_CORRUPT, -1);
	assert_found(world, CACHE_ROOT, "A", 2);
	world_assert_asked(world, "Search F1 restriction 0 A", 1);
}

/* --- what is found --------------------------------------------------------------------------- */

static void test_below_a_folder(World *world, gconstpointer data)
{
	fake_folder(world->fake, "F4", "F1", "below");
	world_add(world, "F4", "A.9");
	world_sync_well(world);
	assert_found(world, CACHE_ROOT, "A", 3);
	fake_forget_lines(world->fake);
	assert_found(world, kit_dir(&world->kit, "F1"), "A", 3);
	assert_found(world, kit_dir(&world->kit, "F4"), "A", 1);
	world_assert_asked(world, "Search F2", 0);
}

static void test_pages(World *world, gconstpointer data)
{
	for (int i = 10; i < 30; i++) {
		g_autofree char *id = g_strdup_printf("A.%d", i);
		world_add(world, "F1", id);
	}
	world_sync_well(world);
	fake_page_size(world->fake, 7);
	assert_found(world, CACHE_ROOT, "A", 22);
	fake_fail(world->fake, "Search F1 aqs 7", EWS_ERROR_STALE, 2);
	assert_found(world, CACHE_ROOT, "A", 22);
	fake_fail(world->fake, "Search F1 aqs 7", EWS_ERROR_STALE, -1);
	assert_fails(world, "A", EWS_ERROR_BUSY);
}

static void test_what_is_new_is_waited_for(World *world, gconstpointer data)
{
	assert_found(world, CACHE_ROOT, "A", 2);
	world_add(world, "F2", "A.3");
	fake_forget_lines(world->fake);
	assert_found(world, CACHE_ROOT, "A", 3);
	world_assert_asked(world, "FindFolder", 1);
	world_assert_asked(world, "SyncFolderItems", 1);
	assert_found(world, CACHE_ROOT, "A", 3);
	world_assert_asked(world, "FindFolder", 1);
}

static void test_folders_that_are_gone_or_closed(World *world, gconstpointer data)
{
	assert_found(world, CACHE_ROOT, "A", 2);
	fake_fail(world->fake, "Search F2", EWS_ERROR_NOT_FOUND, -1);
	fake_fail(world->fake, "Search F3", EWS_ERROR_DENIED, -1);
	assert_found(world, CACHE_ROOT, "A", 2);
	assert_found(world, CACHE_ROOT, "B", 0);
	/* Nothing found is not what may not be looked for. */
	fake_fail(world->fake, "Search", EWS_ERROR_DENIED, -1);
	assert_fails(world, "A", EWS_ERROR_DENIED);
}

/* --- what is not ----------------------------------------------------------------------------- */

static void test_errors(World *world, gconstpointer data)
{
	assert_fails(world, "", EWS_ERROR_INVALID);
	fake_fail(world->fake, "Search", EWS_ERROR_OFFLINE, 1);
	assert_fails(world, "A", EWS_ERROR_OFFLINE);
	fake_fail(world->fake, "Search F2 aqs 0 A", EWS_ERROR_OFFLINE, 1);
	assert_fails(world, "A", EWS_ERROR_OFFLINE);
	assert_found(world, CACHE_ROOT, "A", 2);
	fake_fail(world->fake, "Search F2", EWS_ERROR_CORRUPT, -1);
	assert_fails(world, "A", EWS_ERROR_CORRUPT);
}

static void test_the_end(World *world, gconstpointer data)
{
	Answer self = {waiter_new(), NULL};
	fake_hold(world->fake, "Search");
	cache_search(world->kit.cache, CACHE_ROOT, "A", take_found, &self);
	fake_await_held(world->fake, 1);
	world_remount(world);
	g_autoptr(GError) error = waiter_wait(self.waiter);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CANCELLED);
	waiter_free(self.waiter);
}

static void add(const char *path, void (*test)(World *, gconstpointer))
{
	g_test_add(path, World, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/cache/search/aqs-where-it-works", test_aqs_where_it_works);
	add("/cache/search/restrictions-where-it-is-ignored",
		test_restrictions_where_it_is_ignored);
	add("/cache/search/nothing-is-learnt-of-nothing", test_nothing_is_learnt_of_nothing);
	add("/cache/search/restrictions-for-a-while", test_restrictions_for_a_while);
	add("/cache/search/below-a-folder", test_below_a_folder);
	add("/cache/search/pages", test_pages);
	add("/cache/search/what-is-new-is-waited-for", test_what_is_new_is_waited_for);
	add("/cache/search/folders-that-are-gone-or-closed", test_folders_that_are_gone_or_closed);
	add("/cache/search/errors", test_errors);
	add("/cache/search/the-end", test_the_end);
	return g_test_run();
}
