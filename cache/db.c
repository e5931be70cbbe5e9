/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "cache/journal-sql.h"
#include "cache/schema.h"
#include "cache/sent-sql.h"
#include "ews/error.h"

/* A program's change touches a dozen pages in as many trees, and each goes whole into the WAL: a
 * page should be small. (First listings are indifferent to 4, 8 and 16 KiB.) An index that was made
 * with larger ones keeps them. */
#define PAGE_BYTES "4096"

/* The WAL may grow to this many pages before a commit moves it into the database by itself; a
 * quiet moment does it earlier (cache_db_checkpoint). A first sync dirties the same index pages
 * again and again: checkpointing each commit would write them as often. */
#define WAL_PAGES 16384

/* What of the WAL's file is kept when it begins anew, to be written over; the rest goes. */
#define WAL_KEPT_BYTES "4194304"

/* This process has the index to itself, by the lock on the state directory. So SQLite need not lock
 * files, twice for each look and four times for each change, nor share memory through one. */
#define VFS "unix-excl"

/* Readers see the file through a mapping, not through copies: what they read is the kernel's
 * page cache and costs no memory of ours. */
#define MMAP_BYTES "1073741824"

/* KiB of page cache: the writer works in many index pages at once, readers have the mapping. */
#define WRITER_CACHE_KIB "24576"
#define READER_CACHE_KIB "256"

/* What begins the name of a mark beside the file: found broken, or so it seemed. */
#define MARK "-suspect"

struct CacheConn {
	CacheDb *owner;         /* borrowed; NULL: a broken file that is only read */
	sqlite3 *db;            /* own */
	GHashTable *statements; /* own; address of the text → sqlite3_stmt */
};

struct CacheDb {
	/* set at start, then const */
	char *path; /* own */
	bool is_open;

	atomic_bool is_broken; /* SQLite said so: nothing is written any more */

	pthread_mutex_t
		writer_lock; /* held from begin to commit; no other lock is taken below it */
	CacheConn *writer;   /* guarded by writer_lock */
	bool is_durable;     /* guarded by writer_lock: the transaction under way is */

	pthread_mutex_t readers_lock;
	GPtrArray *readers; /* guarded by readers_lock: those not lent */
};

/* Numbered migrations: the index of an entry is the version that it starts from. */
static const char *const migrations[] = {
	CACHE_SCHEMA_SQL,
	CACHE_JOURNAL_SQL,
	/* As FindFolder last said; -1: not said. And how far that was from ours when the folder was
	 * last listed anew for it (refresh.c). */
	"ALTER TABLE folder ADD COLUMN unread_count INTEGER NOT NULL DEFAULT -1;"
	"ALTER TABLE folder ADD COLUMN unread_miss INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX item_unread ON item (folder) WHERE is_read = 0;",
	CACHE_SENT_SQL,
	/* What it takes to know a step again whose answer was lost (own.c): the search key and the
	 * GUID of what a CopyItem was sent for, the name that a directory was to have, the folder
	 * that a MoveItem leads to, the GUID of what was made here. A directory that was on its way
	 * is repeated as it is called now. */
	"ALTER TABLE intent ADD COLUMN sent_key BLOB;"
	"ALTER TABLE intent ADD COLUMN sent_guid TEXT;"
	"ALTER TABLE intent ADD COLUMN sent_name TEXT;"
	"ALTER TABLE intent ADD COLUMN moved_to INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE item ADD COLUMN guid TEXT;"
	/* Numbers that no row of item leads to (NODE_OLD_INO). */
	"CREATE INDEX node_old_ino ON node (ino) WHERE flags & 128 != 0;"
	"UPDATE intent SET sent_key = (SELECT search_key FROM item WHERE node = intent.source)"
	" WHERE todo & 2 != 0 AND attempt > 0;"
	"UPDATE intent SET sent_name = (SELECT name FROM node WHERE id = intent.node)"
	" WHERE todo & 1 != 0 AND todo & 64 = 0 AND attempt > 0"
	" AND (SELECT kind FROM node WHERE id = intent.node) = 0;"
	"UPDATE intent SET moved_to = sent_folder WHERE todo & 3 = 0 AND attempt > 0"
	" AND sent_folder != (SELECT folder FROM item WHERE item.node = intent.node);",
	/* How long the text of a message was, and a stamp of what it was made of (viewed.c). */
	"ALTER TABLE node ADD COLUMN text_stamp INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE node ADD COLUMN text_size INTEGER NOT NULL DEFAULT -1;",
	/* When a public folder was last listed as a whole. */
	"ALTER TABLE folder ADD COLUMN listed_at INTEGER NOT NULL DEFAULT 0;",
	/* Of a message's marks, what the server has no word for (marks.c). */
	"ALTER TABLE node ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;",
	/* In which mailbox what is in a public folder is, by its GUID (content.c); and in which
	 * folder a stray was. */
	"ALTER TABLE folder ADD COLUMN content TEXT;"
	"ALTER TABLE stray ADD COLUMN folder INTEGER NOT NULL DEFAULT 0;",
};

/* --- what goes wrong --------------------------------------------------------------------- */

static char *mark_of(const char *path)
{
	return g_strconcat(path, MARK, NULL);
}

/* The next start looks more closely. Until then what is written would only spoil more. */
static void note_broken(CacheDb *self, const char *why)
{
	if (self == NULL || atomic_exchange(&self->is_broken, true) || !self->is_open)
		return;
	g_autofree char *mark = mark_of(self->path);
	int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	g_warning("the index is broken (%s): nothing can be changed until this is unmounted and "
		  "mounted again, which rebuilds it from the server",
		why);
}

/* SQLite calls a file that cannot grow an I/O error where it is not the database itself. */
static bool is_full(sqlite3 *db, int code)
{
	bool is_io = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;
	int errnum = is_io ? sqlite3_system_errno(db) : 0;
	return code == SQLITE_FULL || errnum == ENOSPC || errnum == EDQUOT;
}

static void set_error(const CacheConn *conn, const char *what, GError **error)
{
	int code = conn->db != NULL ? sqlite3_errcode(conn->db) & 0xff : SQLITE_NOMEM;
	const char *words = conn->db != NULL ? sqlite3_errmsg(conn->db) : "out of memory";
	bool has_space = conn->db == NULL || !is_full(conn->db, code);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		note_broken(conn->owner, words);
	g_set_error(error, EWS_ERROR, has_space ? EWS_ERROR_LOCAL : EWS_ERROR_NO_SPACE,
		"index: %s: %s", what, words);
}

/* For those who open: broken is what they can do something about. */
static void set_broken(GError **error, const char *why)
{
	g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT, "index: %s", why);
}

/* --- connections ------------------------------------------------------------------------- */

static void conn_free(CacheConn *self)
{
	if (self == NULL)
		return;
	g_clear_pointer(&self->statements, g_hash_table_unref);
	/* The last one to close would move the WAL into the file. */
	if (self->db != NULL && (self->owner == NULL || atomic_load(&self->owner->is_broken)))
		sqlite3_db_config(self->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(self->db);
	g_free(self);
}

static bool conn_exec(CacheConn *self, const char *sql, GError **error)
{
	if (sqlite3_exec(self->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	set_error(self, "set up", error);
	return false;
}

static void finalize(void *stmt)
{
	sqlite3_finalize(stmt);
}

static CacheConn *conn_open(CacheDb *owner, const char *path, int flags, const char *pragmas,
	GError **error)
{
	CacheConn *self = g_new0(CacheConn, 1);
	self->owner = owner;
	self->statements = g_hash_table_new_full(NULL, NULL, NULL, finalize);
	if (sqlite3_open_v2(path, &self->db, flags | SQLITE_OPEN_NOMUTEX, VFS) != SQLITE_OK) {
		set_error(self, path, error);
		conn_free(self);
		return NULL;
	}
	sqlite3_busy_timeout(self->db, 10000);
	if (!conn_exec(self, pragmas, error)) {
		conn_free(self);
		return NULL;
	}
	return self;
}

static bool migrate(CacheConn *conn, GError **error)
{
	int64_t version = 0;
	if (!cache_conn_int(conn, 0, &version, error, "PRAGMA user_version", ""))
		return false;
	if (version > (int64_t)G_N_ELEMENTS(migrations)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL,
			"index: made by a newer ewsfs (version %d); remove the state directory to "
			"start anew",
			(int)version);
		return false;
	}
	for (int64_t i = version; i < (int64_t)G_N_ELEMENTS(migrations); i++) {
		g_autofree char *done =
			g_strdup_printf("PRAGMA user_version=%d; COMMIT", (int)i + 1);
		if (!conn_exec(conn, "BEGIN IMMEDIATE", error) ||
			!conn_exec(conn, migrations[i], error) || !conn_exec(conn, done, error))
			return false;
	}
	return true;
}

/* --- the write-ahead log ----------------------------------------------------------------- */

#define WAL_HEADER_WORDS 8

static uint32_t wal_word(const uint8_t *at, bool is_big)
{
	uint32_t word;
	memcpy(&word, at, sizeof word);
	return is_big ? GUINT32_FROM_BE(word) : GUINT32_FROM_LE(word);
}

/* As SQLite sums it up: the last two words of the header are over the first six. */
static bool is_wal_header(const uint8_t header[4 * WAL_HEADER_WORDS])
{
	uint32_t magic = wal_word(header, true);
	uint32_t sums[2] = {0, 0};
	for (int i = 0; i < WAL_HEADER_WORDS - 2; i += 2) {
		sums[0] += wal_word(header + 4 * i, magic & 1) + sums[1];
		sums[1] += wal_word(header + 4 * i + 4, magic & 1) + sums[0];
	}
	return (magic & ~1U) == 0x377f0682 && sums[0] == wal_word(header + 24, true) &&
	       sums[1] == wal_word(header + 28, true);
}

/* SQLite takes a log that it cannot read for an empty one, and with it would go what was accepted
 * last. A power cut leaves one without a header, or zeros: nothing had been made safe in it. */
static bool check_wal(const char *path, GError **error)
{
	static const uint8_t zeros[4 * WAL_HEADER_WORDS];
	uint8_t header[4 * WAL_HEADER_WORDS];
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);
	int fd = open(wal, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	ssize_t len = pread(fd, header, sizeof header, 0);
	close(fd);
	if (len < (ssize_t)sizeof header || memcmp(header, zeros, sizeof header) == 0 ||
		is_wal_header(header))
		return true;
	set_broken(error, "what was written last is garbage");
	return false;
}

/* --- opening ----------------------------------------------------------------------------- */

static bool open_writer(CacheDb *self, GError **error)
{
	self->writer = conn_open(self, self->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		"PRAGMA page_size=" PAGE_BYTES ";"
		"PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=NORMAL;"
		"PRAGMA wal_autocheckpoint=" G_STRINGIFY(
			WAL_PAGES) ";"
				   "PRAGMA journal_size_limit=" WAL_KEPT_BYTES ";"
				   "PRAGMA cache_size=-" WRITER_CACHE_KIB ";"
				   "PRAGMA temp_store=MEMORY",
		error);
	return self->writer != NULL && migrate(self->writer, error);
}

CacheDb *cache_db_open(const char *path, GError **error)
{
	g_autoptr(GError) problem = NULL;
	/* Nobody reads SQLite's memory statistics; each allocation would take a lock for them. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	g_autoptr(CacheDb) self = g_new0(CacheDb, 1);
	self->path = g_strdup(path);
	self->readers = g_ptr_array_new();
	pthread_mutex_init(&self->writer_lock, NULL);
	pthread_mutex_init(&self->readers_lock, NULL);
	if (!check_wal(path, error))
		return NULL;
	if (!open_writer(self, &problem)) {
		problem->code = atomic_load(&self->is_broken) ? EWS_ERROR_CORRUPT : problem->code;
		g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	self->is_open = true;
	return g_steal_pointer(&self);
}

bool cache_db_is_suspect(const char *path)
{
	g_autofree char *mark = mark_of(path);
	return g_file_test(mark, G_FILE_TEST_EXISTS);
}

void cache_db_clear_suspect(const char *path)
{
	g_autofree char *mark = mark_of(path);
	unlink(mark);
}

bool cache_db_check(CacheDb *self, bool is_thorough, GError **error)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *said = NULL;
	bool has_row = false;
	CacheConn *conn = cache_db_take_reader(self, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, &problem,
		is_thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", "");
	if (stmt != NULL && cache_conn_step(conn, stmt, &has_row, &problem) && has_row)
		said = cache_column_dup(stmt, 0);
	if (stmt != NULL)
		sqlite3_reset(stmt);
	cache_db_put_reader(self, conn);
	if (g_strcmp0(said, "ok") == 0)
		return true;
	if (said == NULL) {
		problem->code = atomic_load(&self->is_broken) ? EWS_ERROR_CORRUPT : problem->code;
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	atomic_store(&self->is_broken, true);
	set_broken(error, said);
	return false;
}

void cache_db_close(CacheDb *self)
{
	if (self == NULL)
		return;
	for (guint i = 0; i < self->readers->len; i++)
		conn_free(self->readers->pdata[i]);
	g_ptr_array_unref(self->readers);
	conn_free(self->writer);
	pthread_mutex_destroy(&self->writer_lock);
	pthread_mutex_destroy(&self->readers_lock);
	g_free(self->path);
	g_free(self);
}

/* Ends what a durable transaction began. */
static void unlock_writer(CacheDb *self)
{
	if (self->is_durable)
		sqlite3_exec(self->writer->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	self->is_durable = false;
	pthread_mutex_unlock(&self->writer_lock);
}

static CacheConn *begin(CacheDb *self, bool is_durable, GError **error)
{
	if (atomic_load(&self->is_broken)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_LOCAL,
			"the index is broken: unmount and mount again, which rebuilds it");
		return NULL;
	}
	pthread_mutex_lock(&self->writer_lock);
	self->is_durable = is_durable;
	if ((!is_durable || conn_exec(self->writer, "PRAGMA synchronous=FULL", error)) &&
		cache_conn_run(self->writer, error, "BEGIN IMMEDIATE", ""))
		return self->writer;
	unlock_writer(self);
	return NULL;
}

CacheConn *cache_db_begin(CacheDb *self, GError **error)
{
	return begin(self, false, error);
}

CacheConn *cache_db_begin_durable(CacheDb *self, GError **error)
{
	return begin(self, true, error);
}

bool cache_db_commit(CacheDb *self, GError **error)
{
	bool is_done = cache_conn_run(self->writer, error, "COMMIT", "");
	if (!is_done) {
		cache_db_rollback(self);
		return false;
	}
	unlock_writer(self);
	return true;
}

void cache_db_rollback(CacheDb *self)
{
	/* After some errors (a full disk) SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(self->writer->db))
		sqlite3_exec(self->writer->db, "ROLLBACK", NULL, NULL, NULL);
	unlock_writer(self);
}

void cache_db_checkpoint(CacheDb *self)
{
	if (atomic_load(&self->is_broken))
		return;
	pthread_mutex_lock(&self->writer_lock);
	sqlite3_wal_checkpoint_v2(self->writer->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	sqlite3_db_release_memory(self->writer->db);
	pthread_mutex_unlock(&self->writer_lock);
}

CacheConn *cache_db_take_reader(CacheDb *self, GError **error)
{
	CacheConn *conn = NULL;
	pthread_mutex_lock(&self->readers_lock);
	if (self->readers->len > 0)
		conn = g_ptr_array_steal_index(self->readers, self->readers->len - 1);
	pthread_mutex_unlock(&self->readers_lock);
	if (conn != NULL)
		return conn;
	/* A reader never checkpoints: it is opened for writing only because WAL wants to be, and
	 * query_only keeps it from anything else. */
	return conn_open(self, self->path, SQLITE_OPEN_READWRITE,
		"PRAGMA query_only=1;"
		"PRAGMA wal_autocheckpoint=0;"
		"PRAGMA mmap_size=" MMAP_BYTES ";"
		"PRAGMA cache_size=-" READER_CACHE_KIB,
		error);
}

void cache_db_put_reader(CacheDb *self, CacheConn *conn)
{
	pthread_mutex_lock(&self->readers_lock);
	g_ptr_array_add(self->readers, conn);
	pthread_mutex_unlock(&self->readers_lock);
}

CacheConn *cache_conn_open_broken(const char *path, GError **error)
{
	return conn_open(NULL, path, SQLITE_OPEN_READWRITE, "PRAGMA query_only=1", error);
}

void cache_conn_close(CacheConn *self)
{
	conn_free(self);
}

/* --- statements -------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(CacheConn *self, const char *sql, GError **error)
{
	sqlite3_stmt *stmt = g_hash_table_lookup(self->statements, sql);
	if (stmt != NULL) {
		sqlite3_reset(stmt);
		return stmt;
	}
	if (sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
		SQLITE_OK) {
		set_error(self, sql, error);
		return NULL;
	}
	g_hash_table_insert(self->statements, (void *)sql, stmt);
	return stmt;
}

/* @life: whether SQLite must copy what it is given. */
static int bind_one(sqlite3_stmt *stmt, int index, char type, sqlite3_destructor_type life,
	va_list *args)
{
	if (type == 'i')
		return sqlite3_bind_int64(stmt, index, va_arg(*args, int64_t));
	if (type == 't')
		return sqlite3_bind_text(stmt, index, va_arg(*args, const char *), -1, life);
	g_assert(type == 'b');
	const void *data = va_arg(*args, const void *);
	size_t len = va_arg(*args, size_t);
	return sqlite3_bind_blob64(stmt, index, data, len, life);
}

static sqlite3_stmt *query(CacheConn *self, const char *sql, const char *types,
	sqlite3_destructor_type life, va_list *args, GError **error)
{
	sqlite3_stmt *stmt = prepare(self, sql, error);
	if (stmt == NULL)
		return NULL;
	g_assert((size_t)sqlite3_bind_parameter_count(stmt) == strlen(types));
	for (int i = 0; types[i] != '\0'; i++) {
		if (bind_one(stmt, i + 1, types[i], life, args) != SQLITE_OK) {
			set_error(self, sql, error);
			return NULL;
		}
	}
	return stmt;
}

sqlite3_stmt *cache_conn_query(CacheConn *self, GError **error, const char *sql, const char *types,
	...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = query(self, sql, types, SQLITE_TRANSIENT, &args, error);
	va_end(args);
	return stmt;
}

bool cache_conn_step(CacheConn *self, sqlite3_stmt *stmt, bool *ret_row, GError **error)
{
	int code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		*ret_row = true;
		return true;
	}
	if (code != SQLITE_DONE)
		set_error(self, sqlite3_sql(stmt), error);
	sqlite3_reset(stmt);
	if (code != SQLITE_DONE)
		return false;
	*ret_row = false;
	return true;
}

/* The first row's first column, or @missing; runs a statement without rows to its end. What was
 * bound is the caller's and ends with his call. */
static bool first_int(CacheConn *self, sqlite3_stmt *stmt, int64_t missing, int64_t *ret_value,
	GError **error)
{
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(self, stmt, &has_row, error))
		return false;
	if (ret_value != NULL)
		*ret_value = has_row ? sqlite3_column_int64(stmt, 0) : missing;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return true;
}

bool cache_conn_run(CacheConn *self, GError **error, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = query(self, sql, types, SQLITE_STATIC, &args, error);
	va_end(args);
	return first_int(self, stmt, 0, NULL, error);
}

bool cache_conn_int(CacheConn *self, int64_t missing, int64_t *ret_value, GError **error,
	const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = query(self, sql, types, SQLITE_STATIC, &args, error);
	va_end(args);
	return first_int(self, stmt, missing, ret_value, error);
}

GArray *cache_conn_ids(CacheConn *self, GError **error, const char *sql, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	sqlite3_stmt *stmt = query(self, sql, types, SQLITE_TRANSIENT, &args, error);
	va_end(args);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return NULL;
	while (has_row) {
		if (!cache_conn_step(self, stmt, &has_row, error))
			return NULL;
		int64_t id = has_row ? sqlite3_column_int64(stmt, 0) : 0;
		if (has_row)
			g_array_append_val(ids, id);
	}
	return g_steal_pointer(&ids);
}

int64_t cache_conn_last_id(CacheConn *self)
{
	return sqlite3_last_insert_rowid(self->db);
}

int cache_conn_changes(CacheConn *self)
{
	return sqlite3_changes(self->db);
}

bool cache_conn_get_meta(CacheConn *self, const char *key, char **ret_value, GError **error)
{
	sqlite3_stmt *stmt =
		cache_conn_query(self, error, "SELECT value FROM meta WHERE key = ?", "t", key);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(self, stmt, &has_row, error))
		return false;
	*ret_value = has_row ? cache_column_dup(stmt, 0) : NULL;
	sqlite3_reset(stmt);
	return true;
}

bool cache_conn_set_meta(CacheConn *self, const char *key, const char *value, GError **error)
{
	return cache_conn_run(self, error,
		"INSERT INTO meta (key, value) VALUES (?, ?)"
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		"tt", key, value);
}

char *cache_column_dup(sqlite3_stmt *stmt, int column)
{
	return g_strdup((const char *)sqlite3_column_text(stmt, column));
}
