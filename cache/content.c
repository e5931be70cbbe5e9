/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/content.h"

#include "cache/refresh.h"

/* The first column of the only row; the text that it is, or NULL. Owned. */
static char *take_text(CacheConn *conn, sqlite3_stmt *stmt)
{
	bool has_row = false;
	char *text = NULL;
	if (stmt != NULL && cache_conn_step(conn, stmt, &has_row, NULL) && has_row) {
		text = cache_column_dup(stmt, 0);
		sqlite3_reset(stmt);
	}
	return text;
}

static char *look_up(Cache *cache, const char *sql, int64_t id)
{
	CacheConn *conn = cache->is_public ? cache_db_take_reader(cache->db, NULL) : NULL;
	if (conn == NULL)
		return NULL;
	char *guid = take_text(conn, cache_conn_query(conn, NULL, sql, "i", id));
	cache_db_put_reader(cache->db, conn);
	return guid;
}

char *cache_content_of(Cache *cache, int64_t folder)
{
	return look_up(cache, "SELECT nullif(content, '') FROM folder WHERE id = ?", folder);
}

void cache_content_lead_node(Cache *cache, EwsOp *op, int64_t node)
{
	g_autofree char *guid = look_up(cache,
		"SELECT nullif(content, '') FROM folder"
		" WHERE id = (SELECT folder FROM item WHERE node = ?)",
		node);
	ews_op_set_content(op, guid);
}

void cache_content_lead_folder(Cache *cache, EwsOp *op, const char *folder_id)
{
	CacheConn *conn = cache->is_public ? cache_db_take_reader(cache->db, NULL) : NULL;
	if (conn == NULL)
		return;
	g_autofree char *guid = take_text(conn, cache_conn_query(conn, NULL,
		"SELECT nullif(content, '') FROM folder WHERE folder_id = ?", "t", folder_id));
	cache_db_put_reader(cache->db, conn);
	ews_op_set_content(op, guid);
}

bool cache_content_await(Cache *cache, CacheConn *conn, const char *folder_id, GError **error)
{
	if (!cache->is_public)
		return true;
	cache_refresh_ask_soon(cache);
	return cache_conn_run(conn, error,
		"UPDATE folder SET content = '' WHERE folder_id = ? AND content IS NULL"
		" AND EXISTS (SELECT 1 FROM folder WHERE content IS NOT NULL)",
		"t", folder_id);
}

bool cache_content_is_awaited(Cache *cache, CacheConn *conn, bool *ret_is_awaited, GError **error)
{
	int64_t count = 0;
	if (cache->is_public &&
		!cache_conn_int(conn, 0, &count, error,
			"SELECT count(*) FROM folder WHERE content = ''", ""))
		return false;
	*ret_is_awaited = count > 0;
	return true;
}
