/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/change.h"
#include "cache/doubt.h"
#include "cache/drain.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/sync.h"
#include "cache/written.h"

/*
 * What the last run left in the journal, before the sync thread runs; and what this one had no
 * space for: to queue what was closed, or to write down what was answered.
 */

/* Between two tries to queue what could not be. */
#define LATE_US ((int64_t)G_USEC_PER_SEC)

/* A create, a copy or a mail that was on its way may have arrived; everything else can be said
 * once more. So may a directory that was deleted meanwhile.
 * (2: in doubt, 0: queued; 1: MAKE, 2: COPY, 4: MOVE, 8: UPDATE, 16: SEND,
 * 64: DELETE, after which there is nothing to be moved or set.) */
static bool doubt_what_was_sent(CacheConn *conn, GError **error)
{
	return cache_conn_run(conn, error,
		       "UPDATE intent SET state = 2, doing = 0 WHERE state = 1 AND (doing = 16 OR"
		       " (doing IN (1, 2) AND (todo & 64 != 0 OR (SELECT kind FROM node"
		       " WHERE id = intent.node) = 1)))",
		       "") &&
	       cache_conn_run(conn, error,
		       "UPDATE intent SET state = 0, doing = 0, fields = fields | sent_fields,"
		       " todo = CASE WHEN todo & 64 != 0 THEN todo & ~12 ELSE todo END,"
		       " sent_fields = 0 WHERE state = 1",
		       "");
}

/* Nobody waits any more, neither a program nor a server. */
static bool forget_times(CacheConn *conn, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE intent SET not_before = 0, is_urgent = 0, doing = 0", "");
}

/* What no program wrote into since it was flushed is finished, as its close would have done. */
static bool finish_clean(Cache *cache, CacheConn *conn, GError **error)
{
	g_autoptr(GArray) nodes = cache_conn_ids(conn, error,
		"SELECT local.node FROM local JOIN node ON node.id = local.node"
		" LEFT JOIN intent ON intent.node = local.node"
		" WHERE local.is_dirty = 0 AND node.flags & ? = 0 AND node.state = 0"
		" AND (intent.node IS NULL OR intent.state = 5 OR local.is_finished = 0)",
		"i", (int64_t)NODE_SCRATCH);
	for (guint i = 0; nodes != NULL && i < nodes->len; i++) {
		g_autoptr(CacheNode) node =
			cache_node_get(conn, g_array_index(nodes, int64_t, i), error);
		if (node != NULL && cache_local_is_open(cache->locals, node->id))
			continue;
		if (node == NULL || !cache_change_finish(cache, conn, node, error))
			return false;
	}
	return nodes != NULL;
}

bool cache_drain_recover(Cache *cache, GError **error)
{
	CacheConn *conn = cache_db_begin(cache->db, error);
	if (conn == NULL)
		return false;
	if (doubt_what_was_sent(conn, error) && forget_times(conn, error) &&
		finish_clean(cache, conn, error))
		return cache_db_commit(cache->db, error);
	cache_db_rollback(cache->db);
	return false;
}

bool cache_drain_recover_sent(Cache *cache, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (!doubt_what_was_sent(conn, error)) {
		cache_sync_rollback(cache);
		return false;
	}
	cache_doubt_begin(cache);
	return cache_sync_commit(cache, error);
}

static bool finish_late(Cache *cache, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (finish_clean(cache, conn, error))
		return cache_sync_commit(cache, error);
	cache_sync_rollback(cache);
	return false;
}

int64_t cache_drain_late_tick(Cache *cache, int64_t now_us)
{
	g_autoptr(GError) error = NULL;
	if (!atomic_load(&cache->has_unqueued))
		return INT64_MAX;
	if (now_us < cache->unqueued_us)
		return cache->unqueued_us;
	/* Another may fail to be closed while this goes on. */
	atomic_store(&cache->has_unqueued, false);
	if (finish_late(cache, &error)) {
		cache_drain_poke(cache);
		return INT64_MAX;
	}
	g_debug("still not queued: %s", error->message);
	atomic_store(&cache->has_unqueued, true);
	cache->unqueued_us = now_us + LATE_US;
	return cache->unqueued_us;
}
