/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/change.h"

#include <string.h>
#include <unistd.h>

#include "cache/drain.h"
#include "cache/evict.h"
#include "cache/fields.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/scratch.h"
#include "cache/step.h"
#include "cache/written.h"
#include "ews/error.h"

CacheConn *cache_change_begin(Cache *cache, GError **error)
{
	return cache_db_begin(cache->db, error);
}

bool cache_change_end(Cache *cache, bool is_good, GError **error)
{
	if (!is_good) {
		cache_db_rollback(cache->db);
		return false;
	}
	if (!cache_db_commit(cache->db, error)) {
		cache_evict_doubt(cache);
		return false;
	}
	cache_step(CACHE_STEP_COMMIT);
	cache_drain_poke(cache);
	return true;
}

/* --- looking ------------------------------------------------------------------------------ */

static void set_missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file or folder");
}

CacheNode *cache_change_dir(CacheConn *conn, int64_t id, GError **error)
{
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	if (node == NULL)
		return NULL;
	bool is_there = node->id == CACHE_ROOT || node->parent != 0;
	if (node->kind == CACHE_KIND_DIR && is_there)
		return g_steal_pointer(&node);
	set_missing(error);
	return NULL;
}

/* The name of the hidden directory is nobody's to take or give. */
static bool check_hidden(int64_t dir, const char *name, GError **error)
{
	if (dir != CACHE_ROOT || strcmp(name, CACHE_SEND_NAME) != 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_FORBIDDEN, "%s stays what it is", name);
	return false;
}

CacheNode *cache_change_find(CacheConn *conn, int64_t dir, const char *name, GError **error)
{
	int64_t id = 0;
	if (!check_hidden(dir, name, error) || !cache_node_find(conn, dir, name, &id, error))
		return NULL;
	if (id != 0)
		return cache_node_get(conn, id, error);
	set_missing(error);
	return NULL;
}

bool cache_change_is_send(const CacheNode *dir)
{
	return dir->parent == NODE_NOWHERE;
}

bool cache_change_judge(const CacheNode *dir, const char *name, bool *ret_is_scratch,
	GError **error)
{
	CacheNameKind kind = cache_name_kind(name);
	*ret_is_scratch = dir->is_scratch || kind == CACHE_NAME_SCRATCH;
	if (*ret_is_scratch || kind == CACHE_NAME_MESSAGE)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_INVALID,
		"%s: a mailbox takes messages only: .eml, .ics, .vcf", name);
	return false;
}

bool cache_change_may(const CacheNode *dir, unsigned rights, GError **error)
{
	if ((dir->rights & rights) == rights)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_DENIED, "%s: the account has no right to do that",
		dir->name);
	return false;
}

int64_t cache_change_time(int64_t us, bool is_scratch)
{
	if (is_scratch)
		return us;
	int64_t rest = us % G_USEC_PER_SEC;
	return us - (rest < 0 ? rest + G_USEC_PER_SEC : rest);
}

/* --- making ------------------------------------------------------------------------------- */

bool cache_change_insert(CacheConn *conn, const CacheNewNode *what, int64_t *ret_id, GError **error)
{
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, what->guid, strlen(what->guid));
	if (!check_hidden(what->dir, what->name, error))
		return false;
	if (!cache_conn_run(conn, error,
		    "INSERT INTO node (parent, kind, name, ino, rights, size, mtime, ctime, flags)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		    "iitiiiiii", what->dir, (int64_t)what->kind, what->name, ident.hash | 2,
		    (int64_t)what->rights, what->kind == CACHE_KIND_FILE ? INT64_C(0) : INT64_C(-1),
		    what->now, what->now, (int64_t)what->flags))
		return false;
	*ret_id = cache_conn_last_id(conn);
	return true;
}

static const char *class_of(const char *name)
{
	if (g_str_has_suffix(name, ".ics"))
		return "IPM.Appointment";
	return g_str_has_suffix(name, ".vcf") ? "IPM.Contact" : "IPM.Note";
}

bool cache_change_insert_item(CacheConn *conn, int64_t node, const char *name, const char *guid,
	int64_t now, GError **error)
{
	CacheIdent ident;
	g_autofree char *id = g_strconcat(CACHE_ITEM_NEW, guid, NULL);
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, id, strlen(id));
	return cache_conn_run(conn, error,
		"INSERT INTO item (node, folder, id_hash, key_hash, item_id, change_key, by_key,"
		" item_class, received, sent, created, modified, importance, flag, is_read,"
		" is_draft, has_attachments, print, run, round, is_made)"
		" VALUES (?, 0, ?, 0, ?, '', 1, ?, ?, ?, ?, ?, ?, 0, 1, 0, 0, 0, 0, 0, 1)",
		"iittiiiii", node, ident.hash, id, class_of(name), cache_change_time(now, false),
		EWS_TIME_NONE, now, now, (int64_t)EWS_IMPORTANCE_NORMAL);
}

bool cache_change_touch(CacheConn *conn, int64_t dir, int subdirs, GError **error)
{
	return cache_node_touch_dir(conn, dir, g_get_real_time(), error) &&
	       (subdirs == 0 ||
		       cache_conn_run(conn, error,
			       "UPDATE node SET subdirs = max(subdirs + ?, 0) WHERE id = ?", "ii",
			       (int64_t)subdirs, dir));
}

bool cache_change_forget(Cache *cache, CacheConn *conn, int64_t node, GError **error)
{
	return cache_intent_drop_copies(conn, node, error) && cache_local_drop(conn, node, error) &&
	       cache_evict_forget(cache, conn, node, error) &&
	       cache_conn_run(conn, error, "DELETE FROM intent WHERE node = ?", "i", node) &&
	       cache_conn_run(conn, error, "DELETE FROM aside WHERE node = ?", "i", node) &&
	       cache_conn_run(conn, error, "DELETE FROM item WHERE node = ?", "i", node) &&
	       cache_node_detach(conn, node, NODE_GONE, error);
}

/* --- finishing ---------------------------------------------------------------------------- */

CacheReplaced cache_change_replaced(const CacheItemRow *row)
{
	return (CacheReplaced){
		.item_id = row->item_id,
		.folder = row->folder,
		.print = cache_item_is_just_written(row) ? 0 : row->print,
	};
}

/* A message that was put aside under a backup's name, and in whose place @node is now: it is the
 * one that @node replaces. What the backup's name shows from now on is a scratch file. */
static bool take_aside(Cache *cache, CacheConn *conn, const CacheNode *node, CacheIntent *intent,
	GError **error)
{
	int64_t aside = 0;
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_conn_int(conn, 0, &aside, error,
		    "SELECT node FROM aside WHERE parent = ? AND name = ?", "it", node->parent,
		    node->name))
		return false;
	if (aside == 0 || aside == node->id || intent->old_id != NULL)
		return true;
	if (!cache_item_get(conn, aside, &row, error))
		return false;
	/* One that is being changed itself stays as it is: its intent finds it by its node. */
	g_autoptr(CacheIntent) other = NULL;
	if (row == NULL || !cache_intent_get(conn, aside, &other, error))
		return row == NULL;
	g_autoptr(CacheBlob) blob = NULL;
	g_autoptr(CacheNode) backup = cache_node_get(conn, aside, error);
	if (backup == NULL)
		return false;
	if (!backup->is_local)
		blob = cache_blob_open_node(cache, backup, NULL);
	if (other != NULL || blob == NULL)
		return true;
	g_autofree char *guid = g_uuid_string_random();
	int64_t now = g_get_real_time();
	const CacheReplaced old = cache_change_replaced(row);
	return cache_intent_replace(conn, intent, &old, error) &&
	       cache_fields_inherit(conn, node->id, aside, intent->fields, error) &&
	       cache_conn_run(conn, error, "DELETE FROM aside WHERE node = ?", "i", aside) &&
	       cache_local_make(cache->locals, conn, aside, cache_blob_fd(blob), error) &&
	       cache_evict_forget(cache, conn, aside, error) &&
	       cache_node_flag(conn, aside, NODE_LOCAL | NODE_SCRATCH, NODE_SUSPECT, error) &&
	       cache_conn_run(conn, error, "DELETE FROM item WHERE node = ?", "i", aside) &&
	       cache_change_insert_item(conn, aside, backup->name, guid, now, error);
}

static bool are_equal(int a, int b)
{
	char x[16384], y[16384];
	for (off_t at = 0;;) {
		ssize_t got = pread(a, x, sizeof x, at);
		ssize_t other = pread(b, y, sizeof y, at);
		if (got < 0 || got != other || memcmp(x, y, (size_t)got) != 0)
			return false;
		if (got == 0)
			return true;
		at += got;
	}
}

/* Are the bytes written to @node just what was fetched of @fetched? */
static bool is_same(Cache *cache, const CacheNode *node, const CacheNode *fetched)
{
	g_autoptr(CacheBlob) blob = cache_blob_open_fetched(cache, fetched);
	int fd = blob != NULL ? cache_local_open(cache->locals, node->id, NULL) : -1;
	bool is_equal = fd >= 0 && are_equal(fd, cache_blob_fd(blob));
	if (fd >= 0)
		close(fd);
	return is_equal;
}

static bool put_back(CacheConn *conn, const CacheNode *node, GError **error)
{
	g_autoptr(CacheIntent) intent = cache_intent_take(conn, node->id, error);
	if (intent == NULL)
		return false;
	if (intent->doing != CACHE_TODO_MAKE)
		cache_intent_drop_make(intent);
	return cache_intent_put(conn, intent, true, error) &&
	       cache_local_drop(conn, node->id, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET flags = flags & ~ ?, size = coalesce((SELECT bytes FROM"
		       " blob WHERE blob.node = node.id), -1), mtime = coalesce((SELECT CASE WHEN"
		       " is_draft THEN modified ELSE received END FROM item WHERE item.node ="
		       " node.id), mtime) WHERE id = ?",
		       "ii", (int64_t)NODE_LOCAL, node->id);
}

/* Is it still what was copied, so that the server can be asked to copy it? */
static bool is_still_copy(Cache *cache, CacheConn *conn, const CacheNode *node,
	const CacheIntent *intent)
{
	if ((intent->todo & CACHE_TODO_COPY) == 0)
		return false;
	g_autoptr(CacheNode) source = cache_node_get(conn, intent->source, NULL);
	return source != NULL && !source->is_local && is_same(cache, node, source);
}

/* A message keeps whole seconds. A new one was received when it was written last, unless somebody
 * said otherwise; one that is written anew keeps its date; of a draft the server says when. */
static bool set_date(CacheConn *conn, const CacheNode *node, const CacheIntent *intent,
	GError **error)
{
	bool is_said = (intent->fields & CACHE_FIELD_RECEIVED) != 0;
	bool is_own = intent->id == NULL && intent->old_id == NULL && !is_said;
	return cache_conn_run(conn, error,
		       "UPDATE node SET mtime = mtime / 1000000 * 1000000 WHERE id = ?", "i",
		       node->id) &&
	       (is_own ? cache_conn_run(conn, error,
				 "UPDATE item SET received = (SELECT mtime FROM node WHERE id = ?1)"
				 " WHERE node = ?1",
				 "i", node->id)
		       : cache_conn_run(conn, error,
				 "UPDATE node SET mtime = (SELECT received FROM item WHERE node = "
				 "?1)"
				 " WHERE id = ?1 AND EXISTS (SELECT 1 FROM item WHERE node = ?1"
				 " AND is_draft = 0)",
				 "i", node->id));
}

bool cache_change_finish(Cache *cache, CacheConn *conn, const CacheNode *node, GError **error)
{
	bool is_ready = false;
	g_autoptr(CacheIntent) intent = NULL;
	g_autoptr(CacheItemRow) row = NULL;
	if (node->parent == 0 || !node->is_local || node->is_scratch)
		return true;
	if (!cache_local_finish(cache->locals, conn, node->id, node->name, &is_ready, error) ||
		!cache_item_get(conn, node->id, &row, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	/* Written over with what it was: then nothing happened. */
	if (is_ready && is_known && is_same(cache, node, node))
		return put_back(conn, node, error);
	intent = cache_intent_take(conn, node->id, error);
	if (intent == NULL)
		return false;
	bool is_sent = intent->doing != 0 || intent->state == CACHE_INTENT_DOUBT;
	if (is_ready && is_still_copy(cache, conn, node, intent)) {
		if (!is_sent)
			intent->state = CACHE_INTENT_QUEUED;
		return cache_intent_put(conn, intent, true, error);
	}
	if (is_ready) {
		CacheReplaced old = {.item_id = NULL};
		if (is_known)
			old = cache_change_replaced(row);
		return cache_intent_replace(conn, intent, &old, error) &&
		       cache_intent_drop_copies(conn, node->id, error) &&
		       take_aside(cache, conn, node, intent, error) &&
		       set_date(conn, node, intent, error) &&
		       (!is_known || cache_evict_forget(cache, conn, node->id, error)) &&
		       cache_intent_put(conn, intent, true, error);
	}
	/* Unfinished, and not to be sent; what else is to be done for it waits with it. */
	if (!is_sent)
		intent->state = CACHE_INTENT_OPEN;
	intent->todo |= CACHE_TODO_MAKE;
	return cache_intent_put(conn, intent, false, error);
}
