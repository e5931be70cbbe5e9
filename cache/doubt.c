/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/doubt.h"

#include "cache/change.h"
#include "cache/distinguished.h"
#include "cache/drain.h"
#include "cache/node.h"
#include "cache/outcome.h"
#include "cache/own.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "ews/error.h"

#define LOOK_US (G_USEC_PER_SEC / 2)
#define IN_DOUBT_MAX 2000

/* Deletes in a call. */
#define STRAYS_MAX 10

/* An answer to them that makes no sense: so often, later and later. */
#define TRIES_MAX 8

struct CacheDoubt {
	bool has_doubts;
	int64_t next_us;
	int64_t asked_us;   /* the last refresh was asked for */
	int64_t saw_own_us; /* real time */
	unsigned strays;    /* deletes on their way */
	bool is_odd;        /* one of them was answered with what makes no sense */
	unsigned tries;     /* calls in a row of which that is true */
	int64_t strays_us;  /* not before */
};

CacheDoubt *cache_doubt_new(void)
{
	CacheDoubt *self = g_new0(CacheDoubt, 1);
	self->has_doubts = true;
	return self;
}

void cache_doubt_free(CacheDoubt *self)
{
	g_free(self);
}

void cache_doubt_saw_own(Cache *cache)
{
	cache->doubt->saw_own_us = g_get_real_time();
}

void cache_doubt_begin(Cache *cache)
{
	cache->doubt->has_doubts = true;
	cache->doubt->next_us = 0;
}

/* --- deciding ----------------------------------------------------------------------------- */

/* The start of the last refresh that succeeded, as real time. */
static int64_t fresh_at(Cache *cache)
{
	int64_t fresh = atomic_load(&cache->fresh_us);
	return fresh == 0 ? 0 : g_get_real_time() - (g_get_monotonic_time() - fresh);
}

static bool is_settled(Cache *cache, const CacheIntent *intent)
{
	int64_t cut = MAX(intent->sent_at, cache->doubt->saw_own_us);
	/* What is moved or was seen to be made needs no waiting for late work. */
	bool is_made = cache_intent_next(intent) != CACHE_TODO_MAKE &&
		       (intent->todo & CACHE_TODO_COPY) == 0;
	int64_t wait = is_made && (intent->todo & CACHE_TODO_SEND) == 0 ? 0 : cache->settle_us;
	return fresh_at(cache) > (is_made ? intent->sent_at : cut) + wait;
}

/* The item is neither where it was nor where it was to go. */
static bool give_up(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	if (intent->dir != 0) {
		cache_note_gone(cache, intent->dir, intent->name, intent->node);
		cache_note(cache, CACHE_CHANGE_MEMBERS, intent->dir, 0);
	}
	intent->todo = intent->doing = 0;
	return cache_node_detach(conn, intent->node, NODE_TOMB, error) &&
	       cache_conn_run(conn, error, "UPDATE item SET round = ? WHERE node = ?", "ii",
		       cache_refresh_round(cache), intent->node);
}

static bool decide(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	CacheTodo step = cache_intent_next(intent);
	intent->fields |= intent->sent_fields;
	intent->sent_fields = 0;
	intent->not_before = 0;
	if (cache_intent_is_unwanted(intent))
		return cache_outcome_unborn(cache, conn, intent, error);
	if (step == CACHE_TODO_SEND) {
		intent->state = CACHE_INTENT_MAYBE_SENT;
		g_free(intent->error);
		intent->error = g_strdup("the answer was lost: it may have been sent");
		g_warning("%s: %s", intent->name, intent->error);
	} else if (step == CACHE_TODO_MOVE && (intent->todo & CACHE_TODO_MAKE) != 0) {
		intent->state = CACHE_INTENT_QUEUED;
		if (!cache_own_lost(conn, intent, error))
			return false;
	} else if (step == CACHE_TODO_MOVE) {
		if (!give_up(cache, conn, intent, error))
			return false;
	} else {
		g_message("%s: the server never made it: sent again", intent->name);
		intent->state = CACHE_INTENT_QUEUED;
		/* What it is a copy of may be another by now. */
		if ((intent->todo & CACHE_TODO_COPY) != 0)
			cache_intent_drop_copy(intent);
	}
	return cache_intent_put(conn, intent, false, error);
}

static bool look(Cache *cache, CacheConn *conn, GError **error)
{
	g_autoptr(GPtrArray) intents =
		cache_intent_list(conn, CACHE_INTENT_DOUBT, IN_DOUBT_MAX, error);
	if (intents == NULL)
		return false;
	cache->doubt->has_doubts = intents->len > 0;
	for (guint i = 0; i < intents->len; i++) {
		CacheIntent *intent = intents->pdata[i];
		if (!is_settled(cache, intent))
			continue;
		if (!decide(cache, conn, intent, error))
			return false;
		cache_drain_poke(cache);
	}
	return true;
}

/* --- strays ------------------------------------------------------------------------------- */

/* What the server will not remove is shown with its folder's next listing. */
static bool is_kept(CacheDoubt *self, const GError *failed)
{
	if (cache_sync_is_passing(failed))
		return true;
	if (!ews_error_is(failed, EWS_ERROR_PROTOCOL) && !ews_error_is(failed, EWS_ERROR_LOCAL))
		return false;
	self->is_odd = true;
	return self->tries + 1 < TRIES_MAX;
}

/* All of a call were answered. */
static void strays_answered(CacheDoubt *self)
{
	self->tries = self->is_odd && self->tries + 1 < TRIES_MAX ? self->tries + 1 : 0;
	self->strays_us = 0;
	if (self->tries > 0)
		self->strays_us =
			g_get_monotonic_time() + ((int64_t)G_USEC_PER_SEC << (self->tries - 1));
	self->is_odd = false;
}

static void stray_gone(Cache *cache, EwsOp *op, void *user)
{
	g_autofree char *id = user;
	g_autoptr(GError) error = NULL;
	const GError *failed = ews_op_error(op);
	bool is_for_later =
		failed != NULL && (ews_op_is_in_doubt(op) || is_kept(cache->doubt, failed));
	if (--cache->doubt->strays == 0)
		strays_answered(cache->doubt);
	if (is_for_later)
		return;
	if (failed != NULL && !ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		g_warning("a message that is there twice stays: %s", failed->message);
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return;
	if (cache_conn_run(conn, &error, "DELETE FROM stray WHERE item_id = ?", "t", id))
		(void)!cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
	cache_doubt_begin(cache);
}

/* Those that are to go, at most so many, and all of one mailbox (cache/content.h), whose GUID goes
 * into @ret_content; of char (own). */
static GPtrArray *load_strays(CacheConn *conn, char **ret_content, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT item_id, content FROM stray LEFT JOIN folder ON folder.id = stray.folder"
		" WHERE content IS (SELECT content FROM stray LEFT JOIN folder"
		" ON folder.id = stray.folder LIMIT 1) LIMIT ?",
		"i", (int64_t)STRAYS_MAX);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return NULL;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return NULL;
		if (!has_row)
			break;
		g_ptr_array_add(ids, cache_column_dup(stmt, 0));
		g_free(*ret_content);
		*ret_content = cache_column_dup(stmt, 1);
	}
	return g_steal_pointer(&ids);
}

static EwsOp *make_removal(Cache *cache, const char *id, const char *content)
{
	EwsOp *op = ews_delete_item_new(id, cache_distinguished_aside(cache));
	ews_op_set_content(op, content);
	return op;
}

static bool remove_strays(Cache *cache, CacheConn *conn, int64_t now, GError **error)
{
	CacheDoubt *self = cache->doubt;
	g_autofree char *content = NULL;
	g_autoptr(GPtrArray) ids = load_strays(conn, &content, error);
	g_autoptr(GPtrArray) ops = g_ptr_array_new();
	if (ids == NULL)
		return false;
	self->has_doubts = self->has_doubts || ids->len > 0;
	if (ids->len == 0 || self->strays > 0 || now < self->strays_us)
		return true;
	for (guint i = 0; i < ids->len; i++)
		g_ptr_array_add(ops, make_removal(cache, ids->pdata[i], content));
	self->strays = ids->len;
	g_ptr_array_set_free_func(ids, NULL);
	cache_sync_submit_call(cache, (EwsOp *const *)ops->pdata, ops->len, EWS_PRIORITY_BACKGROUND,
		stray_gone, ids->pdata, g_free);
	return true;
}

int64_t cache_doubt_tick(Cache *cache, int64_t now)
{
	CacheDoubt *self = cache->doubt;
	g_autoptr(GError) error = NULL;
	if (!self->has_doubts)
		return INT64_MAX;
	if (now < self->next_us)
		return self->next_us;
	self->next_us = now + LOOK_US;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return self->next_us;
	if (look(cache, conn, &error) && remove_strays(cache, conn, now, &error))
		(void)!cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
	if (error != NULL)
		g_warning("journal: %s", error->message);
	/* Often where the wait is short, else now and then. */
	int64_t pause = CLAMP(cache->settle_us / 10, (int64_t)G_USEC_PER_SEC / 2,
		5 * (int64_t)G_USEC_PER_SEC);
	if (self->has_doubts && now >= self->asked_us + pause) {
		self->asked_us = now;
		cache_refresh_ask_soon(cache);
	}
	return self->has_doubts ? self->next_us : INT64_MAX;
}
