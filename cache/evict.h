/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Keeping the cache within cache_size and off the last tenth of the disk: blobs that were not
 * used for longest go first, those that are open never.
 *
 * Sync thread.
 */

/* Adds up what is here; at start. */
bool cache_evict_start(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* So many bytes came. */
void cache_evict_add(Cache *cache, int64_t bytes);

/* Any thread: a transaction was taken back that may have added or removed some. It is added up
 * anew, with the next tick. */
void cache_evict_doubt(Cache *cache);

/* The blob of a node that goes, inside the caller's transaction: row, flag, file, sum. */
bool cache_evict_forget(Cache *cache, CacheConn *conn, int64_t node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether so many bytes, with those under way, may be kept without evicting others. */
bool cache_evict_has_room(Cache *cache, int64_t bytes);

/* Is the cache, and its disk, large enough to fetch what may be asked for next? */
bool cache_evict_is_roomy(Cache *cache);

/* Evicts at least @bytes, inside the caller's transaction; FALSE when nothing could go. */
bool cache_evict_bytes(Cache *cache, CacheConn *conn, uint64_t bytes);

/* The same in a transaction of its own: TRUE when there is more room than before. */
bool cache_evict_make_room(Cache *cache, uint64_t bytes);

/* Records what was used and evicts what is too much, in a transaction of its own. TRUE: too much is
 * left, since it is open; to be looked at again. */
bool cache_evict_tick(Cache *cache);
