/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/node.h"

#include <string.h>

#include "cache/private.h"
#include "cache/written.h"
#include "ews/error.h"

CacheNode *cache_node_ref(CacheNode *self)
{
	atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
	return self;
}

void cache_node_unref(CacheNode *self)
{
	if (self == NULL || atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) > 1)
		return;
	g_free(self->name);
	g_free(self);
}

CacheNode *cache_node_read(sqlite3_stmt *stmt)
{
	CacheNode *self = g_new0(CacheNode, 1);
	int flags = sqlite3_column_int(stmt, 12);
	int state = sqlite3_column_int(stmt, 13);
	atomic_init(&self->refs, 1);
	self->id = sqlite3_column_int64(stmt, 0);
	self->parent = state == NODE_LIVE ? sqlite3_column_int64(stmt, 1) : 0;
	self->kind = (CacheKind)sqlite3_column_int(stmt, 2);
	self->name = cache_column_dup(stmt, 3);
	self->ino = (uint64_t)sqlite3_column_int64(stmt, 4);
	self->content = (uint32_t)sqlite3_column_int64(stmt, 5);
	self->rights = (unsigned)sqlite3_column_int(stmt, 6);
	self->size = sqlite3_column_int64(stmt, 7);
	self->size_hint = sqlite3_column_int64(stmt, 8);
	self->mtime = sqlite3_column_int64(stmt, 9);
	self->ctime = sqlite3_column_int64(stmt, 10);
	self->subdirs = (uint32_t)sqlite3_column_int64(stmt, 11);
	self->is_listed = (flags & NODE_LISTED) != 0;
	self->is_here = (flags & NODE_HERE) != 0;
	self->is_suspect = (flags & NODE_SUSPECT) != 0;
	self->has_error = (flags & NODE_ERROR) != 0;
	self->is_local = (flags & NODE_LOCAL) != 0;
	self->is_scratch = (flags & NODE_SCRATCH) != 0;
	return self;
}

static void set_not_found(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file or folder");
}

/* The one row of a query as a snapshot. */
static CacheNode *read_one(CacheConn *conn, sqlite3_stmt *stmt, GError **error)
{
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return NULL;
	if (!has_row) {
		set_not_found(error);
		return NULL;
	}
	CacheNode *node = cache_node_read(stmt);
	sqlite3_reset(stmt);
	return node;
}

CacheNode *cache_node_get(CacheConn *conn, int64_t id, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS " FROM node WHERE id = ?", "i", id);
	return read_one(conn, stmt, error);
}

/* What is open for writing is as long as its file. */
static CacheNode *look(Cache *cache, CacheNode *node)
{
	if (node != NULL && node->is_local)
		cache_local_look(cache->locals, node);
	return node;
}

CacheNode *cache_get(Cache *cache, int64_t id, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return NULL;
	CacheNode *node = cache_node_get(conn, id, error);
	cache_db_put_reader(cache->db, conn);
	return look(cache, node);
}

CacheNode *cache_lookup(Cache *cache, int64_t parent, const char *name, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return NULL;
	bool is_send =
		cache->can_send && parent == CACHE_ROOT && strcmp(name, CACHE_SEND_NAME) == 0;
	sqlite3_stmt *stmt =
		is_send ? cache_conn_query(conn, error,
				  "SELECT " CACHE_NODE_COLUMNS " FROM node WHERE parent = ?", "i",
				  (int64_t)NODE_NOWHERE)
			: cache_conn_query(conn, error,
				  "SELECT " CACHE_NODE_COLUMNS
				  " FROM node WHERE parent = ? AND name = ? AND state = 0 AND "
				  "parent > 0",
				  "it", parent, name);
	CacheNode *node = read_one(conn, stmt, error);
	cache_db_put_reader(cache->db, conn);
	return look(cache, node);
}

bool cache_node_list(Cache *cache, CacheConn *conn, sqlite3_stmt *stmt, CacheEach each, void *user,
	GError **error)
{
	bool is_ok = stmt != NULL;
	bool has_row = true;
	while (is_ok && has_row) {
		is_ok = cache_conn_step(conn, stmt, &has_row, error);
		if (!is_ok || !has_row)
			break;
		g_autoptr(CacheNode) node = look(cache, cache_node_read(stmt));
		if (!each(node, user)) {
			sqlite3_reset(stmt);
			break;
		}
	}
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

bool cache_list(Cache *cache, int64_t dir, int64_t after, CacheEach each, void *user,
	GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS
		" FROM node WHERE parent = ? AND id > ? AND state = 0 AND parent > 0 ORDER BY id",
		"ii", dir, after);
	return cache_node_list(cache, conn, stmt, each, user, error);
}

bool cache_list_by_name(Cache *cache, int64_t dir, const char *after, CacheEach each, void *user,
	GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS " FROM node"
		" WHERE parent = ? AND name > ? AND state = 0 AND parent > 0 ORDER BY name",
		"it", dir, after);
	return cache_node_list(cache, conn, stmt, each, user, error);
}

bool cache_node_detach(CacheConn *conn, int64_t id, int state, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE node SET parent = 0, state = ?, want = NULL WHERE id = ?", "ii",
		(int64_t)state, id);
}

bool cache_node_flag(CacheConn *conn, int64_t id, int set, int clear, GError **error)
{
	return cache_conn_run(conn, error, "UPDATE node SET flags = (flags | ?) & ~ ? WHERE id = ?",
		"iii", (int64_t)set, (int64_t)clear, id);
}

bool cache_node_find(CacheConn *conn, int64_t parent, const char *name, int64_t *ret_id,
	GError **error)
{
	return cache_conn_int(conn, 0, ret_id, error,
		"SELECT id FROM node WHERE parent = ? AND name = ? AND state = 0 AND parent > 0",
		"it", parent, name);
}

bool cache_node_touch_dir(CacheConn *conn, int64_t id, int64_t when, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE node SET mtime = max(mtime + 1, ?1), ctime = max(mtime + 1, ?1) WHERE id = "
		"?2",
		"ii", when, id);
}
