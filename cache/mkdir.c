/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/change.h"
#include "cache/dirs.h"
#include "cache/name.h"
#include "cache/node.h"
#include "ews/error.h"
#include "ews/types.h"

/*
 * New directories. Any thread.
 */

/* Servers compare the names of folders without case. */
static bool is_taken(CacheConn *conn, int64_t dir, const char *name, bool *ret_taken,
	GError **error)
{
	g_autofree char *wanted = g_utf8_casefold(name, -1);
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT name, kind FROM node WHERE parent = ? AND state = 0 AND parent > 0", "i",
		dir);
	bool has_row = stmt != NULL;
	*ret_taken = false;
	if (stmt == NULL)
		return false;
	while (has_row && !*ret_taken) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return false;
		if (!has_row)
			break;
		const char *other = (const char *)sqlite3_column_text(stmt, 0);
		g_autofree char *folded = g_utf8_casefold(other, -1);
		bool is_dir = sqlite3_column_int(stmt, 1) == CACHE_KIND_DIR;
		*ret_taken = g_str_equal(other, name) || (is_dir && g_str_equal(folded, wanted));
	}
	sqlite3_reset(stmt);
	return true;
}

static bool ask(CacheConn *conn, const CacheNewNode *what, int64_t node, GError **error)
{
	g_autoptr(CacheIntent) intent = cache_intent_take(conn, node, error);
	if (intent == NULL)
		return false;
	cache_intent_ask_make(intent, NULL, 0);
	return cache_intent_find_leaving(conn, what->dir, what->name, &intent->after, error) &&
	       cache_intent_put(conn, intent, true, error);
}

static bool make(CacheConn *conn, const CacheNode *dir, const char *name, int64_t *ret_id,
	GError **error)
{
	bool is_scratch = dir->is_scratch || name[0] == '.';
	bool taken = false;
	g_autofree char *guid = g_uuid_string_random();
	g_autofree char *said = cache_name_folder_decode(name);
	if (said == NULL || cache_change_is_send(dir)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_INVALID, "%s cannot name a folder", name);
		return false;
	}
	if (!cache_change_may(dir,
		    is_scratch ? EWS_RIGHT_CREATE_CONTENTS : EWS_RIGHT_CREATE_HIERARCHY, error) ||
		!is_taken(conn, dir->id, name, &taken, error))
		return false;
	if (taken) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_EXISTS, "%s exists", name);
		return false;
	}
	CacheNewNode what = {
		.dir = dir->id,
		.kind = CACHE_KIND_DIR,
		.flags = NODE_LISTED | (is_scratch ? NODE_SCRATCH : 0),
		.rights = EWS_RIGHTS_ALL,
		.now = g_get_real_time(),
		.name = name,
		.guid = guid,
	};
	return cache_change_insert(conn, &what, ret_id, error) &&
	       (is_scratch || ask(conn, &what, *ret_id, error)) &&
	       cache_change_touch(conn, dir->id, 1, error);
}

CacheNode *cache_mkdir(Cache *cache, int64_t dir_id, const char *name, GError **error)
{
	int64_t id = 0;
	g_autoptr(CacheNode) node = NULL;
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return NULL;
	g_autoptr(CacheNode) dir = cache_change_dir(conn, dir_id, error);
	bool is_good = dir != NULL && make(conn, dir, name, &id, error) &&
		       cache_dirs_touch_root(cache, conn, error) &&
		       (node = cache_node_get(conn, id, error)) != NULL;
	if (!cache_change_end(cache, is_good, error))
		return NULL;
	return g_steal_pointer(&node);
}
