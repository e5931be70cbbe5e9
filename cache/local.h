/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * Bytes that are written here: of new messages, of messages that a program writes anew, of scratch
 * files. They are in state_dir/files/NODE, one file a node, and belong to the state, not to the
 * cache: nothing else has them.
 *
 * A row of `local` says what is known of the file: how long it was when it was last safe, whether
 * it was written since (is_dirty), whether it is finished and what its SHA-256 is then. The row is
 * made in the transaction that makes the node local, and set dirty by the first write after a
 * flush, before the bytes. So after a crash: a clean row's bytes are what a program closed or
 * flushed, and are finished; a dirty one's are kept and not sent.
 *
 * While a node is open its length and time are in memory (the row's are those of the last flush);
 * cache_local_look lays them over a snapshot.
 *
 * Any thread. The registry's lock is a leaf but for the database's, which is never taken inside it.
 */

typedef struct CacheLocals CacheLocals;

CacheLocals *cache_locals_new(const char *state_dir, GError **error);
void cache_locals_free(CacheLocals *self);

/* --- inside a transaction ------------------------------------------------------------------ */

/* Makes an empty file for @node, or one with the bytes of @from_fd (-1: none), and its row. */
bool cache_local_make(CacheLocals *self, CacheConn *conn, int64_t node, int from_fd,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The row goes; the file goes with cache_local_remove after the commit. */
bool cache_local_drop(CacheConn *conn, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_local_remove(CacheLocals *self, int64_t node);

/* What a finished message is: written by cache_local_finish, checked before it is sent. */
typedef struct CacheLocalRow {
	int64_t size;
	bool is_dirty;
	bool is_finished;
	char *sha256; /* own; hex; NULL until finished */
} CacheLocalRow;
/* *ret_row NULL when the node has no bytes of its own here. */
bool cache_local_get(CacheConn *conn, int64_t node, CacheLocalRow **ret_row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_local_row_free(CacheLocalRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheLocalRow, cache_local_row_free)

/* The bytes are a message from now on: length and SHA-256 into the row, size and time into the
 * node. @name tells the kind. *ret_is_ready false: empty, or not a message (INVALID is then the
 * file's error, told by the next flush), or dirty with nobody left to flush it. */
bool cache_local_finish(CacheLocals *self, CacheConn *conn, int64_t node, const char *name,
	bool *ret_is_ready, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- outside ------------------------------------------------------------------------------- */

/* Opens the bytes for reading. Owned fd; -1 and NOT_FOUND. */
int cache_local_open(CacheLocals *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Do the bytes still have this length and SHA-256? A power cut may have taken some: CORRUPT. */
bool cache_local_check(CacheLocals *self, int64_t node, const CacheLocalRow *row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* fsync; before the journal says that they were sent. */
bool cache_local_sync(CacheLocals *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Lays length and time of what is open over @node (not shared yet). */
void cache_local_look(CacheLocals *self, CacheNode *node);

/* TRUE while a program has it open for writing. */
bool cache_local_is_open(CacheLocals *self, int64_t node);

/* TRUE when the bytes are or begin like what @name says they are. */
bool cache_local_is_message(int fd, const char *name);
