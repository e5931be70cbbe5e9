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

/* What a message is marked with; without it is as one that nobody has looked at. */
void fake_cache_mark(Cache *self, int64_t id, uint64_t marks);

/* Which folder is the Inbox; without it is none. */
void fake_cache_set_inbox(Cache *self, int64_t id);

/* What cache_details gives for every item. */
CacheDetails *fake_cache_details(Cache *self);

/* What cache_view gives for every node, and what was noted last. */
CacheView *fake_cache_view(Cache *self);

/* Every listing fails with it, or none. Takes a copy. */
void fake_cache_break_lists(Cache *self, const GError *error);

/* How many wait, and for what the oldest does; answers him. */
unsigned fake_cache_waiting(Cache *self);
int64_t fake_cache_wanted(Cache *self);
CacheReason fake_cache_reason(Cache *self);
void fake_cache_answer(Cache *self, const GError *error);
/* What the oldest, a search, looks for (borrowed); answers him with ids that grow. A query that
 * begins with "!" is none. */
const char *fake_cache_query(Cache *self);
void fake_cache_find(Cache *self, const int64_t *nodes, guint count);

/* As if a transaction had brought it. */
void fake_cache_tell(Cache *self, CacheChangeKind kind, int64_t node, uint32_t content,
	int64_t parent, const char *name);

/* A refresh is under way, or is not. */
void fake_cache_refresh(Cache *self, bool is_on);

/* Blobs that are open. */
unsigned fake_cache_pinned(Cache *self);

/* --- changes ---------------------------------------------------------------------------- */

/* What was changed since the last call, one a line: "create 1 a.eml", "flush 9". Owned. */
char *fake_cache_changes(Cache *self);

/* The next change fails with this EwsErrorCode. */
void fake_cache_refuse(Cache *self, int code);

/* Every flush fails with it, or none. Takes a copy. */
void fake_cache_break_flush(Cache *self, const GError *error);

/* How long a file may be; 0: as it likes. */
void fake_cache_limit(Cache *self, int64_t size_max);
void fake_cache_hide_quota(Cache *self);

/* The file's create was confirmed: an item like any other, its bytes still here. */
void fake_cache_confirm(Cache *self, int64_t id);

/* Files that are open for writing; the bytes of one that was written here, owned. */
unsigned fake_cache_files_open(Cache *self);
char *fake_cache_written(Cache *self, int64_t id);

/* Waits to be sent, from now on. Takes a copy; strings too. */
void fake_cache_enqueue(Cache *self, const CacheQueued *queued);
