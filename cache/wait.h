/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Those who wait for the truth: for a whole listing (OPENDIR), or for everything to be as new as
 * their call (ewsfsctl sync). Each is answered once; by what happens here, by silence, or at the
 * end.
 *
 * Sync thread, but for cache_listing_ready, cache_await_listing and cache_sync (cache.h).
 */
typedef struct CacheWaits CacheWaits;

CacheWaits *cache_waits_new(void);
void cache_waits_free(CacheWaits *self);

/* A directory was listed completely, or a refresh (@round) succeeded: who has what he waits for? */
void cache_wait_check(Cache *cache);

/* A refresh succeeded. */
void cache_wait_round_done(Cache *cache, int64_t round);

/* A refresh failed: nobody gets more than the error. */
void cache_wait_failed(Cache *cache, const GError *error);

/* A folder of @dir could not be synced; the others go on. */
void cache_wait_dir_failed(Cache *cache, int64_t dir, const GError *error);

/* Answers those who heard nothing for too long. Returns when to be called again. */
int64_t cache_wait_tick(Cache *cache, int64_t now_us);

/* Something happened that somebody may wait for: the next tick looks. */
void cache_wait_look_soon(Cache *cache);

/* TRUE when somebody waits for this directory's listing. */
bool cache_wait_has(const Cache *cache, int64_t dir);

/* TRUE when somebody waits for all that a refresh brings. */
bool cache_wait_has_sync(const Cache *cache);

void cache_wait_stop(Cache *cache);
