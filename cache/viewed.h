/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"

/*
 * How long the texts were that others made of messages (cache_view, cache_view_note), in the index
 * beside the node. A walk over a folder makes thousands, each of which is worth no transaction of
 * its own: they are gathered and written together. What a crash loses is made once more.
 *
 * Any thread.
 */
struct CacheViewed;

struct CacheViewed *cache_viewed_new(void);

/* Before the index is closed: writes what was gathered. */
void cache_viewed_flush(Cache *cache);
void cache_viewed_free(struct CacheViewed *self);
