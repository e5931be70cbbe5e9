/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"

/*
 * A cache of a few nodes in memory, behind the door of cache/: what fs/ is tested against. Nothing
 * is ever fetched by itself; the test says when, and with what outcome.
 */

/* With a root directory, listed. cache_free frees it. */
Cache *fake_cache_new(void);

/* The stored node, for the test to fill in; readers get copies. */
CacheNode *fake_cache_add(Cache *self, int64_t id, int64_t parent, CacheKind kind,
	const char *name);
CacheNode *fake_cache_node(Cache *self, int64_t id);
void fake_cache_remove(Cache *self, int64_t id);

/* The bytes of one content number, and the node says that they are here. */
void fake_cache_put(Cache *self, int64_t id, uint32_t content, const char *bytes);

/* What cache_details gives for every item. */
CacheDetails *fake_cache_details(Cache *self);

/* Every listing fails with it, or none. Takes a copy. */
void fake_cache_break_lists(Cache *self, const GError *error);

/* How many wait, and for what the oldest does; answers him. */
unsigned fake_cache_waiting(Cache *self);
int64_t fake_cache_wanted(Cache *self);
CacheReason fake_cache_reason(Cache *self);
void fake_cache_answer(Cache *self, const GError *error);

/* As if a transaction had brought it. */
void fake_cache_tell(Cache *self, CacheChangeKind kind, int64_t node, uint32_t content,
	int64_t parent, const char *name);

/* Blobs that are open. */
unsigned fake_cache_pinned(Cache *self);
