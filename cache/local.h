/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>

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
 * While a node is open its length and time are the file's (the row's are those of the last flush);
 * cache_local_look lays them over a snapshot. What is open is in written.h.
 *
 * Any thread. The registry's lock is a leaf: the database's is never taken inside it.
 */

typedef struct CacheLocals {
	/* set at start, then const */
	char *dir; /* own; state_dir/files */
	int dir_fd;
	CacheDb *db;                  /* borrowed: outlives it */
	struct CacheWritten *written; /* own; what is open */

	pthread_mutex_t sync_lock; /* a leaf */
	bool has_new_names;        /* guarded by sync_lock: the directory is to be fsynced */
} CacheLocals;

/* @scratch_max: bytes of scratch files kept at most; 0: no limit. */
CacheLocals *cache_locals_new(CacheDb *db, const char *state_dir, uint64_t scratch_max,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_locals_free(CacheLocals *self);

/* Files without a row, at the start: those of a node that this index has known were dropped and are
 * deleted; others (a power cut took the row, or the index was removed) go to state_dir/lost. And
 * what was still written gets the length that it has; what a power cut took is unfinished. */
bool cache_locals_sweep(CacheLocals *self, CacheConn *conn,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- inside a transaction ------------------------------------------------------------------ */

/* Makes an empty file for @node, dirty from the start, or one with the bytes of @from_fd (-1:
 * none), clean, and its row. A file that has no row (any more) is left to whoever has it. */
bool cache_local_make(CacheLocals *self, CacheConn *conn, int64_t node, int from_fd,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The row goes; the file goes with cache_local_remove after the commit. */
bool cache_local_drop(CacheConn *conn, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Outside any transaction. A file that has a row is left alone: the node was written anew in the
 * meantime, or the commit failed. */
void cache_local_remove(CacheLocals *self, int64_t node);

/* What a finished message is: written by cache_local_finish, checked before it is sent. */
#define CACHE_LOCAL_NO_MESSAGE "these bytes are no message"
#define CACHE_LOCAL_NO_CARDS "no server takes a vCard over this protocol"
#define CACHE_LOCAL_NO_EVENT "of calendars, servers take events only"
#define CACHE_LOCAL_CUT "the machine stopped before these bytes were safe"
typedef struct CacheLocalRow {
	int64_t size;
	bool is_dirty;
	bool is_finished;
	char *sha256; /* own; hex; NULL until finished */
	char *error;  /* own; what cache_local_flaw says, or what a write ran into; NULL */
} CacheLocalRow;
/* *ret_row NULL when the node has no bytes of its own here. */
bool cache_local_get(CacheConn *conn, int64_t node, CacheLocalRow **ret_row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_local_row_free(CacheLocalRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheLocalRow, cache_local_row_free)

/* The bytes are a message from now on: length and SHA-256 into the row, size and time into the
 * node. What is open is flushed first. @name tells the kind. *ret_is_ready false: empty, or not a
 * message (INVALID is then the file's error, told by the next flush), or dirty with nobody left to
 * flush it, or a write failed; or no row. Reads all the bytes, unless they are finished. */
bool cache_local_finish(CacheLocals *self, CacheConn *conn, int64_t node, const char *name,
	bool *ret_is_ready, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A person says that what a dead writer left is whole: clean, without an error. */
bool cache_local_accept(CacheConn *conn, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- outside ------------------------------------------------------------------------------- */

/* Opens the bytes for reading. Owned fd; -1 and NOT_FOUND. */
int cache_local_open(CacheLocals *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Do the bytes still have this length and SHA-256? A power cut may have taken some: CORRUPT. */
bool cache_local_check(CacheLocals *self, int64_t node, const CacheLocalRow *row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* fsync, of the file and of its name; before the journal says that they were sent. */
bool cache_local_sync(CacheLocals *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of many, which is much cheaper together. The error is the first one's; the others are safe all
 * the same. */
bool cache_local_sync_all(CacheLocals *self, const int64_t *nodes, size_t count,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All of @from_fd to the beginning of @to_fd, the blocks shared where the disk can; errno. */
bool cache_local_copy(int from_fd, int to_fd, int64_t *ret_size);

/* A copy takes the place of the bytes: who has the old ones open keeps them as they are now. */
bool cache_local_renew(CacheLocals *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the bytes are, for who takes the file itself away. Owned. */
char *cache_local_path(CacheLocals *self, int64_t node);

/* Why the bytes are nothing to be sent as what @name says they are, one of the three above; NULL:
 * they begin with a header field, or with BEGIN:VCALENDAR and have an event. Servers say of a vCard
 * that they do not take it, or take anything and make nothing of it; of a task likewise. Nothing at
 * all is no message. */
const char *cache_local_flaw(int fd, const char *name);
/* Is it one of them? */
bool cache_local_is_flaw(const char *text);
