/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/evict.h"

#include "cache/node.h"
#include "cache/sync.h"

/* Of the disk, kept free for others. */
#define DISK_FREE_PERCENT 10

/* In a smaller cache what is read ahead would push out what was not read yet. */
#define ROOMY_BYTES (UINT64_C(64) << 20)

/* Looked at in one go. */
#define EVICT_ROWS 256

bool cache_evict_start(Cache *cache, GError **error)
{
	int64_t bytes = 0;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	bool is_ok = cache_conn_int(conn, 0, &bytes, error, "SELECT sum(bytes) FROM blob", "");
	cache_db_put_reader(cache->db, conn);
	atomic_store(&cache->bytes_here, bytes);
	return is_ok;
}

void cache_evict_add(Cache *cache, int64_t bytes)
{
	atomic_fetch_add(&cache->bytes_here, bytes);
}

void cache_evict_doubt(Cache *cache)
{
	atomic_store(&cache->is_sum_doubtful, true);
}

/* While nobody else writes, so that nobody adds at the same time. */
static void add_up(Cache *cache)
{
	int64_t bytes = 0;
	CacheConn *conn = cache_db_begin(cache->db, NULL);
	bool is_ok = conn != NULL &&
		     cache_conn_int(conn, 0, &bytes, NULL, "SELECT sum(bytes) FROM blob", "");
	if (is_ok)
		atomic_store(&cache->bytes_here, bytes);
	else
		cache_evict_doubt(cache);
	if (conn != NULL)
		cache_db_rollback(cache->db);
}

/* There is never more than this. */
static uint64_t roof(Cache *cache)
{
	uint64_t free_bytes = 0;
	uint64_t total = 0;
	bool is_known = cache_blobs_disk(cache->blobs, &free_bytes, &total);
	return is_known ? MIN(total, cache->cache_size) : cache->cache_size;
}

/* How many bytes are too many, for the limit and for the disk. */
static uint64_t excess(Cache *cache)
{
	uint64_t here = (uint64_t)MAX(atomic_load(&cache->bytes_here), 0);
	uint64_t over = here > cache->cache_size ? here - cache->cache_size : 0;
	uint64_t free_bytes = 0;
	uint64_t total = 0;
	if (!cache_blobs_disk(cache->blobs, &free_bytes, &total))
		return over;
	uint64_t keep = total / 100 * DISK_FREE_PERCENT;
	uint64_t short_of = free_bytes < keep ? keep - free_bytes : 0;
	/* Another's files may fill the disk: what is here is all that can be given. */
	return MAX(over, MIN(short_of, here));
}

bool cache_evict_has_room(Cache *cache, int64_t bytes)
{
	uint64_t here = (uint64_t)MAX(atomic_load(&cache->bytes_here), 0);
	/* item:Size is no bound for what will come: leave some air. */
	uint64_t limit = cache->cache_size - cache->cache_size / 16;
	uint64_t free_bytes = 0;
	uint64_t total = 0;
	if (here + (uint64_t)MAX(bytes, 0) > limit)
		return false;
	return !cache_blobs_disk(cache->blobs, &free_bytes, &total) ||
	       free_bytes > total / 100 * (DISK_FREE_PERCENT + 1);
}

bool cache_evict_is_roomy(Cache *cache)
{
	return roof(cache) >= ROOMY_BYTES;
}

bool cache_evict_forget(Cache *cache, CacheConn *conn, int64_t node, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT blob.bytes, node.content FROM blob JOIN node ON node.id = blob.node"
		" WHERE blob.node = ?",
		"i", node);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row)
		return true;
	int64_t bytes = sqlite3_column_int64(stmt, 0);
	uint32_t content = (uint32_t)sqlite3_column_int64(stmt, 1);
	sqlite3_reset(stmt);
	if (!cache_conn_run(conn, error, "DELETE FROM blob WHERE node = ?", "i", node) ||
		!cache_node_flag(conn, node, 0, NODE_HERE, error))
		return false;
	cache_blobs_remove(cache->blobs, node, content);
	cache_evict_add(cache, -bytes);
	return true;
}

typedef struct Victim {
	int64_t node;
	int64_t bytes;
	uint32_t content;
} Victim;

/* Behind the first @skipped, which are open. */
static GArray *find_victims(CacheConn *conn, int64_t skipped, GError **error)
{
	g_autoptr(GArray) victims = g_array_new(FALSE, FALSE, sizeof(Victim));
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT blob.node, blob.bytes, node.content FROM blob JOIN node ON node.id = "
		"blob.node"
		" ORDER BY blob.used LIMIT ? OFFSET ?",
		"ii", (int64_t)EVICT_ROWS, skipped);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return NULL;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return NULL;
		Victim victim = {sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
			(uint32_t)sqlite3_column_int64(stmt, 2)};
		if (has_row)
			g_array_append_val(victims, victim);
	}
	return g_steal_pointer(&victims);
}

bool cache_evict_bytes(Cache *cache, CacheConn *conn, uint64_t bytes)
{
	g_autoptr(GError) error = NULL;
	uint64_t done = 0;
	int64_t skipped = 0;
	bool has_more = true;
	while (has_more && done < bytes) {
		g_autoptr(GArray) victims = find_victims(conn, skipped, &error);
		has_more = victims != NULL && victims->len > 0;
		for (guint i = 0; has_more && i < victims->len && done < bytes; i++) {
			const Victim *victim = &g_array_index(victims, Victim, i);
			if (cache_blobs_is_pinned(cache->blobs, victim->node, victim->content)) {
				skipped++;
				continue;
			}
			has_more = cache_evict_forget(cache, conn, victim->node, &error);
			done += has_more ? (uint64_t)victim->bytes : 0;
		}
	}
	if (error != NULL)
		g_warning("evict: %s", error->message);
	return done > 0;
}

bool cache_evict_make_room(Cache *cache, uint64_t bytes)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(cache, &error);
	bool has_gone = conn != NULL && cache_evict_bytes(cache, conn, bytes);
	if (conn != NULL && cache_sync_commit(cache, &error))
		return has_gone;
	g_warning("evict: %s", error->message);
	/* The files went before the rows could: their readers believe the files. */
	if (has_gone && !cache_evict_start(cache, NULL))
		g_debug("what is here could not be added up");
	return has_gone;
}

static bool record_used(CacheConn *conn, GHashTable *used, GError **error)
{
	GHashTableIter iter;
	gpointer key;
	int64_t now = g_get_real_time();
	g_hash_table_iter_init(&iter, used);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (!cache_conn_run(conn, error, "UPDATE blob SET used = ? WHERE node = ?", "ii",
			    now, *(int64_t *)key))
			return false;
	}
	return true;
}

static bool is_over(Cache *cache)
{
	return (uint64_t)MAX(atomic_load(&cache->bytes_here), 0) > cache->cache_size;
}

bool cache_evict_tick(Cache *cache)
{
	g_autoptr(GHashTable) used = cache_blobs_take_used(cache->blobs);
	g_autoptr(GError) error = NULL;
	if (atomic_exchange(&cache->is_sum_doubtful, false))
		add_up(cache);
	uint64_t too_much = excess(cache);
	if (g_hash_table_size(used) == 0 && too_much == 0)
		return false;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn != NULL && !record_used(conn, used, &error)) {
		cache_sync_rollback(cache);
		conn = NULL;
	}
	if (conn != NULL && too_much > 0)
		cache_evict_bytes(cache, conn, too_much + roof(cache) / 16);
	if (conn == NULL || !cache_sync_commit(cache, &error))
		g_warning("cache: %s", error->message);
	return is_over(cache);
}
