/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/store.h"

#include <string.h>

#include "cache/evict.h"
#include "cache/node.h"
#include "cache/sync.h"
#include "ews/error.h"

/* Content as the index has it, and as it came. */
typedef struct Content {
	CacheNode *node; /* own */
	int flags;
	int64_t modified;
	bool has_digest;
	uint8_t old_digest[CACHE_DIGEST_LEN];
	uint8_t digest[CACHE_DIGEST_LEN];
	int64_t length;
} Content;

static void content_clear(Content *self)
{
	cache_node_unref(self->node);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Content, content_clear)

void cache_store_item_free(CacheStoreItem *self)
{
	if (self == NULL)
		return;
	cache_download_free(self->download);
	g_clear_error(&self->error);
	g_free(self);
}

/* *ret_content.node stays NULL when the item is no longer there, or was written over here (32 is
 * NODE_LOCAL). */
static bool load(CacheConn *conn, int64_t id, Content *ret_content, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS ", item.digest, item.modified FROM node"
		" JOIN item ON item.node = node.id WHERE node.id = ? AND node.state < 2"
		" AND node.flags & 32 = 0",
		"i", id);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row)
		return true;
	ret_content->node = cache_node_read(stmt);
	ret_content->flags = sqlite3_column_int(stmt, 12);
	const void *digest = sqlite3_column_blob(stmt, CACHE_NODE_COLUMN_COUNT);
	ret_content->has_digest =
		sqlite3_column_bytes(stmt, CACHE_NODE_COLUMN_COUNT) == CACHE_DIGEST_LEN;
	if (ret_content->has_digest)
		memcpy(ret_content->old_digest, digest, CACHE_DIGEST_LEN);
	ret_content->modified = sqlite3_column_int64(stmt, CACHE_NODE_COLUMN_COUNT + 1);
	sqlite3_reset(stmt);
	return true;
}

/* Puts the bytes in place; makes room once when the disk is full. */
static bool put_bytes(Cache *cache, CacheConn *conn, const CacheStoreItem *item, uint32_t content,
	GError **error)
{
	g_autoptr(GError) first = NULL;
	if (cache_download_store(item->download, item->node, content, &first))
		return true;
	if (!ews_error_is(first, EWS_ERROR_NO_SPACE) ||
		!cache_evict_bytes(cache, conn, (uint64_t)cache_download_length(item->download))) {
		g_propagate_error(error, g_steal_pointer(&first));
		return false;
	}
	return cache_download_store(item->download, item->node, content, error);
}

static bool record(CacheConn *conn, const CacheStoreItem *item, const Content *content,
	int64_t number, bool is_other, GError **error)
{
	int64_t set = cache_download_is_kept(item->download) ? NODE_HERE | NODE_SERVED : 0;
	int64_t clear = NODE_SUSPECT | NODE_ERROR;
	/* Under a new number nothing was served yet, and nothing is here but what came now. */
	if (set == 0 && number != content->node->content)
		clear |= NODE_HERE | NODE_SERVED;
	return cache_conn_run(conn, error,
		       "UPDATE node SET content = ?1, size = ?2, flags = (flags & ~ ?3) | ?4,"
		       " want = NULL, mtime = CASE WHEN ?5 THEN max(mtime + 1000000, ?6) ELSE "
		       "mtime END"
		       " WHERE id = ?7",
		       "iiiiiii", number, content->length, clear, set, (int64_t)is_other,
		       content->modified, item->node) &&
	       cache_conn_run(conn, error,
		       "UPDATE item SET digest = ?, error = NULL WHERE node = ?", "bi",
		       content->digest, (size_t)CACHE_DIGEST_LEN, item->node) &&
	       (set == 0 || cache_conn_run(conn, error,
				    "INSERT INTO blob (node, bytes, used) VALUES (?, ?, ?)"
				    " ON CONFLICT (node) DO UPDATE SET bytes = excluded.bytes,"
				    " used = excluded.used",
				    "iii", item->node, content->length, g_get_real_time()));
}

static bool store_content(Cache *cache, CacheConn *conn, const CacheStoreItem *item,
	Content *content, GError **error)
{
	const CacheNode *node = content->node;
	content->length = cache_download_length(item->download);
	cache_download_digest(item->download, content->digest);
	bool is_first = node->size < 0;
	bool is_same = !is_first && content->has_digest && node->size == content->length &&
		       memcmp(content->digest, content->old_digest, CACHE_DIGEST_LEN) == 0;
	if (is_same && node->is_here) {
		g_autoptr(CacheBlob) old = cache_blob_open(cache, node->id, node->content, NULL);
		if (old != NULL)
			return cache_conn_run(conn, error,
				"UPDATE node SET flags = flags & ~ ?, want = NULL WHERE id = ?",
				"ii", (int64_t)NODE_SUSPECT, node->id);
	}
	bool is_other = !is_first && !is_same;
	bool needs_number = is_other || (content->flags & NODE_SERVED) != 0;
	uint32_t number = node->content + (needs_number ? 1 : 0);
	if (!cache_evict_forget(cache, conn, node->id, error))
		return false;
	if (cache_download_is_kept(item->download) && !put_bytes(cache, conn, item, number, error))
		return false;
	if (!record(conn, item, content, number, is_other, error))
		return false;
	if (needs_number)
		cache_note_content(cache, node);
	cache_evict_add(cache, cache_download_is_kept(item->download) ? content->length : 0);
	return true;
}

bool cache_store_is_final(const GError *error)
{
	return ews_error_is(error, EWS_ERROR_NOT_FOUND) || ews_error_is(error, EWS_ERROR_CORRUPT) ||
	       ews_error_is(error, EWS_ERROR_UNSUPPORTED) ||
	       ews_error_is(error, EWS_ERROR_TOO_BIG) || ews_error_is(error, EWS_ERROR_DENIED) ||
	       ews_error_is(error, EWS_ERROR_EXISTS) || ews_error_is(error, EWS_ERROR_STALE);
}

/* The server cannot give this item: say so in the tree, leave it alone. */
static bool store_error(CacheConn *conn, const CacheStoreItem *item, GError **error)
{
	/* A broken answer, or a "403" at the door, says nothing about the item: whoever opens it
	 * asks again, but nobody asks in the background for ever. */
	if (ews_error_is(item->error, EWS_ERROR_PROTOCOL) || item->is_everybodys)
		return cache_conn_run(conn, error,
			"UPDATE node SET want = 2 WHERE id = ? AND want = 1", "i", item->node);
	if (!cache_store_is_final(item->error))
		return true;
	if (!cache_conn_run(conn, error, "UPDATE node SET want = NULL WHERE id = ?", "i",
		    item->node))
		return false;
	if (ews_error_is(item->error, EWS_ERROR_NOT_FOUND))
		return true;
	return cache_node_flag(conn, item->node, NODE_ERROR, 0, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE item SET error = ?, error_key = change_key, error_at = ? WHERE node "
		       "= ?",
		       "tii", item->error->message, g_get_real_time(), item->node);
}

static bool store_one(Cache *cache, CacheConn *conn, CacheStoreItem *item, GError **error)
{
	g_auto(Content) content = {0};
	if (item->error != NULL)
		return store_error(conn, item, error);
	if (!load(conn, item->node, &content, error))
		return false;
	if (content.node == NULL)
		return true;
	g_autoptr(GError) local = NULL;
	if (store_content(cache, conn, item, &content, &local))
		return true;
	/* A full cache disk is this item's trouble, not the others'. */
	if (!ews_error_is(local, EWS_ERROR_NO_SPACE)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	item->error = g_steal_pointer(&local);
	return true;
}

static bool store_all(Cache *cache, GPtrArray *items, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	for (guint i = 0; i < items->len; i++) {
		if (!store_one(cache, conn, items->pdata[i], error)) {
			cache_sync_rollback(cache);
			return false;
		}
	}
	return cache_sync_commit(cache, error);
}

void cache_store(Cache *cache, GPtrArray *items)
{
	g_autoptr(GError) error = NULL;
	if (store_all(cache, items, &error))
		return;
	g_warning("fetched messages could not be stored: %s", error->message);
	for (guint i = 0; i < items->len; i++) {
		CacheStoreItem *item = items->pdata[i];
		if (item->error == NULL)
			item->error = g_error_copy(error);
	}
}
