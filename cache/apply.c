/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/apply.h"

#include <string.h>

#include "cache/evict.h"
#include "cache/fields.h"
#include "cache/gone.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/name.h"
#include "cache/node.h"
#include "cache/own.h"
#include "cache/sync.h"
#include "ews/error.h"

/* How a new node is called and numbered. */
typedef struct Naming {
	const CacheIdent *ident;
	uint64_t ino;
	bool by_key;
	bool is_provisional;
} Naming;

/* --- bytes ------------------------------------------------------------------------------ */

bool cache_apply_drop_bytes(Cache *cache, CacheConn *conn, int64_t id, GError **error)
{
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	if (node == NULL)
		return false;
	cache_note_content(cache, node);
	return cache_evict_forget(cache, conn, id, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE item SET digest = NULL, error = NULL WHERE node = ?", "i", id) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET content = content + 1, size = -1, want = 1,"
		       " flags = flags & ~ ? WHERE id = ?",
		       "ii", (int64_t)(NODE_HERE | NODE_SUSPECT | NODE_ERROR | NODE_SERVED), id);
}

/* --- names and numbers ------------------------------------------------------------------ */

static bool is_older(const EwsItem *item, const CacheItemRow *row)
{
	if (item->created != row->created)
		return item->created < row->created;
	return strcmp(item->id, row->item_id) < 0;
}

static bool is_dir_listed(CacheApply *self, int64_t dir, bool *ret_listed, GError **error)
{
	int64_t flags = 0;
	if (!cache_conn_int(self->conn, 0, &flags, error, "SELECT flags FROM node WHERE id = ?",
		    "i", dir))
		return false;
	*ret_listed = (flags & NODE_LISTED) != 0;
	return true;
}

/* The number of @hash, or the next that nobody has. */
static bool free_ino(CacheApply *self, int64_t hash, uint64_t *ret_ino, GError **error)
{
	uint64_t ino = cache_ident_ino(hash, self->mailbox_hash);
	for (;; ino++) {
		int64_t holder = 0;
		if (!cache_item_find_ino(self->conn, ino,
			    cache_ident_of_ino(ino, self->mailbox_hash), &holder, error))
			return false;
		if (holder == 0)
			break;
	}
	*ret_ino = ino;
	return true;
}

static void ident_of_row(const CacheItemRow *row, CacheIdent *ret_ident)
{
	cache_ident_make(ret_ident, CACHE_IDENT_ITEM_ID, row->item_id, strlen(row->item_id));
}

/* A name that is free in the folder: @wanted, or with the letters of the ItemId, or numbered. */
static bool free_name(CacheApply *self, const char *wanted, const CacheIdent *by_id,
	int64_t self_node, char **ret_name, GError **error)
{
	g_autofree char *name = g_strdup(wanted);
	for (unsigned i = 1;; i++) {
		int64_t holder = 0;
		if (!cache_node_find(self->conn, self->dir, name, &holder, error))
			return false;
		if (holder == 0 || holder == self_node)
			break;
		g_autofree char *letters = i == 1 ? g_strdup(by_id->letters)
						  : g_strdup_printf("%s-%u", by_id->letters, i);
		g_free(name);
		name = cache_name_with_letters(wanted, letters);
	}
	*ret_name = g_steal_pointer(&name);
	return true;
}

/* What a by-key name would have been by ItemId. A name that a user gave has no letters, and stays,
 * unless @wanted is the same. */
static char *name_without_key(CacheApply *self, const CacheItemRow *row, const char *key_letters,
	const char *id_letters, const char *wanted)
{
	g_autofree char *name =
		cache_name_exchange(self->cache->names, row->name, key_letters, id_letters);
	if (name != NULL)
		return g_steal_pointer(&name);
	if (g_strcmp0(row->name, wanted) == 0)
		return cache_name_with_letters(row->name, id_letters);
	return g_strdup(row->name);
}

/* @row's node gives up what comes from the search key: it is itself by its ItemId from now. */
static bool yield_key(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	bool with_name, GError **error)
{
	CacheIdent ident;
	uint64_t ino = 0;
	ident_of_row(row, &ident);
	if (!free_ino(self, ident.hash, &ino, error) ||
		!cache_conn_run(self->conn, error, "UPDATE node SET ino = ? WHERE id = ?", "ii",
			(int64_t)ino, row->node))
		return false;
	if (!with_name)
		return true;
	g_autofree char *wanted = name_without_key(self, row, incoming->by_key.letters,
		ident.letters, incoming->item->file_name);
	g_autofree char *name = NULL;
	if (!free_name(self, wanted, &ident, row->node, &name, error))
		return false;
	cache_note_gone(self->cache, row->dir, row->name, row->node);
	cache_note_arrived(self->cache, row->dir, name, row->node);
	return cache_conn_run(self->conn, error, "UPDATE node SET name = ? WHERE id = ?", "ti",
		       name, row->node) &&
	       cache_conn_run(self->conn, error, "UPDATE item SET by_key = 0 WHERE node = ?", "i",
		       row->node);
}

/* No message that was written anew goes on under this number. */
static bool is_ino_free(CacheApply *self, uint64_t ino, bool *ret_free, GError **error)
{
	int64_t holder = 0;
	/* 128: NODE_OLD_INO */
	if (!cache_conn_int(self->conn, 0, &holder, error,
		    "SELECT id FROM node WHERE ino = ? AND flags & 128 != 0 AND state < 2", "i",
		    (int64_t)ino))
		return false;
	*ret_free = holder == 0;
	return true;
}

/*
 * Whose the search key is, among the copies that share it. The oldest in a folder keeps it as
 * long as nobody has seen the folder's names; after that who has it keeps it. The inode number is
 * one for all folders, likewise.
 */
static bool choose_naming(CacheApply *self, const CacheIncoming *incoming, const GPtrArray *sharers,
	Naming *ret_naming, GError **error)
{
	bool by_key = incoming->by_key.hash != 0;
	uint64_t ino = cache_ident_ino(incoming->by_key.hash, self->mailbox_hash);
	bool has_ino = by_key;
	for (guint i = 0; by_key && i < sharers->len; i++) {
		const CacheItemRow *row = sharers->pdata[i];
		bool is_here = row->dir == self->dir && row->by_key;
		bool is_holder = row->ino == ino;
		bool is_seen = self->is_listed;
		if (!is_here && !is_holder)
			continue;
		if (row->dir != self->dir && row->dir != 0 &&
			!is_dir_listed(self, row->dir, &is_seen, error))
			return false;
		bool yields = row->dir != 0 && !is_seen && is_older(incoming->item, row);
		if (yields && !yield_key(self, row, incoming, is_here, error))
			return false;
		if (!yields && is_here)
			by_key = false;
		if (!yields && is_holder)
			has_ino = false;
	}
	if (has_ino && !is_ino_free(self, ino, &has_ino, error))
		return false;
	ret_naming->by_key = by_key;
	ret_naming->ident = by_key ? &incoming->by_key : &incoming->by_id;
	ret_naming->ino = ino;
	return (by_key && has_ino) || free_ino(self, incoming->by_id.hash, &ret_naming->ino, error);
}

/* --- a new item ------------------------------------------------------------------------- */

static int64_t ctime_of(const EwsItem *item)
{
	return item->modified != EWS_TIME_NONE ? item->modified : cache_item_mtime(item);
}

/*
 * The time of a directory is that of its youngest entry's creation, since that is the same for all
 * who list it. EWS tells whole seconds: each further entry of the same instant is a microsecond
 * more, so that the time moves when it comes, and a new listing arrives at the same.
 */
static void note_arrival(CacheApply *self, const EwsItem *item)
{
	const int64_t instant_us = 1000;
	if (item->created > self->youngest)
		self->youngest = item->created;
	else if (item->created != EWS_TIME_NONE && self->youngest - item->created < instant_us)
		self->youngest++;
	self->is_moved = true;
}

/* *ret_node is 0 when the name is taken. */
static bool insert_node(CacheApply *self, const EwsItem *item, const Naming *naming,
	const char *name, int64_t *ret_node, GError **error)
{
	/* What may turn out to be a move is not fetched: its bytes may be here already. */
	int64_t want = naming->is_provisional ? 0 : 1;
	if (!cache_conn_run(self->conn, error,
		    "INSERT INTO node (parent, kind, name, ino, rights, size_hint, mtime, ctime,"
		    " want) VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0)) ON CONFLICT DO NOTHING",
		    "iitiiiiii", self->dir, (int64_t)CACHE_KIND_FILE, name, (int64_t)naming->ino,
		    (int64_t)self->rights, MAX(item->size, 0), cache_item_mtime(item),
		    ctime_of(item), want))
		return false;
	bool is_added = cache_conn_changes(self->conn) > 0;
	*ret_node = is_added ? cache_conn_last_id(self->conn) : 0;
	if (is_added && self->is_listed)
		cache_note_arrived(self->cache, self->dir, name, *ret_node);
	return true;
}

static bool add_node(CacheApply *self, const CacheIncoming *incoming, const Naming *naming,
	int64_t *ret_node, GError **error)
{
	const EwsItem *item = incoming->item;
	g_autofree char *name = NULL;
	g_autofree char *wanted = self->cache->layout != NULL
		? cache_name_item_marked(item, naming->ident->letters)
		: cache_name_item(self->cache->names, item, naming->ident->letters, self->mailbox);
	/* Nearly every name is free: trying costs less than asking. */
	if (!insert_node(self, item, naming, wanted, ret_node, error))
		return false;
	if (*ret_node != 0)
		return true;
	return free_name(self, wanted, &incoming->by_id, 0, &name, error) &&
	       insert_node(self, item, naming, name, ret_node, error);
}

static bool agree(const CacheItemRow *row, const EwsItem *item)
{
	return g_strcmp0(row->message_id, item->message_id) == 0 &&
	       row->received == item->received && row->is_draft == item->is_draft &&
	       strcmp(row->item_class, cache_item_class(item)) == 0;
}

/* The first that is heard after our own write (print 0: nothing to compare with), or the server's
 * after-work on it, which changes no property. */
static bool is_echo(const CacheItemRow *row, const EwsItem *item)
{
	bool is_ours = cache_item_is_just_written(row);
	return is_ours && (row->print == 0 || row->print == cache_item_print(item));
}

/*
 * Read and flag state are no part of the content: an update of only these keeps the bytes. Any
 * other makes them suspect: served as before, until the next fetch tells.
 */
static bool is_content_change(const CacheItemRow *row, const EwsItem *item)
{
	if (g_strcmp0(row->change_key, item->change_key) == 0)
		return false;
	if (is_echo(row, item))
		return false;
	bool is_same = row->print == cache_item_print(item);
	bool is_state_only = row->is_read != item->is_read || row->flag != (int)item->flag;
	/* With the new id of a move comes a new ChangeKey, which says nothing. */
	return !is_same || (!is_state_only && strcmp(row->item_id, item->id) == 0);
}

/* @row's node comes to this folder as @item: a tombstone, or a live node whose id stayed. */
static bool move_here(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	const EwsItem *item = incoming->item;
	g_autofree char *name = NULL;
	if (!free_name(self, row->name, &incoming->by_id, row->node, &name, error))
		return false;
	if (row->state == NODE_LIVE && row->dir != 0) {
		cache_note_gone(self->cache, row->dir, row->name, row->node);
		cache_note(self->cache, CACHE_CHANGE_MEMBERS, row->dir, 0);
		if (!cache_node_touch_dir(self->conn, row->dir, g_get_real_time(), error))
			return false;
	}
	CacheItemPlace place = {.folder = self->folder, .run = self->run, .by_key = row->by_key};
	bool keeps_bytes = strcmp(row->item_id, item->id) == 0 || agree(row, item);
	bool moves_mtime = !keeps_bytes || item->is_draft;
	bool is_suspect = (row->flags & NODE_SUSPECT) != 0 || is_content_change(row, item);
	bool is_wanted = row->size < 0 && (row->flags & NODE_ERROR) == 0;
	bool has_doubt = row->size >= 0 && is_suspect;
	if (!cache_conn_run(self->conn, error,
		    "UPDATE node SET parent = ?, state = 0, name = ?, rights = ?, ctime = ?,"
		    " mtime = CASE WHEN ? THEN ? ELSE mtime END, flags = flags | ?,"
		    " want = nullif(?, 0) WHERE id = ?",
		    "itiiiiiii", self->dir, name, (int64_t)self->rights, ctime_of(item),
		    (int64_t)moves_mtime, cache_item_mtime(item),
		    (int64_t)(has_doubt ? NODE_SUSPECT : 0), (int64_t)(is_wanted || has_doubt),
		    row->node) ||
		!cache_item_write(self->conn, row->node, &place, incoming, error))
		return false;
	if (!keeps_bytes && !cache_apply_drop_bytes(self->cache, self->conn, row->node, error))
		return false;
	cache_note(self->cache, CACHE_CHANGE_ATTRIBUTES, row->node, self->dir);
	cache_note_arrived(self->cache, self->dir, name, row->node);
	note_arrival(self, item);
	return true;
}

/* The only tombstone among the sharers, or NULL; *ret_elsewhere: one lives in another folder. */
static const CacheItemRow *find_tomb(const CacheApply *self, const GPtrArray *sharers,
	bool *ret_elsewhere)
{
	const CacheItemRow *tomb = NULL;
	unsigned tombs = 0;
	for (guint i = 0; i < sharers->len; i++) {
		const CacheItemRow *row = sharers->pdata[i];
		if (!row->has_same_key)
			continue;
		/* One that we are about to delete is not what somebody else moved. */
		if (row->state == NODE_TOMB && (row->todo != 0 || row->doing != 0))
			continue;
		if (row->state == NODE_TOMB) {
			tomb = row;
			tombs++;
		} else if (row->dir != self->dir) {
			*ret_elsewhere = true;
		}
	}
	return tombs == 1 ? tomb : NULL;
}

static bool add_item(CacheApply *self, const CacheIncoming *incoming, GError **error)
{
	g_autoptr(GPtrArray) sharers = NULL;
	bool lives_elsewhere = false;
	if (incoming->by_key.hash != 0) {
		sharers = cache_item_find_key(self->conn, incoming, error);
		if (sharers == NULL)
			return false;
		const CacheItemRow *tomb = find_tomb(self, sharers, &lives_elsewhere);
		if (tomb != NULL)
			return move_here(self, tomb, incoming, error);
	}
	Naming naming = {.is_provisional = lives_elsewhere};
	int64_t node = 0;
	if (!choose_naming(self, incoming, sharers, &naming, error) ||
		!add_node(self, incoming, &naming, &node, error))
		return false;
	CacheItemPlace place = {
		.folder = self->folder,
		.run = self->run,
		.by_key = naming.by_key,
		.is_provisional = lives_elsewhere,
		.is_new = true,
		.round = self->round,
	};
	note_arrival(self, incoming->item);
	return cache_item_write(self->conn, node, &place, incoming, error);
}

/* --- a known item ----------------------------------------------------------------------- */

/* One that we made ourselves, and whose search key is only known now: from now on it has the number
 * that it has for everybody. */
static bool take_number(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	uint64_t ino = cache_ident_ino(incoming->by_key.hash, self->mailbox_hash);
	int64_t holder = 0;
	/* Where the item is applied by itself, nobody says whose mailbox it is. */
	if (incoming->by_key.hash == 0 || self->mailbox_hash == 0)
		return true;
	if (!cache_item_find_ino(self->conn, ino, incoming->by_key.hash, &holder, error))
		return false;
	if (holder != 0 && holder != row->node &&
		!free_ino(self, incoming->by_id.hash, &ino, error))
		return false;
	return cache_conn_run(self->conn, error, "UPDATE node SET ino = ? WHERE id = ?", "ii",
		(int64_t)ino, row->node);
}

/* Written anew it is the same file for who has it: its number stays, until it is listed anew. */
static bool settle_number(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	if (row->key_hash == 0)
		return take_number(self, row, incoming, error);
	return row->key_hash == incoming->by_key.hash ||
	       cache_node_flag(self->conn, row->node, NODE_OLD_INO, 0, error);
}

/* Somebody moved it, and we are about to: ours is the last word. */
static bool follow(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	CacheItemPlace place = {.folder = self->folder, .run = self->run, .by_key = row->by_key};
	return cache_item_write(self->conn, row->node, &place, incoming, error);
}

/* Where names tell marks, others are another name, and so a change of the directory. */
static bool note_marks(CacheApply *self, bool is_other)
{
	bool is_renamed = is_other && self->cache->layout != NULL;
	if (is_renamed)
		self->is_moved = self->is_removed = true;
	return is_renamed;
}

static bool update_item(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	const EwsItem *item = incoming->item;
	bool is_same_key = g_strcmp0(row->change_key, item->change_key) == 0;
	bool is_content = is_content_change(row, item);
	bool was_fetched = row->size >= 0;
	bool had_error = (row->flags & NODE_ERROR) != 0 && !is_same_key;
	int set = is_content && was_fetched ? NODE_SUSPECT : 0;
	int clear = had_error ? NODE_ERROR : 0;
	bool moves_mtime = item->is_draft || row->is_draft;
	CacheItemPlace place = {
		.folder = row->folder,
		.run = self->run,
		.by_key = row->by_key,
		.is_provisional = row->is_provisional,
		.round = row->round,
	};
	if (!cache_item_write(self->conn, row->node, &place, incoming, error) ||
		!settle_number(self, row, incoming, error))
		return false;
	bool is_renamed = note_marks(self, row->is_read != item->is_read ||
						   row->flag != (int)item->flag ||
						   row->is_draft != item->is_draft);
	if (is_same_key && row->is_read == item->is_read && !is_renamed)
		return true;
	cache_note(self->cache, CACHE_CHANGE_ATTRIBUTES, row->node, self->dir);
	if (!is_echo(row, item) || row->is_read != item->is_read || row->flag != (int)item->flag)
		cache_note_touched(self->cache, row->node, is_content);
	return cache_conn_run(self->conn, error,
		"UPDATE node SET ctime = ?1, mtime = CASE WHEN ?2 THEN ?3 ELSE mtime END,"
		" size_hint = ?4, flags = (flags | ?5) & ~ ?6,"
		" want = CASE WHEN ?7 THEN 1 ELSE want END WHERE id = ?8",
		"iiiiiiii", ctime_of(item), (int64_t)moves_mtime, cache_item_mtime(item),
		MAX(item->size, 0), (int64_t)set, (int64_t)clear, (int64_t)(set != 0 || had_error),
		row->node);
}

/* What is pending here of its properties wins. The item is the caller's, and const to him; nobody
 * looks at it after. */
static bool overlay(CacheApply *self, const CacheItemRow *row, const EwsItem *item, GError **error)
{
	return row->todo == 0 ||
	       cache_fields_overlay(self->conn, row->node, (EwsItem *)item, error);
}

/* An item that no row knows: a stranger's, or one of ours that comes back. */
static bool meet(CacheApply *self, const CacheIncoming *incoming, GError **error)
{
	bool is_claimed = false;
	bool is_hidden = false;
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_own_claim(self, incoming, &is_claimed, &is_hidden, error))
		return false;
	if (is_hidden)
		return true;
	if (!is_claimed)
		return add_item(self, incoming, error);
	if (!cache_item_find(self->conn, &incoming->by_id, incoming->item->id, &row, error))
		return false;
	return row == NULL || row->state != NODE_LIVE ||
	       (overlay(self, row, incoming->item, error) &&
		       update_item(self, row, incoming, error));
}

static bool apply_known(CacheApply *self, const CacheItemRow *row, const CacheIncoming *incoming,
	GError **error)
{
	unsigned steps = row->todo | row->doing;
	/* Its end is near: nothing that is said of it matters any more. */
	if (row->state != NODE_LIVE && steps != 0)
		return cache_conn_run(self->conn, error, "UPDATE item SET run = ? WHERE node = ?",
			"ii", self->run, row->node);
	if (row->folder != self->folder && (steps & CACHE_TODO_MOVE) != 0)
		return follow(self, row, incoming, error);
	if (row->state != NODE_LIVE || row->folder != self->folder)
		return move_here(self, row, incoming, error);
	return update_item(self, row, incoming, error);
}

bool cache_apply_item(CacheApply *self, const EwsItem *item, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	CacheIncoming incoming;
	if (cache_own_has_departed(self->cache, item->id, self->folder))
		return true;
	cache_item_identify(&incoming, item);
	if (!cache_item_find(self->conn, &incoming.by_id, item->id, &row, error))
		return false;
	if (row == NULL)
		return meet(self, &incoming, error);
	return overlay(self, row, item, error) && apply_known(self, row, &incoming, error);
}

/* --- a vanished item -------------------------------------------------------------------- */

/* The only provisional item with the same search key, or NULL. */
static bool find_provisional(CacheApply *self, const CacheItemRow *row, CacheItemRow **ret_row,
	GError **error)
{
	int64_t count = 0;
	int64_t node = 0;
	const char *sql_count =
		"SELECT count(*) FROM item a JOIN item b ON b.key_hash = a.key_hash"
		" AND b.search_key = a.search_key AND b.node != a.node AND b.is_provisional = 1"
		" JOIN node ON node.id = b.node AND node.state = 0"
		" WHERE a.node = ? AND a.key_hash != 0 AND b.key_hash != 0";
	const char *sql_node =
		"SELECT b.node FROM item a JOIN item b ON b.key_hash = a.key_hash"
		" AND b.search_key = a.search_key AND b.node != a.node AND b.is_provisional = 1"
		" JOIN node ON node.id = b.node AND node.state = 0"
		" WHERE a.node = ? AND a.key_hash != 0 AND b.key_hash != 0";
	*ret_row = NULL;
	if (!cache_conn_int(self->conn, 0, &count, error, sql_count, "i", row->node))
		return false;
	if (count != 1)
		return true;
	return cache_conn_int(self->conn, 0, &node, error, sql_node, "i", row->node) &&
	       cache_item_get(self->conn, node, ret_row, error);
}

/* The item of @old turned up as @found: @old's node goes there, @found's was never needed. */
static bool merge(CacheApply *self, const CacheItemRow *old, const CacheItemRow *found,
	GError **error)
{
	Cache *cache = self->cache;
	bool keeps_bytes = g_strcmp0(old->message_id, found->message_id) == 0 &&
			   old->received == found->received && old->is_draft == found->is_draft &&
			   g_strcmp0(old->item_class, found->item_class) == 0;
	bool has_doubt = old->size >= 0 && old->print != found->print;
	cache_note_gone(cache, old->dir, old->name, old->node);
	cache_note_gone(cache, found->dir, found->name, found->node);
	cache_note(cache, CACHE_CHANGE_MEMBERS, found->dir, 0);
	cache_note(cache, CACHE_CHANGE_ATTRIBUTES, old->node, found->dir);
	/* The old name goes along if it is free there, as a rename would; names of one item differ
	 * between folders only where a copy stood in the way. */
	int64_t holder = 0;
	if (!cache_evict_forget(cache, self->conn, found->node, error) ||
		!cache_node_detach(self->conn, found->node, NODE_GONE, error) ||
		!cache_node_find(self->conn, found->dir, old->name, &holder, error))
		return false;
	cache_note_arrived(cache, found->dir, holder == 0 ? old->name : found->name, old->node);
	/* What is known of the content is of the old node's, which goes along. */
	return cache_conn_run(self->conn, error,
		       "UPDATE item SET digest = o.digest, error = o.error,"
		       " error_key = o.error_key, error_at = o.error_at"
		       " FROM (SELECT * FROM item WHERE node = ?1) AS o WHERE item.node = ?2",
		       "ii", old->node, found->node) &&
	       cache_conn_run(self->conn, error, "DELETE FROM item WHERE node = ?", "i",
		       old->node) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE item SET node = ?, is_provisional = 0, by_key = ? WHERE node = ?",
		       "iii", old->node, (int64_t)old->by_key, found->node) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE node SET parent = ?1, name = ?2, rights = n.rights, ctime = n.ctime,"
		       " mtime = CASE WHEN ?5 THEN n.mtime ELSE node.mtime END,"
		       " flags = flags | ?6, want = CASE WHEN ?6 THEN 1 ELSE want END"
		       " FROM (SELECT rights, ctime, mtime FROM node WHERE id = ?3) AS n"
		       " WHERE id = ?4",
		       "itiiii", found->dir, holder == 0 ? old->name : found->name, found->node,
		       old->node, (int64_t)(!keeps_bytes || found->is_draft),
		       (int64_t)(has_doubt ? NODE_SUSPECT : 0)) &&
	       (keeps_bytes || cache_apply_drop_bytes(cache, self->conn, old->node, error));
}

bool cache_apply_vanished(CacheApply *self, int64_t node, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	g_autoptr(CacheItemRow) found = NULL;
	if (!cache_item_get(self->conn, node, &row, error))
		return false;
	if (row == NULL || row->state != NODE_LIVE)
		return true;
	bool is_ours = false;
	if (!cache_own_vanished(self, row, &is_ours, error))
		return false;
	if (is_ours)
		return true;
	self->is_moved = self->is_removed = true;
	if (!find_provisional(self, row, &found, error))
		return false;
	if (found != NULL)
		return merge(self, row, found, error);
	cache_note_gone(self->cache, row->dir, row->name, row->node);
	return cache_node_detach(self->conn, node, NODE_TOMB, error) &&
	       cache_conn_run(self->conn, error, "UPDATE item SET round = ? WHERE node = ?", "ii",
		       self->round, node);
}

/* --- pages ------------------------------------------------------------------------------ */

static bool apply_deleted(CacheApply *self, const char *item_id, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, item_id, strlen(item_id));
	/* Where ids stay over moves, what another folder has yet to complete is none of ours. */
	if (!cache_item_find(self->conn, &ident, item_id, &row, error) ||
		!cache_conn_run(self->conn, error,
			"DELETE FROM pending WHERE item_id = ? AND folder = ?", "ti", item_id,
			self->folder))
		return false;
	/* What lives in another folder by now is not what this folder lost. */
	if (row == NULL || row->folder != self->folder)
		return true;
	return cache_apply_vanished(self, row->node, error);
}

static bool apply_read_flag(CacheApply *self, const EwsItem *item, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, item->id, strlen(item->id));
	if (!cache_item_find(self->conn, &ident, item->id, &row, error))
		return false;
	if (row == NULL || row->state != NODE_LIVE)
		return true;
	if (row->is_read != item->is_read)
		cache_note_touched(self->cache, row->node, false);
	(void)note_marks(self, row->is_read != item->is_read);
	/* 2: CACHE_FIELD_IS_READ; what was set here wins. */
	return cache_conn_run(self->conn, error,
		"UPDATE item SET run = ?2, is_read = CASE WHEN EXISTS (SELECT 1 FROM intent"
		" WHERE intent.node = ?3 AND (fields | sent_fields) & 2 != 0)"
		" THEN is_read ELSE ?1 END WHERE node = ?3",
		"iii", (int64_t)item->is_read, self->run, row->node);
}

bool cache_apply_change(CacheApply *self, const EwsItemChange *change, GError **error)
{
	switch (change->kind) {
	case EWS_CHANGE_DELETE:
		return apply_deleted(self, change->item->id, error);
	case EWS_CHANGE_READ_FLAG:
		return apply_read_flag(self, change->item, error);
	case EWS_CHANGE_CREATE:
	case EWS_CHANGE_UPDATE:
		break;
	}
	bool is_news = change->item->has_properties &&
		       !cache_own_may_be_older(self->cache, change->item);
	if (is_news)
		return cache_apply_item(self, change->item, error);
	/* It is asked for by itself. */
	return cache_conn_run(self->conn, error,
		"INSERT INTO pending (item_id, folder) VALUES (?, ?)"
		" ON CONFLICT (item_id) DO UPDATE SET folder = excluded.folder",
		"ti", change->item->id, self->folder);
}

/* Tombstones that no folder took over; item.round says since when each waits. */
static bool forget_tombs(Cache *cache, CacheConn *conn, int64_t round, GError **error)
{
	g_autoptr(GArray) tombs = cache_conn_ids(conn, error,
		"SELECT node.id FROM node JOIN item ON item.node = node.id"
		" WHERE node.state = 1 AND node.state > 0 AND item.round < ?"
		" AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.node = node.id)",
		"i", round);
	if (tombs == NULL)
		return false;
	for (guint i = 0; i < tombs->len; i++) {
		int64_t id = g_array_index(tombs, int64_t, i);
		if (!cache_evict_forget(cache, conn, id, error) ||
			!cache_node_detach(conn, id, NODE_GONE, error))
			return false;
	}
	return true;
}

bool cache_apply_settle(Cache *cache, CacheConn *conn, int64_t round, GError **error)
{
	return forget_tombs(cache, conn, round, error) && cache_gone_drop(cache, conn, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET want = 1 WHERE size < 0 AND state = 0 AND id IN"
		       " (SELECT node FROM item WHERE is_provisional = 1 AND round < ?)",
		       "i", round) &&
	       cache_conn_run(conn, error,
		       "UPDATE item SET is_provisional = 0 WHERE is_provisional = 1 AND round < ?",
		       "i", round);
}
