/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/rescue.h"
#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"

/*
 * A broken index: what was only here is saved aside, and a new one is begun. Each test breaks a
 * copy of a state directory in which changes wait: a.eml is new in One, b.eml moved to Two, c.eml
 * is to be deleted, d.tmp is scratch.
 */

typedef struct Wreck {
	Kit kit;
	char *state; /* own; the copy */
	char *index; /* own */
	int64_t made;
} Wreck;

static void copy_file(const char *from_dir, const char *to_dir, const char *name)
{
	g_autofree char *from = g_build_filename(from_dir, name, NULL);
	g_autofree char *to = g_build_filename(to_dir, name, NULL);
	g_autofree char *bytes = NULL;
	size_t len = 0;
	if (g_file_get_contents(from, &bytes, &len, NULL))
		g_assert_true(g_file_set_contents(to, bytes, (gssize)len, NULL));
}

static void copy_files(const char *from, const char *to)
{
	const char *name;
	g_autoptr(GDir) dir = g_dir_open(from, 0, NULL);
	g_assert_cmpint(g_mkdir(to, 0700), ==, 0);
	while ((name = g_dir_read_name(dir)) != NULL)
		copy_file(from, to, name);
}

static void set_up(Wreck *wreck, gconstpointer data)
{
	Kit *kit = &wreck->kit;
	pen_open(kit);
	int64_t one = kit_dir(kit, "F1");
	pen_item(kit, "F1", "B", "b.eml");
	pen_item(kit, "F1", "C", "c.eml");
	wreck->made = pen_write(kit, one, "a.eml", PEN_MAIL("a"));
	pen_write(kit, one, "d.tmp", "half");
	pen_rename(kit, one, "b.eml", kit_dir(kit, "F2"), "b.eml");
	pen_unlink(kit, one, "c.eml");
	g_autofree char *state = g_build_filename(kit->dir, "state", NULL);
	g_autofree char *files = g_build_filename(state, "files", NULL);
	wreck->state = g_build_filename(kit->dir, "wreck", NULL);
	wreck->index = g_build_filename(wreck->state, "index.db", NULL);
	g_autofree char *files_copy = g_build_filename(wreck->state, "files", NULL);
	cache_db_checkpoint(kit->cache->db);
	g_assert_cmpint(g_mkdir(wreck->state, 0700), ==, 0);
	copy_file(state, wreck->state, "index.db");
	copy_file(state, wreck->state, "index.db-wal");
	copy_files(files, files_copy);
}

static void tear_down(Wreck *wreck, gconstpointer data)
{
	pen_end(&wreck->kit);
	g_free(wreck->state);
	g_free(wreck->index);
}

/* --- breaking ---------------------------------------------------------------------------- */

static void cut_to(const char *path, int64_t length)
{
	g_assert_cmpint(truncate(path, length), ==, 0);
}

static void scribble(const char *path, int64_t at, size_t len)
{
	g_autofree char *garbage = g_strnfill(len, 'G');
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	g_assert_cmpint(pwrite(fd, garbage, len, at), ==, (ssize_t)len);
	close(fd);
}

static int64_t length_of(const char *path)
{
	struct stat st;
	g_assert_cmpint(stat(path, &st), ==, 0);
	return st.st_size;
}

/* Where the rows of a table are in the file. */
static int64_t place_of(Wreck *wreck, const char *table)
{
	int64_t page =
		kit_int(&wreck->kit, "SELECT rootpage FROM sqlite_schema WHERE name = %Q", table);
	return (page - 1) * kit_int(&wreck->kit, "PRAGMA page_size");
}

static void remove_log(Wreck *wreck)
{
	g_autofree char *wal = g_strconcat(wreck->index, "-wal", NULL);
	g_unlink(wal);
}

/* --- looking ----------------------------------------------------------------------------- */

static CacheDb *open_well(Wreck *wreck)
{
	g_autoptr(GError) error = NULL;
	CacheDb *db = cache_rescue_open(wreck->state, &error);
	g_assert_no_error(error);
	return db;
}

static CacheDb *open_broken(Wreck *wreck)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "the index was broken*");
	CacheDb *db = open_well(wreck);
	g_test_assert_expected_messages();
	return db;
}

static int64_t count(CacheDb *db, const char *sql)
{
	int64_t value = -1;
	CacheConn *conn = cache_db_take_reader(db, NULL);
	g_assert_true(cache_conn_int(conn, 0, &value, NULL, sql, ""));
	cache_db_put_reader(db, conn);
	return value;
}

static bool begins(const char *dir, const char *prefix)
{
	const char *name;
	bool is_there = false;
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	while (entries != NULL && (name = g_dir_read_name(entries)) != NULL)
		is_there = is_there || g_str_has_prefix(name, prefix);
	return is_there;
}

static char *only_rescued(Wreck *wreck)
{
	g_auto(GStrv) paths = cache_rescue_list(wreck->state);
	g_assert_cmpuint(g_strv_length(paths), ==, 1);
	return g_strdup(paths[0]);
}

static void assert_bytes(const char *dir, const char *name, const char *bytes)
{
	g_autofree char *path = g_build_filename(dir, "files", name, NULL);
	g_autofree char *found = NULL;
	g_file_get_contents(path, &found, NULL, NULL);
	g_assert_cmpstr(found, ==, bytes);
}

static void assert_says(const char *dir, const char *pattern)
{
	g_autofree char *path = g_build_filename(dir, "README", NULL);
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	if (!g_pattern_match_simple(pattern, text))
		g_error("not as \"%s\":\n%s", pattern, text);
}

/* A new index, nothing left where it was, the broken one kept. */
static void assert_begun_anew(Wreck *wreck, CacheDb *db)
{
	g_autofree char *files = g_build_filename(wreck->state, "files", NULL);
	g_assert_cmpint(count(db, "SELECT count(*) FROM intent"), ==, 0);
	g_assert_cmpint(count(db, "SELECT count(*) FROM folder"), ==, 0);
	g_assert_false(begins(files, ""));
	g_assert_false(begins(wreck->state, "rescue.part"));
	g_assert_true(begins(wreck->state, "index.db.broken-"));
	g_assert_false(cache_db_is_suspect(wreck->index));
}

/* Under their names and in their folders. */
static void assert_all_told(Wreck *wreck)
{
	g_autofree char *dir = only_rescued(wreck);
	assert_bytes(dir, "One/a.eml", PEN_MAIL("a"));
	assert_bytes(dir, "One/d.tmp", "half");
	assert_says(dir, "*\nOne/a.eml\n * create\n*");
	assert_says(dir, "*\nTwo/b.eml\n * move\n*it was * One/b.eml\n*");
	assert_says(dir, "*c.eml\n * delete\n*");
	assert_says(dir, "*\nfiles/One/a.eml\n*whole, as they were closed\n*");
}

/* The bytes, and that there was more. */
static void assert_bytes_told(Wreck *wreck)
{
	g_autofree char *dir = only_rescued(wreck);
	g_autofree char *name = g_strdup_printf("unnamed-%" G_GINT64_FORMAT, wreck->made);
	assert_bytes(dir, name, PEN_MAIL("a"));
	assert_says(dir, "*could not be read to its end*");
}

/* --- tests ------------------------------------------------------------------------------- */

static void test_whole(Wreck *wreck, gconstpointer data)
{
	g_autoptr(CacheDb) db = open_well(wreck);
	g_auto(GStrv) paths = cache_rescue_list(wreck->state);
	g_assert_cmpuint(g_strv_length(paths), ==, 0);
	g_assert_cmpint(count(db, "SELECT count(*) FROM intent"), ==, 3);
}

static void test_garbage(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	scribble(wreck->index, 0, (size_t)length_of(wreck->index));
	g_autoptr(CacheDb) db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	assert_bytes_told(wreck);
}

static void test_empty(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	cut_to(wreck->index, 0);
	g_autoptr(CacheDb) db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	assert_bytes_told(wreck);
}

/* Removed by a person: that is his to do, and no accident. */
static void test_removed(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	g_unlink(wreck->index);
	g_autoptr(CacheDb) db = open_well(wreck);
	g_assert_nonnull(db);
	g_assert_false(begins(wreck->state, "rescued-"));
}

static void test_torn(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	cut_to(wreck->index, length_of(wreck->index) / 2 + 100);
	g_autoptr(CacheDb) db = open_broken(wreck);
	g_autofree char *dir = only_rescued(wreck);
	assert_begun_anew(wreck, db);
	g_assert_true(begins(dir, "files"));
}

/* Another table is broken: the journal is told in full. */
static void test_elsewhere(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	scribble(wreck->index, place_of(wreck, "blob"), 4096);
	g_autoptr(CacheDb) db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	assert_all_told(wreck);
}

static void test_journal(Wreck *wreck, gconstpointer data)
{
	remove_log(wreck);
	scribble(wreck->index, place_of(wreck, "intent"), 4096);
	g_autoptr(CacheDb) db = open_broken(wreck);
	g_autofree char *dir = only_rescued(wreck);
	assert_begun_anew(wreck, db);
	assert_bytes(dir, "One/a.eml", PEN_MAIL("a"));
	assert_says(dir, "*could not be read to its end*");
}

/* The log is of what came last: with it gone in silence, so would be what was accepted last. */
static void test_log(Wreck *wreck, gconstpointer data)
{
	g_autofree char *wal = g_strconcat(wreck->index, "-wal", NULL);
	g_assert_cmpint(length_of(wal), >, 4096);
	scribble(wal, 0, 4096);
	g_autoptr(CacheDb) db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	assert_all_told(wreck);
}

/* What a power cut leaves of a log that was just begun. */
static void test_log_not_begun(Wreck *wreck, gconstpointer data)
{
	g_autofree char *wal = g_strconcat(wreck->index, "-wal", NULL);
	cut_to(wal, 0);
	g_autoptr(CacheDb) first = open_well(wreck);
	cache_db_close(g_steal_pointer(&first));
	g_assert_true(g_file_set_contents(wal, "", 0, NULL));
	cut_to(wal, 32);
	g_autoptr(CacheDb) second = open_well(wreck);
	g_assert_cmpint(count(second, "SELECT count(*) FROM intent"), ==, 3);
}

static void test_nothing_unsent(Wreck *wreck, gconstpointer data)
{
	g_autofree char *files = g_build_filename(wreck->state, "files", NULL);
	g_autoptr(CacheDb) db = open_well(wreck);
	CacheConn *conn = cache_db_begin(db, NULL);
	g_assert_true(cache_conn_run(conn, NULL, "DELETE FROM intent", ""));
	g_assert_true(cache_conn_run(conn, NULL, "DELETE FROM local", ""));
	g_assert_true(cache_db_commit(db, NULL));
	cache_db_close(g_steal_pointer(&db));
	g_autoptr(GDir) dir = g_dir_open(files, 0, NULL);
	const char *entry;
	while ((entry = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(files, entry, NULL);
		g_unlink(path);
	}
	scribble(wreck->index, place_of(wreck, "blob"), 4096);
	db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	g_assert_false(begins(wreck->state, "rescued-"));
}

/* Met while it is in use: no change is taken any more, and the next start looks. */
static void test_met(Wreck *wreck, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	remove_log(wreck);
	g_autoptr(CacheDb) db = open_well(wreck);
	int64_t value = 0;
	scribble(wreck->index, place_of(wreck, "twin"), 4096);
	CacheConn *conn = cache_db_take_reader(db, NULL);
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "the index is broken*unmount*");
	g_assert_false(cache_conn_int(conn, 0, &value, &error, "SELECT until FROM twin", ""));
	g_test_assert_expected_messages();
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_clear_error(&error);
	g_assert_null(cache_db_begin(db, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_clear_error(&error);
	g_assert_null(cache_db_begin_durable(db, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	/* The rest can be read. */
	g_assert_true(cache_conn_int(conn, 0, &value, NULL, "SELECT count(*) FROM intent", ""));
	g_assert_cmpint(value, ==, 3);
	cache_db_put_reader(db, conn);
	g_assert_true(cache_db_is_suspect(wreck->index));
	cache_db_close(g_steal_pointer(&db));
	db = open_broken(wreck);
	assert_begun_anew(wreck, db);
	assert_all_told(wreck);
}

/* Something seemed broken and is not: looked through, and used. */
static void test_suspect(Wreck *wreck, gconstpointer data)
{
	g_autofree char *mark = g_strconcat(wreck->index, "-suspect", NULL);
	g_assert_true(g_file_set_contents(mark, "", 0, NULL));
	g_assert_true(cache_db_is_suspect(wreck->index));
	g_autoptr(CacheDb) db = open_well(wreck);
	g_assert_cmpint(count(db, "SELECT count(*) FROM intent"), ==, 3);
	g_assert_false(cache_db_is_suspect(wreck->index));
}

/* Killed in the middle of it, and again in the same second: each is told apart. */
static void test_again(Wreck *wreck, gconstpointer data)
{
	g_autofree char *part = g_build_filename(wreck->state, "rescue.part", "files", NULL);
	g_assert_cmpint(g_mkdir_with_parents(part, 0700), ==, 0);
	copy_file(wreck->state, part, "index.db");
	for (unsigned i = 1; i <= 2; i++) {
		g_autofree char *files = g_build_filename(wreck->state, "files", "7", NULL);
		g_assert_true(g_file_set_contents(files, "x", 1, NULL));
		remove_log(wreck);
		g_assert_true(g_file_set_contents(wreck->index, "no database", -1, NULL));
		g_autoptr(CacheDb) db = open_broken(wreck);
		assert_begun_anew(wreck, db);
		g_auto(GStrv) paths = cache_rescue_list(wreck->state);
		g_assert_cmpuint(g_strv_length(paths), ==, i);
	}
}

/* Without room for what must be saved nothing is begun anew: what is there stays there. */
static void test_cannot_save(Wreck *wreck, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *files = g_build_filename(wreck->state, "files", NULL);
	g_autofree char *part = g_build_filename(wreck->state, "rescue.part", NULL);
	remove_log(wreck);
	cut_to(wreck->index, 0);
	/* Not even root can make a directory where a file is. */
	g_assert_true(g_file_set_contents(part, "in the way", -1, NULL));
	g_assert_null(cache_rescue_open(wreck->state, &error));
	g_assert_nonnull(strstr(error->message, "cannot be saved aside"));
	g_assert_true(begins(files, ""));
	g_assert_cmpint(length_of(wreck->index), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/rescue/" claim, Wreck, NULL, set_up, test, tear_down)
	ADD("leaves-a-whole-index-alone", test_whole);
	ADD("garbage", test_garbage);
	ADD("empty-file", test_empty);
	ADD("removed-file-is-no-accident", test_removed);
	ADD("torn-file", test_torn);
	ADD("journal-is-told-when-another-table-broke", test_elsewhere);
	ADD("bytes-are-told-when-the-journal-broke", test_journal);
	ADD("garbage-in-the-log", test_log);
	ADD("log-that-a-power-cut-took", test_log_not_begun);
	ADD("nothing-unsent-is-nothing-to-tell", test_nothing_unsent);
	ADD("met-while-in-use", test_met);
	ADD("false-alarm", test_suspect);
	ADD("twice-in-a-second", test_again);
	ADD("what-cannot-be-saved-stays", test_cannot_save);
#undef ADD
	return g_test_run();
}
