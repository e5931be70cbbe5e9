/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/db.h"
#include "ews/error.h"

/*
 * The index database: transactions, readers' snapshots, migrations and what a full disk is called.
 */

typedef struct Place {
	char *dir;   /* own */
	char *path;  /* own */
	CacheDb *db; /* own */
} Place;

static CacheDb *open_db(const Place *place)
{
	g_autoptr(GError) error = NULL;
	CacheDb *db = cache_db_open(place->path, &error);
	g_assert_no_error(error);
	return db;
}

static void set_up(Place *place, gconstpointer data)
{
	place->dir = g_dir_make_tmp("ewsfs-unit-XXXXXX", NULL);
	place->path = g_build_filename(place->dir, "index.db", NULL);
	place->db = open_db(place);
}

static void tear_down(Place *place, gconstpointer data)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	cache_db_close(place->db);
	for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(place->path, suffixes[i], NULL);
		g_unlink(path);
	}
	g_rmdir(place->dir);
	g_free(place->path);
	g_free(place->dir);
}

static CacheConn *begin(Place *place)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_db_begin(place->db, &error);
	g_assert_no_error(error);
	return conn;
}

static void set(CacheConn *conn, const char *key, const char *value)
{
	g_autoptr(GError) error = NULL;
	bool is_set = cache_conn_set_meta(conn, key, value, &error);
	g_assert_no_error(error);
	g_assert_true(is_set);
}

static char *get(CacheConn *conn, const char *key)
{
	g_autoptr(GError) error = NULL;
	char *value = NULL;
	g_assert_true(cache_conn_get_meta(conn, key, &value, &error));
	return value;
}

static char *read_meta(Place *place, const char *key)
{
	CacheConn *reader = cache_db_take_reader(place->db, NULL);
	char *value = get(reader, key);
	cache_db_put_reader(place->db, reader);
	return value;
}

static int64_t number(CacheConn *conn, const char *sql)
{
	g_autoptr(GError) error = NULL;
	int64_t value = -1;
	bool is_ok = cache_conn_int(conn, 0, &value, &error, sql, "");
	g_assert_no_error(error);
	g_assert_true(is_ok);
	return value;
}

static void test_migrates(Place *place, gconstpointer data)
{
	CacheConn *conn = begin(place);
	int64_t version = number(conn, "PRAGMA user_version");
	g_assert_cmpint(version, >=, 1);
	g_assert_cmpint(number(conn, "SELECT count(*) FROM node WHERE id = 1"), ==, 1);
	set(conn, "k", "v");
	g_assert_true(cache_db_commit(place->db, NULL));
	/* Once more is nothing new. */
	cache_db_close(place->db);
	place->db = open_db(place);
	g_autofree char *value = read_meta(place, "k");
	g_assert_cmpstr(value, ==, "v");
}

static void run(CacheConn *conn, const char *sql)
{
	g_autoptr(GError) error = NULL;
	bool is_ok = cache_conn_run(conn, &error, sql, "");
	g_assert_no_error(error);
	g_assert_true(is_ok);
}

/* The index of an earlier version, with steps in its journal that were sent: they are known again
 * by what later versions note when they leave. */
static void test_upgrade(Place *place, gconstpointer data)
{
	CacheConn *conn = begin(place);
	run(conn, "DROP INDEX node_old_ino");
	run(conn, "ALTER TABLE item DROP COLUMN guid");
	run(conn, "ALTER TABLE intent DROP COLUMN sent_key");
	run(conn, "ALTER TABLE intent DROP COLUMN sent_guid");
	run(conn, "ALTER TABLE intent DROP COLUMN sent_name");
	run(conn, "ALTER TABLE intent DROP COLUMN moved_to");
	run(conn, "ALTER TABLE node DROP COLUMN text_stamp");
	run(conn, "ALTER TABLE node DROP COLUMN text_size");
	run(conn, "ALTER TABLE folder DROP COLUMN listed_at");
	run(conn, "ALTER TABLE node DROP COLUMN marks");
	run(conn, "ALTER TABLE folder DROP COLUMN content");
	run(conn, "ALTER TABLE stray DROP COLUMN folder");
	run(conn, "PRAGMA user_version = 4");
	run(conn, "INSERT INTO node (id, parent, kind, name, ino, rights, mtime, ctime) VALUES"
		  " (10, 1, 0, 'Box', 10, 31, 0, 0), (11, 1, 0, 'New', 11, 31, 0, 0),"
		  " (12, 1, 1, 'a.eml', 12, 31, 0, 0), (13, 1, 1, 'b.eml', 13, 31, 0, 0)");
	run(conn, "INSERT INTO item (node, folder, id_hash, key_hash, item_id, change_key, by_key,"
		  " item_class, received, sent, created, modified, importance, flag, is_read,"
		  " is_draft, has_attachments, print, run, round, search_key)"
		  " VALUES (12, 1, 1, 1, 'A', '', 1, 'IPM.Note', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
		  " 0, x'4711')");
	/* 10, 12, 13: a CreateFolder, a MoveItem and a CopyItem that were sent; 11: one that was
	 * not. */
	run(conn, "INSERT INTO intent (node, seq, state, todo, attempt, source, since, touched,"
		  " sent_folder) VALUES (10, 1, 0, 1, 1, 0, 7, 7, 1), (11, 2, 0, 1, 0, 0, 7, 7, 0),"
		  " (13, 3, 2, 10, 1, 12, 7, 7, 1), (12, 4, 0, 4, 1, 0, 7, 7, 3)");
	g_assert_true(cache_db_commit(place->db, NULL));
	cache_db_close(place->db);
	place->db = open_db(place);
	conn = begin(place);
	g_assert_cmpint(number(conn, "SELECT count(*) FROM intent WHERE since = 7"), ==, 4);
	g_assert_cmpint(number(conn, "SELECT node FROM intent WHERE sent_name = 'Box'"), ==, 10);
	g_assert_cmpint(number(conn, "SELECT count(*) FROM intent WHERE sent_name IS NULL"), ==, 3);
	g_assert_cmpint(number(conn, "SELECT node FROM intent WHERE moved_to = 3"), ==, 12);
	g_assert_cmpint(number(conn, "SELECT node FROM intent WHERE sent_key = x'4711'"), ==, 13);
	g_assert_cmpint(number(conn, "SELECT count(*) FROM node WHERE text_size = -1"), ==,
		number(conn, "SELECT count(*) FROM node"));
	g_assert_true(cache_db_commit(place->db, NULL));
}

static void test_newer(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = begin(place);
	g_assert_true(cache_conn_run(conn, NULL, "PRAGMA user_version = 4711", ""));
	g_assert_true(cache_db_commit(place->db, NULL));
	cache_db_close(place->db);
	place->db = cache_db_open(place->path, &error);
	g_assert_null(place->db);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_nonnull(strstr(error->message, "newer"));
}

static void test_no_database(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(place->dir, "nowhere", "index.db", NULL);
	g_assert_null(cache_db_open(path, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_clear_error(&error);
	g_autofree char *text = g_build_filename(place->dir, "text", NULL);
	g_autofree char *rubbish = g_strnfill(40000, 'x');
	g_assert_true(g_file_set_contents(text, rubbish, -1, NULL));
	g_assert_null(cache_db_open(text, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
	g_unlink(text);
}

static void test_rollback(Place *place, gconstpointer data)
{
	set(begin(place), "k", "kept");
	g_assert_true(cache_db_commit(place->db, NULL));
	CacheConn *conn = begin(place);
	set(conn, "k", "lost");
	set(conn, "l", "lost");
	/* A statement that still stands on a row does not keep it from going. */
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL, "SELECT key FROM meta", "");
	bool has_row = false;
	g_assert_true(cache_conn_step(conn, stmt, &has_row, NULL));
	g_assert_true(has_row);
	cache_db_rollback(place->db);
	g_autofree char *k = read_meta(place, "k");
	g_autofree char *l = read_meta(place, "l");
	g_assert_cmpstr(k, ==, "kept");
	g_assert_null(l);
	begin(place);
	g_assert_true(cache_db_commit(place->db, NULL));
}

static void test_failed_statement(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	static const char insert[] = "INSERT INTO meta (key, value) VALUES (?, ?)";
	CacheConn *conn = begin(place);
	g_assert_true(cache_conn_run(conn, &error, insert, "tt", "k", "v"));
	g_assert_false(cache_conn_run(conn, &error, insert, "tt", "k", "w"));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_clear_error(&error);
	g_assert_false(cache_conn_run(conn, &error, "SELECT nonsense FROM nowhere", ""));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	/* The statement is good again, and so is the transaction. */
	g_assert_true(cache_conn_run(conn, NULL, insert, "tt", "l", "w"));
	g_assert_true(cache_db_commit(place->db, NULL));
	g_autofree char *l = read_meta(place, "l");
	g_assert_cmpstr(l, ==, "w");
}

static void test_statements(Place *place, gconstpointer data)
{
	static const char select[] = "SELECT value FROM meta WHERE key = ?";
	CacheConn *conn = begin(place);
	set(conn, "a", "1");
	sqlite3_stmt *first = cache_conn_query(conn, NULL, select, "t", "a");
	bool has_row = false;
	g_assert_true(cache_conn_step(conn, first, &has_row, NULL) && has_row);
	/* The same text is the same statement, begun anew. */
	sqlite3_stmt *second = cache_conn_query(conn, NULL, select, "t", "b");
	g_assert_true(first == second);
	g_assert_true(cache_conn_step(conn, second, &has_row, NULL) && !has_row);
	g_assert_true(cache_db_commit(place->db, NULL));
}

static void test_values(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	static const char sql[] = "SELECT ?1, ?2, ?3, ?4, ?5";
	CacheConn *conn = cache_db_take_reader(place->db, NULL);
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, &error, sql, "ittbb", INT64_MIN, "text", NULL,
		"a\0b", (size_t)3, NULL, (size_t)0);
	g_assert_true(cache_conn_step(conn, stmt, &has_row, &error) && has_row);
	g_assert_cmpint(sqlite3_column_int64(stmt, 0), ==, INT64_MIN);
	g_autofree char *text = cache_column_dup(stmt, 1);
	g_autofree char *none = cache_column_dup(stmt, 2);
	g_assert_cmpstr(text, ==, "text");
	g_assert_null(none);
	g_assert_cmpint(sqlite3_column_bytes(stmt, 3), ==, 3);
	g_assert_cmpint(memcmp(sqlite3_column_blob(stmt, 3), "a\0b", 3), ==, 0);
	g_assert_cmpint(sqlite3_column_type(stmt, 4), ==, SQLITE_NULL);
	sqlite3_reset(stmt);
	int64_t value = 0;
	g_assert_true(cache_conn_int(conn, 7, &value, &error, "SELECT id FROM node WHERE id = ?",
		"i", INT64_C(4711)));
	g_assert_cmpint(value, ==, 7);
	cache_db_put_reader(place->db, conn);
}

static void test_readers(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	static const char list[] = "SELECT value FROM meta ORDER BY key";
	set(begin(place), "a", "1");
	g_assert_true(cache_db_commit(place->db, NULL));
	CacheConn *reader = cache_db_take_reader(place->db, NULL);
	CacheConn *other = cache_db_take_reader(place->db, NULL);
	g_assert_true(reader != other);
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(reader, NULL, list, "");
	g_assert_true(cache_conn_step(reader, stmt, &has_row, NULL) && has_row);
	/* What is written meanwhile is not seen by who has begun, and is by who begins. */
	set(begin(place), "b", "2");
	g_autofree char *hidden = get(other, "b");
	g_assert_null(hidden);
	g_assert_true(cache_db_commit(place->db, NULL));
	g_autofree char *seen = get(other, "b");
	g_assert_cmpstr(seen, ==, "2");
	g_assert_true(cache_conn_step(reader, stmt, &has_row, NULL) && !has_row);
	cache_db_checkpoint(place->db);
	g_assert_false(cache_conn_set_meta(reader, "c", "3", &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	cache_db_put_reader(place->db, reader);
	cache_db_put_reader(place->db, other);
	g_assert_true(cache_db_take_reader(place->db, NULL) == other);
	cache_db_put_reader(place->db, other);
}

/* In a process of its own: the lock of another one, or F_UNLCK. */
static int lock_on(const char *path)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR);
		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 ? lock.l_type : 255);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	return WEXITSTATUS(status);
}

static void write_text(Place *place, const char *text)
{
	set(begin(place), "text", text);
	g_assert_true(cache_db_commit(place->db, NULL));
}

/* What a busy hour wrote into the WAL is no longer on the disk after it. */
static void test_wal_shrinks(Place *place, gconstpointer data)
{
	g_autofree char *text = g_strnfill(1 << 20, 'x');
	g_autofree char *wal = g_strconcat(place->path, "-wal", NULL);
	GStatBuf st;

	for (int i = 0; i < 17; i++) {
		memset(text, 'a' + i, strlen(text));
		write_text(place, text);
	}
	g_assert_cmpint(g_stat(wal, &st), ==, 0);
	g_assert_cmpint(st.st_size, >, 16 << 20);
	cache_db_checkpoint(place->db);
	write_text(place, "short");
	g_assert_cmpint(g_stat(wal, &st), ==, 0);
	g_assert_cmpint(st.st_size, <=, 4 << 20);
}

/* Then no look and no change needs a lock of a file. */
static void test_alone(Place *place, gconstpointer data)
{
	g_autofree char *shm = g_strconcat(place->path, "-shm", NULL);
	set(begin(place), "a", "1");
	g_assert_true(cache_db_commit(place->db, NULL));
	CacheConn *reader = cache_db_take_reader(place->db, NULL);
	g_autofree char *seen = get(reader, "a");
	g_assert_cmpstr(seen, ==, "1");
	cache_db_put_reader(place->db, reader);
	g_assert_false(g_file_test(shm, G_FILE_TEST_EXISTS));
	g_assert_cmpint(lock_on(place->path), ==, F_WRLCK);
}

static void test_no_space(Place *place, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *big = g_strnfill(1 << 20, 'x');
	CacheConn *conn = begin(place);
	number(conn, "PRAGMA max_page_count = 1");
	g_assert_false(cache_conn_set_meta(conn, "big", big, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE);
	/* SQLite may have rolled back by itself; nobody has to know. */
	cache_db_rollback(place->db);
	conn = begin(place);
	number(conn, "PRAGMA max_page_count = 1000000");
	set(conn, "big", big);
	g_assert_true(cache_db_commit(place->db, NULL));
}

/* --- threads ---------------------------------------------------------------------------- */

static atomic_bool is_over;

static void *write_on(void *data)
{
	Place *place = data;
	for (int i = 0; i < 300; i++) {
		g_autofree char *value = g_strdup_printf("%d", i);
		CacheConn *conn = begin(place);
		set(conn, "x", value);
		set(conn, "y", value);
		if (i % 3 == 0)
			cache_db_rollback(place->db);
		else
			g_assert_true(cache_db_commit(place->db, NULL));
		if (i % 50 == 0)
			cache_db_checkpoint(place->db);
	}
	return NULL;
}

static void *read_on(void *data)
{
	static const char differ[] =
		"SELECT count(DISTINCT value) FROM meta WHERE key IN ('x', 'y')";
	Place *place = data;
	while (!atomic_load(&is_over)) {
		CacheConn *conn = cache_db_take_reader(place->db, NULL);
		g_assert_cmpint(number(conn, differ), <=, 1);
		cache_db_put_reader(place->db, conn);
	}
	return NULL;
}

static void test_threads(Place *place, gconstpointer data)
{
	pthread_t writers[2];
	pthread_t readers[3];
	atomic_store(&is_over, false);
	for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
		pthread_create(&readers[i], NULL, read_on, place);
	for (size_t i = 0; i < G_N_ELEMENTS(writers); i++)
		pthread_create(&writers[i], NULL, write_on, place);
	for (size_t i = 0; i < G_N_ELEMENTS(writers); i++)
		pthread_join(writers[i], NULL);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
		pthread_join(readers[i], NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/db/" claim, Place, NULL, set_up, test, tear_down)
	ADD("migrates-once", test_migrates);
	ADD("keeps-an-older-journal", test_upgrade);
	ADD("refuses-a-newer-index", test_newer);
	ADD("says-what-is-no-index", test_no_database);
	ADD("rollback-leaves-nothing", test_rollback);
	ADD("failed-statement-is-good-again", test_failed_statement);
	ADD("statement-is-prepared-once", test_statements);
	ADD("values-come-as-they-went", test_values);
	ADD("reader-sees-a-snapshot", test_readers);
	ADD("belongs-to-one-process", test_alone);
	ADD("full-disk-is-no-space", test_no_space);
	ADD("wal-shrinks-again", test_wal_shrinks);
	ADD("threads-see-whole-transactions", test_threads);
#undef ADD
	return g_test_run();
}
