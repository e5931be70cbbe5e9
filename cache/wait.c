/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/wait.h"

#include "cache/fetch.h"
#include "cache/hints.h"
#include "cache/node.h"
#include "cache/prefetch.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "ews/error.h"

/* How often it is looked whether all bytes are here. */
#define LOOK_US (G_USEC_PER_SEC / 4)

typedef struct Wait {
	int64_t dir;
	bool is_sync; /* else for the listing */
	bool with_bytes;
	bool is_listed; /* is_sync: the refresh part is done */
	int64_t round;  /* is_sync: the refresh that will do */
	int64_t since_us;
	int64_t deadline_us; /* 0: none */
	CacheDone done;
	void *user;
	bool is_answered;
} Wait;

struct CacheWaits {
	GPtrArray *waits; /* own; of Wait */
	int64_t look_us;  /* when to look at them again */
	bool is_stopped;
};

static void answer(Wait *wait, const GError *error)
{
	if (wait->is_answered)
		return;
	wait->is_answered = true;
	wait->done(wait->user, error);
}

/* Also the end of one that never reached the sync thread. */
static void wait_free(void *data)
{
	Wait *wait = data;
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	answer(wait, error);
	g_free(wait);
}

CacheWaits *cache_waits_new(void)
{
	CacheWaits *self = g_new0(CacheWaits, 1);
	self->waits = g_ptr_array_new_with_free_func(wait_free);
	return self;
}

void cache_waits_free(CacheWaits *self)
{
	if (self == NULL)
		return;
	g_ptr_array_unref(self->waits);
	g_free(self);
}

/* --- what is true ------------------------------------------------------------------------ */

static bool is_fresh(Cache *cache)
{
	int64_t fresh = atomic_load(&cache->fresh_us);
	int64_t age = g_get_monotonic_time() - fresh;
	return fresh != 0 && age <= cache->refresh_s * (int64_t)G_USEC_PER_SEC;
}

bool cache_listing_ready(Cache *cache, int64_t dir)
{
	g_autoptr(CacheNode) node = cache_get(cache, dir, NULL);
	bool fresh = is_fresh(cache);
	if (!fresh && !cache_hints_are_enough(cache) && !atomic_load(&cache->is_round_on))
		cache_refresh_ask_soon(cache);
	return node != NULL && node->is_listed && (fresh || !cache->backup);
}

/* What is still to be fetched below a directory, and what cannot be. */
static bool count_below(Cache *cache, int64_t dir, int64_t *ret_wanted, int64_t *ret_failed)
{
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return false;
#define BELOW                                                                                      \
	"WITH RECURSIVE below (id) AS (VALUES (?) UNION ALL"                                       \
	" SELECT node.id FROM node JOIN below ON node.parent = below.id"                           \
	" WHERE node.state = 0 AND node.parent > 0 AND node.kind = 0)"
	bool is_ok = cache_conn_int(conn, 0, ret_wanted, NULL,
			     BELOW " SELECT count(*) FROM node JOIN below ON below.id = node.parent"
				   " WHERE node.want = 1 AND node.state = 0",
			     "i", dir) &&
		     cache_conn_int(conn, 0, ret_failed, NULL,
			     BELOW " SELECT count(*) FROM item JOIN node ON node.id = item.node"
				   " JOIN below ON below.id = node.parent"
				   " WHERE (item.error IS NOT NULL OR node.want = 2)"
				   " AND node.state = 0",
			     "i", dir);
#undef BELOW
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

/* --- looking ----------------------------------------------------------------------------- */

static void update_force(Cache *cache)
{
	int64_t dir = 0;
	GPtrArray *waits = cache->waits->waits;
	for (guint i = 0; i < waits->len; i++) {
		const Wait *wait = waits->pdata[i];
		if (wait->is_sync && wait->with_bytes && wait->is_listed && !wait->is_answered)
			dir = dir == 0 ? wait->dir : CACHE_ROOT;
	}
	cache_prefetch_force(cache, dir);
}

static void sweep_answered(Cache *cache)
{
	GPtrArray *waits = cache->waits->waits;
	for (guint i = waits->len; i > 0; i--) {
		const Wait *wait = waits->pdata[i - 1];
		if (wait->is_answered)
			g_ptr_array_remove_index(waits, i - 1);
	}
	update_force(cache);
}

static void look_at_listing(Cache *cache, Wait *wait)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(cache, wait->dir, &error);
	bool is_gone = node != NULL && node->parent == 0 && node->id != CACHE_ROOT;
	if (is_gone)
		g_set_error_literal(&error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "the folder is gone");
	if (error != NULL)
		answer(wait, error);
	else if (node->is_listed && (!cache->backup || is_fresh(cache)))
		answer(wait, NULL);
}

static void look_at_bytes(Cache *cache, Wait *wait)
{
	int64_t wanted = 0;
	int64_t failed = 0;
	g_autoptr(GError) error = NULL;
	if (!count_below(cache, wait->dir, &wanted, &failed) || wanted > 0)
		return;
	if (failed > 0)
		error = g_error_new(EWS_ERROR, EWS_ERROR_CORRUPT,
			"%" G_GINT64_FORMAT
			" items cannot be had from the server (user.ewsfs.error)",
			failed);
	answer(wait, error);
}

static void look(Cache *cache, Wait *wait)
{
	if (!wait->is_sync)
		look_at_listing(cache, wait);
	else if (wait->is_listed && wait->with_bytes)
		look_at_bytes(cache, wait);
}

void cache_wait_check(Cache *cache)
{
	GPtrArray *waits = cache->waits->waits;
	for (guint i = 0; i < waits->len; i++)
		look(cache, waits->pdata[i]);
	sweep_answered(cache);
}

void cache_wait_round_done(Cache *cache, int64_t round)
{
	GPtrArray *waits = cache->waits->waits;
	for (guint i = 0; i < waits->len; i++) {
		Wait *wait = waits->pdata[i];
		if (!wait->is_sync || wait->round > round)
			continue;
		wait->is_listed = true;
		if (!wait->with_bytes)
			answer(wait, NULL);
	}
	cache_wait_check(cache);
}

void cache_wait_failed(Cache *cache, const GError *error)
{
	GPtrArray *waits = cache->waits->waits;
	for (guint i = 0; i < waits->len; i++)
		answer(waits->pdata[i], error);
	sweep_answered(cache);
}

void cache_wait_dir_failed(Cache *cache, int64_t dir, const GError *error)
{
	GPtrArray *waits = cache->waits->waits;
	for (guint i = 0; i < waits->len; i++) {
		Wait *wait = waits->pdata[i];
		if (!wait->is_sync && wait->dir == dir)
			answer(wait, error);
	}
	sweep_answered(cache);
}

static bool is_late(const Cache *cache, const Wait *wait, int64_t now_us, int64_t heard_us)
{
	int64_t patience = cache->timeout_s * (int64_t)G_USEC_PER_SEC;
	if (wait->deadline_us != 0 && now_us >= wait->deadline_us)
		return true;
	return !wait->is_sync && now_us - MAX(wait->since_us, heard_us) > patience;
}

void cache_wait_look_soon(Cache *cache)
{
	cache->waits->look_us = 0;
}

int64_t cache_wait_tick(Cache *cache, int64_t now_us)
{
	GPtrArray *waits = cache->waits->waits;
	if (waits->len == 0)
		return INT64_MAX;
	if (now_us < cache->waits->look_us)
		return cache->waits->look_us;
	cache->waits->look_us = now_us + LOOK_US;
	int64_t heard_us = 0;
	g_autoptr(GError) error = cache_sync_silence(cache, &heard_us);
	for (guint i = 0; i < waits->len; i++) {
		Wait *wait = waits->pdata[i];
		look(cache, wait);
		if (is_late(cache, wait, now_us, heard_us))
			answer(wait, error);
	}
	sweep_answered(cache);
	return waits->len > 0 ? cache->waits->look_us : INT64_MAX;
}

bool cache_wait_has(const Cache *cache, int64_t dir)
{
	for (guint i = 0; i < cache->waits->waits->len; i++) {
		const Wait *wait = cache->waits->waits->pdata[i];
		if (!wait->is_sync && wait->dir == dir)
			return true;
	}
	return false;
}

bool cache_wait_has_sync(const Cache *cache)
{
	for (guint i = 0; i < cache->waits->waits->len; i++) {
		const Wait *wait = cache->waits->waits->pdata[i];
		if (wait->is_sync)
			return true;
	}
	return false;
}

void cache_wait_stop(Cache *cache)
{
	cache->waits->is_stopped = true;
	g_ptr_array_set_size(cache->waits->waits, 0);
}

/* --- coming in --------------------------------------------------------------------------- */

/* The wait is handed over here: what the task frees afterwards is only its envelope. */
static void wait_begin(Cache *cache, void *data)
{
	Wait **envelope = data;
	Wait *wait = g_steal_pointer(envelope);
	if (cache->waits->is_stopped) {
		wait_free(wait);
		return;
	}
	g_ptr_array_add(cache->waits->waits, wait);
	if (wait->is_sync) {
		wait->round = cache_refresh_ask(cache);
		if (wait->with_bytes)
			cache_prefetch_again(cache);
	} else {
		look(cache, wait);
		if (!wait->is_answered)
			cache_refresh_first(cache, wait->dir);
	}
	sweep_answered(cache);
}

static void envelope_free(void *data)
{
	Wait **envelope = data;
	if (*envelope != NULL)
		wait_free(*envelope);
	g_free(envelope);
}

static void post(Cache *cache, Wait *wait)
{
	Wait **envelope = g_new(Wait *, 1);
	*envelope = wait;
	wait->since_us = g_get_monotonic_time();
	cache_sync_post(cache, wait_begin, envelope, envelope_free);
}

void cache_await_listing(Cache *cache, int64_t dir, CacheDone done, void *user)
{
	Wait *wait = g_new0(Wait, 1);
	wait->dir = dir;
	wait->done = done;
	wait->user = user;
	post(cache, wait);
}

void cache_sync(Cache *cache, int64_t dir, bool with_bytes, int64_t deadline_us, CacheDone done,
	void *user)
{
	Wait *wait = g_new0(Wait, 1);
	wait->dir = dir;
	wait->is_sync = true;
	wait->with_bytes = with_bytes;
	wait->deadline_us = deadline_us;
	wait->done = done;
	wait->user = user;
	post(cache, wait);
}
