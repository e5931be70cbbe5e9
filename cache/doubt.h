/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Steps whose answer was lost. What was made shows itself in a sync (own.c); what has not shown
 * itself in a refresh that began settle= after the cut, and settle= after the last of ours that
 * did, was never made and is sent again. A mail whose sending is in doubt is never sent again by
 * itself: a person decides.
 *
 * And items that were made twice all the same: they are removed. Sync thread.
 */
typedef struct CacheDoubt CacheDoubt;

CacheDoubt *cache_doubt_new(void);
void cache_doubt_free(CacheDoubt *self);

void cache_doubt_saw_own(Cache *cache);
/* There may be something in doubt. */
void cache_doubt_begin(Cache *cache);
int64_t cache_doubt_tick(Cache *cache, int64_t now_us);
