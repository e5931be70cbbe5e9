/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/intent.h"

#include <string.h>

#include "cache/private.h"
#include "ews/error.h"

CacheIntent *cache_intent_new(int64_t node, CacheKind kind)
{
	CacheIntent *self = g_new0(CacheIntent, 1);
	self->node = node;
	self->kind = kind;
	return self;
}

void cache_intent_free(CacheIntent *self)
{
	if (self == NULL)
		return;
	g_free(self->sent_sha256);
	g_free(self->old_id);
	g_free(self->old_name);
	g_free(self->sent_name);
	g_free(self->guid);
	g_free(self->item_class);
	g_free(self->error);
	g_free(self->target_id);
	g_free(self->id);
	g_free(self->change_key);
	g_free(self->source_id);
	g_free(self->content);
	g_free(self->target_content);
	g_free(self->source_content);
	g_free(self->old_content);
	g_free(self->name);
	g_free(self);
}

/* --- asking ------------------------------------------------------------------------------ */

/* Steps that bring the item into being. */
#define BIRTH (CACHE_TODO_MAKE | CACHE_TODO_COPY)

void cache_intent_step_done(CacheIntent *self, CacheTodo step)
{
	self->todo &= ~(unsigned)step;
	/* A create that was repeated has said what came up during the first. */
	if (self->fields == 0)
		self->todo &= ~(unsigned)CACHE_TODO_UPDATE;
	self->doing = 0;
	self->sent_fields = 0;
	self->tries = 0;
	self->not_before = 0;
	self->state = CACHE_INTENT_QUEUED;
	g_clear_pointer(&self->error, g_free);
}

bool cache_intent_is_unsent(const CacheIntent *self)
{
	return (self->todo & BIRTH) != 0 && self->doing == 0 && self->id == NULL &&
	       self->state != CACHE_INTENT_DOUBT && !cache_intent_may_be_made(self);
}

bool cache_intent_may_be_made(const CacheIntent *self)
{
	return (self->todo & CACHE_TODO_MAKE) != 0 && self->sent_name != NULL;
}

void cache_intent_repeat_dir(CacheIntent *self)
{
	if (self->sent_name != NULL)
		return;
	self->sent_name = g_strdup(self->name);
	self->sent_folder = self->target;
}

void cache_intent_dir_made(CacheIntent *self)
{
	bool is_renamed = self->dir != 0 && g_strcmp0(self->sent_name, self->name) != 0;
	bool is_moved = self->dir != 0 && self->target != self->sent_folder;
	self->fields = is_renamed ? CACHE_INTENT_NAME : 0;
	self->todo &= ~(unsigned)(CACHE_TODO_MOVE | CACHE_TODO_UPDATE);
	self->todo |= (is_renamed ? CACHE_TODO_UPDATE : 0) | (is_moved ? CACHE_TODO_MOVE : 0);
	if (self->dir != 0 && !is_moved)
		self->old_folder = 0;
	g_clear_pointer(&self->sent_name, g_free);
}

bool cache_intent_is_unwanted(const CacheIntent *self)
{
	return (self->todo & BIRTH) != 0 && (self->todo & CACHE_TODO_DELETE) != 0;
}

bool cache_intent_may_have_moved(const CacheIntent *self)
{
	return self->moved_to != 0;
}

bool cache_intent_is_over(const CacheIntent *self)
{
	return self->todo == 0 && self->doing == 0;
}

CacheTodo cache_intent_next(const CacheIntent *self)
{
	if ((self->todo & CACHE_TODO_MOVE) != 0 && cache_intent_may_have_moved(self))
		return CACHE_TODO_MOVE;
	return (CacheTodo)(self->todo & -self->todo);
}

/* Asked for anew: what a person was to decide, he has decided. */
static void reopen(CacheIntent *self)
{
	bool is_parked = self->state == CACHE_INTENT_FAILED || self->state == CACHE_INTENT_OPEN;
	if (is_parked) {
		self->state = CACHE_INTENT_QUEUED;
		self->tries = 0;
		self->not_before = 0;
		g_clear_pointer(&self->error, g_free);
	}
}

void cache_intent_forget_old(CacheIntent *self)
{
	g_clear_pointer(&self->old_id, g_free);
	self->old_folder = 0;
	self->todo &= ~(unsigned)CACHE_TODO_REMOVE_OLD | self->doing;
}

void cache_intent_ask_make(CacheIntent *self, const char *old_id, int64_t old_folder)
{
	reopen(self);
	self->todo |= CACHE_TODO_MAKE;
	/* What was to be copied was written over; but it may be there already. */
	if (self->doing != CACHE_TODO_COPY && self->state != CACHE_INTENT_DOUBT)
		self->todo &= ~(unsigned)CACHE_TODO_COPY;
	/* It goes where the node is, with what the node has. What it takes the place of must be
	 * known, though, before it is removed there. */
	if (self->doing == 0)
		self->todo &= ~(unsigned)(CACHE_TODO_MOVE | CACHE_TODO_UPDATE);
	if (self->doing == 0 && cache_intent_may_have_moved(self))
		self->todo |= CACHE_TODO_MOVE;
	if (old_id != NULL && g_strcmp0(old_id, self->old_id) != 0) {
		cache_intent_forget_old(self);
		self->old_id = g_strdup(old_id);
		self->old_folder = old_folder;
	}
	if (self->guid == NULL)
		self->guid = g_uuid_string_random();
}

void cache_intent_drop_make(CacheIntent *self)
{
	reopen(self);
	self->todo &= ~(unsigned)CACHE_TODO_MAKE;
	if (g_strcmp0(self->old_id, self->id) == 0)
		cache_intent_forget_old(self);
	if (self->fields != 0)
		self->todo |= CACHE_TODO_UPDATE;
	cache_intent_ask_move(self);
}

void cache_intent_drop_birth(CacheIntent *self)
{
	self->todo &= ~(unsigned)BIRTH;
	self->doing = 0;
	self->fields = self->sent_fields = 0;
	self->state = CACHE_INTENT_QUEUED;
	if (self->id == NULL)
		self->todo &= ~(unsigned)CACHE_TODO_DELETE;
	if (self->kind == CACHE_KIND_FILE && self->id != NULL &&
		g_strcmp0(self->old_id, self->id) == 0)
		cache_intent_forget_old(self);
}

void cache_intent_ask_copy(CacheIntent *self, int64_t source)
{
	reopen(self);
	self->todo =
		(self->todo & ~(unsigned)CACHE_TODO_MAKE) | CACHE_TODO_COPY | CACHE_TODO_UPDATE;
	self->fields |= CACHE_INTENT_NAME | CACHE_INTENT_GUID;
	self->source = source;
	if (self->guid == NULL)
		self->guid = g_uuid_string_random();
}

void cache_intent_drop_copy(CacheIntent *self)
{
	self->todo &= ~(unsigned)(CACHE_TODO_COPY | CACHE_TODO_MOVE | CACHE_TODO_UPDATE);
	self->todo |= CACHE_TODO_MAKE;
	self->source = 0;
}

void cache_intent_ask_move(CacheIntent *self)
{
	reopen(self);
	/* A birth that has not left goes to where the node is then. */
	if ((self->todo & BIRTH) != 0 && self->doing == 0)
		return;
	bool is_there = self->doing == 0 ? self->target != 0 && self->target == self->folder
					 : self->target != 0 && self->target == self->sent_folder;
	if (is_there && (self->doing != 0 || !cache_intent_may_have_moved(self)))
		self->todo &= ~(unsigned)CACHE_TODO_MOVE | self->doing;
	else
		self->todo |= CACHE_TODO_MOVE;
}

void cache_intent_ask_fields(CacheIntent *self, unsigned fields)
{
	reopen(self);
	self->fields |= fields;
	if ((self->todo & CACHE_TODO_MAKE) == 0 || self->doing != 0)
		self->todo |= CACHE_TODO_UPDATE;
}

void cache_intent_ask_delete(CacheIntent *self)
{
	bool is_unsent = cache_intent_is_unsent(self);
	reopen(self);
	if (is_unsent) {
		self->todo = self->old_id != NULL ? CACHE_TODO_REMOVE_OLD : 0;
		return;
	}
	/* While it is in doubt where the item is, nothing new of it was sent: the move goes
	 * first. */
	bool is_birth_in_doubt =
		self->state == CACHE_INTENT_DOUBT && !cache_intent_may_have_moved(self);
	/* An item that is written anew, and was not sent so yet, is still its old self. */
	bool is_rewritten = (self->todo & CACHE_TODO_MAKE) != 0 && self->doing == 0 &&
			    !is_birth_in_doubt;
	if (is_rewritten && g_strcmp0(self->old_id, self->id) == 0)
		cache_intent_forget_old(self);
	/* It is looked for; should it be there, it goes. */
	if (self->doing == 0 && cache_intent_may_be_made(self)) {
		self->state = CACHE_INTENT_DOUBT;
		is_birth_in_doubt = true;
	}
	unsigned kept = self->doing | (self->todo & CACHE_TODO_REMOVE_OLD);
	if (is_birth_in_doubt)
		kept |= self->todo & BIRTH;
	self->todo = kept | CACHE_TODO_DELETE;
	if (self->old_id != NULL)
		self->todo |= CACHE_TODO_REMOVE_OLD;
	self->fields = 0;
}

const char *cache_intent_content(const CacheIntent *self, CacheTodo step)
{
	if (self->kind == CACHE_KIND_DIR)
		return NULL;
	switch (step) {
	case CACHE_TODO_MAKE:
		return self->target_content;
	case CACHE_TODO_COPY:
		return self->source_content;
	case CACHE_TODO_REMOVE_OLD:
		return self->old_content;
	case CACHE_TODO_MOVE:
	case CACHE_TODO_UPDATE:
	case CACHE_TODO_SEND:
	case CACHE_TODO_DELETE:
		return self->content;
	}
	return NULL;
}

char *cache_intent_describe(const CacheIntent *self)
{
	static const struct {
		CacheTodo step;
		const char *word;
	} words[] = {
		{CACHE_TODO_MAKE, "create"},
		{CACHE_TODO_COPY, "copy"},
		{CACHE_TODO_MOVE, "move"},
		{CACHE_TODO_UPDATE, "update"},
		{CACHE_TODO_SEND, "send"},
		{CACHE_TODO_REMOVE_OLD, "replace"},
		{CACHE_TODO_DELETE, "delete"},
	};
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		if (self->todo & words[i].step)
			g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
				words[i].word);
	}
	return g_string_free(text, FALSE);
}

/* --- rows -------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
	"intent.node, intent.seq, intent.state, intent.todo, intent.doing, intent.fields,"         \
	" intent.sent_fields, intent.sent_folder, intent.is_urgent, intent.after, intent.source,"  \
	" intent.old_folder, intent.old_parent, intent.attempt, intent.sent_at, intent.since,"     \
	" intent.touched, intent.not_before, intent.tries, intent.is_trash, intent.sent_sha256,"   \
	" intent.old_id, intent.old_name, intent.guid, intent.item_class, intent.error,"           \
	" intent.old_print, intent.sent_name, intent.moved_to"
#define COLUMN_COUNT 29

/* A folder that goes waits for all that leaves it. */
#define HAS_DEPARTURES                                                                             \
	" (node.kind = 0 AND intent.todo & 64 != 0 AND EXISTS (SELECT 1 FROM intent AS leave"      \
	"  LEFT JOIN item AS leaving ON leaving.node = leave.node"                                 \
	"  JOIN folder AS empty ON empty.folder_id = intent.old_id"                                \
	"  WHERE leave.node != intent.node"                                                        \
	"  AND (leaving.folder = empty.id OR leave.old_folder = empty.id)))"

/* A move whose answer was lost is repeated as it was, wherever the node has been put since: so it
 * is either done or found where it led to, and goes on from there. The condition is
 * cache_intent_may_have_moved, by which the move is the next step; and likewise of a directory
 * cache_intent_may_be_made. (1: MAKE, 4: MOVE.) */
#define DESTINATION                                                                                \
	" CASE WHEN intent.todo & 4 != 0 AND intent.moved_to != 0 THEN coalesce("                  \
	" (SELECT folder_id FROM folder WHERE id = intent.moved_to), target.folder_id)"            \
	" WHEN intent.todo & 1 != 0 AND intent.sent_name IS NOT NULL THEN coalesce("               \
	" (SELECT folder_id FROM folder WHERE id = intent.sent_folder), target.folder_id)"         \
	" ELSE target.folder_id END"

/* What is beside the row: where the node is, what it is on the server, what it waits for. */
#define BESIDE                                                                                     \
	", node.kind, CASE WHEN node.state = 0 THEN node.parent ELSE 0 END, node.name,"            \
	" node.size, item.folder, item.item_id, item.change_key, own.folder_id, target.id,"        \
	DESTINATION ", origin.item_id,"                                                            \
	" EXISTS (SELECT 1 FROM intent AS first WHERE first.node = intent.after) "                 \
	"OR" HAS_DEPARTURES ","                                                                    \
	" (SELECT name FROM distinguished WHERE folder_id = target.folder_id),"                    \
	" coalesce(own.content, (SELECT content FROM folder WHERE id = item.folder)),"             \
	" target.content, (SELECT content FROM folder WHERE id = origin.folder),"                  \
	" (SELECT content FROM folder WHERE id = intent.old_folder)"
#define FROM                                                                                       \
	" FROM intent JOIN node ON node.id = intent.node"                                          \
	" LEFT JOIN item ON item.node = intent.node"                                               \
	" LEFT JOIN folder AS own ON own.node = intent.node"                                       \
	" LEFT JOIN folder AS target ON target.folder_id = CASE WHEN intent.todo & 16 != 0"        \
	"  THEN (SELECT folder_id FROM distinguished WHERE name = 'drafts') ELSE (SELECT "         \
	"at.folder_id"                                                                             \
	"  FROM folder AS at WHERE at.node = node.parent AND node.state = 0) END"                  \
	" LEFT JOIN item AS origin ON origin.node = intent.source"

static CacheIntent *read_row(sqlite3_stmt *stmt)
{
	CacheIntent *self = g_new0(CacheIntent, 1);
	self->node = sqlite3_column_int64(stmt, 0);
	self->seq = sqlite3_column_int64(stmt, 1);
	self->state = (CacheIntentState)sqlite3_column_int(stmt, 2);
	self->todo = (unsigned)sqlite3_column_int(stmt, 3);
	self->doing = (unsigned)sqlite3_column_int(stmt, 4);
	self->fields = (unsigned)sqlite3_column_int(stmt, 5);
	self->sent_fields = (unsigned)sqlite3_column_int(stmt, 6);
	self->sent_folder = sqlite3_column_int64(stmt, 7);
	self->is_urgent = sqlite3_column_int(stmt, 8) != 0;
	self->after = sqlite3_column_int64(stmt, 9);
	self->source = sqlite3_column_int64(stmt, 10);
	self->old_folder = sqlite3_column_int64(stmt, 11);
	self->old_parent = sqlite3_column_int64(stmt, 12);
	self->attempt = (unsigned)sqlite3_column_int(stmt, 13);
	self->sent_at = sqlite3_column_int64(stmt, 14);
	self->since = sqlite3_column_int64(stmt, 15);
	self->touched = sqlite3_column_int64(stmt, 16);
	self->not_before = sqlite3_column_int64(stmt, 17);
	self->tries = (unsigned)sqlite3_column_int(stmt, 18);
	self->is_trash = sqlite3_column_int(stmt, 19) != 0;
	self->sent_sha256 = cache_column_dup(stmt, 20);
	self->old_id = cache_column_dup(stmt, 21);
	self->old_name = cache_column_dup(stmt, 22);
	self->guid = cache_column_dup(stmt, 23);
	self->item_class = cache_column_dup(stmt, 24);
	self->error = cache_column_dup(stmt, 25);
	self->old_print = sqlite3_column_int64(stmt, 26);
	self->sent_name = cache_column_dup(stmt, 27);
	self->moved_to = sqlite3_column_int64(stmt, 28);
	return self;
}

static void read_beside(CacheIntent *self, sqlite3_stmt *stmt)
{
	const int base = COLUMN_COUNT;
	self->kind = (CacheKind)sqlite3_column_int(stmt, base);
	self->dir = sqlite3_column_int64(stmt, base + 1);
	self->name = cache_column_dup(stmt, base + 2);
	self->bytes = MAX(sqlite3_column_int64(stmt, base + 3), 0);
	self->folder = sqlite3_column_int64(stmt, base + 4);
	/* A new item's id is our own word for it. */
	if (self->kind == CACHE_KIND_DIR)
		self->id = self->old_id != NULL ? g_strdup(self->old_id)
						: cache_column_dup(stmt, base + 7);
	else if (self->folder != 0)
		self->id = cache_column_dup(stmt, base + 5);
	self->change_key = cache_column_dup(stmt, base + 6);
	self->target = sqlite3_column_int64(stmt, base + 8);
	self->target_id = cache_column_dup(stmt, base + 9);
	self->source_id = cache_column_dup(stmt, base + 10);
	self->is_blocked = sqlite3_column_int(stmt, base + 11) != 0;
	const char *special = (const char *)sqlite3_column_text(stmt, base + 12);
	self->is_drafts = g_strcmp0(special, "drafts") == 0;
	self->to_send = (self->todo & CACHE_TODO_SEND) != 0;
	self->content = cache_column_dup(stmt, base + 13);
	self->target_content = cache_column_dup(stmt, base + 14);
	self->source_content = cache_column_dup(stmt, base + 15);
	self->old_content = cache_column_dup(stmt, base + 16);
}

/* All rows of a query that selects the intent's columns and those beside. */
static GPtrArray *read_all(CacheConn *conn, sqlite3_stmt *stmt, GError **error)
{
	g_autoptr(GPtrArray) intents =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_intent_free);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return NULL;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return NULL;
		if (!has_row)
			break;
		CacheIntent *intent = read_row(stmt);
		read_beside(intent, stmt);
		g_ptr_array_add(intents, intent);
	}
	return g_steal_pointer(&intents);
}

bool cache_intent_get(CacheConn *conn, int64_t node, CacheIntent **ret_intent, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " COLUMNS BESIDE FROM " WHERE intent.node = ?", "i", node);
	g_autoptr(GPtrArray) found = read_all(conn, stmt, error);
	if (found == NULL)
		return false;
	*ret_intent = found->len > 0 ? g_steal_pointer(&found->pdata[0]) : NULL;
	return true;
}

/* A new row, so that what is beside it can be looked up the same way. */
static bool insert(CacheConn *conn, int64_t node, GError **error)
{
	return cache_conn_run(conn, error,
		"INSERT INTO intent (node, seq, state, todo, since, touched) VALUES"
		" (?1, (SELECT coalesce(max(seq), 0) + 1 FROM intent), 0, 0, ?2, ?2)",
		"ii", node, g_get_real_time());
}

CacheIntent *cache_intent_take(CacheConn *conn, int64_t node, GError **error)
{
	CacheIntent *intent = NULL;
	if (!cache_intent_get(conn, node, &intent, error))
		return NULL;
	if (intent != NULL)
		return intent;
	if (!insert(conn, node, error) || !cache_intent_get(conn, node, &intent, error))
		return NULL;
	if (intent == NULL)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such node");
	return intent;
}

bool cache_intent_put(CacheConn *conn, CacheIntent *self, bool is_touched, GError **error)
{
	if (cache_intent_is_over(self))
		return cache_conn_run(conn, error, "DELETE FROM intent WHERE node = ?", "i",
			self->node);
	if (is_touched)
		self->touched = g_get_real_time();
	return cache_conn_run(conn, error,
		"UPDATE intent SET state = ?, todo = ?, doing = ?, fields = ?, sent_fields = ?,"
		" sent_folder = ?, is_urgent = ?, after = ?, source = ?, old_folder = ?,"
		" old_parent = ?, attempt = ?, sent_at = ?, touched = ?, not_before = ?, tries = ?,"
		" is_trash = ?, sent_sha256 = ?, old_id = ?, old_name = ?, guid = ?, item_class = "
		"?,"
		" error = ?, old_print = ?, sent_name = ?, moved_to = ? WHERE node = ?",
		"iiiiiiiiiiiiiiiiittttttitii", (int64_t)self->state, (int64_t)self->todo,
		(int64_t)self->doing, (int64_t)self->fields, (int64_t)self->sent_fields,
		self->sent_folder, (int64_t)self->is_urgent, self->after, self->source,
		self->old_folder, self->old_parent, (int64_t)self->attempt, self->sent_at,
		self->touched, self->not_before, (int64_t)self->tries, (int64_t)self->is_trash,
		self->sent_sha256, self->old_id, self->old_name, self->guid, self->item_class,
		self->error, self->old_print, self->sent_name, self->moved_to, self->node);
}

bool cache_intent_drop_copies(CacheConn *conn, int64_t source, GError **error)
{
	g_autoptr(GArray) nodes = cache_conn_ids(conn, error,
		"SELECT node FROM intent WHERE source = ? AND todo & 2 != 0 AND doing = 0"
		" AND state NOT IN (2, 5)",
		"i", source);
	for (guint i = 0; nodes != NULL && i < nodes->len; i++) {
		g_autoptr(CacheIntent) intent = NULL;
		if (!cache_intent_get(conn, g_array_index(nodes, int64_t, i), &intent, error))
			return false;
		cache_intent_drop_copy(intent);
		if (!cache_intent_put(conn, intent, false, error))
			return false;
	}
	return nodes != NULL;
}

bool cache_intent_find_leaving(CacheConn *conn, int64_t dir, const char *name, int64_t *ret_node,
	GError **error)
{
	return cache_conn_int(conn, 0, ret_node, error,
		"SELECT intent.node FROM intent CROSS JOIN node ON node.id = intent.node"
		" WHERE node.kind = 0 AND ((intent.old_parent = ?1 AND intent.old_name = ?2)"
		" OR (intent.todo & 1 != 0 AND intent.sent_name = ?2 AND intent.sent_folder ="
		" (SELECT id FROM folder WHERE node = ?1)))",
		"it", dir, name);
}

GPtrArray *cache_intent_list(CacheConn *conn, CacheIntentState state, unsigned max, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " COLUMNS BESIDE FROM " WHERE intent.state = ? ORDER BY intent.seq LIMIT ?",
		"ii", (int64_t)state, (int64_t)max);
	return read_all(conn, stmt, error);
}

/* What it replaced before goes by itself from now: what took its place is on the server. */
static bool release_old(CacheConn *conn, const CacheIntent *self, const char *item_id,
	GError **error)
{
	if (item_id == NULL || self->old_id == NULL || strcmp(item_id, self->old_id) == 0)
		return true;
	return cache_conn_run(conn, error, "INSERT OR IGNORE INTO stray (item_id, folder) VALUES"
		" (?, ?)", "ti", self->old_id, self->old_folder);
}

bool cache_intent_replace(CacheConn *conn, CacheIntent *self, const CacheReplaced *old,
	GError **error)
{
	if (!release_old(conn, self, old->item_id, error))
		return false;
	cache_intent_ask_make(self, old->item_id, old->folder);
	if (old->item_id != NULL)
		self->old_print = old->print;
	return true;
}
