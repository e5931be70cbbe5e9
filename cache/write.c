/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cache/change.h"
#include "cache/drain.h"
#include "cache/evict.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/written.h"
#include "ews/error.h"
#include "ews/types.h"

/*
 * Files that programs write: making, opening, closing, copying one. Any thread.
 */

/* --- create ------------------------------------------------------------------------------ */

/* A message that is begun: the journal knows of it, as open. */
static bool begin_message(CacheConn *conn, int64_t node, const char *guid, GError **error)
{
	g_autoptr(CacheIntent) intent = cache_intent_take(conn, node, error);
	if (intent == NULL)
		return false;
	intent->state = CACHE_INTENT_OPEN;
	intent->todo = CACHE_TODO_MAKE;
	intent->guid = g_strdup(guid);
	return cache_intent_put(conn, intent, false, error);
}

static bool make_file(Cache *cache, CacheConn *conn, const CacheNode *dir, const char *name,
	int64_t *ret_id, GError **error)
{
	int64_t taken = 0;
	bool is_scratch = false;
	g_autofree char *guid = g_uuid_string_random();
	if (!cache_change_judge(dir, name, &is_scratch, error) ||
		!cache_change_may(dir, EWS_RIGHT_CREATE_CONTENTS, error) ||
		!cache_node_find(conn, dir->id, name, &taken, error))
		return false;
	if (taken != 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_EXISTS, "%s exists", name);
		return false;
	}
	if (cache_change_is_send(dir) && !is_scratch) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_INVALID,
			"a mail is sent by renaming a finished one into %s", CACHE_SEND_NAME);
		return false;
	}
	CacheNewNode what = {
		.dir = dir->id,
		.kind = CACHE_KIND_FILE,
		.flags = NODE_LOCAL | (is_scratch ? NODE_SCRATCH : 0),
		.rights = dir->rights | EWS_RIGHT_MODIFY,
		.now = cache_change_time(g_get_real_time(), is_scratch),
		.name = name,
		.guid = guid,
	};
	return cache_change_insert(conn, &what, ret_id, error) &&
	       cache_change_insert_item(conn, *ret_id, name, guid, what.now, error) &&
	       cache_local_make(cache->locals, conn, *ret_id, -1, error) &&
	       (is_scratch || begin_message(conn, *ret_id, guid, error)) &&
	       cache_change_touch(conn, dir->id, 0, error);
}

CacheFile *cache_create(Cache *cache, int64_t dir_id, const char *name, CacheNode **ret_node,
	GError **error)
{
	int64_t id = 0;
	CacheFile *file = NULL;
	g_autoptr(CacheNode) node = NULL;
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return NULL;
	g_autoptr(CacheNode) dir = cache_change_dir(conn, dir_id, error);
	bool is_good = dir != NULL && make_file(cache, conn, dir, name, &id, error) &&
		       (node = cache_node_get(conn, id, error)) != NULL &&
		       (file = cache_file_new(cache, conn, id, error)) != NULL;
	if (!cache_change_end(cache, is_good, error)) {
		if (file != NULL)
			cache_file_drop(file, &id);
		return NULL;
	}
	*ret_node = g_steal_pointer(&node);
	return file;
}

/* --- open -------------------------------------------------------------------------------- */

/* The journal knows of it as open; what else is to be done for it goes with the create, or after
 * all by itself where nothing was changed (put_back in change.c). */
static bool begin_rewrite(CacheConn *conn, int64_t node, GError **error)
{
	g_autoptr(CacheIntent) intent = cache_intent_take(conn, node, error);
	if (intent == NULL)
		return false;
	intent->todo |= CACHE_TODO_MAKE;
	if (intent->doing == 0 && intent->state != CACHE_INTENT_DOUBT)
		intent->state = CACHE_INTENT_OPEN;
	if (intent->guid == NULL)
		intent->guid = g_uuid_string_random();
	return cache_intent_put(conn, intent, false, error);
}

/* The item's bytes become a file that can be written. What was fetched stays beside it, to see at
 * the end whether anything changed. */
static bool make_local(Cache *cache, CacheConn *conn, const CacheNode *node, bool is_truncated,
	GError **error)
{
	g_autoptr(CacheBlob) blob = NULL;
	if (!is_truncated) {
		blob = cache_blob_open_node(cache, node, error);
		if (blob == NULL)
			return false;
	}
	return cache_local_make(cache->locals, conn, node->id,
		       blob != NULL ? cache_blob_fd(blob) : -1, error) &&
	       begin_rewrite(conn, node->id, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET flags = flags | ?, want = NULL,"
		       " size = CASE WHEN ? THEN 0 ELSE size END WHERE id = ?",
		       "iii", (int64_t)NODE_LOCAL, (int64_t)is_truncated, node->id);
}

/* What is on its way to the server is not written into: a program gets a copy in its place. */
static bool leave_sent(Cache *cache, CacheConn *conn, const CacheNode *node, GError **error)
{
	g_autoptr(CacheIntent) intent = NULL;
	if (!cache_intent_get(conn, node->id, &intent, error))
		return false;
	if (intent == NULL || (intent->doing & CACHE_TODO_MAKE) == 0 ||
		cache_local_is_open(cache->locals, node->id))
		return true;
	return cache_local_renew(cache->locals, node->id, error);
}

static bool prepare(Cache *cache, CacheConn *conn, const CacheNode *node, uint32_t content,
	bool is_truncated, GError **error)
{
	if (node->kind != CACHE_KIND_FILE || node->parent == 0) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file");
		return false;
	}
	if (node->content != content) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_STALE, "it has changed meanwhile");
		return false;
	}
	if (node->is_local)
		return leave_sent(cache, conn, node, error);
	return cache_change_may(node, EWS_RIGHT_MODIFY, error) &&
	       make_local(cache, conn, node, is_truncated, error);
}

CacheFile *cache_file_open(Cache *cache, int64_t id, uint32_t content, bool is_truncated,
	GError **error)
{
	CacheFile *file = NULL;
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return NULL;
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	bool is_good = node != NULL && prepare(cache, conn, node, content, is_truncated, error) &&
		       (file = cache_file_new(cache, conn, id, error)) != NULL;
	if (!cache_change_end(cache, is_good, error)) {
		if (file != NULL)
			cache_file_drop(file, &id);
		return NULL;
	}
	if (is_truncated && !cache_file_truncate(file, 0, error)) {
		cache_file_close(file);
		return NULL;
	}
	return file;
}

/* --- close ------------------------------------------------------------------------------- */

static bool finish(Cache *cache, int64_t id, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	bool is_good = node != NULL && (cache_local_is_open(cache->locals, id) ||
					       cache_change_finish(cache, conn, node, error));
	return cache_change_end(cache, is_good, error);
}

void cache_file_close(CacheFile *self)
{
	int64_t node = 0;
	g_autoptr(GError) error = NULL;
	Cache *cache = cache_file_cache(self);
	/* The bytes are safe since the flush, and nobody is told of an error here: the sync thread
	 * tries again, as would the next start. */
	if (!cache_file_drop(self, &node) || finish(cache, node, &error))
		return;
	g_warning("a message could not be queued yet: %s", error->message);
	atomic_store(&cache->has_unqueued, true);
	cache_drain_poke(cache);
}

/* All was said but that it was closed, which is as good: the next start would finish it too. */
void cache_file_abandon(CacheFile *self)
{
	if (cache_file_is_flushed(self))
		cache_file_close(self);
	else
		cache_file_leave(self);
}

/* --- copy -------------------------------------------------------------------------------- */

static bool ask_copy(CacheConn *conn, const CacheNode *to, const CacheNode *from, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	g_autoptr(CacheIntent) intent = NULL;
	if (!cache_item_get(conn, from->id, &row, error))
		return false;
	/* A scratch file becomes a message later, and what it is then is written by itself. */
	if (row == NULL || row->folder == 0 || from->is_local || to->is_scratch)
		return true;
	if (!cache_intent_get(conn, to->id, &intent, error))
		return false;
	if (intent == NULL || !cache_intent_is_unsent(intent))
		return true;
	cache_intent_ask_copy(intent, from->id);
	intent->state = CACHE_INTENT_OPEN;
	return cache_intent_put(conn, intent, false, error);
}

bool cache_file_copy(CacheFile *to, int64_t from_id, GError **error)
{
	Cache *cache = cache_file_cache(to);
	g_autoptr(CacheNode) from = cache_get(cache, from_id, error);
	g_autoptr(CacheBlob) blob = from != NULL ? cache_blob_open_node(cache, from, error) : NULL;
	if (blob == NULL || !cache_file_fill(to, cache_blob_fd(blob), error))
		return false;
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_node_get(conn, cache_file_node(to), error);
	bool is_good = node != NULL && ask_copy(conn, node, from, error);
	return cache_change_end(cache, is_good, error);
}

bool cache_fsync_local(Cache *cache, int64_t id, GError **error)
{
	g_autoptr(CacheNode) node = cache_get(cache, id, error);
	if (node == NULL || (node->is_local && !cache_local_sync(cache->locals, node->id, error)))
		return false;
	/* One durable commit makes all before it durable. */
	CacheConn *conn = cache_db_begin_durable(cache->db, error);
	if (conn == NULL)
		return false;
	g_autofree char *at = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time());
	if (cache_conn_set_meta(conn, "safe_at", at, error))
		return cache_db_commit(cache->db, error);
	cache_db_rollback(cache->db);
	return false;
}

bool cache_is_new(Cache *cache, int64_t id)
{
	int64_t is_made = 0;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return false;
	bool is_read = cache_conn_int(conn, 0, &is_made, NULL,
		"SELECT is_made OR folder = 0 FROM item WHERE node = ?", "i", id);
	cache_db_put_reader(cache->db, conn);
	return is_read && is_made != 0;
}
