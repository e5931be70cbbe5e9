/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "cache/db.h"

/*
 * Message bytes in files, and the life of such a file.
 *
 * A blob is cache_dir/blobs/XX/ID.CONTENT, for one node and one content number. It is written
 * once, under its name (small ones from memory) or renamed there (big ones, from tmp/), and only
 * then does a transaction set NODE_HERE on the node and its row in blob: a file without a row is
 * garbage of a crash and is overwritten or swept, never read. What is read must have the length
 * that the row says, since after a power cut a file may be shorter than the index believes.
 *
 * The directory may be deleted at any time. cache_dir/epoch pairs it with one index; with another
 * or none, everything in it is void.
 *
 * Opening is for any thread; storing, removing and evicting for the sync thread.
 */

typedef struct CacheBlobs CacheBlobs;

/* Makes the directories. *ret_is_void: the directory was not that of @epoch; it is empty now. */
CacheBlobs *cache_blobs_new(const char *cache_dir, const char *epoch, bool *ret_is_void,
	GError **error);
void cache_blobs_free(CacheBlobs *self);

/* An fd for a new file in tmp/, to be stored later or closed and unlinked; *ret_path is owned. */
int cache_blobs_make_temp(CacheBlobs *self, char **ret_path, GError **error);

/* Puts the bytes in place: from memory, or the file at @path. Overwrites. */
bool cache_blobs_store_bytes(CacheBlobs *self, int64_t id, uint32_t content, const void *data,
	size_t len, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_blobs_store_file(CacheBlobs *self, int64_t id, uint32_t content, const char *path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The bytes that were fetched, also of a node that a program has written over since. NULL: they are
 * not here. Any thread. */
CacheBlob *cache_blob_open_fetched(Cache *cache, const CacheNode *node);

/* The file at @path gets a second name here, and is not copied; who calls removes the first one
 * when the index says so. FALSE where the disk cannot do that. */
bool cache_blobs_store_link(CacheBlobs *self, int64_t id, uint32_t content, const char *path);

/* Unlinks; who has it open reads on. Missing is fine. */
void cache_blobs_remove(CacheBlobs *self, int64_t id, uint32_t content);

/* TRUE when somebody has it open. */
bool cache_blobs_is_pinned(CacheBlobs *self, int64_t id, uint32_t content);

/* The same, of whatever content. */
bool cache_blobs_is_open(CacheBlobs *self, int64_t id);

/* Free bytes on the disk and its size. */
bool cache_blobs_disk(CacheBlobs *self, uint64_t *ret_free, uint64_t *ret_total);

/* Ids opened since the last call, for the used column; owned, keys are ids. */
GHashTable *cache_blobs_take_used(CacheBlobs *self);
