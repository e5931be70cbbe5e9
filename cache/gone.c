/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/gone.h"

#include "cache/blob.h"

/* Between two looks; longer than any request of the kernel is under way. */
#define LOOK_US (60 * (int64_t)G_USEC_PER_SEC)

/* Dropped at once: others wait for the index meanwhile. */
#define ROWS_MAX 5000

static const char node_sql[] =
	"DELETE FROM node WHERE id = ? AND state = 2"
	" AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.node = node.id)"
	" AND NOT EXISTS (SELECT 1 FROM local WHERE local.node = node.id)"
	" AND NOT EXISTS (SELECT 1 FROM aside WHERE aside.node = node.id)"
	" AND NOT EXISTS (SELECT 1 FROM blob WHERE blob.node = node.id)"
	" AND NOT EXISTS (SELECT 1 FROM folder WHERE folder.node = node.id)"
	" AND NOT EXISTS (SELECT 1 FROM node AS child WHERE child.parent = node.id"
	" AND child.state = 0 AND child.parent > 0)";

static bool drop(Cache *cache, CacheConn *conn, int64_t id, GError **error)
{
	if (cache_blobs_is_open(cache->blobs, id))
		return true;
	return cache_conn_run(conn, error, node_sql, "i", id) &&
	       cache_conn_run(conn, error,
		       "DELETE FROM item WHERE node = ?1"
		       " AND NOT EXISTS (SELECT 1 FROM node WHERE id = ?1)",
		       "i", id);
}

bool cache_gone_drop(Cache *cache, CacheConn *conn, GError **error)
{
	int64_t now = g_get_monotonic_time();
	if (cache->gone != NULL && now - cache->gone_us < LOOK_US)
		return true;
	for (guint i = 0; cache->gone != NULL && i < cache->gone->len; i++) {
		if (!drop(cache, conn, g_array_index(cache->gone, int64_t, i), error))
			return false;
	}
	g_clear_pointer(&cache->gone, g_array_unref);
	cache->gone = cache_conn_ids(conn, error,
		"SELECT id FROM node WHERE state = 2 AND state > 0 LIMIT ?", "i",
		(int64_t)ROWS_MAX);
	cache->gone_us = now;
	return cache->gone != NULL;
}
