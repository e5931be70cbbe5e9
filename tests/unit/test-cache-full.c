/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * A disk that is full, or broken, from the Nth write of the index on, while programs write and a
 * refresh goes on: what was refused did not happen, what was accepted is not lost, and all goes on
 * when there is space again.
 *
 * The disk is a layer between SQLite and the real one; all that it does is count and refuse.
 */

static sqlite3_vfs *real_vfs;
static sqlite3_vfs layer_vfs;
/* SQLite has a table of methods for each way of locking; ours are the same but for one. */
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
} tables[4];
static GMutex tables_lock;
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static atomic_int writes_left; /* until they fail; below zero: they do */
static atomic_int failure;     /* with this; 0: they never do */
static atomic_uint failed;

static int write_if_there_is_room(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	int code = atomic_load(&failure);

	if (code == 0 || atomic_fetch_sub(&writes_left, 1) > 0)
		return real_write(file, data, len, at);
	atomic_fetch_add(&failed, 1);
	return code;
}

static const sqlite3_io_methods *table_for(const sqlite3_io_methods *real)
{
	size_t i = 0;

	g_mutex_lock(&tables_lock);
	while (tables[i].real != NULL && tables[i].real != real)
		g_assert_cmpuint(++i, <, G_N_ELEMENTS(tables));
	if (tables[i].real == NULL) {
		g_assert_true(real_write == NULL || real_write == real->xWrite);
		real_write = real->xWrite;
		tables[i].ours = *real;
		tables[i].ours.xWrite = write_if_there_is_room;
		tables[i].real = real;
	}
	g_mutex_unlock(&tables_lock);
	return &tables[i].ours;
}

static int open_layer(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
	int *ret_flags)
{
	int code = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);

	if (code == SQLITE_OK && file->pMethods != NULL)
		file->pMethods = table_for(file->pMethods);
	return code;
}

static void lay_between(void)
{
	real_vfs = sqlite3_vfs_find("unix-excl");
	layer_vfs = *real_vfs;
	/* As cache/db.c asks for it: the newest of a name is found first. */
	layer_vfs.zName = "unix-excl";
	layer_vfs.xOpen = open_layer;
	g_assert_cmpint(sqlite3_vfs_register(&layer_vfs, 1), ==, SQLITE_OK);
}

static void fail_from(int count, int code)
{
	atomic_store(&failed, 0);
	atomic_store(&writes_left, count - 1);
	atomic_store(&failure, code);
}

/* --- what is tried ------------------------------------------------------------------------ */

typedef struct Tried {
	bool is_written;
	bool is_moved;
	bool is_made;
} Tried;

static bool went_well(bool is_done, EwsErrorCode code, GError *taken)
{
	g_autoptr(GError) error = taken;

	g_assert_true(is_done == (error == NULL));
	if (!is_done)
		g_assert_true(g_error_matches(error, EWS_ERROR, code));
	return is_done;
}

static bool write_all(Kit *kit, int64_t dir, GError **error)
{
	static const char bytes[] = PEN_MAIL("new");
	g_autoptr(CacheNode) node = NULL;
	CacheFile *file = cache_create(kit->cache, dir, "new.eml", &node, error);
	bool is_good = file != NULL && cache_file_prepare(file, sizeof bytes - 1, error);

	if (is_good)
		g_assert_cmpint(pwrite(cache_file_fd(file), bytes, sizeof bytes - 1, 0), ==,
			(ssize_t)sizeof bytes - 1);
	is_good = is_good && cache_file_flush(file, error);
	if (file != NULL)
		cache_file_close(file);
	return is_good;
}

static Tried try_all(World *world, int64_t one, int64_t two, EwsErrorCode code)
{
	Kit *kit = &world->kit;
	GError *error = NULL;
	CacheNode *made;
	Tried tried;
	bool is_done = write_all(kit, one, &error);

	tried.is_written = went_well(is_done, code, g_steal_pointer(&error));
	is_done = cache_rename(kit->cache, one, "a.eml", two, "c.eml", false, &error);
	tried.is_moved = went_well(is_done, code, g_steal_pointer(&error));
	made = cache_mkdir(kit->cache, one, "Made", &error);
	tried.is_made = went_well(made != NULL, code, g_steal_pointer(&error));
	if (made != NULL)
		cache_node_unref(made);
	world_put(world, "F3", "N", "news.eml");
	error = world_sync(world, false);
	g_clear_error(&error);
	return tried;
}

static void check(World *world, int64_t one, int64_t two, const Tried *tried)
{
	Kit *kit = &world->kit;

	/* What could not even be opened is not there; what could not be finished is not sent. */
	if (tried->is_written)
		world_assert_where(world, world_find(world, "F1", "new.eml"), "F1");
	world_assert_where(world,
		pen_find(kit, tried->is_moved ? two : one, tried->is_moved ? "c.eml" : "a.eml"),
		tried->is_moved ? "F2" : "F1");
	g_assert_true((pen_find(kit, one, "Made") != 0) == tried->is_made);
	g_assert_cmpint(world_find(world, "F3", "news.eml"), !=, 0);
}

/* TRUE if a write failed. */
static bool run(int count, int failing, EwsErrorCode code)
{
	World world = {0};
	int64_t one, two;
	Tried tried;
	bool has_failed;

	world_set_scene(&world, &one, &two);
	fail_from(count, failing);
	tried = try_all(&world, one, two, code);
	has_failed = atomic_load(&failed) > 0;
	fail_from(0, 0);
	world_sync_well(&world);
	/* What was closed is queued by itself. */
	if (tried.is_written)
		world_until(&world, 0, "SELECT count(*) FROM local WHERE is_finished = 0");
	world_flush(&world);
	check(&world, one, two, &tried);
	world_close(&world);
	return has_failed;
}

/* Each of the first ones, of the later ones some. */
static void run_all(int failing, EwsErrorCode code)
{
	int count = 1, runs = 0;

	while (run(count, failing, code)) {
		count += 1 + count / 8;
		runs++;
	}
	g_test_message("%d runs, the last write is before %d", runs, count);
	g_assert_cmpint(runs, >, 10);
}

static void test_full(void)
{
	run_all(SQLITE_FULL, EWS_ERROR_NO_SPACE);
}

static void test_broken(void)
{
	run_all(SQLITE_IOERR_WRITE, EWS_ERROR_LOCAL);
}

/* --- answers ------------------------------------------------------------------------------ */

/* Each of the steps is answered while nothing can be written down. */
static void test_answer(void)
{
	static const char *const steps[] = {"CreateItem", "UpdateItem", "MoveItem", "DeleteItem",
		"CreateFolder"};

	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		World world = {0};
		Kit *kit = &world.kit;
		int64_t one, two;

		g_test_message("%s", steps[i]);
		world_set_scene(&world, &one, &two);
		fake_hold(world.fake, steps[i]);
		pen_write(kit, one, "new.eml", PEN_MAIL("new"));
		pen_flag(kit, pen_find(kit, one, "a.eml"));
		pen_rename(kit, one, "a.eml", two, "a.eml");
		pen_unlink(kit, one, "b.eml");
		pen_mkdir(kit, one, "Made");
		fake_await_held(world.fake, 1);
		fail_from(1, SQLITE_FULL);
		fake_hold(world.fake, NULL);
		/* Together with others, and then by itself. */
		while (atomic_load(&failed) < 2)
			g_usleep(G_USEC_PER_SEC / 100);
		fail_from(0, 0);
		world_flush(&world);
		world_sync_well(&world);
		world_assert_ls(&world, "F2", "a.eml");
		world_assert_ls(&world, "F1", "new.eml Made");
		world_close(&world);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* What stops travelling in the cache is a warning there. */
	g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
	lay_between();
	g_test_add_func("/cache/full/no-space", test_full);
	g_test_add_func("/cache/full/broken", test_broken);
	g_test_add_func("/cache/full/answers-that-cannot-be-written-down", test_answer);
	return g_test_run();
}
