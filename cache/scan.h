/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * Guessing what a reader will want next.
 *
 * Who reads a folder from end to end goes by node id (grep -r, tar: the order of readdir) or by
 * name (rsync, a shell's pattern), up or down. The second miss of a folder tells which: it is the
 * one that comes next in one of the four orders. From then on the scan hands out what follows.
 * Where it is in none of them (several readers at once, one with gaps), and again when two misses
 * in a row were not foreseen, what follows by name is handed out, and after the last the first.
 *
 * Sync thread only. Knows the index, not the wire.
 */
typedef struct CacheScan CacheScan;

/* What to fetch ahead. */
typedef struct CacheScanItem {
	int64_t node;
	char *item_id; /* own */
	int64_t size_hint;
} CacheScanItem;

void cache_scan_item_free(CacheScanItem *self);

CacheScan *cache_scan_new(int64_t dir);
void cache_scan_free(CacheScan *self);

typedef struct CacheScanMiss {
	const CacheNode *node; /* of this folder; it was not here */
	bool for_length;       /* only its length was wanted */
	bool was_foreseen;     /* it is being fetched already */
} CacheScanMiss;

/* The reader asked for something that was not here. *ret_is_scan: he is walking. */
bool cache_scan_miss(CacheScan *self, CacheConn *conn, const CacheScanMiss *miss,
	bool *ret_is_scan, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The reader went over @hits items that were here: it is still walking, and further on. */
void cache_scan_hits(CacheScan *self, unsigned hits);

/* The next items that are not here, at most @max, of CacheScanItem; each is handed out once. At
 * most so many beyond where the reader was seen that a reader who stopped costs little. */
GPtrArray *cache_scan_next(CacheScan *self, CacheConn *conn, unsigned max,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE when the reader was not seen for a while. */
bool cache_scan_is_over(const CacheScan *self, int64_t now_us);
