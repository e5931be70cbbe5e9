/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/own.h"

#include <stdlib.h>
#include <string.h>

#include "cache/change.h"
#include "cache/doubt.h"
#include "cache/drain.h"
#include "cache/evict.h"
#include "cache/ident.h"
#include "cache/local.h"
#include "cache/name.h"
#include "cache/node.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "cache/written.h"
#include "ews/error.h"

/* A repeated create may still turn up a second time for as long. */
#define TWIN_US (24 * 3600 * (int64_t)G_USEC_PER_SEC)

/* --- bytes ------------------------------------------------------------------------------- */

static bool copy_to_blob(Cache *cache, const CacheNode *node, GError **error)
{
	g_autofree char *path = NULL;
	int64_t size = 0;
	int from_fd = cache_local_open(cache->locals, node->id, error);
	int to_fd = from_fd >= 0 ? cache_blobs_make_temp(cache->blobs, &path, error) : -1;
	bool is_copied = to_fd >= 0 && cache_local_copy(from_fd, to_fd, &size);
	if (from_fd >= 0)
		close(from_fd);
	if (to_fd >= 0)
		close(to_fd);
	if (to_fd >= 0 && !is_copied)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_LOCAL, "cache: copy failed");
	return is_copied &&
	       cache_blobs_store_file(cache->blobs, node->id, node->content, path, error);
}

/* What somebody may still write into is copied; else the file itself goes over. */
static bool to_blob(Cache *cache, CacheConn *conn, const CacheNode *node, int64_t size,
	GError **error)
{
	g_autofree char *path = cache_local_path(cache->locals, node->id);
	bool is_linked = !cache_local_is_open(cache->locals, node->id) &&
			 cache_blobs_store_link(cache->blobs, node->id, node->content, path);
	if (!is_linked && !copy_to_blob(cache, node, error))
		return false;
	cache_evict_add(cache, size);
	return cache_conn_run(conn, error,
		       "INSERT INTO blob (node, bytes, used) VALUES (?, ?, ?) ON CONFLICT (node)"
		       " DO UPDATE SET bytes = excluded.bytes, used = excluded.used",
		       "iii", node->id, size, g_get_real_time()) &&
	       cache_node_flag(conn, node->id, NODE_HERE | NODE_SERVED, 0, error);
}

/* What was uploaded stays the file's content, and may be evicted from now on. Whoever still has it
 * open goes on with his file. */
static bool keep_bytes(Cache *cache, CacheConn *conn, const CacheNode *node, int64_t size,
	GError **error)
{
	g_autoptr(GError) full = NULL;
	if (!to_blob(cache, conn, node, size, &full))
		g_message("an uploaded message is not kept here: %s", full->message);
	if (cache_local_is_open(cache->locals, node->id))
		return true;
	cache_drain_forget_file(cache, node->id);
	return cache_local_drop(conn, node->id, error) &&
	       cache_node_flag(conn, node->id, 0, NODE_LOCAL | NODE_SUSPECT, error);
}

/* --- made -------------------------------------------------------------------------------- */

/* Another node that took the item for a stranger's: it was never needed. */
static bool drop_stranger(Cache *cache, CacheConn *conn, const CacheIdent *ident,
	const char *item_id, int64_t node, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_item_find(conn, ident, item_id, &row, error))
		return false;
	if (row == NULL || row->node == node)
		return true;
	cache_note_gone(cache, row->dir, row->name, row->node);
	cache_note(cache, CACHE_CHANGE_MEMBERS, row->dir, 0);
	return cache_evict_forget(cache, conn, row->node, error) &&
	       cache_conn_run(conn, error, "DELETE FROM item WHERE node = ?", "i", row->node) &&
	       cache_node_detach(conn, row->node, NODE_GONE, error);
}

/* The item that @intent's node is, from now on. */
static bool tie(CacheConn *conn, const CacheIntent *intent, const char *item_id,
	const char *change_key, GError **error)
{
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, item_id, strlen(item_id));
	return cache_conn_run(conn, error,
		"UPDATE item SET item_id = ?, id_hash = ?, change_key = ?, folder = ?, round = 0,"
		" run = coalesce((SELECT run FROM folder WHERE id = ?), 0), print = 0,"
		" written_at = ? WHERE node = ?",
		"titiiii", item_id, ident.hash, change_key != NULL ? change_key : "",
		intent->sent_folder, intent->sent_folder, g_get_real_time(), intent->node);
}

static bool remember_twin(CacheConn *conn, const CacheIntent *intent, const CacheMade *made,
	GError **error)
{
	return intent->attempt < 2 ||
	       cache_conn_run(conn, error,
		       "INSERT OR REPLACE INTO twin (guid, attempt, item_id, until)"
		       " VALUES (?, ?, ?, ?)",
		       "titi", intent->guid, (int64_t)made->attempt, made->item_id,
		       g_get_real_time() + TWIN_US);
}

/* What it is known by from now on. The search key is another with each content, and a sync has yet
 * to tell it: until then what is known of the former one would stand in the way of the GUID. (Its
 * hash stays: by that it shows whether the number is still the node's own.) Each content has a GUID
 * of its own, so that an earlier one which comes late is not taken for it. A copy has key and GUID
 * of what it was made of, the GUID until it is given its own. */
static bool take_marks(CacheConn *conn, CacheIntent *intent, GError **error)
{
	if ((intent->todo & CACHE_TODO_COPY) != 0)
		return cache_conn_run(conn, error,
			"UPDATE item SET (search_key, guid) = (SELECT sent_key, sent_guid"
			" FROM intent WHERE intent.node = item.node) WHERE node = ?",
			"i", intent->node);
	g_autofree char *guid = g_steal_pointer(&intent->guid);
	return cache_conn_run(conn, error,
		"UPDATE item SET search_key = NULL, guid = ? WHERE node = ?", "ti", guid,
		intent->node);
}

/* No attempt of it is the one that was taken. */
bool cache_own_disown(CacheConn *conn, const CacheIntent *intent, GError **error)
{
	return intent->attempt == 0 || intent->guid == NULL ||
	       cache_conn_run(conn, error,
		       "INSERT OR REPLACE INTO twin (guid, attempt, item_id, until)"
		       " VALUES (?, -1, '', ?)",
		       "ti", intent->guid, g_get_real_time() + TWIN_US);
}

/* Was the content written anew while it was on its way? Then it is sent once more, in place of
 * what has just arrived. */
static bool settle_bytes(Cache *cache, CacheConn *conn, CacheIntent *intent, const CacheNode *node,
	const char *item_id, GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(conn, intent->node, &row, error))
		return false;
	if (row == NULL || node == NULL || node->parent == 0)
		return true;
	bool is_same = !row->is_dirty && row->is_finished && row->sha256 != NULL &&
		       g_strcmp0(row->sha256, intent->sent_sha256) == 0;
	if (is_same)
		return keep_bytes(cache, conn, node, row->size, error);
	/* Being written anew: it leaves when that is finished. */
	if (!row->is_finished) {
		intent->todo |= CACHE_TODO_MAKE;
		intent->state = CACHE_INTENT_OPEN;
		if (intent->guid == NULL)
			intent->guid = g_uuid_string_random();
		return true;
	}
	const CacheReplaced old = {.item_id = item_id, .folder = intent->sent_folder};
	if (!cache_intent_replace(conn, intent, &old, error))
		return false;
	cache_doubt_begin(cache);
	return true;
}

bool cache_own_made(Cache *cache, CacheConn *conn, CacheIntent *intent, const CacheMade *made,
	GError **error)
{
	CacheIdent ident;
	CacheTodo step = (CacheTodo)(intent->todo & (CACHE_TODO_MAKE | CACHE_TODO_COPY));
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, made->item_id, strlen(made->item_id));
	g_autoptr(CacheNode) node = cache_node_get(conn, intent->node, error);
	if (node == NULL ||
		!drop_stranger(cache, conn, &ident, made->item_id, intent->node, error) ||
		!tie(conn, intent, made->item_id, made->change_key, error) ||
		!remember_twin(conn, intent, made, error) || !take_marks(conn, intent, error))
		return false;
	cache_intent_step_done(intent, intent->doing != 0 ? (CacheTodo)intent->doing : step);
	if (intent->old_id != NULL)
		intent->todo |= CACHE_TODO_REMOVE_OLD;
	intent->after = 0;
	bool went_on = intent->dir != 0 && intent->target != intent->sent_folder;
	if (went_on && (intent->todo & CACHE_TODO_SEND) == 0)
		intent->todo |= CACHE_TODO_MOVE;
	if (intent->fields != 0 && intent->dir != 0)
		intent->todo |= CACHE_TODO_UPDATE;
	cache_drain_saw_own(cache);
	return settle_bytes(cache, conn, intent, node, made->item_id, error);
}

bool cache_own_moved(CacheConn *conn, CacheIntent *intent, const char *item_id,
	const char *change_key, GError **error)
{
	intent->sent_folder = intent->moved_to;
	if (!tie(conn, intent, item_id, change_key, error))
		return false;
	bool is_rewritten = (intent->todo & CACHE_TODO_MAKE) != 0;
	if (intent->old_id != NULL && g_strcmp0(intent->old_id, intent->id) == 0) {
		g_free(intent->old_id);
		intent->old_id = g_strdup(item_id);
		intent->old_folder = intent->sent_folder;
	}
	CacheIntentState state = intent->state;
	cache_intent_step_done(intent, CACHE_TODO_MOVE);
	if (state == CACHE_INTENT_OPEN || state == CACHE_INTENT_HELD ||
		state == CACHE_INTENT_FAILED)
		intent->state = state;
	intent->moved_to = 0;
	if (intent->dir != 0 && intent->target != intent->sent_folder && !is_rewritten)
		intent->todo |= CACHE_TODO_MOVE;
	/* Where the server has it now, should a further step be refused. */
	intent->old_parent = intent->dir;
	return true;
}

bool cache_own_departed(Cache *cache, CacheConn *conn, const char *item_id, int64_t folder,
	GError **error)
{
	if (item_id == NULL)
		return true;
	if (cache_refresh_is_on(cache))
		g_hash_table_insert(cache->departed, g_strdup(item_id),
			g_memdup2(&folder, sizeof folder));
	return cache_conn_run(conn, error, "DELETE FROM pending WHERE item_id = ? AND folder = ?",
		"ti", item_id, folder);
}

bool cache_own_has_departed(const Cache *cache, const char *item_id, int64_t folder)
{
	const int64_t *left = g_hash_table_lookup(cache->departed, item_id);
	return left != NULL && *left == folder;
}

void cache_own_updated(Cache *cache, const char *item_id, const char *change_key)
{
	if (item_id != NULL && change_key != NULL && cache_refresh_is_on(cache))
		g_hash_table_insert(cache->updated, g_strdup(item_id), g_strdup(change_key));
}

bool cache_own_may_be_older(const Cache *cache, const EwsItem *item)
{
	const char *known = g_hash_table_lookup(cache->updated, item->id);
	return known != NULL && g_strcmp0(known, item->change_key) != 0;
}

void cache_own_forget_pages(Cache *cache)
{
	g_hash_table_remove_all(cache->departed);
	g_hash_table_remove_all(cache->updated);
}

/* --- claims ------------------------------------------------------------------------------ */

/* "GUID/attempt", as a create carries it. */
static bool parse_guid(const char *text, char **ret_guid, unsigned *ret_attempt)
{
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	if (slash == NULL)
		return false;
	*ret_guid = g_strndup(text, (size_t)(slash - text));
	*ret_attempt = (unsigned)strtoul(slash + 1, NULL, 10);
	return true;
}

static bool is_awaited(const CacheIntent *intent, CacheTodo step)
{
	return intent->doing == step ||
	       (intent->state == CACHE_INTENT_DOUBT && (intent->todo & step) != 0) ||
	       (intent->state == CACHE_INTENT_QUEUED && intent->attempt > 0 &&
		       (intent->todo & step) != 0 && intent->id == NULL);
}

/* A second one of a create that was repeated: the later attempt's goes, if it is not what we took.
 * A copy that a user made carries the same attempt and stays. */
static bool claim_twin(CacheApply *apply, const CacheIncoming *incoming, const char *guid,
	unsigned attempt, bool *ret_is_hidden, GError **error)
{
	int64_t taken = 0;
	if (!cache_conn_int(apply->conn, 0, &taken, error,
		    "SELECT attempt FROM twin WHERE guid = ? AND until > ?", "ti", guid,
		    g_get_real_time()))
		return false;
	if (taken == 0 || taken == attempt)
		return true;
	*ret_is_hidden = true;
	cache_doubt_begin(apply->cache);
	g_message("a message that was sent twice arrived twice: one is removed");
	return cache_conn_run(apply->conn, error,
		"INSERT OR IGNORE INTO stray (item_id, folder) VALUES (?, ?)", "ti",
		incoming->item->id, apply->folder);
}

static bool claim_made(CacheApply *apply, const CacheIncoming *incoming, bool *ret_is_claimed,
	bool *ret_is_hidden, GError **error)
{
	g_autofree char *guid = NULL;
	unsigned attempt = 0;
	int64_t node = 0;
	const EwsItem *item = incoming->item;
	if (!parse_guid(item->guid, &guid, &attempt))
		return true;
	if (!cache_conn_int(apply->conn, 0, &node, error, "SELECT node FROM intent WHERE guid = ?",
		    "t", guid))
		return false;
	g_autoptr(CacheIntent) intent = NULL;
	if (node != 0 && !cache_intent_get(apply->conn, node, &intent, error))
		return false;
	if (intent == NULL || !is_awaited(intent, CACHE_TODO_MAKE))
		return claim_twin(apply, incoming, guid, attempt, ret_is_hidden, error);
	*ret_is_claimed = true;
	intent->sent_folder = apply->folder;
	const CacheMade made = {item->id, item->change_key, attempt};
	return cache_own_made(apply->cache, apply->conn, intent, &made, error) &&
	       cache_intent_put(apply->conn, intent, false, error);
}

bool cache_own_note_source(CacheConn *conn, const CacheIntent *intent, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE intent SET (sent_key, sent_guid) = (SELECT search_key, guid FROM item"
		" WHERE item.node = intent.source) WHERE node = ?",
		"i", intent->node);
}

/* A move or copy on its way to this folder, of an item with this search key; where that is not
 * known yet, with this GUID. */
static bool find_travelling(CacheApply *apply, const EwsItem *item, CacheTodo step,
	CacheIntent **ret_intent, GError **error)
{
	int64_t node = 0;
	const char *moves =
		"SELECT intent.node FROM intent CROSS JOIN item ON item.node = intent.node"
		" WHERE intent.moved_to = ?1 AND (item.search_key = ?2"
		" OR (item.search_key IS NULL AND ?3 IN (item.guid, intent.guid)))";
	const char *copies =
		"SELECT intent.node FROM intent WHERE intent.sent_folder = ?1"
		" AND (intent.sent_key = ?2 OR (intent.sent_key IS NULL AND intent.sent_guid = ?3))"
		" AND (intent.doing = 2 OR (intent.state = 2 AND intent.todo & 2 != 0))";
	g_autofree char *guid = NULL;
	unsigned attempt = 0;
	if (!parse_guid(item->guid, &guid, &attempt) && item->search_key == NULL)
		return true;
	bool is_ok = step == CACHE_TODO_MOVE
			     ? cache_conn_int(apply->conn, 0, &node, error, moves, "ibt",
				       apply->folder, item->search_key, item->search_key_len, guid)
			     : cache_conn_int(apply->conn, 0, &node, error, copies, "ibt",
				       apply->folder, item->search_key, item->search_key_len, guid);
	return is_ok && (node == 0 || cache_intent_get(apply->conn, node, ret_intent, error));
}

static bool claim_travelling(CacheApply *apply, const CacheIncoming *incoming, bool *ret_is_claimed,
	GError **error)
{
	g_autoptr(CacheIntent) moved = NULL;
	g_autoptr(CacheIntent) copied = NULL;
	const EwsItem *item = incoming->item;
	if (!find_travelling(apply, item, CACHE_TODO_MOVE, &moved, error))
		return false;
	if (moved != NULL) {
		*ret_is_claimed = true;
		return cache_own_moved(apply->conn, moved, item->id, item->change_key, error) &&
		       cache_intent_put(apply->conn, moved, false, error);
	}
	if (!find_travelling(apply, item, CACHE_TODO_COPY, &copied, error))
		return false;
	if (copied == NULL)
		return true;
	*ret_is_claimed = true;
	const CacheMade made = {item->id, item->change_key, copied->attempt};
	return cache_own_made(apply->cache, apply->conn, copied, &made, error) &&
	       cache_intent_put(apply->conn, copied, false, error);
}

bool cache_own_claim(CacheApply *apply, const CacheIncoming *incoming, bool *ret_is_claimed,
	bool *ret_is_hidden, GError **error)
{
	int64_t replaced = 0;
	*ret_is_claimed = *ret_is_hidden = false;
	if (!cache_conn_int(apply->conn, 0, &replaced, error,
		    "SELECT (SELECT count(*) FROM intent WHERE old_id = ?1)"
		    " + (SELECT count(*) FROM stray WHERE item_id = ?1)"
		    " + (SELECT count(*) FROM sent WHERE item_id = ?1)",
		    "t", incoming->item->id))
		return false;
	if (replaced > 0) {
		*ret_is_hidden = true;
		return true;
	}
	if (!claim_made(apply, incoming, ret_is_claimed, ret_is_hidden, error))
		return false;
	if (!*ret_is_claimed && !*ret_is_hidden &&
		!claim_travelling(apply, incoming, ret_is_claimed, error))
		return false;
	/* Further steps may be possible now. */
	if (*ret_is_claimed || *ret_is_hidden)
		cache_drain_poke(apply->cache);
	return true;
}

/* --- vanished ---------------------------------------------------------------------------- */

bool cache_own_lost(CacheConn *conn, CacheIntent *intent, GError **error)
{
	g_clear_pointer(&intent->old_id, g_free);
	intent->todo &= ~(unsigned)(CACHE_TODO_REMOVE_OLD | CACHE_TODO_MOVE);
	intent->moved_to = 0;
	g_autofree char *id = g_strconcat(CACHE_ITEM_NEW, intent->guid, NULL);
	intent->sent_folder = 0;
	return tie(conn, intent, id, NULL, error);
}

bool cache_own_vanished(CacheApply *apply, const CacheItemRow *row, bool *ret_is_ours,
	GError **error)
{
	const unsigned moves = CACHE_TODO_MOVE;
	g_autoptr(CacheIntent) intent = NULL;
	*ret_is_ours = false;
	if (row->todo == 0 && row->doing == 0)
		return true;
	/* What is on its way is decided by its answer, or by the next sync. */
	*ret_is_ours = row->doing != 0;
	if (row->doing != 0 || !cache_intent_get(apply->conn, row->node, &intent, error))
		return row->doing != 0;
	if (intent == NULL)
		return true;
	bool was_tried = intent->state == CACHE_INTENT_DOUBT || intent->attempt > 0;
	if (was_tried && (intent->todo & moves) != 0) {
		*ret_is_ours = true;
		return true;
	}
	/* A draft that was sent, or may have been, has left its folder: it was. */
	bool was_sent =
		intent->state == CACHE_INTENT_DOUBT || intent->state == CACHE_INTENT_MAYBE_SENT;
	if (was_sent && cache_intent_next(intent) == CACHE_TODO_SEND) {
		*ret_is_ours = true;
		cache_note_gone(apply->cache, intent->dir, intent->name, intent->node);
		return cache_change_forget(apply->cache, apply->conn, intent->node, error);
	}
	bool is_rewritten = (intent->todo & CACHE_TODO_MAKE) != 0;
	if (is_rewritten && intent->dir != 0) {
		*ret_is_ours = true;
		return cache_own_lost(apply->conn, intent, error) &&
		       cache_intent_put(apply->conn, intent, false, error);
	}
	intent->todo &= CACHE_TODO_REMOVE_OLD;
	return cache_intent_put(apply->conn, intent, false, error);
}

/* --- folders ------------------------------------------------------------------------------ */

/* (1: MAKE, 64: DELETE; state 2: in doubt.) One that may have been made is known by the name, and
 * the place, that it was asked for first. */
bool cache_own_folder(CacheConn *conn, int64_t parent, const char *name, int64_t *ret_node,
	GError **error)
{
	return cache_conn_int(conn, 0, ret_node, error,
		"SELECT node.id FROM intent CROSS JOIN node ON node.id = intent.node"
		" WHERE node.kind = 0 AND intent.todo & 1 != 0 AND CASE"
		" WHEN intent.sent_name IS NOT NULL THEN intent.sent_name = ?2"
		" AND intent.sent_folder = (SELECT id FROM folder WHERE node = ?1)"
		" ELSE node.name = ?2 AND node.parent = ?1 AND node.state = 0 AND node.parent > 0"
		" END ORDER BY intent.sent_name IS NULL",
		"it", parent, name);
}

bool cache_own_folder_made(CacheConn *conn, CacheIntent *intent, const char *folder_id,
	GError **error)
{
	/* Told of before it was asked for: somebody else made the same. */
	cache_intent_repeat_dir(intent);
	g_autofree char *name = g_strdup(intent->sent_name);
	g_autofree char *said = cache_name_folder_decode(name);
	cache_intent_step_done(intent, CACHE_TODO_MAKE);
	cache_intent_dir_made(intent);
	intent->after = 0;
	g_free(intent->id);
	intent->id = g_strdup(folder_id);
	/* Deleted meanwhile: it is known by its id only. */
	if ((intent->todo & CACHE_TODO_DELETE) != 0 && intent->old_id == NULL)
		intent->old_id = g_strdup(folder_id);
	return cache_conn_run(conn, error,
		       "INSERT INTO folder (folder_id, parent_id, display_name, folder_class,"
		       " is_shown, rights) VALUES (?1, coalesce((SELECT folder_id FROM folder WHERE"
		       " id = ?2), ''), ?3, 'IPF.Note', 1, 31) ON CONFLICT (folder_id) DO NOTHING",
		       "tit", folder_id, intent->sent_folder, said != NULL ? said : name) &&
	       cache_conn_run(conn, error, "UPDATE folder SET node = ? WHERE folder_id = ?", "it",
		       intent->node, folder_id);
}
