/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * What the server finds: a query, asked of every folder below a directory, many a call, and the
 * ids that it says made nodes of.
 *
 *   probe    once for a server: does it understand AQS, or ignore it? A query that nothing can
 *            fit, of the folder that has most; beside it GetFolder, that there is something in it
 *   ask      FindItem of all folders, page by page; a folder that moved between two pages is
 *            asked again from its first
 *   resolve  nodes of ids. What the index does not have yet is waited for: the listing of a folder
 *            that was never listed, else a refresh; what it does not have then either is gone
 *
 * All or an error: folders that cannot be searched are an error, but those that are gone or closed
 * to us, in which nothing is shown either. More than CACHE_FOUND_MAX is TOO_BIG.
 *
 * Sync thread, but for cache_search (cache.h).
 */
typedef struct CacheSearches CacheSearches;

CacheSearches *cache_searches_new(void);
void cache_searches_free(CacheSearches *self);

/* Answers those who have waited too long. Returns when to be called again. */
int64_t cache_search_tick(Cache *cache, int64_t now_us);

/* Answers all with CANCELLED. */
void cache_search_stop(Cache *cache);
