/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "cache/change.h"
#include "cache/doubt.h"
#include "cache/drain.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/outcome.h"
#include "cache/sync.h"
#include "cache/written.h"
#include "ews/error.h"

/*
 * The journal as people see it, and what they may decide about it. Looking is for any thread;
 * deciding happens on the caller's, in a transaction, but taking back, which tells the kernel and
 * asks the server, on the sync thread.
 */

#define QUEUE_MAX 100000

void cache_queued_free(CacheQueued *self)
{
	if (self == NULL)
		return;
	g_free(self->path);
	g_free(self->what);
	g_free(self->error);
	g_free(self);
}

/* --- looking ------------------------------------------------------------------------------ */

/* "/Inbox/a.eml" of what is called @name in @dir. */
static char *path_of(CacheConn *conn, int64_t dir, const char *name)
{
	GString *path = g_string_new(name);
	g_string_prepend_c(path, '/');
	for (int i = 0; dir > CACHE_ROOT && i < CACHE_DEPTH_MAX; i++) {
		g_autoptr(CacheNode) node = cache_node_get(conn, dir, NULL);
		if (node == NULL)
			break;
		g_string_prepend(path, node->name);
		g_string_prepend_c(path, '/');
		dir = node->parent;
	}
	return g_string_free(path, FALSE);
}

static CacheQueuedState state_of(Cache *cache, const CacheIntent *intent)
{
	switch (intent->state) {
	case CACHE_INTENT_QUEUED:
		return CACHE_QUEUED_WAITING;
	case CACHE_INTENT_SENDING:
		return CACHE_QUEUED_SENDING;
	case CACHE_INTENT_DOUBT:
		return CACHE_QUEUED_IN_DOUBT;
	case CACHE_INTENT_HELD:
		return CACHE_QUEUED_HELD;
	case CACHE_INTENT_FAILED:
		return CACHE_QUEUED_FAILED;
	case CACHE_INTENT_MAYBE_SENT:
		return CACHE_QUEUED_MAYBE_SENT;
	case CACHE_INTENT_OPEN:
		break;
	}
	return cache_local_is_open(cache->locals, intent->node) ? CACHE_QUEUED_OPEN
								: CACHE_QUEUED_UNFINISHED;
}

static CacheQueued *describe(Cache *cache, CacheConn *conn, const CacheIntent *intent)
{
	CacheQueued *self = g_new0(CacheQueued, 1);
	g_autoptr(CacheLocalRow) row = NULL;
	bool was_deleted = intent->dir == 0 && intent->old_name != NULL;
	self->node = intent->node;
	self->state = state_of(cache, intent);
	self->path = path_of(conn, was_deleted ? intent->old_parent : intent->dir,
		was_deleted ? intent->old_name : intent->name);
	self->what = cache_intent_describe(intent);
	self->since = intent->since;
	self->tries = intent->tries;
	if (!cache_local_get(conn, intent->node, &row, NULL))
		row = NULL;
	self->bytes = row != NULL ? MAX(intent->bytes, row->size) : 0;
	self->error = g_strdup(intent->error != NULL || row == NULL ? intent->error : row->error);
	return self;
}

static bool add_scratch(CacheConn *conn, GPtrArray *queue, GError **error)
{
	g_autoptr(GArray) nodes = cache_conn_ids(conn, error,
		"SELECT local.node FROM local CROSS JOIN node ON node.id = local.node"
		" WHERE node.flags & ? != 0 AND node.state = 0",
		"i", (int64_t)NODE_SCRATCH);
	for (guint i = 0; nodes != NULL && i < nodes->len; i++) {
		g_autoptr(CacheNode) node =
			cache_node_get(conn, g_array_index(nodes, int64_t, i), error);
		if (node == NULL)
			return false;
		CacheQueued *queued = g_new0(CacheQueued, 1);
		queued->node = node->id;
		queued->state = CACHE_QUEUED_SCRATCH;
		queued->path = path_of(conn, node->parent, node->name);
		queued->what = g_strdup("kept here");
		queued->since = node->ctime;
		queued->bytes = node->size;
		g_ptr_array_add(queue, queued);
	}
	return nodes != NULL;
}

static int by_age(gconstpointer a, gconstpointer b)
{
	const CacheQueued *x = *(CacheQueued *const *)a;
	const CacheQueued *y = *(CacheQueued *const *)b;
	return (x->since > y->since) - (x->since < y->since);
}

static bool collect(Cache *cache, CacheConn *conn, GPtrArray *queue, GError **error)
{
	for (int state = CACHE_INTENT_QUEUED; state <= CACHE_INTENT_MAYBE_SENT; state++) {
		g_autoptr(GPtrArray) intents =
			cache_intent_list(conn, (CacheIntentState)state, QUEUE_MAX, error);
		if (intents == NULL)
			return false;
		for (guint i = 0; i < intents->len; i++)
			g_ptr_array_add(queue, describe(cache, conn, intents->pdata[i]));
	}
	return add_scratch(conn, queue, error);
}

GPtrArray *cache_queue(Cache *cache, GError **error)
{
	g_autoptr(GPtrArray) queue =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_queued_free);
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return NULL;
	bool is_good = collect(cache, conn, queue, error);
	cache_db_put_reader(cache->db, conn);
	if (!is_good)
		return NULL;
	g_ptr_array_sort(queue, by_age);
	return g_steal_pointer(&queue);
}

static unsigned count_of(CacheConn *conn, const char *sql)
{
	int64_t count = 0;
	return cache_conn_int(conn, 0, &count, NULL, sql, "") ? (unsigned)count : 0;
}

/* Messages that are not finished: those a program still has open, and those whose writer died. */
static void count_open(Cache *cache, CacheConn *conn, CacheQueueCounts *counts)
{
	g_autoptr(GArray) nodes =
		cache_conn_ids(conn, NULL, "SELECT node FROM intent WHERE state = 5", "");
	for (guint i = 0; nodes != NULL && i < nodes->len; i++) {
		if (cache_local_is_open(cache->locals, g_array_index(nodes, int64_t, i)))
			counts->open++;
		else
			counts->failed++;
	}
}

void cache_queue_counts(Cache *cache, CacheQueueCounts *ret_counts)
{
	*ret_counts = (CacheQueueCounts){0};
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return;
	ret_counts->waiting =
		count_of(conn, "SELECT count(*) FROM intent WHERE state IN (0, 1, 2)");
	ret_counts->held = count_of(conn, "SELECT count(*) FROM intent WHERE state = 3");
	ret_counts->failed = count_of(conn, "SELECT count(*) FROM intent WHERE state IN (4, 6)");
	count_open(cache, conn, ret_counts);
	ret_counts->scratch =
		count_of(conn, "SELECT count(*) FROM local CROSS JOIN node ON node.id = local.node"
			       " WHERE node.flags & 64 != 0 AND node.state = 0");
	int64_t bytes = 0;
	if (cache_conn_int(conn, 0, &bytes, NULL,
		    "SELECT coalesce(sum(max(node.size, local.size)), 0) FROM local CROSS JOIN node"
		    " ON node.id = local.node WHERE node.flags & 64 != 0 AND node.state = 0",
		    ""))
		ret_counts->scratch_bytes = (uint64_t)bytes;
	cache_db_put_reader(cache->db, conn);
}

int cache_queued_open(Cache *cache, int64_t node, GError **error)
{
	return cache_local_open(cache->locals, node, error);
}

/* --- deciding ----------------------------------------------------------------------------- */

typedef bool (*Decide)(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error);

static bool retry(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	intent->tries = 0;
	intent->not_before = 0;
	g_clear_pointer(&intent->error, g_free);
	if (intent->state != CACHE_INTENT_OPEN) {
		intent->state = CACHE_INTENT_QUEUED;
		return cache_intent_put(conn, intent, true, error);
	}
	/* What a dead writer left: a person says that it is whole. */
	g_autoptr(CacheNode) node = cache_node_get(conn, intent->node, error);
	return node != NULL && cache_local_accept(conn, intent->node, error) &&
	       cache_change_finish(cache, conn, node, error);
}

static bool confirm(Cache *cache, CacheConn *conn, CacheIntent *intent, GError **error)
{
	intent->state = CACHE_INTENT_QUEUED;
	return cache_intent_put(conn, intent, true, error) &&
	       cache_conn_run(conn, error, "UPDATE intent SET is_confirmed = 1 WHERE node = ?", "i",
		       intent->node);
}

/* All of @states (bits of CacheIntentState) that are @node's, or everybody's. */
static bool decide(Cache *cache, CacheConn *conn, int64_t node, unsigned states, Decide how,
	GError **error)
{
	unsigned count = 0;
	for (int state = 0; state <= CACHE_INTENT_MAYBE_SENT; state++) {
		if ((states & 1U << state) == 0)
			continue;
		g_autoptr(GPtrArray) intents =
			cache_intent_list(conn, (CacheIntentState)state, QUEUE_MAX, error);
		for (guint i = 0; intents != NULL && i < intents->len; i++) {
			CacheIntent *intent = intents->pdata[i];
			if (node != 0 && intent->node != node)
				continue;
			if (cache_local_is_open(cache->locals, intent->node))
				continue;
			if (!how(cache, conn, intent, error))
				return false;
			count++;
		}
		if (intents == NULL)
			return false;
	}
	if (count == 0)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"there is nothing of that kind");
	return count > 0;
}

#define PARKED (1U << CACHE_INTENT_FAILED | 1U << CACHE_INTENT_OPEN)

bool cache_queue_retry(Cache *cache, int64_t node, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	bool is_good = decide(cache, conn, node, PARKED, retry, error);
	return cache_change_end(cache, is_good, error);
}

bool cache_queue_confirm(Cache *cache, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	bool is_good = decide(cache, conn, 0, 1U << CACHE_INTENT_HELD, confirm, error);
	return cache_change_end(cache, is_good, error);
}

/* A discard on its way to the sync thread, and its answer back. */
typedef struct Discard {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t node;
	bool is_over;
	GError *error; /* own */
	gatomicrefcount refs;
} Discard;

static void discard_unref(void *data)
{
	Discard *self = data;
	pthread_mutex_lock(&self->lock);
	if (!self->is_over) {
		self->is_over = true;
		if (self->error == NULL)
			self->error = g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED,
				"the mount is ending");
		pthread_cond_broadcast(&self->changed);
	}
	pthread_mutex_unlock(&self->lock);
	if (!g_atomic_ref_count_dec(&self->refs))
		return;
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	g_clear_error(&self->error);
	g_free(self);
}

static void run_discard(Cache *cache, void *data)
{
	Discard *self = data;
	GError *error = NULL;
	const unsigned states = PARKED | 1U << CACHE_INTENT_HELD | 1U << CACHE_INTENT_MAYBE_SENT;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn != NULL &&
		decide(cache, conn, self->node, states, cache_outcome_take_back, &error))
		(void)!cache_sync_commit(cache, &error);
	else if (conn != NULL)
		cache_sync_rollback(cache);
	if (error == NULL)
		cache_drain_poke(cache);
	pthread_mutex_lock(&self->lock);
	self->is_over = true;
	self->error = error;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

bool cache_queue_discard(Cache *cache, int64_t node, GError **error)
{
	Discard *self = g_new0(Discard, 1);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	g_atomic_ref_count_init(&self->refs);
	g_atomic_ref_count_inc(&self->refs);
	self->node = node;
	cache_sync_post(cache, run_discard, self, discard_unref);
	pthread_mutex_lock(&self->lock);
	while (!self->is_over)
		pthread_cond_wait(&self->changed, &self->lock);
	bool is_done = self->error == NULL;
	if (!is_done)
		g_propagate_error(error, g_error_copy(self->error));
	pthread_mutex_unlock(&self->lock);
	discard_unref(self);
	return is_done;
}
