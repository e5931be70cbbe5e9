/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The index database: the only sqlite3_open of the program.
 *
 * One connection writes, inside a transaction and behind a lock (begin … commit or rollback);
 * any number of readers only read, each connection lent to one thread at a time (take … put).
 * WAL mode, synchronous=NORMAL: a commit survives the death of the process, not of the machine,
 * where the last seconds may be missing (the index can be had anew from the server). The writer
 * alone checkpoints: SQLite before 3.51.3 can reset a WAL that another connection checkpoints.
 *
 * Statements are prepared once a connection and found again by the address of their text, so
 * @sql must be a literal. Nothing tells SQLite how many rows a table has: where a join must begin
 * with the small one, CROSS JOIN says so (tests/lint/check-plans.py looks). Errors are LOCAL, or
 * NO_SPACE when the disk is full.
 *
 * A file that is found broken while it is in use is not written any more: each begin fails, reading
 * goes on where it can, and a mark beside the file lets the next start look closely (rescue.h).
 */

typedef struct CacheDb CacheDb;
typedef struct CacheConn CacheConn;

/* CORRUPT: the file is no (whole) database. */
CacheDb *cache_db_open(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_db_close(CacheDb *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheDb, cache_db_close)

/* Looks through all of it; CORRUPT as above. Thorough: compares indexes with tables too. */
bool cache_db_check(CacheDb *self, bool is_thorough, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Was it found broken when it was last in use? */
bool cache_db_is_suspect(const char *path);
void cache_db_clear_suspect(const char *path);

/* A broken file, for whoever looks what can still be read of it. It is left as it is. */
CacheConn *cache_conn_open_broken(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_conn_close(CacheConn *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheConn, cache_conn_close)

/* Waits for the lock; the connection is the caller's until commit or rollback. */
CacheConn *cache_db_begin(CacheDb *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same; its commit survives the death of the machine too, with all commits before it. */
CacheConn *cache_db_begin_durable(CacheDb *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_db_commit(CacheDb *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_db_rollback(CacheDb *self);

/* Moves the WAL into the database file; when there is nothing better to do. */
void cache_db_checkpoint(CacheDb *self);

CacheConn *cache_db_take_reader(CacheDb *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_db_put_reader(CacheDb *self, CacheConn *conn);

/* A statement with its parameters bound, ready to step: @types has a letter per parameter: 'i'
 * int64_t, 't' const char * (NULL allowed), 'b' const void *, size_t (NULL allowed). Borrowed,
 * and good until the same text is asked for again. NULL is an error. */
sqlite3_stmt *cache_conn_query(CacheConn *self, GError **error, const char *sql, const char *types,
	...) G_GNUC_WARN_UNUSED_RESULT;

/* One step: *ret_row tells whether there is a row. A statement that gave its last row is reset. */
bool cache_conn_step(CacheConn *self, sqlite3_stmt *stmt, bool *ret_row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Binds as cache_conn_query and runs to the end. */
bool cache_conn_run(CacheConn *self, GError **error, const char *sql, const char *types,
	...) G_GNUC_WARN_UNUSED_RESULT;

/* Binds as cache_conn_query; the first column of the first row as a number, or @missing. */
bool cache_conn_int(CacheConn *self, int64_t missing, int64_t *ret_value, GError **error,
	const char *sql, const char *types, ...) G_GNUC_WARN_UNUSED_RESULT;

/* Binds as cache_conn_query; the first column of all rows, of int64_t. For ids whose rows the
 * caller is about to change. */
GArray *cache_conn_ids(CacheConn *self, GError **error, const char *sql, const char *types,
	...) G_GNUC_WARN_UNUSED_RESULT;

int64_t cache_conn_last_id(CacheConn *self);
int cache_conn_changes(CacheConn *self);

/* Facts of the meta table; a missing one is NULL without an error. */
bool cache_conn_get_meta(CacheConn *self, const char *key, char **ret_value,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_conn_set_meta(CacheConn *self, const char *key, const char *value,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* An owned copy of a text column; NULL for NULL. */
char *cache_column_dup(sqlite3_stmt *stmt, int column);
