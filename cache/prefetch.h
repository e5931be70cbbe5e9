/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The prefetch worker: fetches what is not here yet, newest first, when nobody waits, so that
 * lengths are exact before they are asked for and a first grep finds the bytes here. When the
 * cache is full it goes on for lengths alone.
 *
 * It fetches what the index marks (node.want): new items, and those whose content is suspect.
 * With prefetch=off it runs only while somebody waits for all bytes (cache_sync).
 *
 * Sync thread.
 */
typedef struct CachePrefetch CachePrefetch;

CachePrefetch *cache_prefetch_new(void);
void cache_prefetch_free(CachePrefetch *self);

/* A refresh completed: there is a whole listing to work on. */
void cache_prefetch_begin(Cache *cache);

/* Somebody waits for all bytes below @dir (0: nobody any more). */
void cache_prefetch_force(Cache *cache, int64_t dir);

/* What was given up for this mount because an answer made no sense is wanted once more. */
void cache_prefetch_again(Cache *cache);

/* The server wants or needs a pause; or this disk is full. */
void cache_prefetch_rest(Cache *cache, bool is_full);

/* So many items came, from whatever fetch; for the rate. */
void cache_prefetch_count(Cache *cache, unsigned items);

/* Tops up what is under way. Returns when to be called again. */
int64_t cache_prefetch_tick(Cache *cache, int64_t now_us);
