/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cache/db.h"
#include "cache/hints.h"
#include "cache/private.h"

/*
 * Where the sync stands, for people. Any thread; from memory and index.
 */

/* Items of one folder, counted. */
#define ITEMS_OF                                                                                   \
	"(SELECT count(*) FROM node AS child WHERE child.parent = folder.node"                     \
	" AND child.state = 0 AND child.parent > 0 AND child.kind = 1)"

static const char folders_sql[] =
	"WITH RECURSIVE tree (id, path) AS (VALUES (1, '') UNION ALL"
	" SELECT node.id, tree.path || '/' || node.name FROM node JOIN tree ON node.parent = "
	"tree.id"
	" WHERE node.state = 0 AND node.parent > 0 AND node.kind = 0)"
	" SELECT tree.path, node.flags & 1, folder.as_of, " ITEMS_OF ", folder.total_count,"
	" (SELECT count(*) FROM item WHERE item.folder = folder.id AND item.error IS NOT NULL)"
	" FROM tree JOIN folder ON folder.node = tree.id JOIN node ON node.id = tree.id"
	" ORDER BY tree.path";

static void folder_status_free(void *data)
{
	CacheFolderStatus *folder = data;
	g_free(folder->path);
	g_free(folder);
}

static bool read_folders(CacheStatus *self, CacheConn *conn)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL, folders_sql, "");
	bool has_row = stmt != NULL;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, NULL))
			return false;
		if (!has_row)
			break;
		CacheFolderStatus *folder = g_new0(CacheFolderStatus, 1);
		const char *path = (const char *)sqlite3_column_text(stmt, 0);
		folder->path = g_strdup(path[0] != '\0' ? path : "/");
		folder->is_listed = sqlite3_column_int(stmt, 1) != 0;
		folder->as_of = sqlite3_column_int64(stmt, 2);
		folder->items = (uint64_t)sqlite3_column_int64(stmt, 3);
		folder->failed = (uint64_t)sqlite3_column_int64(stmt, 5);
		int64_t expected = sqlite3_column_int64(stmt, 4);
		self->folders++;
		self->folders_done += folder->is_listed ? 1 : 0;
		self->items += folder->items;
		/* What was not listed yet is what the server counts. */
		self->items_expected += folder->is_listed
						? folder->items
						: (uint64_t)MAX(expected, (int64_t)folder->items);
		self->items_failed += folder->failed;
		g_ptr_array_add(self->folder_list, folder);
	}
	return true;
}

static void read_counts(CacheStatus *self, CacheConn *conn)
{
	int64_t here = 0;
	int64_t wanted = 0;
	(void)!cache_conn_int(conn, 0, &here, NULL, "SELECT count(*) FROM blob", "");
	(void)!cache_conn_int(conn, 0, &wanted, NULL, "SELECT count(*) FROM node WHERE want = 1",
		"");
	self->items_here = (uint64_t)here;
	uint64_t open = (uint64_t)wanted + self->items_failed;
	self->items_sized = self->items > open ? self->items - open : 0;
}

static void read_memory(CacheStatus *self, Cache *cache)
{
	self->bytes_here = (uint64_t)MAX(atomic_load(&cache->bytes_here), 0);
	self->cache_size = cache->cache_size;
	self->is_refreshing = cache_is_refreshing(cache);
	cache_hints_status(cache, &self->news);
	self->is_prefetching = atomic_load(&cache->is_prefetching);
	pthread_mutex_lock(&cache->status_lock);
	self->error = g_strdup(cache->status_error);
	self->refreshed_at = cache->refreshed_at;
	self->items_per_s = cache->items_per_s;
	pthread_mutex_unlock(&cache->status_lock);
}

static void estimate(CacheStatus *self)
{
	uint64_t left = self->items_expected - MIN(self->items_sized, self->items_expected);
	self->seconds_left = -1;
	if (left == 0)
		self->seconds_left = 0;
	else if (self->items_per_s > 0 && self->is_prefetching)
		self->seconds_left = (int64_t)((double)left / self->items_per_s) + 1;
}

bool cache_is_refreshing(Cache *cache)
{
	return atomic_load(&cache->is_round_on);
}

CacheStatus *cache_status(Cache *cache)
{
	CacheStatus *self = g_new0(CacheStatus, 1);
	self->folder_list = g_ptr_array_new_with_free_func(folder_status_free);
	read_memory(self, cache);
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn != NULL) {
		if (read_folders(self, conn))
			read_counts(self, conn);
		cache_db_put_reader(cache->db, conn);
	}
	estimate(self);
	return self;
}

void cache_status_free(CacheStatus *self)
{
	if (self == NULL)
		return;
	g_free(self->error);
	g_ptr_array_unref(self->folder_list);
	g_free(self);
}
