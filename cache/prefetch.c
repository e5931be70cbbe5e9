/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/prefetch.h"

#include "cache/fetch.h"
#include "cache/sync.h"

/* Under way at once: two full batches for each of the default connections. Topped up when half
 * of it is done, so that batches stay full. */
#define UNDER_WAY 400

/* After a temporary failure. */
#define REST_US (5 * (int64_t)G_USEC_PER_SEC)
/* With a full disk: what is fetched for nothing is fetched from somebody's server. */
#define LONG_REST_US (60 * (int64_t)G_USEC_PER_SEC)

/* The rate is of the last so many seconds. */
#define RATE_WINDOW_US (5 * (int64_t)G_USEC_PER_SEC)

struct CachePrefetch {
	bool has_begun;
	bool has_more; /* the index may hold more to fetch */
	int64_t forced_dir;
	int64_t rest_until_us;
	int64_t window_start_us;
	unsigned window_items;
};

CachePrefetch *cache_prefetch_new(void)
{
	return g_new0(CachePrefetch, 1);
}

void cache_prefetch_free(CachePrefetch *self)
{
	g_free(self);
}

void cache_prefetch_begin(Cache *cache)
{
	cache->ahead->has_begun = true;
	cache->ahead->has_more = true;
}

void cache_prefetch_force(Cache *cache, int64_t dir)
{
	cache->ahead->forced_dir = dir;
	cache->ahead->has_more = true;
}

void cache_prefetch_again(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return;
	if (!cache_conn_run(conn, &error, "UPDATE node SET want = 1 WHERE want = 2", ""))
		cache_sync_rollback(cache);
	else
		(void)!cache_sync_commit(cache, &error);
}

void cache_prefetch_rest(Cache *cache, bool is_full)
{
	int64_t rest_us = is_full ? LONG_REST_US : REST_US;
	cache->ahead->rest_until_us = g_get_monotonic_time() + rest_us;
}

static void set_rate(Cache *cache, double rate)
{
	pthread_mutex_lock(&cache->status_lock);
	cache->items_per_s = rate;
	pthread_mutex_unlock(&cache->status_lock);
}

void cache_prefetch_count(Cache *cache, unsigned items)
{
	cache->ahead->window_items += items;
	cache->ahead->has_more = true;
}

static void measure(Cache *cache, int64_t now_us)
{
	CachePrefetch *self = cache->ahead;
	int64_t span = now_us - self->window_start_us;
	if (span < RATE_WINDOW_US)
		return;
	set_rate(cache, self->window_items * (double)G_USEC_PER_SEC / (double)span);
	self->window_start_us = now_us;
	self->window_items = 0;
}

/* What is wanted, newest first; below the forced directory where there is one. */
static sqlite3_stmt *query_wanted(CachePrefetch *self, CacheConn *conn, GError **error)
{
	if (self->forced_dir <= CACHE_ROOT)
		return cache_conn_query(conn, error,
			"SELECT node.id, item.item_id, node.size_hint FROM node"
			" JOIN item ON item.node = node.id"
			" WHERE node.want = 1 AND node.state = 0 ORDER BY node.mtime DESC LIMIT ?",
			"i", (int64_t)UNDER_WAY);
	return cache_conn_query(conn, error,
		"WITH RECURSIVE below (id) AS (VALUES (?) UNION ALL"
		" SELECT node.id FROM node JOIN below ON node.parent = below.id"
		" WHERE node.state = 0 AND node.parent > 0 AND node.kind = 0)"
		" SELECT node.id, item.item_id, node.size_hint FROM below"
		" JOIN node ON node.parent = below.id AND node.state = 0 AND node.parent > 0"
		" JOIN item ON item.node = node.id WHERE node.want = 1 LIMIT ?",
		"ii", self->forced_dir, (int64_t)UNDER_WAY);
}

static unsigned begin_some(Cache *cache, CacheConn *conn)
{
	CachePrefetch *self = cache->ahead;
	unsigned begun = 0;
	sqlite3_stmt *stmt = query_wanted(self, conn, NULL);
	bool has_row = stmt != NULL;
	while (has_row && cache_fetch_background_count(cache) < UNDER_WAY) {
		if (!cache_conn_step(conn, stmt, &has_row, NULL) || !has_row)
			break;
		if (cache_fetch_ahead(cache, sqlite3_column_int64(stmt, 0),
			    (const char *)sqlite3_column_text(stmt, 1),
			    sqlite3_column_int64(stmt, 2)))
			begun++;
	}
	if (stmt != NULL)
		sqlite3_reset(stmt);
	return begun;
}

int64_t cache_prefetch_tick(Cache *cache, int64_t now_us)
{
	CachePrefetch *self = cache->ahead;
	unsigned under_way = cache_fetch_background_count(cache);
	bool is_on = self->has_begun && (cache->prefetch || self->forced_dir != 0);
	atomic_store(&cache->is_prefetching, under_way > 0);
	measure(cache, now_us);
	if (!is_on || !self->has_more)
		return under_way > 0 ? now_us + RATE_WINDOW_US : INT64_MAX;
	if (now_us < self->rest_until_us)
		return self->rest_until_us;
	if (under_way > UNDER_WAY / 2)
		return now_us + RATE_WINDOW_US;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return now_us + REST_US;
	ews_hold(cache->session);
	unsigned begun = begin_some(cache, conn);
	ews_release(cache->session);
	cache_db_put_reader(cache->db, conn);
	/* All that is wanted is under way: what finishes, or the next refresh, may bring more. */
	self->has_more = begun > 0;
	return now_us + RATE_WINDOW_US;
}
