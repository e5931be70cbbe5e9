/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cache/change.h"
#include "cache/dirs.h"
#include "cache/evict.h"
#include "cache/fields.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/marks.h"
#include "cache/node.h"
#include "ews/error.h"
#include "ews/types.h"

/*
 * rename(2), and what it means between the mailbox and what is only here. Any thread.
 *
 *   scratch → scratch   nothing but the name
 *   scratch → message   the message is finished: a create
 *   message → message   another name, another folder; one that was not sent yet is sent so
 *   message → scratch   put aside: on the server it stays as it is, until it is unlinked, or a
 *                       finished message takes its old name and so replaces it
 *   message → .send     to be sent
 */

/* A rename under way. */
typedef struct Renaming {
	Cache *cache;
	CacheConn *conn;
	CacheNode *from_dir; /* own, as all below */
	CacheNode *to_dir;
	CacheNode *node;
	CacheNode *target; /* what has the new name; NULL: nobody */
	const char *to_name;
	bool to_scratch;
	bool removes_target; /* its bytes in files/ go after the commit */
} Renaming;

static void renaming_clear(Renaming *self)
{
	cache_node_unref(self->from_dir);
	cache_node_unref(self->to_dir);
	cache_node_unref(self->node);
	cache_node_unref(self->target);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Renaming, renaming_clear)

static bool fail(GError **error, EwsErrorCode code, const char *name, const char *why)
{
	g_set_error(error, EWS_ERROR, code, "%s %s", name, why);
	return false;
}

/* --- the node ----------------------------------------------------------------------------- */

static bool place(const Renaming *self, GError **error)
{
	const CacheNode *node = self->node;
	int subdirs = node->kind == CACHE_KIND_DIR && self->from_dir->id != self->to_dir->id;
	return cache_conn_run(self->conn, error,
		       "UPDATE node SET parent = ?, name = ?, rights = ?, ctime = ? WHERE id = ?",
		       "itiii", self->to_dir->id, self->to_name,
		       (int64_t)(node->kind == CACHE_KIND_DIR
					 ? node->rights
					 : self->to_dir->rights | EWS_RIGHT_MODIFY),
		       g_get_real_time(), node->id) &&
	       cache_change_touch(self->conn, self->from_dir->id, -subdirs, error) &&
	       (self->from_dir->id == self->to_dir->id ||
		       cache_change_touch(self->conn, self->to_dir->id, subdirs, error));
}

/* --- messages ----------------------------------------------------------------------------- */

/* What the node was before, for who puts it back under its name. */
static bool put_aside(const Renaming *self, GError **error)
{
	return cache_conn_run(self->conn, error,
		       "INSERT INTO aside (node, parent, name) VALUES (?, ?, ?)"
		       " ON CONFLICT DO NOTHING",
		       "iit", self->node->id, self->node->parent, self->node->name) &&
	       place(self, error);
}

/* A message that was not sent becomes scratch again, and what it would have replaced is told so
 * by nobody: it comes back with the next look at its folder. */
static bool demote(const Renaming *self, GError **error)
{
	return cache_conn_run(self->conn, error, "DELETE FROM intent WHERE node = ?", "i",
		       self->node->id) &&
	       cache_node_flag(self->conn, self->node->id, NODE_SCRATCH, 0, error) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE local SET is_finished = 0, sha256 = NULL WHERE node = ?", "i",
		       self->node->id) &&
	       place(self, error);
}

/* The message that has the new name is replaced. A create will remove it when it is confirmed; a
 * message that only moves leaves that to the other one's own intent. */
static bool replace(Renaming *self, CacheIntent *intent, bool will_create, GError **error)
{
	const CacheNode *old = self->target;
	g_autoptr(CacheItemRow) row = NULL;
	g_autoptr(CacheIntent) other = NULL;
	self->removes_target = old->is_local;
	if (!cache_item_get(self->conn, old->id, &row, error) ||
		!cache_intent_get(self->conn, old->id, &other, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	bool is_busy = other != NULL && !cache_intent_is_unsent(other);
	if (row != NULL && will_create &&
		!cache_fields_inherit(self->conn, self->node->id, old->id, intent->fields, error))
		return false;
	/* One that replaces another already leaves this one to its own intent. */
	bool is_first = will_create && intent->old_id == NULL;
	if (is_first && !is_busy && (is_known || (other != NULL && other->old_id != NULL))) {
		CacheReplaced theirs;
		if (is_known)
			theirs = cache_change_replaced(row);
		else
			theirs = (CacheReplaced){other->old_id, other->old_folder,
				other->old_print};
		return cache_intent_replace(self->conn, intent, &theirs, error) &&
		       cache_change_forget(self->cache, self->conn, old->id, error);
	}
	return cache_remove_file(self->cache, self->conn, old, self->node->id, error);
}

/* What is not empty and no message stays what it was, under its old name. */
static bool check_message(const Renaming *self, GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(self->conn, self->node->id, &row, error))
		return false;
	if (row == NULL || row->error == NULL)
		return true;
	return fail(error, EWS_ERROR_INVALID, self->to_name, row->error);
}

/* Scratch, or a new message, under a message's name: it is finished by that. */
static bool promote(Renaming *self, GError **error)
{
	int64_t fields = 0;
	if (!cache_conn_int(self->conn, 0, &fields, error,
		    "SELECT fields FROM local WHERE node = ?", "i", self->node->id) ||
		!cache_node_flag(self->conn, self->node->id, 0, NODE_SCRATCH, error))
		return false;
	g_autoptr(CacheIntent) intent = cache_intent_take(self->conn, self->node->id, error);
	if (intent == NULL)
		return false;
	intent->fields |= (unsigned)fields;
	cache_intent_ask_make(intent, NULL, 0);
	intent->state = CACHE_INTENT_OPEN;
	if (self->target != NULL && !replace(self, intent, true, error))
		return false;
	if (!cache_intent_put(self->conn, intent, true, error) || !place(self, error))
		return false;
	g_autoptr(CacheNode) node = cache_node_get(self->conn, self->node->id, error);
	return node != NULL && cache_change_finish(self->cache, self->conn, node, error) &&
	       check_message(self, error);
}

/* A message that the server has, or is about to have. */
static bool move(Renaming *self, GError **error)
{
	const CacheNode *node = self->node;
	bool is_moved = self->from_dir->id != self->to_dir->id;
	if (is_moved && !cache_change_may(self->from_dir, EWS_RIGHT_DELETE, error))
		return false;
	/* Back under its own name: it never went. */
	int64_t is_back = 0;
	if (!cache_conn_int(self->conn, 0, &is_back, error,
		    "SELECT count(*) FROM aside WHERE node = ? AND parent = ? AND name = ?", "iit",
		    node->id, self->to_dir->id, self->to_name) ||
		!cache_conn_run(self->conn, error, "DELETE FROM aside WHERE node = ?", "i",
			node->id))
		return false;
	if (self->target != NULL && !replace(self, NULL, false, error))
		return false;
	if (!place(self, error))
		return false;
	g_autoptr(CacheIntent) intent = cache_intent_take(self->conn, node->id, error);
	if (intent == NULL)
		return false;
	/* Where the server has it, should it refuse. */
	if (intent->old_parent == 0) {
		intent->old_parent = node->parent;
		intent->old_name = g_strdup(node->name);
	}
	CacheIntentState state = intent->state;
	bool is_open = state == CACHE_INTENT_OPEN;
	if (is_back == 0 && strcmp(node->name, self->to_name) != 0)
		cache_intent_ask_fields(intent, CACHE_INTENT_NAME);
	cache_intent_ask_move(intent);
	if (is_open)
		intent->state = state;
	return cache_intent_put(self->conn, intent, true, error);
}

/* --- sending ------------------------------------------------------------------------------ */

/* Into .send: a draft is made of it, and that is sent. */
static bool send(Renaming *self, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	bool is_ready = false;
	if (self->target != NULL)
		return fail(error, EWS_ERROR_EXISTS, self->to_name, "is being sent already");
	if (!cache_item_get(self->conn, self->node->id, &row, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	if (is_known ? !row->is_draft : !self->node->is_local)
		return fail(error, EWS_ERROR_INVALID, self->node->name, "is not a draft");
	if (!is_known && (!cache_local_finish(self->cache->locals, self->conn, self->node->id,
				  self->to_name, &is_ready, error) ||
				 !is_ready)) {
		if (error != NULL && *error == NULL)
			fail(error, EWS_ERROR_INVALID, self->node->name, "is no finished message");
		return false;
	}
	if (!cache_node_flag(self->conn, self->node->id, 0, NODE_SCRATCH, error) ||
		!place(self, error))
		return false;
	g_autoptr(CacheIntent) intent = cache_intent_take(self->conn, self->node->id, error);
	if (intent == NULL)
		return false;
	if (!is_known)
		cache_intent_ask_make(intent, NULL, 0);
	intent->todo |= CACHE_TODO_SEND;
	return cache_intent_put(self->conn, intent, true, error);
}

/* --- which of these ------------------------------------------------------------------------ */

static bool rename_file(Renaming *self, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	g_autoptr(CacheIntent) intent = NULL;
	const CacheNode *node = self->node;
	if (self->target != NULL && self->target->kind == CACHE_KIND_DIR)
		return fail(error, EWS_ERROR_INVALID, self->to_name, "is a directory");
	if (!cache_change_judge(self->to_dir, self->to_name, &self->to_scratch, error) ||
		!cache_item_get(self->conn, node->id, &row, error) ||
		!cache_intent_get(self->conn, node->id, &intent, error))
		return false;
	if (self->from_dir->id != self->to_dir->id &&
		!cache_change_may(self->to_dir, EWS_RIGHT_CREATE_CONTENTS, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	bool is_unsent = !is_known && (intent == NULL || cache_intent_is_unsent(intent));
	/* The name is one of its properties. */
	if (self->from_dir->id == self->to_dir->id && !is_unsent && !node->is_scratch &&
		!cache_change_may(node, EWS_RIGHT_MODIFY, error))
		return false;
	if (!self->to_scratch && cache_change_is_send(self->to_dir))
		return send(self, error);
	if (!self->to_scratch)
		return is_unsent ? promote(self, error) : move(self, error);
	if (self->target != NULL) {
		self->removes_target = self->target->is_local;
		if (!cache_remove_file(self->cache, self->conn, self->target, 0, error))
			return false;
	}
	if (node->is_scratch)
		return place(self, error);
	return is_unsent ? demote(self, error) : put_aside(self, error);
}

static bool check_name_of_dir(Renaming *self, GError **error)
{
	self->to_scratch = self->to_dir->is_scratch || self->to_name[0] == '.';
	if (self->to_scratch != self->node->is_scratch)
		return fail(error, EWS_ERROR_UNSUPPORTED, self->node->name,
			"cannot change between a folder and a place for scratch files");
	return true;
}

/* The folder that a directory leaves is remembered: it is not empty before. */
static bool ask_dir(Renaming *self, GError **error)
{
	bool is_moved = self->from_dir->id != self->to_dir->id;
	bool is_renamed = strcmp(self->node->name, self->to_name) != 0;
	g_autoptr(CacheIntent) intent = cache_intent_take(self->conn, self->node->id, error);
	if (intent == NULL)
		return false;
	if (!cache_intent_is_unsent(intent) && intent->old_folder == 0 &&
		!cache_conn_int(self->conn, 0, &intent->old_folder, error,
			"SELECT id FROM folder WHERE node = ?", "i", self->from_dir->id))
		return false;
	/* Where the server has it, should it refuse. */
	if (!cache_intent_is_unsent(intent) && intent->old_parent == 0) {
		intent->old_parent = self->from_dir->id;
		intent->old_name = g_strdup(self->node->name);
	}
	if (self->target != NULL)
		intent->after = self->target->id;
	if (is_renamed)
		cache_intent_ask_fields(intent, CACHE_INTENT_NAME);
	if (is_moved)
		cache_intent_ask_move(intent);
	return cache_intent_put(self->conn, intent, true, error);
}

/* Is the directory that it is to go to itself, or below it? */
static bool is_below_itself(const Renaming *self, bool *ret_below, GError **error)
{
	int64_t dir = self->to_dir->id;
	*ret_below = false;
	while (dir > CACHE_ROOT && !*ret_below) {
		*ret_below = dir == self->node->id;
		if (!cache_conn_int(self->conn, 0, &dir, error,
			    "SELECT parent FROM node WHERE id = ?", "i", dir))
			return false;
	}
	return true;
}

static bool rename_dir(Renaming *self, GError **error)
{
	bool is_below = false;
	if (!is_below_itself(self, &is_below, error))
		return false;
	if (is_below)
		return fail(error, EWS_ERROR_INVALID, self->to_name, "is below itself");

	if (self->target != NULL && self->target->kind != CACHE_KIND_DIR)
		return fail(error, EWS_ERROR_EXISTS, self->to_name, "is not a directory");
	if (cache_change_is_send(self->to_dir))
		return fail(error, EWS_ERROR_INVALID, self->node->name, "is a directory");
	if (!check_name_of_dir(self, error) || !cache_remove_may_dir(self->conn, self->node, error))
		return false;
	if (self->target != NULL &&
		(!cache_remove_dir(self->cache, self->conn, self->target, error) ||
			!cache_change_touch(self->conn, self->to_dir->id, -1, error)))
		return false;
	if (self->node->is_scratch)
		return place(self, error);
	return cache_change_may(self->to_dir, EWS_RIGHT_CREATE_HIERARCHY, error) &&
	       place(self, error) && ask_dir(self, error) &&
	       cache_dirs_touch_root(self->cache, self->conn, error);
}

static bool rename_it(Renaming *self, const char *name, bool can_replace, GError **error)
{
	self->node = cache_change_find(self->conn, self->from_dir->id, name, error);
	if (self->node == NULL)
		return false;
	g_autoptr(GError) missing = NULL;
	self->target = cache_change_find(self->conn, self->to_dir->id, self->to_name, &missing);
	if (missing != NULL && !ews_error_is(missing, EWS_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return false;
	}
	if (self->target != NULL && self->target->id == self->node->id)
		return true;
	if (self->target != NULL && !can_replace)
		return fail(error, EWS_ERROR_EXISTS, self->to_name, "exists");
	return self->node->kind == CACHE_KIND_DIR ? rename_dir(self, error)
						  : rename_file(self, error);
}

static bool mark(const Renaming *self, const CacheRename *what, GError **error)
{
	if (!what->has_marks || self->node->kind == CACHE_KIND_DIR)
		return true;
	/* What it has become. */
	g_autoptr(CacheNode) node = cache_node_get(self->conn, self->node->id, error);
	return node != NULL &&
	       cache_marks_set(self->cache, self->conn, node, what->marks, error);
}

bool cache_rename_marked(Cache *cache, const CacheRename *what, GError **error)
{
	g_auto(Renaming) self = {.cache = cache, .to_name = what->to_name};
	self.conn = cache_change_begin(cache, error);
	if (self.conn == NULL)
		return false;
	self.from_dir = cache_change_dir(self.conn, what->dir, error);
	if (self.from_dir != NULL)
		self.to_dir = cache_change_dir(self.conn, what->to_dir, error);
	bool is_good = self.to_dir != NULL &&
		       rename_it(&self, what->name, what->can_replace, error) &&
		       mark(&self, what, error);
	if (!cache_change_end(cache, is_good, error))
		return false;
	if (self.removes_target)
		cache_local_remove(cache->locals, self.target->id);
	return true;
}

bool cache_rename(Cache *cache, int64_t dir, const char *name, int64_t to_dir, const char *to_name,
	bool can_replace, GError **error)
{
	const CacheRename what = {
		.dir = dir,
		.name = name,
		.to_dir = to_dir,
		.to_name = to_name,
		.can_replace = can_replace,
	};
	return cache_rename_marked(cache, &what, error);
}
