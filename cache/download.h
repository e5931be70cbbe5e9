/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/digest.h"
#include "cache/private.h"

/*
 * The bytes of one item on their way from the wire to a blob.
 *
 * Filled on the ews thread through a sink, while the answer streams; handed to the sync thread
 * with the finished op, which stores it under its name. Small messages stay in memory until then,
 * larger ones go to a temporary file as they come. With @keep false only the length and the
 * digest are learned; what is small is held until then all the same, and with @hold what is large
 * too, since it may have to be made into something else (cache/pim.h).
 */
typedef struct CacheDownload CacheDownload;

CacheDownload *cache_download_new(Cache *cache, bool keep, bool hold);

/* Unlinks what was not stored. Not before the op is back. */
void cache_download_free(CacheDownload *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheDownload, cache_download_free)

void cache_download_sink(CacheDownload *self, EwsSink *ret_sink);

/* After success. */
bool cache_download_is_kept(const CacheDownload *self);
int64_t cache_download_length(const CacheDownload *self);
void cache_download_digest(CacheDownload *self, uint8_t ret_digest[CACHE_DIGEST_LEN]);

/* TRUE while all bytes are at hand, whether they are kept or not. */
bool cache_download_is_whole(const CacheDownload *self);
/* How it begins: at most @len bytes, as far as they are at hand. Returns how many. */
size_t cache_download_start(const CacheDownload *self, char *start, size_t len);
/* All of it, from the beginning, as a descriptor of its own. -1: an error. */
int cache_download_open(CacheDownload *self, GError **error);
/* Other bytes in its place. */
bool cache_download_replace(CacheDownload *self, GBytes *bytes,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Puts the bytes in place as the blob of (id, content). */
bool cache_download_store(CacheDownload *self, int64_t id, uint32_t content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
