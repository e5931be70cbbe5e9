/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The miss path: one fetch per item however many wait for it.
 *
 * A fetch begins because somebody waits (cache_fetch), because a scan will want it, or because
 * the prefetch worker is at it; who comes later joins it and makes it more urgent. Its bytes
 * stream into a download; when the item's own response message is complete it is finished, and
 * all that finished together are stored in one transaction (settle), after which the waiters are
 * answered. A waiter who hears nothing for timeout_s is answered with an error; the fetch goes on.
 *
 * Sync thread only, but for cache_fetch.
 */
typedef struct CacheFetcher CacheFetcher;

CacheFetcher *cache_fetcher_new(void);
void cache_fetcher_free(CacheFetcher *self);

/* Stores what finished and answers its waiters. After each round of the inbox. */
void cache_fetch_settle(Cache *cache);

/* Answers those who waited too long, forgets readers who left. Returns when to be called again
 * (monotonic), INT64_MAX for never. */
int64_t cache_fetch_tick(Cache *cache, int64_t now_us);

/* Answers every waiter with CANCELLED; nothing is begun after. */
void cache_fetch_stop(Cache *cache);

/* The prefetch worker's way in. FALSE when the item is being fetched already. */
bool cache_fetch_ahead(Cache *cache, int64_t node, const char *item_id, int64_t size_hint);

/* Fetches under way for nobody in particular. */
unsigned cache_fetch_background_count(const Cache *cache);

/* Any thread: a program has just opened what is here. Now and then the sync thread is told, so
 * that a scan which runs ahead of its reader knows where that is. */
void cache_fetch_hit(Cache *cache, int64_t dir);

/* TRUE while the item is being fetched. */
bool cache_fetch_is_on(const Cache *cache, int64_t node);
