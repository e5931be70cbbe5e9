/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * What programs have open for writing: CacheFile, and the registry behind it.
 *
 * All that have one node open share one descriptor, one idea of whether the row is dirty, and the
 * time of the last write. The registry keeps the sum of scratch bytes below its limit.
 *
 * Opening and closing are the caller's (cache_create, cache_file_open, cache_file_close), who knows
 * what the node is; the rest of CacheFile is here. Any thread.
 */

struct CacheLocals;

typedef struct CacheWritten CacheWritten;

CacheWritten *cache_written_new(uint64_t scratch_max);
void cache_written_free(CacheWritten *self);

/* Opens the bytes of a node that has a row of `local`, and registers it. Inside a transaction, so
 * that nobody takes the bytes away meanwhile. */
CacheFile *cache_file_new(Cache *cache, CacheConn *conn, int64_t node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes. The last one of its node flushes what a mapping wrote after the last flush. TRUE when it
 * was the last; *ret_node is its node. Outside any transaction: who then finishes the message in
 * one asks cache_local_is_open in it whether it was opened again. */
bool cache_file_drop(CacheFile *self, int64_t *ret_node);
/* The same without flushing: what is dirty stays so, and the next start finds it as after a
 * crash. */
void cache_file_leave(CacheFile *self);
/* Nothing was written since the last flush. */
bool cache_file_is_flushed(const CacheFile *self);

int64_t cache_file_node(const CacheFile *self);
Cache *cache_file_cache(const CacheFile *self);

/* The bytes of @from_fd from its beginning, as if a program had written them into an empty file. */
bool cache_file_fill(CacheFile *self, int from_fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Inside a transaction: cache_file_flush for whoever has @node open; *ret_error (owned) is what a
 * flush would say. Nothing when nobody has. */
bool cache_local_flush(struct CacheLocals *locals, CacheConn *conn, int64_t node,
	GError **ret_error, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Lays length and time of what is open over @node (not shared yet). */
void cache_local_look(struct CacheLocals *locals, CacheNode *node);

/* utimens on what may be open: later than all writes so far. Microseconds. */
void cache_local_set_time(struct CacheLocals *locals, int64_t node, int64_t mtime);

/* TRUE while a program has it open for writing. */
bool cache_local_is_open(struct CacheLocals *locals, int64_t node);
