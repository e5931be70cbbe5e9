/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/doubt.h"

#include "cache/change.h"
#include "cache/drain.h"
#include "cache/node.h"
#include "cache/outcome.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "ews/error.h"

#define LOOK_US (G_USEC_PER_SEC / 2)
#define IN_DOUBT_MAX 2000

struct CacheDoubt {
	bool has_doubts;
	int64_t next_us;
	int64_t asked_us;   /* the last refresh was asked for */
	int64_t saw_own_us; /* real time */
	unsigned strays;    /* deletes on their way */
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
	bool is_made = (intent->todo & (CACHE_TODO_MAKE | CACHE_TODO_COPY)) == 0;
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
	} else if (step == CACHE_TODO_MOVE) {
		if (!give_up(cache, conn, intent, error))
			return false;
	} else {
		g_message("%s: the server never made it: sent again", intent->name);
		intent->state = CACHE_INTENT_QUEUED;
		/* What it is a copy of may be another by now. */
		if (step == CACHE_TODO_COPY)
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

static void stray_gone(Cache *cache, EwsOp *op, void *user)
{
	g_autofree char *id = user;
	g_autoptr(GError) error = NULL;
	const GError *failed = ews_op_error(op);
	cache->doubt->strays--;
	if (failed != NULL && !ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		return;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return;
	if (cache_conn_run(conn, &error, "DELETE FROM stray WHERE item_id = ?", "t", id))
		(void)!cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
}

static bool remove_strays(Cache *cache, CacheConn *conn, GError **error)
{
	sqlite3_stmt *stmt =
		cache_conn_query(conn, error, "SELECT item_id FROM stray LIMIT 100", "");
	bool has_row = stmt != NULL;
	while (has_row && cache->doubt->strays == 0) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return false;
		if (!has_row)
			break;
		cache->doubt->has_doubts = true;
		cache->doubt->strays++;
		char *id = cache_column_dup(stmt, 0);
		EwsOp *op = ews_delete_item_new(id, EWS_DISPOSAL_SOFT);
		void *user = id;
		sqlite3_reset(stmt);
		cache_sync_submit_call(cache, &op, 1, EWS_PRIORITY_BACKGROUND, stray_gone, &user,
			g_free);
	}
	return stmt != NULL;
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
	if (look(cache, conn, &error) && remove_strays(cache, conn, &error))
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
