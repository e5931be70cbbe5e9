/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/apply.h"
#include "cache/private.h"

/*
 * After a full run: what it did not name, and whether to believe that it is gone.
 *
 * A server may lose a sync state, restart in silence, or leave items out of an answer. So items
 * are swept only if the folder's TotalCount, asked for now, equals what the run named; and if
 * many are missing (over SWEEP_MANY, or a fifth), only those for which GetItem says
 * ErrorItemNotFound.
 *
 * Sync thread. Makes the ops, but lets its owner submit them.
 */
typedef struct CacheSweep CacheSweep;

/* What a run left unnamed in a directory. What was written to since it began (by us; real time) is
 * not held against it: its pages may be older. @total: what the folder counted at its end; -1: it
 * is asked for. @folder_id is borrowed for the call. */
typedef struct CacheSweepOf {
	const char *folder_id;
	int64_t dir;
	int64_t run;
	int64_t began_at;
	int64_t total;
} CacheSweepOf;
CacheSweep *cache_sweep_new(CacheConn *conn, const CacheSweepOf *of, GError **error);
void cache_sweep_free(CacheSweep *self);

/* The next op to submit (its answer goes to cache_sweep_answer), or NULL. */
EwsOp *cache_sweep_next(CacheSweep *self);
void cache_sweep_answer(CacheSweep *self, EwsOp *op);

/* TRUE when nothing is asked for any more. */
bool cache_sweep_is_done(const CacheSweep *self);

/* Done, and not to be believed: the folder has more than the run named. Or it came since. */
bool cache_sweep_is_open(const CacheSweep *self);

/* What kept the sweep from knowing, or NULL. */
const GError *cache_sweep_error(const CacheSweep *self);

/* Takes away what is gone. */
bool cache_sweep_apply(CacheSweep *self, CacheApply *apply,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How many more items the server counts than the run named. */
int64_t cache_sweep_surplus(const CacheSweep *self);
