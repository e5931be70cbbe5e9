/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/change.h"
#include "cache/dirs.h"
#include "cache/evict.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/own.h"
#include "ews/error.h"
#include "ews/types.h"

/*
 * What is taken out of the tree: files and directories, the server told or not. Any thread.
 */

/* Is this directory Deleted Items, or below it? There trash would mean to stay where it is. */
static bool is_in_trash(CacheConn *conn, int64_t dir, bool *ret_in_trash, GError **error)
{
	int64_t trash = 0;
	if (!cache_conn_int(conn, 0, &trash, error,
		    "SELECT node FROM folder WHERE folder_id ="
		    " (SELECT folder_id FROM distinguished WHERE name = 'deleteditems')",
		    ""))
		return false;
	*ret_in_trash = false;
	for (int i = 0; i < CACHE_DEPTH_MAX && trash != 0 && dir > CACHE_ROOT && !*ret_in_trash;
	     i++) {
		*ret_in_trash = dir == trash;
		if (!cache_conn_int(conn, 0, &dir, error, "SELECT parent FROM node WHERE id = ?",
			    "i", dir))
			return false;
	}
	return true;
}

/* The node stays as a tombstone until the server has confirmed: should it refuse, the entry comes
 * back; in Deleted Items the item will be the same node. */
static bool bury(CacheConn *conn, const CacheNode *node, CacheIntent *intent, GError **error)
{
	bool is_in = false;
	if (!is_in_trash(conn, node->parent, &is_in, error))
		return false;
	intent->is_trash = is_in;
	intent->old_parent = node->parent;
	g_free(intent->old_name);
	intent->old_name = g_strdup(node->name);
	return cache_node_detach(conn, node->id, NODE_TOMB, error);
}

/* The bytes that a program wrote, and that nobody will want any more. What was fetched stays. */
static bool drop_local(CacheConn *conn, const CacheNode *node, GError **error)
{
	return !node->is_local ||
	       (cache_local_drop(conn, node->id, error) &&
		       cache_node_flag(conn, node->id, 0, NODE_LOCAL, error) &&
		       cache_conn_run(conn, error,
			       "UPDATE node SET size = coalesce((SELECT bytes FROM"
			       " blob WHERE node = ?1), -1) WHERE id = ?1",
			       "i", node->id));
}

static bool remove_known(CacheConn *conn, const CacheNode *node, CacheIntent *intent, int64_t after,
	GError **error)
{
	cache_intent_ask_delete(intent);
	if (!bury(conn, node, intent, error))
		return false;
	/* What is replaced is not thrown away, and does not show up in Deleted Items. */
	if (after != 0) {
		intent->after = after;
		intent->is_trash = true;
	}
	/* Bytes on their way are read through a descriptor that is open already. */
	return cache_intent_drop_copies(conn, node->id, error) && drop_local(conn, node, error) &&
	       cache_conn_run(conn, error, "DELETE FROM aside WHERE node = ?", "i", node->id) &&
	       cache_intent_put(conn, intent, true, error);
}

/* Nobody knows of it; but what it was to replace is still to be removed. */
static bool remove_unsent(Cache *cache, CacheConn *conn, const CacheNode *node, CacheIntent *intent,
	GError **error)
{
	bool has_old = intent != NULL && intent->old_id != NULL;
	if (intent != NULL && !cache_own_disown(conn, intent, error))
		return false;
	if (!has_old)
		return cache_change_forget(cache, conn, node->id, error);
	cache_intent_ask_delete(intent);
	return bury(conn, node, intent, error) && drop_local(conn, node, error) &&
	       cache_conn_run(conn, error, "DELETE FROM item WHERE node = ?", "i", node->id) &&
	       cache_intent_put(conn, intent, true, error);
}

bool cache_remove_file(Cache *cache, CacheConn *conn, const CacheNode *node, int64_t after,
	GError **error)
{
	g_autoptr(CacheIntent) intent = NULL;
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_item_get(conn, node->id, &row, error) ||
		!cache_intent_get(conn, node->id, &intent, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	if (!is_known && (intent == NULL || cache_intent_is_unsent(intent)))
		return remove_unsent(cache, conn, node, intent, error);
	if (!cache_change_may(node, EWS_RIGHT_DELETE, error))
		return false;
	if (intent == NULL)
		intent = cache_intent_take(conn, node->id, error);
	return intent != NULL && remove_known(conn, node, intent, after, error);
}

/* The kernel checks too, but what it knows may be old. */
static bool check_kind(const CacheNode *node, CacheKind kind, GError **error)
{
	if (node->kind == kind)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_INVALID, "%s is %s", node->name,
		kind == CACHE_KIND_DIR ? "no directory" : "a directory");
	return false;
}

bool cache_unlink(Cache *cache, int64_t dir_id, const char *name, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_change_find(conn, dir_id, name, error);
	bool is_local = node != NULL && node->is_local;
	bool is_good = node != NULL && check_kind(node, CACHE_KIND_FILE, error) &&
		       cache_remove_file(cache, conn, node, 0, error) &&
		       cache_change_touch(conn, dir_id, 0, error);
	if (!cache_change_end(cache, is_good, error))
		return false;
	if (is_local)
		cache_local_remove(cache->locals, node->id);
	return true;
}

/* --- directories -------------------------------------------------------------------------- */

bool cache_remove_may_dir(CacheConn *conn, const CacheNode *node, GError **error)
{
	int64_t count = 0;
	if (!cache_conn_int(conn, 0, &count, error,
		    "SELECT count(*) FROM distinguished JOIN folder USING (folder_id)"
		    " WHERE folder.node = ?",
		    "i", node->id))
		return false;
	if (count == 0 && node->id != CACHE_ROOT)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_FORBIDDEN,
		"%s is one of the folders that every mailbox has", node->name);
	return false;
}

/* The folder's id, by which the server knows it when its directory is gone; and the folder that it
 * leaves, which is not empty before. */
static bool note_folder(CacheConn *conn, const CacheNode *node, CacheIntent *intent, GError **error)
{
	if (intent->old_id == NULL)
		intent->old_id = g_strdup(intent->id);
	if (intent->old_folder == 0 && cache_intent_may_be_made(intent))
		intent->old_folder = intent->sent_folder;
	return intent->old_folder != 0 ||
	       cache_conn_int(conn, 0, &intent->old_folder, error,
		       "SELECT up.id FROM folder JOIN folder AS up ON up.folder_id ="
		       " folder.parent_id WHERE folder.node = ?",
		       "i", node->id);
}

static bool check_empty(CacheConn *conn, const CacheNode *node, GError **error)
{
	int64_t count = 0;
	if (!cache_conn_int(conn, 0, &count, error,
		    "SELECT count(*) FROM node WHERE parent = ? AND state = 0 AND parent > 0", "i",
		    node->id))
		return false;
	if (count > 0)
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_EMPTY, "%s is not empty", node->name);
	else if (!node->is_listed)
		g_set_error(error, EWS_ERROR, EWS_ERROR_BUSY, "%s is not listed yet", node->name);
	return count == 0 && node->is_listed;
}

bool cache_remove_dir(Cache *cache, CacheConn *conn, const CacheNode *node, GError **error)
{
	g_autoptr(CacheIntent) intent = NULL;
	if (!check_empty(conn, node, error) || !cache_remove_may_dir(conn, node, error))
		return false;
	if (node->is_scratch)
		return cache_change_forget(cache, conn, node->id, error);
	if (!cache_change_may(node, EWS_RIGHT_DELETE, error))
		return false;
	intent = cache_intent_take(conn, node->id, error);
	if (intent == NULL)
		return false;
	if (cache_intent_is_unsent(intent))
		return cache_change_forget(cache, conn, node->id, error);
	cache_intent_ask_delete(intent);
	return note_folder(conn, node, intent, error) && bury(conn, node, intent, error) &&
	       cache_intent_put(conn, intent, true, error);
}

bool cache_rmdir(Cache *cache, int64_t dir_id, const char *name, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_change_find(conn, dir_id, name, error);
	bool is_good = node != NULL && check_kind(node, CACHE_KIND_DIR, error) &&
		       cache_remove_dir(cache, conn, node, error) &&
		       cache_change_touch(conn, dir_id, -1, error) &&
		       cache_dirs_touch_root(cache, conn, error);
	return cache_change_end(cache, is_good, error);
}
