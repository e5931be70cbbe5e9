/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/command.h"

#include <string.h>

#include "ews/error.h"
#include "fs/drain.h"
#include "fs/json.h"
#include "fs/queue.h"
#include "tests/unit/fs-world.h"

/* What became of a command, or of the end. */
typedef struct Outcome {
	unsigned count;
	char *error; /* own */
} Outcome;

static void note(void *user, const GError *error)
{
	Outcome *outcome = user;

	outcome->count++;
	outcome->error = error != NULL ? g_strdup(error->message) : NULL;
}

static Outcome command(World *self, const char *text)
{
	g_autoptr(JsonObject) request = fs_json_parse(text);
	Outcome outcome = {0};

	fs_command_run(&self->fs, request, note, &outcome);
	return outcome;
}

/* Answered at once: with success, or with an error that says @because. */
static void expect(World *self, const char *text, const char *because)
{
	Outcome outcome = command(self, text);

	g_assert_cmpuint(outcome.count, ==, 1);
	if (because == NULL)
		g_assert_cmpstr(outcome.error, ==, NULL);
	else
		g_assert_nonnull(strstr(outcome.error, because));
	g_free(outcome.error);
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *found = fake_cache_changes(self->cache);

	g_assert_cmpstr(found, ==, changes);
}

static void enqueue(World *self, CacheQueuedState state, const char *path)
{
	CacheQueued queued = {.node = 7, .state = state, .what = "create"};
	g_autofree char *copy = g_strdup(path);

	queued.path = copy;
	fake_cache_enqueue(self->cache, &queued);
}

/* --- commands ------------------------------------------------------------ */

static void test_decisions(World *self, gconstpointer data)
{
	expect(self, "{\"command\": \"retry\", \"ids\": [7, 9]}", NULL);
	expect_changes(self, "retry 7\nretry 9\n");
	expect(self, "{\"command\": \"retry\", \"all\": true}", NULL);
	expect_changes(self, "retry 0\n");
	expect(self, "{\"command\": \"discard\", \"ids\": [3]}", NULL);
	expect_changes(self, "discard 3\n");
	expect(self, "{\"command\": \"confirm\"}", NULL);
	expect_changes(self, "confirm\n");
	/* The others have their turn all the same. */
	fake_cache_refuse(self->cache, EWS_ERROR_NOT_FOUND);
	expect(self, "{\"command\": \"discard\", \"ids\": [1, 2]}", "refused");
	expect_changes(self, "discard 1\ndiscard 2\n");
}

/* Nothing that is misunderstood becomes "all of them". */
static void test_nonsense(World *self, gconstpointer data)
{
	expect(self, "{\"command\": \"discard\"}", "neither");
	expect(self, "{\"command\": \"discard\", \"ids\": 7}", "neither");
	expect(self, "{\"command\": \"discard\", \"all\": \"yes\"}", "neither");
	expect(self, "{\"command\": \"discard\", \"ids\": [0, -1, \"x\", [], {}]}", NULL);
	expect(self, "{\"command\": \"format\"}", "unknown");
	expect(self, "{\"command\": 3}", "unknown");
	expect(self, "{}", "unknown");
	expect(self, "{\"command\": \"sync\", \"path\": \"nowhere\"}", "no such name");
	expect_changes(self, "");
}

static void test_waiting(World *self, gconstpointer data)
{
	g_autoptr(GError) late = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "away");
	Outcome outcome = {0};
	g_autoptr(JsonObject) flush = fs_json_parse("{\"command\": \"flush\", \"seconds\": 5}");

	fs_command_run(&self->fs, flush, note, &outcome);
	g_assert_cmpuint(outcome.count, ==, 0);
	fake_cache_answer(self->cache, late);
	g_assert_cmpuint(outcome.count, ==, 1);
	g_assert_cmpstr(outcome.error, ==, "away");
	g_free(outcome.error);

	fake_cache_add(self->cache, 8, CACHE_ROOT, CACHE_KIND_DIR, ".send");
	fake_cache_add(self->cache, 9, 8, CACHE_KIND_FILE, "a.eml");
	g_autoptr(JsonObject) fsync =
		fs_json_parse("{\"command\": \"fsync\", \"path\": \".send/a.eml\"}");
	fs_command_run(&self->fs, fsync, note, &outcome);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, 9);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpuint(outcome.count, ==, 2);
	/* It was sent and has left. */
	expect(self, "{\"command\": \"fsync\", \"path\": \".send/b.eml\"}", NULL);

	g_autoptr(JsonObject) sync =
		fs_json_parse("{\"command\": \"sync\", \"path\": \".send/a.eml\"}");
	fs_command_run(&self->fs, sync, note, &outcome);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, 8);
	fake_cache_answer(self->cache, NULL);
}

static void test_readonly(World *self, gconstpointer data)
{
	self->config->is_read_only = true;
	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	expect(self, "{\"command\": \"flush\"}", "read-only");
}

/* --- the end ------------------------------------------------------------- */

static void look(FsServer *ret_server, void *user)
{
	*ret_server = (FsServer){.state = "offline", .is_away = *(const bool *)user};
}

static void test_nothing_waits(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);

	g_assert_false(fs_drain_begin(drain));
	g_assert_true(fs_drain_is_over(drain));
	enqueue(self, CACHE_QUEUED_FAILED, "/a.eml");
	g_assert_false(fs_drain_begin(drain));
	enqueue(self, CACHE_QUEUED_WAITING, "/b.eml");
	self->config->is_read_only = true;
	g_assert_false(fs_drain_begin(drain));
	fs_drain_free(drain);
}

static void test_drained(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);

	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	g_assert_true(fs_drain_begin(drain));
	g_assert_cmpuint(fs_drain_left(drain), ==, 1);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 1);
	/* A second beginning joins the first. */
	g_assert_true(fs_drain_begin(drain));
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 1);
	fake_cache_answer(self->cache, NULL);
	g_assert_true(fs_drain_is_over(drain));
	fs_drain_free(drain);
}

static void test_hurry(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);

	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	g_assert_true(fs_drain_begin(drain));
	fs_drain_give_up(drain);
	g_assert_true(fs_drain_is_over(drain));
	fake_cache_answer(self->cache, NULL);
	g_assert_false(fs_drain_begin(drain));
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
	fs_drain_free(drain);
}

static void test_away(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);
	bool is_away = false;

	self->fs.look = look;
	self->fs.look_user = &is_away;
	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	g_assert_true(fs_drain_begin(drain));
	is_away = true;
	g_assert_true(fs_drain_is_over(drain));
	fake_cache_answer(self->cache, NULL);
	fs_drain_free(drain);
	drain = fs_drain_new(&self->fs);
	g_assert_false(fs_drain_begin(drain));
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
	fs_drain_free(drain);
}

static void test_no_time(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);

	self->config->flush_timeout_s = 0;
	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	g_assert_false(fs_drain_begin(drain));
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
	fs_drain_free(drain);
}

static void test_report(World *self, gconstpointer data)
{
	FsDrain *drain = fs_drain_new(&self->fs);

	g_free(self->config->state_dir);
	self->config->state_dir = g_strdup("/state");
	fs_drain_report(drain);
	enqueue(self, CACHE_QUEUED_WAITING, "/a.eml");
	enqueue(self, CACHE_QUEUED_HELD, "/b.eml");
	enqueue(self, CACHE_QUEUED_SCRATCH, "/c~");
	g_test_expect_message("fs", G_LOG_LEVEL_MESSAGE, "1 change waits to be sent: kept*/state*");
	g_test_expect_message("fs", G_LOG_LEVEL_MESSAGE, "1 change needs a decision*");
	g_test_expect_message("fs", G_LOG_LEVEL_MESSAGE, "1 scratch file stays here: /c~");
	fs_drain_report(drain);
	g_test_assert_expected_messages();
	fs_drain_free(drain);
}

static void test_scratch_names(World *self, gconstpointer data)
{
	for (int i = 0; i < 12; i++)
		enqueue(self, CACHE_QUEUED_SCRATCH, "/x~");
	g_autoptr(GPtrArray) queue = cache_queue(self->cache, NULL);
	g_autofree char *text = fs_queue_scratch(queue);

	g_assert_true(g_str_has_prefix(text, "12 scratch files stay here: /x~, /x~"));
	g_assert_true(g_str_has_suffix(text, "/x~ and 2 more"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/command/what-a-person-decides", test_decisions);
	world_add("/fs/command/nonsense-does-nothing", test_nonsense);
	world_add("/fs/command/waits-for-the-cache", test_waiting);
	world_add("/fs/command/a-read-only-mount-sends-nothing", test_readonly);
	world_add("/fs/drain/nothing-to-wait-for", test_nothing_waits);
	world_add("/fs/drain/waits-until-it-is-sent", test_drained);
	world_add("/fs/drain/can-be-hurried", test_hurry);
	world_add("/fs/drain/not-while-the-server-is-away", test_away);
	world_add("/fs/drain/not-without-time", test_no_time);
	world_add("/fs/drain/says-what-is-left", test_report);
	world_add("/fs/drain/names-the-first-scratch-files", test_scratch_names);
	return g_test_run();
}
