/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/flush.h"

#include "cache/change.h"
#include "cache/drain.h"
#include "cache/node.h"
#include "cache/sync.h"
#include "ews/error.h"

/* Who waits without a word from the journal is looked at so often. */
#define LOOK_US (G_USEC_PER_SEC / 5)

/* The kernel says RELEASE a moment after close has returned: `cp a b && ewsfsctl flush` means b
 * too, while a program that goes on writing is not waited for. */
#define RELEASE_US (G_USEC_PER_SEC / 4)

/* One who waits. */
typedef struct Flush {
	GHashTable *nodes;   /* own; set of nodes whose intents are to end; NULL: all */
	int64_t deadline_us; /* monotonic; 0: none */
	int64_t silence_us;  /* monotonic: since when nothing of it ended */
	GError *error;       /* own; of the first that failed */
	CacheDone done;
	void *user;
} Flush;

struct CacheFlushes {
	GPtrArray *waiting; /* own; of Flush */
};

static void flush_free(void *data)
{
	Flush *self = data;
	g_clear_pointer(&self->nodes, g_hash_table_unref);
	g_clear_error(&self->error);
	g_free(self);
}

CacheFlushes *cache_flushes_new(void)
{
	CacheFlushes *self = g_new0(CacheFlushes, 1);
	self->waiting = g_ptr_array_new_with_free_func(flush_free);
	return self;
}

void cache_flushes_free(CacheFlushes *self)
{
	if (self == NULL)
		return;
	g_ptr_array_unref(self->waiting);
	g_free(self);
}

static void answer(Cache *cache, guint index, const GError *error)
{
	Flush *flush = g_ptr_array_steal_index(cache->flushes->waiting, index);
	flush->done(flush->user, error != NULL ? error : flush->error);
	flush_free(flush);
}

void cache_flush_ended(Cache *cache, int64_t node, const GError *error)
{
	GPtrArray *waiting = cache->flushes->waiting;
	for (guint i = waiting->len; i > 0; i--) {
		Flush *flush = waiting->pdata[i - 1];
		flush->silence_us = g_get_monotonic_time();
		if (flush->nodes == NULL || !g_hash_table_remove(flush->nodes, &node))
			continue;
		if (error != NULL && flush->error == NULL)
			flush->error = g_error_copy(error);
		if (g_hash_table_size(flush->nodes) == 0)
			answer(cache, i - 1, NULL);
	}
}

/* --- looking ------------------------------------------------------------------------------ */

/* Nodes that have something to be sent that will be sent by itself, with those that a program is
 * about to let go of; and nodes that wait for what a person must decide about first. */
typedef struct Pending {
	GHashTable *nodes; /* own */
	GHashTable *stuck; /* own */
} Pending;

static void pending_clear(Pending *self)
{
	g_hash_table_unref(self->nodes);
	g_hash_table_unref(self->stuck);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pending, pending_clear)

static bool collect_pending(CacheConn *conn, GHashTable *nodes)
{
	g_autoptr(GArray) ids = cache_conn_ids(conn, NULL,
		"SELECT node FROM intent WHERE state IN (0, 1, 2) OR (state = 5 AND touched > ?)",
		"i", g_get_real_time() - RELEASE_US);
	for (guint i = 0; ids != NULL && i < ids->len; i++) {
		int64_t id = g_array_index(ids, int64_t, i);
		g_hash_table_add(nodes, g_memdup2(&id, sizeof id));
	}
	/* What is there twice, until one has gone: nobody's in particular. */
	int64_t nobody = 0;
	int64_t strays = 0;
	bool is_read = cache_conn_int(conn, 0, &strays, NULL, "SELECT count(*) FROM stray", "");
	if (strays > 0)
		g_hash_table_add(nodes, g_memdup2(&nobody, sizeof nobody));
	return ids != NULL && is_read;
}

/* One look at who waits for whom: those whose first is not pending are stuck. */
static bool find_stuck(CacheConn *conn, const Pending *pending, bool *ret_found)
{
	bool has_row = true;
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL,
		"SELECT intent.node, first.node FROM intent JOIN node ON node.id = intent.node"
		" JOIN intent AS first ON first.node = intent.after"
		" OR (first.node = node.parent AND node.state = 0 AND first.todo & 1 != 0)"
		" WHERE intent.state IN (0, 1, 2)",
		"");
	*ret_found = false;
	if (stmt == NULL)
		return false;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, NULL))
			return false;
		if (!has_row)
			break;
		int64_t node = sqlite3_column_int64(stmt, 0);
		int64_t first = sqlite3_column_int64(stmt, 1);
		if (g_hash_table_contains(pending->nodes, &first) ||
			!g_hash_table_remove(pending->nodes, &node))
			continue;
		g_hash_table_add(pending->stuck, g_memdup2(&node, sizeof node));
		*ret_found = true;
	}
	return true;
}

static void load_pending(Cache *cache, Pending *ret_pending)
{
	bool has_found = true;
	ret_pending->nodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	ret_pending->stuck = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return;
	/* Level by level, below a folder that was refused. */
	bool is_good = collect_pending(conn, ret_pending->nodes);
	while (is_good && has_found)
		is_good = find_stuck(conn, ret_pending, &has_found);
	cache_db_put_reader(cache->db, conn);
}

static void drop_over(Flush *flush, const Pending *pending)
{
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, flush->nodes);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		if (g_hash_table_contains(pending->nodes, key))
			continue;
		if (g_hash_table_contains(pending->stuck, key) && flush->error == NULL)
			flush->error = g_error_new_literal(EWS_ERROR, EWS_ERROR_CORRUPT,
				"it waits for a change that the server refused");
		g_hash_table_iter_remove(&iter);
	}
}

static GError *too_late(Cache *cache)
{
	EwsStatus status;
	ews_session_status(cache->session, &status);
	bool is_busy = status.state == EWS_STATE_BUSY;
	return g_error_new(EWS_ERROR, is_busy ? EWS_ERROR_BUSY : EWS_ERROR_OFFLINE,
		"the server has not taken it yet%s%s", status.error[0] != '\0' ? ": " : "",
		status.error);
}

static bool is_hopeless(Cache *cache)
{
	EwsStatus status;
	ews_session_status(cache->session, &status);
	return status.state == EWS_STATE_OFFLINE || status.state == EWS_STATE_STOPPED;
}

static bool is_late(Cache *cache, const Flush *flush, int64_t now)
{
	if (flush->deadline_us != 0)
		return now >= flush->deadline_us;
	/* What others read meanwhile is no progress of this. */
	int64_t heard = MAX(flush->silence_us, ews_session_last_change(cache->session));
	return is_hopeless(cache) || now >= heard + cache->timeout_s * (int64_t)G_USEC_PER_SEC;
}

int64_t cache_flush_tick(Cache *cache, int64_t now)
{
	GPtrArray *waiting = cache->flushes->waiting;
	if (waiting->len == 0)
		return INT64_MAX;
	g_auto(Pending) pending;
	load_pending(cache, &pending);
	for (guint i = waiting->len; i > 0; i--) {
		Flush *flush = waiting->pdata[i - 1];
		if (flush->nodes != NULL)
			drop_over(flush, &pending);
		bool is_done =
			g_hash_table_size(flush->nodes != NULL ? flush->nodes : pending.nodes) == 0;
		if (is_done) {
			answer(cache, i - 1, NULL);
		} else if (is_late(cache, flush, now)) {
			g_autoptr(GError) error = too_late(cache);
			answer(cache, i - 1, error);
		}
	}
	return waiting->len > 0 ? now + LOOK_US : INT64_MAX;
}

void cache_flush_stop(Cache *cache)
{
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	while (cache->flushes->waiting->len > 0)
		answer(cache, 0, error);
}

/* --- asking ------------------------------------------------------------------------------- */

typedef struct Ask {
	int64_t node; /* 0: everything */
	int64_t deadline_us;
	CacheDone done;
	void *user;
} Ask;

/* Never run: the thread has ended. */
static void ask_free(void *data)
{
	Ask *ask = data;
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	if (ask->done != NULL)
		ask->done(ask->user, error);
	g_free(ask);
}

/* Those of a node: of a directory what is in it, what left it, and the way up to it. */
static GArray *nodes_of(CacheConn *conn, const CacheNode *node, GError **error)
{
	if (node->id == CACHE_ROOT)
		return cache_conn_ids(conn, error, "SELECT node FROM intent", "");
	if (node->kind == CACHE_KIND_FILE)
		return cache_conn_ids(conn, error, "SELECT node FROM intent WHERE node = ?", "i",
			node->id);
	return cache_conn_ids(conn, error,
		"SELECT intent.node FROM intent JOIN node ON node.id = intent.node"
		" LEFT JOIN item ON item.node = intent.node WHERE intent.node = ?1"
		" OR (node.parent = ?1 AND node.state = 0) OR intent.old_parent = ?1"
		" OR item.folder = (SELECT id FROM folder WHERE folder.node = ?1)",
		"i", node->id);
}

/* *intent is what the journal says after. */
static bool finish(Cache *cache, CacheConn *conn, int64_t id, CacheIntent **intent, GError **error)
{
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	if (node == NULL || !cache_change_finish(cache, conn, node, error))
		return false;
	g_clear_pointer(intent, cache_intent_free);
	return cache_intent_get(conn, id, intent, error);
}

/* What is waited for does not linger. *ret_error is what a person is told at once: it was refused
 * before, or is no message. */
static bool make_urgent(Cache *cache, CacheConn *conn, int64_t id, bool is_itself,
	GHashTable *nodes, GError **ret_error, GError **error)
{
	g_autoptr(CacheIntent) intent = NULL;
	if (!cache_intent_get(conn, id, &intent, error))
		return false;
	/* A message that is still open is finished by an fsync of its own. */
	bool is_open = intent != NULL && intent->state == CACHE_INTENT_OPEN;
	if (is_open && is_itself && !finish(cache, conn, id, &intent, error))
		return false;
	if (intent == NULL)
		return true;
	if (is_open && !is_itself) {
		g_hash_table_add(nodes, g_memdup2(&id, sizeof id));
		return cache_intent_put(conn, intent, true, error);
	}
	if (intent->state == CACHE_INTENT_FAILED && *ret_error == NULL)
		*ret_error = g_error_new(EWS_ERROR, EWS_ERROR_CORRUPT, "%s",
			intent->error != NULL ? intent->error : "refused");
	bool will_go = intent->state <= CACHE_INTENT_DOUBT;
	if (will_go)
		g_hash_table_add(nodes, g_memdup2(&id, sizeof id));
	intent->is_urgent = true;
	return cache_intent_put(conn, intent, false, error);
}

static bool collect(Cache *cache, CacheConn *conn, Ask *ask, GHashTable *nodes, GError **ret_error,
	GError **error)
{
	g_autoptr(CacheNode) node =
		cache_node_get(conn, ask->node != 0 ? ask->node : CACHE_ROOT, error);
	g_autoptr(GArray) ids = node != NULL ? nodes_of(conn, node, error) : NULL;
	for (guint i = 0; ids != NULL && i < ids->len; i++) {
		int64_t id = g_array_index(ids, int64_t, i);
		if (!make_urgent(cache, conn, id, id == ask->node, nodes, ret_error, error))
			return false;
	}
	return ids != NULL;
}

static void run_ask(Cache *cache, void *data)
{
	Ask *ask = data;
	g_autoptr(GError) told = NULL;
	g_autoptr(GError) error = NULL;
	GHashTable *nodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	CacheConn *conn = cache_sync_begin(cache, &error);
	bool is_good = conn != NULL && collect(cache, conn, ask, nodes, &told, &error);
	if (conn != NULL && !is_good)
		cache_sync_rollback(cache);
	else if (conn != NULL)
		(void)!cache_sync_commit(cache, &error);
	CacheDone done = ask->done;
	ask->done = NULL;
	if (ask->node == 0)
		g_clear_error(&told);
	if (error != NULL || told != NULL || (ask->node != 0 && g_hash_table_size(nodes) == 0)) {
		g_hash_table_unref(nodes);
		done(ask->user, error != NULL ? error : told);
		return;
	}
	Flush *flush = g_new0(Flush, 1);
	flush->nodes = nodes;
	if (ask->node == 0)
		g_clear_pointer(&flush->nodes, g_hash_table_unref);
	flush->deadline_us = ask->deadline_us;
	flush->silence_us = g_get_monotonic_time();
	flush->done = done;
	flush->user = ask->user;
	g_ptr_array_add(cache->flushes->waiting, flush);
	cache_drain_poke(cache);
}

static void post(Cache *cache, int64_t node, int64_t deadline_us, CacheDone done, void *user)
{
	Ask *ask = g_new0(Ask, 1);
	ask->node = node;
	ask->deadline_us = deadline_us;
	ask->done = done;
	ask->user = user;
	cache_sync_post(cache, run_ask, ask, ask_free);
}

void cache_fsync(Cache *cache, int64_t id, CacheDone done, void *user)
{
	post(cache, id, 0, done, user);
}

void cache_drain(Cache *cache, int64_t deadline_us, CacheDone done, void *user)
{
	post(cache, 0, deadline_us, done, user);
}
