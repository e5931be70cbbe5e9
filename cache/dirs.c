/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/dirs.h"

#include "cache/node.h"
#include "cache/sync.h"
#include "ews/error.h"

/* --- which is the Inbox ------------------------------------------------------------------- */

/* meta: the Inbox's FolderId; "": this mailbox has none, or not for us. */
#define INBOX_ID "inbox_id"

bool cache_dirs_know_inbox(Cache *cache, bool *ret_known, GError **error)
{
	g_autofree char *id = NULL;
	/* There is none among public folders, nor in an archive. */
	*ret_known = !cache->is_flat || cache->is_public || cache->is_archive;
	if (*ret_known)
		return true;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	bool is_read = cache_conn_get_meta(conn, INBOX_ID, &id, error);
	cache_db_put_reader(cache->db, conn);
	*ret_known = id != NULL;
	return is_read;
}

static bool save(Cache *cache, const char *id, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (cache_conn_set_meta(conn, INBOX_ID, id, error))
		return cache_sync_commit(cache, error);
	cache_sync_rollback(cache);
	return false;
}

bool cache_dirs_take_inbox(Cache *cache, EwsOp *op, GError **error)
{
	const GError *failed = ews_op_error(op);
	if (failed != NULL &&
		(cache_sync_is_passing(failed) || ews_error_is(failed, EWS_ERROR_PROTOCOL))) {
		g_propagate_error(error, g_error_copy(failed));
		return false;
	}
	g_autoptr(EwsFolder) folder = failed == NULL ? ews_get_folder_take(op) : NULL;
	return save(cache, folder != NULL ? folder->id : "", error);
}

bool cache_inbox(Cache *cache, int64_t *ret_node, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	/* Outside of what is mounted it has no node; the mounted folder has no parent. */
	bool is_read = cache_conn_int(conn, CACHE_ROOT, ret_node, error,
		"SELECT node.id FROM meta JOIN folder ON folder.folder_id = meta.value"
		" JOIN node ON node.id = folder.node WHERE meta.key = '" INBOX_ID "'"
		" AND node.state = 0",
		"");
	cache_db_put_reader(cache->db, conn);
	return is_read;
}

/* --- all of them -------------------------------------------------------------------------- */

bool cache_list_dirs(Cache *cache, int64_t after, CacheEach each, void *user, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	/* What the server has, and what it is to have. */
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS " FROM node WHERE node.id IN"
		" (SELECT node FROM folder WHERE node > ?1 UNION"
		" SELECT node FROM intent WHERE node > ?1)"
		" AND node.kind = 0 AND node.state = 0 AND node.parent > 0 ORDER BY node.id",
		"i", after);
	return cache_node_list(cache, conn, stmt, each, user, error);
}

bool cache_dirs_touch_root(Cache *cache, CacheConn *conn, GError **error)
{
	return !cache->is_flat ||
	       cache_node_touch_dir(conn, CACHE_ROOT, g_get_real_time(), error);
}
