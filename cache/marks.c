/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/marks.h"

#include "cache/change.h"
#include "cache/fields.h"
#include "cache/node.h"
#include "cache/private.h"
#include "cache/written.h"
#include "ews/error.h"
#include "ews/types.h"

#define OF_SERVER (CACHE_MARK_SEEN | CACHE_MARK_FLAGGED)

#define COLUMNS "node.marks, item.is_read, item.flag, item.is_draft"
#define FROM " FROM node LEFT JOIN item ON item.node = node.id WHERE "

/* Of the row that @stmt stands on, COLUMNS from @at. What has no item has no marks. */
static uint64_t read_marks(sqlite3_stmt *stmt, int at)
{
	uint64_t marks = (uint64_t)sqlite3_column_int64(stmt, at);
	if (sqlite3_column_type(stmt, at + 1) == SQLITE_NULL)
		return 0;
	if (sqlite3_column_int(stmt, at + 1) != 0)
		marks |= CACHE_MARK_SEEN;
	if (sqlite3_column_int(stmt, at + 2) == EWS_FLAG_FLAGGED)
		marks |= CACHE_MARK_FLAGGED;
	return sqlite3_column_int(stmt, at + 3) != 0 ? marks ^ CACHE_MARK_DRAFT : marks;
}

static void set_missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file or folder");
}

/* --- reading ------------------------------------------------------------------------------ */

bool cache_marks(Cache *cache, int64_t id, uint64_t *ret_marks, GError **error)
{
	bool has_row = false;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt =
		cache_conn_query(conn, error, "SELECT " COLUMNS FROM "node.id = ?", "i", id);
	bool is_read = stmt != NULL && cache_conn_step(conn, stmt, &has_row, error);
	if (is_read && has_row) {
		*ret_marks = read_marks(stmt, 0);
		sqlite3_reset(stmt);
	}
	cache_db_put_reader(cache->db, conn);
	if (is_read && !has_row)
		set_missing(error);
	return is_read && has_row;
}

CacheNode *cache_lookup_marked(Cache *cache, int64_t parent, const char *name, uint64_t *ret_marks,
	GError **error)
{
	bool has_row = false;
	CacheNode *node = NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return NULL;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS ", " COLUMNS FROM
		"node.parent = ? AND node.name = ? AND node.state = 0 AND node.parent > 0",
		"it", parent, name);
	bool is_read = stmt != NULL && cache_conn_step(conn, stmt, &has_row, error);
	if (is_read && has_row) {
		node = cache_node_read(stmt);
		*ret_marks = read_marks(stmt, CACHE_NODE_COLUMN_COUNT);
		sqlite3_reset(stmt);
	}
	cache_db_put_reader(cache->db, conn);
	if (is_read && !has_row)
		set_missing(error);
	if (node != NULL && node->is_local)
		cache_local_look(cache->locals, node);
	return node;
}

bool cache_list_marked(Cache *cache, int64_t dir, int64_t after, CacheEachMarked each, void *user,
	GError **error)
{
	bool has_row = true;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS ", " COLUMNS FROM
		"node.parent = ? AND node.id > ? AND node.state = 0 AND node.parent > 0"
		" ORDER BY node.id",
		"ii", dir, after);
	bool is_ok = stmt != NULL;
	while (is_ok && has_row) {
		is_ok = cache_conn_step(conn, stmt, &has_row, error);
		if (!is_ok || !has_row)
			break;
		g_autoptr(CacheNode) node = cache_node_read(stmt);
		if (node->is_local)
			cache_local_look(cache->locals, node);
		if (!each(node, read_marks(stmt, CACHE_NODE_COLUMN_COUNT), user)) {
			sqlite3_reset(stmt);
			break;
		}
	}
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

/* --- setting ------------------------------------------------------------------------------ */

static bool set_fields(Cache *cache, CacheConn *conn, const CacheNode *node, uint64_t marks,
	uint64_t before, GError **error)
{
	uint64_t others = marks ^ before;
	const CacheFields fields = {
		.set = (others & CACHE_MARK_SEEN ? CACHE_FIELD_IS_READ : 0U) |
		       (others & CACHE_MARK_FLAGGED ? CACHE_FIELD_FLAG : 0U),
		.is_read = (marks & CACHE_MARK_SEEN) != 0,
		.flag = marks & CACHE_MARK_FLAGGED ? EWS_FLAG_FLAGGED : EWS_FLAG_NONE,
	};
	return fields.set == 0 || cache_fields_set(cache, conn, node, &fields, error);
}

bool cache_marks_set(Cache *cache, CacheConn *conn, const CacheNode *node, uint64_t marks,
	GError **error)
{
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " COLUMNS FROM "node.id = ? AND item.node IS NOT NULL", "i", node->id);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row)
		return true;
	uint64_t before = read_marks(stmt, 0);
	bool is_draft = sqlite3_column_int(stmt, 3) != 0;
	sqlite3_reset(stmt);
	if (before == marks)
		return true;
	uint64_t kept = (marks & ~OF_SERVER) ^ (is_draft ? CACHE_MARK_DRAFT : 0);
	return set_fields(cache, conn, node, marks, before, error) &&
	       cache_conn_run(conn, error, "UPDATE node SET marks = ? WHERE id = ?", "ii",
		       (int64_t)kept, node->id) &&
	       cache_change_touch(conn, node->parent, 0, error);
}

bool cache_set_marks(Cache *cache, int64_t id, uint64_t marks, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	bool is_good = node != NULL && cache_marks_set(cache, conn, node, marks, error);
	return cache_change_end(cache, is_good, error);
}
