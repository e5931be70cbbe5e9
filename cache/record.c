/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/record.h"

#include "cache/intent.h"
#include "cache/local.h"
#include "cache/own.h"
#include "cache/safe.h"
#include "ews/error.h"

/* Bytes that a power cut took are not sent. What is still open for writing leaves as a copy: the
 * writer goes on in another file. */
static bool check_bytes(Cache *cache, CacheConn *conn, CacheIntent *intent, const CacheSafe *safe,
	GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(conn, intent->node, &row, error))
		return false;
	if (row == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CORRUPT, "its bytes are not here");
		return false;
	}
	/* A program has begun to write it anew: it leaves when that is finished. */
	intent->state = row->is_finished ? intent->state : CACHE_INTENT_OPEN;
	if (!row->is_finished)
		return true;
	intent->sent_sha256 = (g_free(intent->sent_sha256), g_strdup(row->sha256));
	return cache_safe_has(safe, intent->node, row) ||
	       (cache_local_check(cache->locals, intent->node, row, error) &&
		       cache_local_sync(cache->locals, intent->node, error));
}

static bool fail_intent(CacheConn *conn, CacheIntent *intent, const GError *why, GError **error)
{
	intent->state = CACHE_INTENT_FAILED;
	g_free(intent->error);
	intent->error = g_strdup(why->message);
	g_warning("%s: %s", intent->name, why->message);
	return cache_intent_put(conn, intent, false, error);
}

static bool carries_bytes(const CacheIntent *intent, CacheTodo step)
{
	return intent->kind == CACHE_KIND_FILE &&
	       (step == CACHE_TODO_MAKE || step == CACHE_TODO_COPY);
}

/* Where the step leads. A move of a message, and the making of a directory, whose answer was lost
 * are repeated as they were. */
static void note_destination(CacheIntent *intent, CacheTodo step)
{
	bool is_dir = intent->kind == CACHE_KIND_DIR;
	if (step == CACHE_TODO_MAKE && is_dir) {
		intent->is_first = intent->sent_name == NULL;
		cache_intent_repeat_dir(intent);
		return;
	}
	intent->sent_folder = intent->target;
	if (step != CACHE_TODO_MOVE || is_dir)
		return;
	intent->is_first = intent->moved_to == 0;
	if (intent->is_first)
		intent->moved_to = intent->target;
	intent->sent_folder = intent->moved_to;
}

static bool record_one(Cache *cache, CacheConn *conn, CacheIntent *intent, CacheTodo step,
	const CacheSafe *safe, bool *ret_leaves, GError **error)
{
	g_autoptr(GError) why = NULL;
	*ret_leaves = true;
	/* Somebody removed what was to be copied. */
	if (step == CACHE_TODO_COPY && intent->source_id == NULL) {
		*ret_leaves = false;
		cache_intent_drop_copy(intent);
		return cache_intent_put(conn, intent, false, error);
	}
	if (carries_bytes(intent, step) && !check_bytes(cache, conn, intent, safe, &why)) {
		*ret_leaves = false;
		return fail_intent(conn, intent, why, error);
	}
	if (intent->state == CACHE_INTENT_OPEN) {
		*ret_leaves = false;
		return cache_intent_put(conn, intent, false, error);
	}
	bool carries_fields = step == CACHE_TODO_MAKE || step == CACHE_TODO_UPDATE;
	intent->state = CACHE_INTENT_SENDING;
	intent->doing = step;
	intent->attempt++;
	intent->sent_at = g_get_real_time();
	note_destination(intent, step);
	intent->is_urgent = intent->is_urgent && intent->todo != (unsigned)step;
	if (carries_fields) {
		intent->sent_fields = intent->fields;
		intent->fields = 0;
	}
	/* Whatever becomes of an update: a change that is seen later may be our own. */
	return (step != CACHE_TODO_UPDATE || cache_conn_run(conn, error,
			"UPDATE item SET print = 0, written_at = ? WHERE node = ?", "ii",
			g_get_real_time(), intent->node)) &&
	       cache_intent_put(conn, intent, false, error) &&
	       (step != CACHE_TODO_COPY || cache_own_note_source(conn, intent, error));
}

static CacheSafe *make_call_safe(Cache *cache, const CacheCall *call)
{
	g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *intent = call->intents->pdata[i];
		if (carries_bytes(intent, call->step))
			g_array_append_val(nodes, intent->node);
	}
	return cache_safe_new(cache->locals, (const int64_t *)(void *)nodes->data, nodes->len);
}

bool cache_record(Cache *cache, const CacheCall *call, GPtrArray *ret_leaving, GError **error)
{
	g_autoptr(CacheSafe) safe = make_call_safe(cache, call);
	CacheConn *conn = cache_db_begin_durable(cache->db, error);
	if (conn == NULL)
		return false;
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *seen = call->intents->pdata[i];
		g_autoptr(CacheIntent) intent = NULL;
		bool leaves = false;
		bool is_read = cache_intent_get(conn, seen->node, &intent, error);
		bool is_same = intent != NULL && cache_intent_next(intent) == call->step &&
			       intent->state == CACHE_INTENT_QUEUED && !intent->is_blocked &&
			       g_strcmp0(intent->target_id, seen->target_id) == 0 &&
			       g_strcmp0(cache_intent_content(intent, call->step),
				       cache_intent_content(seen, call->step)) == 0;
		if (!is_read ||
			(is_same && !record_one(cache, conn, intent, call->step, safe, &leaves,
					    error))) {
			cache_db_rollback(cache->db);
			return false;
		}
		if (leaves)
			g_ptr_array_add(ret_leaving, g_steal_pointer(&intent));
	}
	return cache_db_commit(cache->db, error);
}
