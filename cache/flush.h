/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Those who wait until the server has it: fsync(2), `ewsfsctl flush`, the end of a mount.
 *
 * Sync thread, but for cache_fsync and cache_drain (cache.h).
 */
typedef struct CacheFlushes CacheFlushes;

CacheFlushes *cache_flushes_new(void);
void cache_flushes_free(CacheFlushes *self);

/* A node's intent ended: with @error (borrowed), or well. */
void cache_flush_ended(Cache *cache, int64_t node, const GError *error);

/* Answers those whose wait is over: nothing is left of what they wait for, or time is. Returns when
 * to look again. */
int64_t cache_flush_tick(Cache *cache, int64_t now_us);

/* Answers all with CANCELLED. */
void cache_flush_stop(Cache *cache);
