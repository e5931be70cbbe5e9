/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * What becomes of what the server says by itself: bursts, listening and not, what is remembered.
 */

#define SECOND ((int64_t)G_USEC_PER_SEC)
/* Longer than a burst is gathered, with room for a slow machine. */
#define AFTER_US (SECOND * 3 / 2)

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_without_prefetch = true;
	world->kit.refresh_s = 3600;
	world_open(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

static unsigned rounds(World *world)
{
	return fake_count(world->fake, "FindFolder");
}

static void await_rounds(World *world, unsigned count)
{
	int64_t end = g_get_monotonic_time() + 20 * SECOND;
	while (rounds(world) < count) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(2000);
	}
}

static CacheNews news_of(World *world)
{
	CacheStatus *status = cache_status(world->kit.cache);
	CacheNews news = status->news;
	cache_status_free(status);
	return news;
}

/* Listed, counted, listening, and nothing is left to be asked. */
static void begin(World *world)
{
	world_start(world);
	world_sync_well(world);
	world_sync_well(world);
	fake_say_listening(world->fake);
	world_sync_well(world);
	fake_forget_lines(world->fake);
}

/* --- hints ------------------------------------------------------------------------------- */

static void test_hint(World *world, gconstpointer data)
{
	begin(world);
	int64_t start = g_get_monotonic_time();
	world_add(world, "F2", "B.3");
	fake_hint(world->fake, "F2");
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
	g_assert_cmpint(g_get_monotonic_time() - start, <, SECOND);
	g_assert_cmpuint(news_of(world).hints, ==, 1);
	g_assert_cmpuint(rounds(world), ==, 1);
}

/* Whatever somebody will say later. */
static void test_wake(World *world, gconstpointer data)
{
	begin(world);
	world_add(world, "F2", "B.3");
	fake_wake(world->fake);
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
	g_assert_cmpuint(rounds(world), ==, 1);
}

static void test_burst(World *world, gconstpointer data)
{
	begin(world);
	for (unsigned i = 0; i < 1000; i++)
		fake_hint(world->fake, i % 2 != 0 ? "F1" : NULL);
	await_rounds(world, 1);
	g_usleep(AFTER_US);
	g_assert_cmpuint(rounds(world), ==, 1);
	g_assert_cmpuint(news_of(world).hints, ==, 1000);
}

/* Hints that never pause: none waits for a pause. */
static void test_stream_of_hints(World *world, gconstpointer data)
{
	begin(world);
	int64_t start = g_get_monotonic_time();
	while (g_get_monotonic_time() - start < 3 * SECOND) {
		fake_hint(world->fake, "F1");
		g_usleep(20000);
	}
	unsigned count = rounds(world);
	g_assert_cmpuint(count, >=, 3);
	g_assert_cmpuint(count, <=, 7);
}

/* What comes while a refresh runs is looked after by one more. */
static void test_during(World *world, gconstpointer data)
{
	begin(world);
	fake_hold(world->fake, "FindFolder");
	fake_hint(world->fake, "F1");
	fake_await_held(world->fake, 1);
	for (unsigned i = 0; i < 10; i++)
		fake_hint(world->fake, "F1");
	g_usleep(AFTER_US / 2);
	g_assert_cmpuint(rounds(world), ==, 1);
	fake_hold(world->fake, NULL);
	await_rounds(world, 2);
	g_usleep(AFTER_US);
	g_assert_cmpuint(rounds(world), ==, 2);
}

/* A refresh that begins for another reason takes what was hinted at before with it. */
static void test_taken(World *world, gconstpointer data)
{
	begin(world);
	fake_hint(world->fake, "F1");
	world_sync_well(world);
	g_usleep(AFTER_US);
	g_assert_cmpuint(rounds(world), ==, 1);
}

/* Our own changes come back as hints: with the look at the folders that follows, one refresh. */
static void test_own(World *world, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	int64_t one = 0;
	int64_t two = 0;
	world_close(world);
	*world = (World){.kit.refresh_s = 3600};
	world_set_scene(world, &one, &two);
	fake_say_listening(world->fake);
	world_sync_well(world);
	fake_forget_lines(world->fake);
	g_assert_true(cache_rename(world->kit.cache, one, "a.eml", two, "a.eml", true, &error));
	g_assert_no_error(error);
	world_flush(world);
	fake_hint(world->fake, "F1");
	fake_hint(world->fake, "F2");
	g_usleep(AFTER_US / 3);
	g_assert_cmpuint(rounds(world), ==, 0);
	await_rounds(world, 1);
	g_usleep(AFTER_US);
	g_assert_cmpuint(rounds(world), ==, 1);
}

/* --- listening ----------------------------------------------------------------------------- */

/* What happened before was perhaps not hinted at. */
static void test_listening_looks(World *world, gconstpointer data)
{
	begin(world);
	world_add(world, "F1", "A.3");
	fake_say_listening(world->fake);
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

/* What is shown already waits a moment for that look, so that it is the only one at a start. */
static void test_start_looks_once(World *world, gconstpointer data)
{
	begin(world);
	world_add(world, "F1", "A.3");
	world_remount(world);
	g_usleep(SECOND / 10);
	g_assert_cmpuint(rounds(world), ==, 0);
	fake_say_listening(world->fake);
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
	g_usleep(AFTER_US);
	g_assert_cmpuint(rounds(world), ==, 1);
}

/* But no longer, and not at all where somebody wants to know. */
static void test_start_without_word(World *world, gconstpointer data)
{
	begin(world);
	world_remount(world);
	await_rounds(world, 1);
	world_remount(world);
	fake_forget_lines(world->fake);
	int64_t start = g_get_monotonic_time();
	world_sync_well(world);
	g_assert_cmpint(g_get_monotonic_time() - start, <, SECOND / 2);
}

/* The timer and opened directories ask for nothing while it is listened; deaf, they do again. */
static void test_timer(World *world, gconstpointer data)
{
	world->kit.refresh_s = 1;
	kit_reopen(&world->kit);
	begin(world);
	int64_t dir = kit_dir(&world->kit, "F1");
	g_usleep(SECOND * 5 / 2);
	g_assert_true(cache_listing_ready(world->kit.cache, dir));
	g_usleep(SECOND / 4);
	g_assert_cmpuint(rounds(world), ==, 0);
	g_assert_cmpint(news_of(world).by, ==, CACHE_PUSH_STREAM);
	fake_say_deaf(world->fake);
	await_rounds(world, 2);
	g_assert_cmpint(news_of(world).by, ==, CACHE_PUSH_OFF);
	g_assert_cmpuint(news_of(world).every_s, ==, 1);
}

/* What the end of a stream hid is looked for soon, and an answer lets the session listen again. */
static void test_deaf_looks(World *world, gconstpointer data)
{
	begin(world);
	world_add(world, "F1", "A.3");
	fake_say_deaf(world->fake);
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

/* A backup is never older than refresh=, whatever the server promises. */
static void test_backup(World *world, gconstpointer data)
{
	world->kit.refresh_s = 1;
	world->kit.is_backup = true;
	kit_reopen(&world->kit);
	begin(world);
	await_rounds(world, 2);
}

/* A folder that failed is asked for again soon, since nobody hints at it again. */
static void test_failed_folder(World *world, gconstpointer data)
{
	begin(world);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "refresh: *");
	fake_fail(world->fake, "SyncFolderItems F2", EWS_ERROR_CORRUPT, 2);
	world_add(world, "F2", "B.3");
	fake_hint(world->fake, "F2");
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

/* Listening again in the middle of a refresh of which one folder fails: it is looked once more. */
static void test_listening_in_trouble(World *world, gconstpointer data)
{
	begin(world);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "refresh: *");
	fake_fail(world->fake, "SyncFolderItems F2", EWS_ERROR_CORRUPT, 1);
	world_add(world, "F2", "B.3");
	fake_hold(world->fake, "SyncFolderItems F2");
	fake_hint(world->fake, "F2");
	fake_await_held(world->fake, 1);
	fake_say_listening(world->fake);
	g_usleep(SECOND / 10);
	fake_hold(world->fake, NULL);
	world_until(world, 7, "SELECT count(*) FROM node WHERE kind = 1 AND state = 0");
}

/* --- what is remembered -------------------------------------------------------------------- */

static void assert_first(World *world, EwsPush expected)
{
	EwsPush first;
	g_assert_true(fake_is_watched(world->fake, &first));
	g_assert_cmpint(first, ==, expected);
}

static char *found_of(World *world)
{
	return kit_text(&world->kit, "SELECT value FROM meta WHERE key = 'push'");
}

static void test_remembered(World *world, gconstpointer data)
{
	fake_version(world->fake, "15.1");
	world_start(world);
	assert_first(world, EWS_PUSH_STREAM);
	fake_say_found(world->fake, EWS_PUSH_PULL);
	fake_say_listening(world->fake);
	world_sync_well(world);
	g_assert_cmpint(news_of(world).by, ==, CACHE_PUSH_PULL);
	world_remount(world);
	assert_first(world, EWS_PUSH_PULL);

	/* Found again, it is no younger. */
	g_autofree char *before = found_of(world);
	fake_say_found(world->fake, EWS_PUSH_PULL);
	world_sync_well(world);
	g_autofree char *after = found_of(world);
	g_assert_cmpstr(before, ==, after);

	/* Another version may have more. */
	fake_version(world->fake, "15.2");
	world_remount(world);
	assert_first(world, EWS_PUSH_STREAM);
}

static void test_forgotten(World *world, gconstpointer data)
{
	world_start(world);
	fake_say_found(world->fake, EWS_PUSH_PULL);
	world_sync_well(world);
	cache_stop(world->kit.cache);
	fake_drain(world->fake);
	kit_run(&world->kit, "UPDATE meta SET value = 'pull %lld ' WHERE key = 'push'",
		(long long)(g_get_real_time() - 8 * 24 * 3600 * SECOND));
	kit_reopen(&world->kit);
	world_start(world);
	assert_first(world, EWS_PUSH_STREAM);
}

/* A server that cannot tell is not asked to for a week. */
static void test_none(World *world, gconstpointer data)
{
	EwsPush first;
	world_start(world);
	fake_say_found(world->fake, EWS_PUSH_NONE);
	world_sync_well(world);
	world_remount(world);
	g_assert_false(fake_is_watched(world->fake, &first));
}

static void test_chosen(World *world, gconstpointer data)
{
	EwsPush first;
	world->kit.push = CACHE_PUSH_PULL;
	kit_reopen(&world->kit);
	world_start(world);
	assert_first(world, EWS_PUSH_PULL);
	/* The person said so: that is nothing to be remembered of the server. */
	fake_say_found(world->fake, EWS_PUSH_PULL);
	world->kit.push = CACHE_PUSH_AUTO;
	world_remount(world);
	assert_first(world, EWS_PUSH_STREAM);
	world->kit.push = CACHE_PUSH_OFF;
	world_remount(world);
	g_assert_false(fake_is_watched(world->fake, &first));
	g_assert_cmpint(news_of(world).by, ==, CACHE_PUSH_OFF);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(World *world, gconstpointer data);
	} tests[] = {
		{"hint", test_hint},
		{"burst-is-one-refresh", test_burst},
		{"waking-looks", test_wake},
		{"no-pause-needed", test_stream_of_hints},
		{"during-a-refresh-one-more", test_during},
		{"taken-by-a-refresh", test_taken},
		{"own-changes-wait", test_own},
		{"listening-looks", test_listening_looks},
		{"start-looks-once", test_start_looks_once},
		{"start-without-word", test_start_without_word},
		{"timer-is-a-net", test_timer},
		{"deaf-looks", test_deaf_looks},
		{"backup-stays-fresh", test_backup},
		{"failed-folder-soon", test_failed_folder},
		{"listening-in-trouble", test_listening_in_trouble},
		{"remembered", test_remembered},
		{"forgotten", test_forgotten},
		{"none-is-remembered", test_none},
		{"chosen", test_chosen},
	};
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strdup_printf("/cache/hints/%s", tests[i].name);
		g_test_add(path, World, NULL, set_up, tests[i].run, tear_down);
	}
	return g_test_run();
}
