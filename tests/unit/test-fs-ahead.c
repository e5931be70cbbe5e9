/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ahead.h"

#include <string.h>

#include "fs/inorder.h"
#include "fs/texts.h"
#include "fs/workshop.h"
#include "tests/unit/fs-world.h"

/*
 * Who is followed, how far, and what is left to him.
 */

#define FIRST 100
#define COUNT 80
#define PATIENCE_US (5 * G_USEC_PER_SEC)
#define QUIET_US (50 * 1000) /* as long as nothing more may be made */

/* Messages that are here. By name they follow each other in steps of 17. */
static void fill(World *self)
{
	g_free(fake_notified()); /* by the test before */
	fake_cache_add(self->cache, WORLD_DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	*fake_cache_view(self->cache) = (CacheView){.size = -1, .is_item = true};
	for (int i = 0; i < COUNT; i++) {
		g_autofree char *name = g_strdup_printf("%03d.eml", i * 33 % COUNT);
		fake_cache_add(self->cache, FIRST + i, WORLD_DIR, CACHE_KIND_FILE, name);
		fake_cache_put(self->cache, FIRST + i, 0, "Subject: a\n\nb\n");
	}
}

static CacheNode *node_of(World *self, int number)
{
	return fake_cache_node(self->cache, FIRST + number);
}

/* Whose name is the @number-th: 17 is what 33 is to 1. */
static int by_name(int number)
{
	return number * 17 % COUNT;
}

/* By inode number they follow each other in steps of 23. */
static void number_anew(World *self)
{
	for (int i = 0; i < COUNT; i++)
		node_of(self, i)->ino = (uint64_t)(1000 + i * 7 % COUNT);
}

static int by_ino(int number)
{
	return number * 23 % COUNT;
}

/* As many more that it is a large directory: all after these, and not here. */
static void fill_up(World *self)
{
	for (int i = 0; i < FS_INORDER_MIN - COUNT; i++) {
		g_autofree char *name = g_strdup_printf("z%05d.eml", i);
		fake_cache_add(self->cache, 100000 + i, WORLD_DIR, CACHE_KIND_FILE, name);
	}
}

static void miss(World *self, int number)
{
	g_autoptr(CacheNode) node = cache_get(self->cache, FIRST + number, NULL);

	fs_ahead_passed(self->fs.ahead, FIRST + number);
	fs_ahead_missed(self->fs.ahead, node);
}

static void pass(World *self, int number)
{
	fs_ahead_passed(self->fs.ahead, FIRST + number);
}

static unsigned count_given(void)
{
	g_autofree char *notified = fake_notified();
	unsigned count = 0;

	for (const char *at = notified; (at = strstr(at, "store ")) != NULL; at++)
		count++;
	return count;
}

/* So many were made by now, and no more. */
static void expect_count(World *self, uint64_t count)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	while (fs_ahead_count(self->fs.ahead) < count && g_get_monotonic_time() < end)
		g_usleep(1000);
	g_usleep(QUIET_US);
	g_assert_cmpuint(fs_ahead_count(self->fs.ahead), ==, count);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

static bool is_made(World *self, int number)
{
	g_auto(FsText) text = {0};
	CacheNode *node = cache_get(self->cache, FIRST + number, NULL);

	g_assert_true(fs_text_load(&text, &self->fs, node, NULL));
	g_autoptr(FsRendered) made = fs_workshop_find(self->fs.workshop, text.ino);
	return made != NULL;
}

/* --- following --------------------------------------------------------------------------- */

static void test_by_id(World *self, gconstpointer data)
{
	fill(self);
	miss(self, 0);
	expect_count(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	g_assert_false(is_made(self, 1));
	g_assert_true(is_made(self, 2));
	g_assert_true(is_made(self, 1 + FS_AHEAD_MAX));
	g_assert_false(is_made(self, 2 + FS_AHEAD_MAX));
}

static void test_by_name(World *self, gconstpointer data)
{
	fill(self);
	miss(self, by_name(3));
	miss(self, by_name(4));
	expect_count(self, FS_AHEAD_MAX);
	for (int i = 5; i < 5 + FS_AHEAD_MAX; i++)
		g_assert_true(is_made(self, by_name(i)));
}

/* What find and grep do in a large directory, and nobody does in a small one. */
static void test_by_ino(World *self, gconstpointer data)
{
	fill(self);
	number_anew(self);
	fill_up(self);
	miss(self, by_ino(3));
	expect_count(self, 0);
	miss(self, by_ino(4));
	expect_count(self, FS_AHEAD_MAX);
	for (int i = 5; i < 5 + FS_AHEAD_MAX; i++)
		g_assert_true(is_made(self, by_ino(i)));
	pass(self, by_ino(4 + FS_AHEAD_MAX));
	expect_count(self, 2 * FS_AHEAD_MAX);
}

static void test_by_ino_in_a_small_one(World *self, gconstpointer data)
{
	fill(self);
	number_anew(self);
	for (int i = 0; i < 8; i++)
		miss(self, by_ino(i));
	expect_count(self, 0);
}

/* What has gone since is passed over. */
static void test_by_ino_without_some(World *self, gconstpointer data)
{
	fill(self);
	number_anew(self);
	fill_up(self);
	miss(self, by_ino(3));
	miss(self, by_ino(4));
	expect_count(self, FS_AHEAD_MAX);
	node_of(self, by_ino(6 + FS_AHEAD_MAX))->parent = CACHE_ROOT;
	pass(self, by_ino(4 + FS_AHEAD_MAX));
	expect_count(self, 2 * FS_AHEAD_MAX);
	g_assert_true(is_made(self, by_ino(5 + FS_AHEAD_MAX)));
	g_assert_false(is_made(self, by_ino(6 + FS_AHEAD_MAX)));
	g_assert_true(is_made(self, by_ino(5 + 2 * FS_AHEAD_MAX)));
}

/* It goes on as he does, not with each step of his, to the end. */
static void test_to_the_end(World *self, gconstpointer data)
{
	fill(self);
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	pass(self, 2);
	expect_count(self, FS_AHEAD_MAX);
	pass(self, 1 + FS_AHEAD_MAX / 2);
	expect_count(self, FS_AHEAD_MAX + FS_AHEAD_MAX / 2);
	for (int i = 2 + FS_AHEAD_MAX / 2; i < COUNT; i++) {
		pass(self, i);
		/* He waits: nobody outruns it. */
		for (int k = 0; k < 5000 && !is_made(self, i); k++)
			g_usleep(1000);
	}
	expect_count(self, COUNT - 2);
	g_assert_true(is_made(self, COUNT - 1));
}

/* The kernel has all that was made for him, and asks for none of it. */
static void test_unseen(World *self, gconstpointer data)
{
	fill(self);
	self->config->is_read_only = true;
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	g_assert_cmpuint(count_given(), ==, FS_AHEAD_MAX);
	miss(self, 2 + FS_AHEAD_MAX);
	expect_count(self, 2 * FS_AHEAD_MAX);
	g_assert_false(is_made(self, 2 + FS_AHEAD_MAX));
	g_assert_true(is_made(self, 3 + FS_AHEAD_MAX));
	g_assert_cmpuint(count_given(), ==, FS_AHEAD_MAX);
}

static void test_given(World *self, gconstpointer data)
{
	g_auto(FsText) text = {0};

	fill(self);
	self->config->is_read_only = true;
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	CacheNode *node = cache_get(self->cache, FIRST + 2, NULL);
	g_assert_true(fs_text_load(&text, &self->fs, node, NULL));
	g_autoptr(FsRendered) made = fs_workshop_find(self->fs.workshop, text.ino);
	g_autofree char *notified = fake_notified();
	g_autofree char *start =
		g_strdup_printf("store %" G_GINT64_MODIFIER "x 0 ", (guint64)text.ino);
	const char *given = strstr(notified, start);
	g_assert_nonnull(given);
	g_assert_true(strncmp(given + strlen(start) + fs_rendered_size(made), "\n", 1) == 0);
	g_assert_nonnull(strstr(given, "Subject: a"));
}

/* ... but where it forgets names at once it does not know them. */
static void test_not_given(World *self, gconstpointer data)
{
	fill(self);
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	g_assert_cmpuint(count_given(), ==, 0);
}

/* --- not following ----------------------------------------------------------------------- */

/* Here and there is no walk. */
static void test_jumps(World *self, gconstpointer data)
{
	static const int places[] = {0, 30, 10, 60, 45, 20};

	fill(self);
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
		miss(self, places[i]);
	expect_count(self, 0);
}

/* Who goes elsewhere is not followed where he was. */
static void test_turns(World *self, gconstpointer data)
{
	fill(self);
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX);
	miss(self, 60);
	expect_count(self, FS_AHEAD_MAX);
	pass(self, 2 + FS_AHEAD_MAX / 2);
	expect_count(self, FS_AHEAD_MAX);
	miss(self, 61);
	expect_count(self, FS_AHEAD_MAX + COUNT - 62);
}

/* --- what is left to him ----------------------------------------------------------------- */

/* What is not here is waited for, and never fetched. */
static void test_not_here(World *self, gconstpointer data)
{
	fill(self);
	node_of(self, 5)->is_here = false;
	miss(self, 0);
	miss(self, 1);
	expect_count(self, 3);
	pass(self, 2);
	pass(self, 3);
	pass(self, 4);
	expect_count(self, 3);
	node_of(self, 5)->is_here = true;
	miss(self, 5);
	expect_count(self, 3 + FS_AHEAD_MAX);
	g_assert_false(is_made(self, 5));
}

static void test_left_out(World *self, gconstpointer data)
{
	fill(self);
	node_of(self, 2)->size = FS_AHEAD_BYTES + 1;
	node_of(self, 3)->has_error = true;
	node_of(self, 4)->is_suspect = true;
	node_of(self, 5)->is_scratch = true;
	node_of(self, 6)->kind = CACHE_KIND_DIR;
	miss(self, 0);
	miss(self, 1);
	expect_count(self, FS_AHEAD_MAX - 5);
	for (int i = 2; i < 7; i++)
		g_assert_false(is_made(self, i));
	/* He comes by one of them: nothing changes. */
	miss(self, 2);
	expect_count(self, FS_AHEAD_MAX - 5);
	pass(self, 1 + FS_AHEAD_MAX);
	expect_count(self, 2 * FS_AHEAD_MAX - 5);
}

static void test_bytes(World *self, gconstpointer data)
{
	fill(self);
	for (int i = 0; i < COUNT; i++)
		node_of(self, i)->size = FS_AHEAD_BYTES / 4;
	miss(self, 0);
	miss(self, 1);
	expect_count(self, 4);
}

/* --- the end ----------------------------------------------------------------------------- */

static void test_stop(World *self, gconstpointer data)
{
	fill(self);
	miss(self, 0);
	miss(self, 1);
	fs_ahead_stop(self->fs.ahead);
	uint64_t count = fs_ahead_count(self->fs.ahead);
	miss(self, 40);
	miss(self, 41);
	expect_count(self, count);
	fs_ahead_stop(self->fs.ahead);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/ahead/by-id", test_by_id);
	world_add("/fs/ahead/by-name", test_by_name);
	world_add("/fs/ahead/by-ino", test_by_ino);
	world_add("/fs/ahead/by-ino-in-a-small-one", test_by_ino_in_a_small_one);
	world_add("/fs/ahead/by-ino-without-some", test_by_ino_without_some);
	world_add("/fs/ahead/to-the-end", test_to_the_end);
	world_add("/fs/ahead/unseen", test_unseen);
	world_add("/fs/ahead/given", test_given);
	world_add("/fs/ahead/not-given", test_not_given);
	world_add("/fs/ahead/jumps", test_jumps);
	world_add("/fs/ahead/turns", test_turns);
	world_add("/fs/ahead/not-here", test_not_here);
	world_add("/fs/ahead/left-out", test_left_out);
	world_add("/fs/ahead/so-many-bytes", test_bytes);
	world_add("/fs/ahead/stop", test_stop);
	return g_test_run();
}
