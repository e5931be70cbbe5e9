/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/outcome.h"

#include <string.h>

#include "cache/apply.h"
#include "cache/change.h"
#include "cache/content.h"
#include "cache/doubt.h"
#include "cache/evict.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/name.h"
#include "cache/node.h"
#include "cache/own.h"
#include "cache/refresh.h"
#include "cache/sent.h"
#include "cache/step.h"
#include "cache/sync.h"
#include "ews/error.h"

/* Steps that fail in passing are tried again, later and later. */
#define BACKOFF_US ((int64_t)G_USEC_PER_SEC)
#define BACKOFF_MAX_US (60 * (int64_t)G_USEC_PER_SEC)

/* An answer that makes no sense, or trouble that the server calls its own: so often. */
#define TRIES_MAX 8

/* A step that is being decided. */
typedef struct Outcome {
	Cache *cache;
	CacheConn *conn;
	const CacheSent *sent;
	EwsOp *op;
	CacheIntent *intent; /* own */
	bool is_over;        /* who waits is to be told, with this error: */
	const GError *error; /* borrowed */
} Outcome;

#define BIRTH (CACHE_TODO_MAKE | CACHE_TODO_COPY)

/* What became of the step shows in a sync (doubt.c) that begins after this answer: an earlier
 * attempt may have been done while this one was on its way. */
static void look_for(Outcome *self)
{
	self->intent->sent_at = g_get_real_time();
	self->intent->doing = 0;
	self->intent->state = CACHE_INTENT_DOUBT;
	cache_doubt_begin(self->cache);
}

/* --- success ----------------------------------------------------------------------------- */

static bool updated(Outcome *self, GError **error)
{
	CacheIntent *intent = self->intent;
	const char *key = ews_op_new_change_key(self->op);
	bool has_guid = (intent->sent_fields & CACHE_INTENT_GUID) != 0;
	cache_intent_step_done(intent, CACHE_TODO_UPDATE);
	if (intent->fields != 0)
		intent->todo |= CACHE_TODO_UPDATE;
	if (intent->kind == CACHE_KIND_DIR) {
		g_autofree char *said = cache_name_folder_decode(intent->name);
		return said == NULL || cache_conn_run(self->conn, error,
					       "UPDATE folder SET display_name = ? WHERE node = ?",
					       "ti", said, intent->node);
	}
	cache_own_updated(self->cache, intent->id, key);
	return cache_conn_run(self->conn, error,
		"UPDATE item SET change_key = coalesce(?, change_key), print = 0, written_at = ?,"
		" guid = coalesce(?, guid) WHERE node = ?",
		"titi", key, g_get_real_time(), has_guid ? intent->guid : NULL, intent->node);
}

static bool moved(Outcome *self, GError **error)
{
	CacheIntent *intent = self->intent;
	const char *id = ews_op_new_id(self->op);
	if (intent->kind == CACHE_KIND_DIR) {
		int64_t parent = intent->sent_folder;
		cache_intent_step_done(intent, CACHE_TODO_MOVE);
		if (intent->dir != 0 && intent->target != parent)
			intent->todo |= CACHE_TODO_MOVE;
		else
			intent->old_folder = 0;
		return cache_conn_run(self->conn, error,
			"UPDATE folder SET parent_id = (SELECT up.folder_id FROM folder AS up"
			" WHERE up.id = ?) WHERE node = ?",
			"ii", parent, intent->node);
	}
	bool is_elsewhere = id != NULL && g_strcmp0(id, intent->id) != 0;
	if (is_elsewhere &&
		!cache_own_departed(self->cache, self->conn, intent->id, intent->folder, error))
		return false;
	if (id != NULL)
		return cache_own_moved(self->conn, intent, id, ews_op_new_change_key(self->op),
			error);
	/* A server that does not tell the new id: the folder's next sync does. */
	look_for(self);
	return true;
}

/* In Deleted Items it may turn up as the same node: until then a tombstone among others. */
static bool deleted(Outcome *self, GError **error)
{
	CacheIntent *intent = self->intent;
	cache_intent_step_done(intent, CACHE_TODO_DELETE);
	cache_drain_set_full(self->cache, false);
	if (intent->kind == CACHE_KIND_DIR)
		return cache_conn_run(self->conn, error, "DELETE FROM folder WHERE folder_id = ?",
			       "t", intent->old_id) &&
		       cache_node_detach(self->conn, intent->node, NODE_GONE, error);
	return cache_own_departed(self->cache, self->conn, intent->id, intent->folder, error) &&
	       cache_conn_run(self->conn, error, "UPDATE item SET round = ? WHERE node = ?", "ii",
		       cache_refresh_round(self->cache), intent->node);
}

static bool sent_away(Outcome *self, GError **error)
{
	CacheIntent *intent = self->intent;
	int64_t dir = intent->dir;
	cache_intent_step_done(intent, CACHE_TODO_SEND);
	intent->todo = 0;
	if (dir != 0)
		cache_note_gone(self->cache, dir, intent->name, intent->node);
	/* Its item is, or will be, in Sent Items, as another one. */
	return cache_sent_mail_note(self->cache, self->conn, intent->id, error) &&
	       cache_change_forget(self->cache, self->conn, intent->node, error);
}

static bool made(Outcome *self, GError **error)
{
	const char *id = ews_op_new_id(self->op);
	if (self->intent->kind == CACHE_KIND_DIR && id != NULL)
		return cache_own_folder_made(self->conn, self->intent, id, error) &&
		       cache_content_await(self->cache, self->conn, id, error);
	const CacheMade made = {id, ews_op_new_change_key(self->op), self->sent->attempt};
	if (id != NULL)
		return cache_own_made(self->cache, self->conn, self->intent, &made, error);
	look_for(self);
	return true;
}

static bool done(Outcome *self, GError **error)
{
	CacheIntent *intent = self->intent;
	switch (self->sent->step) {
	case CACHE_TODO_MAKE:
	case CACHE_TODO_COPY:
		return made(self, error);
	case CACHE_TODO_MOVE:
		return moved(self, error);
	case CACHE_TODO_UPDATE:
		return updated(self, error);
	case CACHE_TODO_SEND:
		return sent_away(self, error);
	case CACHE_TODO_REMOVE_OLD:
		cache_intent_step_done(intent, CACHE_TODO_REMOVE_OLD);
		/* Written anew meanwhile: what is remembered is what that will replace. */
		if ((intent->todo & CACHE_TODO_MAKE) != 0)
			return true;
		if (!cache_own_departed(self->cache, self->conn, intent->old_id, intent->old_folder,
			    error))
			return false;
		cache_intent_forget_old(intent);
		return true;
	case CACHE_TODO_DELETE:
		return deleted(self, error);
	}
	return true;
}

/* --- once more --------------------------------------------------------------------------- */

static void note_error(CacheIntent *intent, const GError *error)
{
	g_free(intent->error);
	intent->error = g_strdup(error->message);
}

static void again(CacheIntent *intent, const GError *error)
{
	int64_t wait = MIN(BACKOFF_US << MIN(intent->tries, 10), BACKOFF_MAX_US);
	intent->state = CACHE_INTENT_QUEUED;
	intent->doing = 0;
	intent->fields |= intent->sent_fields;
	intent->sent_fields = 0;
	/* Deleted meanwhile: that is all that is left to be said. */
	if ((intent->todo & CACHE_TODO_DELETE) != 0)
		intent->todo &= ~(unsigned)(CACHE_TODO_MOVE | CACHE_TODO_UPDATE);
	intent->tries++;
	intent->not_before = g_get_real_time() + wait;
	note_error(intent, error);
}

/* Lost on the way: asked again where that does no harm, else looked for. A directory is made once,
 * however often it is asked for; but one that was deleted meanwhile must not be made by that. */
static void doubt(Outcome *self, const GError *error)
{
	CacheIntent *intent = self->intent;
	bool is_item_birth = (self->sent->step & BIRTH) != 0 && intent->kind == CACHE_KIND_FILE;
	bool is_looked_for = is_item_birth || self->sent->step == CACHE_TODO_SEND ||
			     cache_intent_is_unwanted(intent);
	if (!is_looked_for) {
		again(intent, error);
		return;
	}
	note_error(intent, error);
	look_for(self);
}

/* --- refused ----------------------------------------------------------------------------- */

static void park(Outcome *self, const GError *error)
{
	CacheIntent *intent = self->intent;
	intent->doing = 0;
	intent->fields |= intent->sent_fields;
	intent->sent_fields = 0;
	intent->state = CACHE_INTENT_FAILED;
	note_error(intent, error);
	g_warning("%s: %s", intent->name, error->message);
	self->is_over = true;
	self->error = error;
}

static bool place_back(Cache *cache, CacheConn *conn, const CacheIntent *intent, GError **error)
{
	int64_t holder = 0;
	int64_t parent = intent->old_parent;
	g_autofree char *name = g_strdup(intent->old_name);
	g_autoptr(CacheNode) dir = cache_node_get(conn, parent, error);
	if (dir == NULL)
		return false;
	/* Its folder was to go too: it stays, then. */
	if (dir->parent == 0 && dir->id != CACHE_ROOT) {
		g_autoptr(CacheIntent) leaving = NULL;
		if (!cache_intent_get(conn, dir->id, &leaving, error))
			return false;
		if (leaving != NULL && (leaving->todo & CACHE_TODO_DELETE) != 0 &&
			!cache_outcome_take_back(cache, conn, leaving, error))
			return false;
	}
	if (!cache_node_find(conn, parent, name, &holder, error))
		return false;
	if (holder != 0 && holder != intent->node) {
		CacheIdent ident;
		cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, &intent->node, sizeof intent->node);
		g_free(name);
		name = cache_name_with_letters(intent->old_name, ident.letters);
	}
	if (intent->dir != 0)
		cache_note_gone(cache, intent->dir, intent->name, intent->node);
	cache_note(cache, CACHE_CHANGE_MEMBERS, parent, 0);
	cache_note_arrived(cache, parent, name, intent->node);
	return cache_conn_run(conn, error,
		       "UPDATE node SET parent = ?, name = ?, state = 0 WHERE id = ?", "iti",
		       parent, name, intent->node) &&
	       cache_node_touch_dir(conn, parent, g_get_real_time(), error) &&
	       (intent->kind != CACHE_KIND_DIR ||
		       cache_conn_run(conn, error,
			       "UPDATE node SET subdirs = subdirs + CASE id WHEN ?1 THEN 1 ELSE 0 "
			       "END"
			       " - CASE id WHEN ?2 THEN 1 ELSE 0 END WHERE id IN (?1, ?2)",
			       "ii", parent, intent->dir));
}

/* What was set is what the server has again. The folder's next sync tells only of items that
 * changed, so the item is asked for by itself: at once, and should that fail, with the sync. */
static bool await_item(CacheConn *conn, const CacheIntent *intent, GError **error)
{
	return cache_conn_run(conn, error,
		"INSERT OR IGNORE INTO pending (item_id, folder)"
		" SELECT ?, folder FROM item WHERE node = ?",
		"ti", intent->id, intent->node);
}

/* Its entries are called otherwise (layout). */
static bool tell_dir(const CacheApply *apply, GError **error)
{
	if (!apply->is_moved)
		return true;
	cache_note(apply->cache, CACHE_CHANGE_MEMBERS, apply->dir, 0);
	return cache_node_touch_dir(apply->conn, apply->dir, g_get_real_time(), error);
}

static void refreshed(Cache *cache, EwsOp *op, void *user)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsItem) item = ews_op_error(op) == NULL ? ews_get_item_take(op) : NULL;
	CacheApply apply = {.cache = cache, .mailbox = "", .is_listed = true};
	if (item == NULL)
		return;
	CacheIncoming incoming;
	g_autoptr(CacheItemRow) row = NULL;
	cache_item_identify(&incoming, item);
	apply.conn = cache_sync_begin(cache, &error);
	if (apply.conn == NULL)
		return;
	bool is_good = cache_item_find(apply.conn, &incoming.by_id, item->id, &row, &error);
	if (is_good && row != NULL && row->state == NODE_LIVE) {
		apply.folder = row->folder;
		apply.dir = row->dir;
		apply.run = row->run;
		is_good = cache_apply_item(&apply, item, &error) &&
			  cache_conn_run(apply.conn, &error,
				  "DELETE FROM pending WHERE item_id = ?", "t", item->id) &&
			  tell_dir(&apply, &error);
	}
	if (is_good)
		(void)!cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
}

/* New bytes that nobody wants any more: the message is what the server has. */
static bool drop_content(Cache *cache, CacheConn *conn, const CacheIntent *intent, GError **error)
{
	g_autoptr(CacheNode) node = cache_node_get(conn, intent->node, error);
	if (node == NULL)
		return false;
	if (!node->is_local)
		return true;
	cache_drain_forget_file(cache, intent->node);
	return cache_local_drop(conn, intent->node, error) &&
	       cache_node_flag(conn, intent->node, 0, NODE_LOCAL, error) &&
	       cache_apply_drop_bytes(cache, conn, intent->node, error);
}

/* A mail that is not to be sent shows where the server has it. */
static bool find_draft(CacheConn *conn, CacheIntent *intent, GError **error)
{
	g_free(intent->old_name);
	intent->old_name = g_strdup(intent->name);
	return cache_conn_int(conn, CACHE_ROOT, &intent->old_parent, error,
		"SELECT node FROM folder WHERE id = ? AND node IS NOT NULL", "i", intent->folder);
}

bool cache_outcome_take_back(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	bool is_known = intent->id != NULL;
	bool was_sent = (intent->todo & CACHE_TODO_SEND) != 0;
	if (is_known && was_sent && !find_draft(conn, intent, error))
		return false;
	const unsigned placing = CACHE_TODO_MOVE | CACHE_TODO_DELETE | CACHE_TODO_UPDATE;
	bool is_elsewhere = intent->old_parent != 0 && ((intent->todo & placing) != 0 || was_sent);
	intent->todo = intent->doing = 0;
	if (!is_known) {
		if (intent->dir != 0) {
			cache_note_gone(cache, intent->dir, intent->name, intent->node);
			cache_note(cache, CACHE_CHANGE_MEMBERS, intent->dir, 0);
		}
		cache_drain_forget_file(cache, intent->node);
		/* What it was to replace is there still: seen when its folder is listed anew. */
		return (intent->old_folder == 0 || intent->kind == CACHE_KIND_DIR ||
			       cache_conn_run(conn, error,
				       "UPDATE folder SET sync_state = NULL WHERE id = ?", "i",
				       intent->old_folder)) &&
		       cache_change_forget(cache, conn, intent->node, error);
	}
	if (is_elsewhere && !place_back(cache, conn, intent, error))
		return false;
	if (intent->kind == CACHE_KIND_FILE) {
		if (!drop_content(cache, conn, intent, error) ||
			!await_item(conn, intent, error))
			return false;
		EwsOp *op = ews_get_item_new(intent->id);
		ews_op_set_content(op, intent->content);
		cache_sync_submit(cache, op, EWS_PRIORITY_SCAN, refreshed, NULL);
	}
	return cache_intent_put(conn, intent, false, error);
}

static bool take_back(Outcome *self, const GError *why, GError **error)
{
	CacheIntent *intent = self->intent;
	g_warning("%s: %s; it is as it was", intent->name, why->message);
	self->is_over = true;
	self->error = why;
	/* Steps of another kind go on. */
	return cache_outcome_take_back(self->cache, self->conn, intent, error);
}

/* --- which of these ----------------------------------------------------------------------- */

static bool is_gone(Outcome *self, GError **error)
{
	switch (self->sent->step) {
	case CACHE_TODO_DELETE:
		/* A move whose answer was lost may have given it another id: it is looked for
		 * where that led. */
		if (cache_intent_may_have_moved(self->intent)) {
			self->intent->todo |= CACHE_TODO_MOVE;
			look_for(self);
			return true;
		}
		return done(self, error);
	case CACHE_TODO_REMOVE_OLD:
		return done(self, error);
	case CACHE_TODO_UPDATE:
		/* The folder's sync tells what became of it. */
		cache_intent_step_done(self->intent, CACHE_TODO_UPDATE);
		self->intent->fields = 0;
		return true;
	case CACHE_TODO_MOVE:
		/* Moved by an earlier attempt, perhaps: the target's next sync shows it. */
		look_for(self);
		return true;
	case CACHE_TODO_COPY:
		/* What was to be copied went first. */
		again(self->intent, ews_op_error(self->op));
		self->intent->not_before = 0;
		cache_intent_drop_copy(self->intent);
		return true;
	case CACHE_TODO_MAKE:
	case CACHE_TODO_SEND:
		park(self, ews_op_error(self->op));
		return true;
	}
	return true;
}

/* The class that the MIME tells, for servers that do not look: a report, a meeting message. */
static char *class_of(Cache *cache, int64_t node)
{
	char head[16384];
	int fd = cache_local_open(cache->locals, node, NULL);
	ssize_t len = fd >= 0 ? pread(fd, head, sizeof head - 1, 0) : 0;
	if (fd >= 0)
		close(fd);
	head[MAX(len, 0)] = '\0';
	g_autofree char *text = g_ascii_strdown(head, -1);
	if (strstr(text, "report-type=disposition-notification") != NULL ||
		strstr(text, "report-type=\"disposition-notification") != NULL)
		return g_strdup("REPORT.IPM.Note.IPNRN");
	if (strstr(text, "multipart/report") != NULL)
		return g_strdup("REPORT.IPM.Note.NDR");
	if (strstr(text, "method=reply") != NULL)
		return g_strdup("IPM.Schedule.Meeting.Resp.Pos");
	if (strstr(text, "method=cancel") != NULL)
		return g_strdup("IPM.Schedule.Meeting.Canceled");
	return strstr(text, "text/calendar") != NULL ? g_strdup("IPM.Schedule.Meeting.Request")
						     : NULL;
}

/* Another one may be about to leave that name. */
static bool is_dir_name_taken(const Outcome *self, const GError *why)
{
	return self->intent->kind == CACHE_KIND_DIR && ews_error_is(why, EWS_ERROR_EXISTS) &&
	       (self->sent->step == CACHE_TODO_UPDATE || self->sent->step == CACHE_TODO_MOVE);
}

static bool refused(Outcome *self, const GError *why, GError **error)
{
	CacheIntent *intent = self->intent;
	const char *code = ews_op_response_code(self->op);
	CacheTodo step = self->sent->step;
	if (g_strcmp0(code, "ErrorObjectTypeChanged") == 0 && step == CACHE_TODO_MAKE &&
		intent->item_class == NULL) {
		intent->item_class = class_of(self->cache, intent->node);
		if (intent->item_class != NULL) {
			again(intent, why);
			intent->not_before = 0;
			return true;
		}
	}
	if (ews_error_is(why, EWS_ERROR_STALE) && intent->tries < 3) {
		again(intent, why);
		return cache_conn_run(self->conn, error,
			"UPDATE item SET change_key = '' WHERE node = ?", "i", intent->node);
	}
	bool is_dir_there = intent->kind == CACHE_KIND_DIR && step == CACHE_TODO_MAKE &&
			    ews_error_is(why, EWS_ERROR_EXISTS);
	if (is_dir_there && intent->tries < TRIES_MAX) {
		/* Made by an earlier attempt, or by somebody else: the hierarchy tells its id. */
		again(intent, why);
		cache_refresh_ask_hierarchy(self->cache);
		return true;
	}
	if (is_dir_name_taken(self, why) && intent->tries < TRIES_MAX) {
		int64_t leaving = 0;
		if (!cache_intent_find_leaving(self->conn, intent->dir, intent->name, &leaving,
			    error))
			return false;
		if (leaving != 0 && leaving != intent->node) {
			again(intent, why);
			return true;
		}
	}
	bool is_odd = ews_error_is(why, EWS_ERROR_PROTOCOL) || ews_error_is(why, EWS_ERROR_LOCAL);
	if (is_odd && intent->tries < TRIES_MAX) {
		again(intent, why);
		return true;
	}
	bool is_kept = (step & (BIRTH | CACHE_TODO_SEND)) != 0 || step == CACHE_TODO_REMOVE_OLD;
	if (is_kept) {
		park(self, why);
		return true;
	}
	/* It is written anew: that goes where it is to be by itself. */
	if (step == CACHE_TODO_MOVE && (intent->todo & CACHE_TODO_MAKE) != 0) {
		cache_intent_step_done(intent, CACHE_TODO_MOVE);
		intent->moved_to = 0;
		return true;
	}
	return take_back(self, why, error);
}

bool cache_outcome_unborn(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	if (!cache_own_disown(conn, intent, error))
		return false;
	cache_intent_drop_birth(intent);
	bool is_nothing = intent->id == NULL && cache_intent_is_over(intent);
	return (!is_nothing || cache_change_forget(cache, conn, intent->node, error)) &&
	       cache_intent_put(conn, intent, false, error);
}

static bool failed(Outcome *self, const GError *why, GError **error)
{
	CacheIntent *intent = self->intent;
	if (ews_op_is_in_doubt(self->op)) {
		doubt(self, why);
		return true;
	}
	/* Nor was it before: it is done as the tree shows it by then. */
	if (self->sent->is_first) {
		g_clear_pointer(&intent->sent_name, g_free);
		if (!ews_error_is(why, EWS_ERROR_NOT_FOUND))
			intent->moved_to = 0;
	}
	if ((self->sent->step & BIRTH) != 0 && cache_intent_is_unwanted(intent))
		return cache_outcome_unborn(self->cache, self->conn, intent, error);
	/* Where nothing is at the address (HTTP 404), it is no matter of what was sent there. */
	bool is_nowhere = ews_error_is(why, EWS_ERROR_UNSUPPORTED) &&
			  ews_op_response_code(self->op) == NULL;
	if (cache_sync_is_passing(why) || is_nowhere) {
		again(intent, why);
		return true;
	}
	if (ews_op_is_refused_whole(self->op) && self->sent->count > 1) {
		again(intent, why);
		intent->not_before = 0;
		cache_drain_set_part(self->cache, intent->node, self->sent->count / 2);
		return true;
	}
	if (ews_error_is(why, EWS_ERROR_QUOTA) && (self->sent->step & BIRTH) != 0) {
		again(intent, why);
		intent->not_before = 0;
		cache_drain_set_full(self->cache, true);
		/* It goes on by itself later, but who waits is told now. */
		self->is_over = true;
		self->error = why;
		return true;
	}
	if (ews_error_is(why, EWS_ERROR_NOT_FOUND))
		return is_gone(self, error);
	return refused(self, why, error);
}

/* An answer that comes after the sync told already says nothing new. */
static bool is_expected(const Outcome *self)
{
	return self->intent != NULL && self->intent->doing == self->sent->step &&
	       self->intent->attempt == self->sent->attempt;
}

static bool decide(Outcome *self, GError **error)
{
	const GError *why = ews_op_error(self->op);
	if (!cache_intent_get(self->conn, self->sent->node, &self->intent, error))
		return false;
	if (!is_expected(self))
		return true;
	if (!(why == NULL ? done(self, error) : failed(self, why, error)))
		return false;
	if (cache_intent_is_over(self->intent))
		self->is_over = true;
	return cache_intent_put(self->conn, self->intent, false, error);
}

static void outcome_clear(Outcome *self)
{
	g_clear_pointer(&self->intent, cache_intent_free);
}

/* Decides about those from @first on, @count of them, in one transaction. */
static bool decide_together(Cache *cache, Outcome *outcomes, guint count, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	for (guint i = 0; i < count; i++) {
		outcomes[i].conn = conn;
		if (!decide(&outcomes[i], error)) {
			cache_sync_rollback(cache);
			return false;
		}
	}
	if (!cache_sync_commit(cache, error))
		return false;
	cache_step(CACHE_STEP_COMMIT);
	for (guint i = 0; i < count; i++) {
		if (outcomes[i].is_over)
			cache_drain_ended(cache, outcomes[i].sent->node, outcomes[i].error);
	}
	return true;
}

static void begin(Cache *cache, Outcome *self, const CacheSent *sent)
{
	outcome_clear(self);
	*self = (Outcome){.cache = cache, .sent = sent, .op = sent->op};
}

bool cache_outcomes(Cache *cache, const GPtrArray *answers)
{
	g_autofree Outcome *outcomes = g_new0(Outcome, answers->len);
	g_autoptr(GError) all = NULL;
	for (guint i = 0; i < answers->len; i++) {
		cache_step(CACHE_STEP_ANSWER);
		begin(cache, &outcomes[i], answers->pdata[i]);
	}
	bool is_together = decide_together(cache, outcomes, answers->len, &all);
	bool is_done = true;
	for (guint i = 0; i < answers->len && !is_together; i++) {
		g_autoptr(GError) error = NULL;
		begin(cache, &outcomes[i], answers->pdata[i]);
		if (decide_together(cache, &outcomes[i], 1, &error))
			continue;
		g_warning("journal: %s", error->message);
		is_done = false;
	}
	for (guint i = 0; i < answers->len; i++)
		outcome_clear(&outcomes[i]);
	return is_done;
}
