/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/fetch.h"

#include <string.h>

#include "cache/content.h"
#include "cache/download.h"
#include "cache/evict.h"
#include "cache/node.h"
#include "cache/pim.h"
#include "cache/prefetch.h"
#include "cache/refresh.h"
#include "cache/scan.h"
#include "cache/store.h"
#include "cache/sync.h"
#include "cache/wait.h"
#include "ews/error.h"

/* Fetches that a scan keeps under way. Enough to fill every connection's batch and have the next
 * ones ready, few enough to change the mind of. */
#define SCAN_UNDER_WAY 1000

/* The sync thread hears of every so many hits. */
#define HITS_TOLD 64

/* An item whose content could not be had is asked for again after this, or when it changed. */
#define ERROR_REST_US (3600 * (int64_t)G_USEC_PER_SEC)

typedef struct Waiter {
	CacheReason reason;
	CacheDone done;
	void *user;
	int64_t since_us;
	bool is_last; /* room was made for it once; it is not fetched a third time */
} Waiter;

typedef struct Fetch {
	int64_t node;
	uint64_t serial;
	EwsPriority priority;
	GArray *waiters;         /* own; of Waiter */
	CacheDownload *download; /* own; the ews thread's until the op is back */
	int64_t room;            /* bytes that it will take, as far as known */
} Fetch;

struct CacheFetcher {
	GHashTable *fetches; /* own; node id → Fetch (own) */
	GHashTable *scans;   /* own; directory → CacheScan (own) */
	GPtrArray *finished; /* own; of CacheStoreItem, with their Fetch as user */
	unsigned background;
	int64_t room; /* of all that is under way */
	unsigned scanning;
	int64_t walk_us; /* when to walk over them again */
	bool is_stopped;
	bool is_holding; /* what is asked for next gathers until the round is over */
};

/* A request from another thread. */
typedef struct Request {
	int64_t node;
	CacheReason reason;
	CacheDone done;
	void *user;
	bool is_last;  /* Waiter.is_last */
	bool is_taken; /* answered, or joined a fetch */
} Request;

/* What the index knows of an item that is to be fetched. */
typedef struct Wanted {
	CacheNode *node; /* own */
	char *item_id;   /* own */
	char *error;     /* own */
	int64_t error_at;
} Wanted;

static void fetch_free(void *data)
{
	Fetch *fetch = data;
	g_array_unref(fetch->waiters);
	cache_download_free(fetch->download);
	g_free(fetch);
}

CacheFetcher *cache_fetcher_new(void)
{
	CacheFetcher *self = g_new0(CacheFetcher, 1);
	self->fetches = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, fetch_free);
	self->scans = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
		(GDestroyNotify)cache_scan_free);
	self->finished = g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	return self;
}

void cache_fetcher_free(CacheFetcher *self)
{
	if (self == NULL)
		return;
	g_ptr_array_unref(self->finished);
	g_hash_table_unref(self->fetches);
	g_hash_table_unref(self->scans);
	g_free(self);
}

unsigned cache_fetch_background_count(const Cache *cache)
{
	return cache->fetcher->background;
}

bool cache_fetch_is_on(const Cache *cache, int64_t node)
{
	return g_hash_table_contains(cache->fetcher->fetches, &node);
}

/* --- waiters ---------------------------------------------------------------------------- */

static bool needs_bytes(const Waiter *waiter)
{
	return waiter->reason != CACHE_REASON_STAT;
}

/* Who wants bytes and joined a fetch that learned the length alone asks once more. */
static void ask_again(Cache *cache, int64_t node, const GArray *waiters)
{
	for (guint i = 0; i < waiters->len; i++) {
		const Waiter *waiter = &g_array_index(waiters, Waiter, i);
		if (needs_bytes(waiter))
			cache_fetch(cache, node, waiter->reason, waiter->done, waiter->user);
		else
			waiter->done(waiter->user, NULL);
	}
}

static void answer(const GArray *waiters, const GError *error)
{
	for (guint i = 0; i < waiters->len; i++) {
		const Waiter *waiter = &g_array_index(waiters, Waiter, i);
		waiter->done(waiter->user, error);
	}
}

static void request_answer(Request *request, const GError *error)
{
	request->is_taken = true;
	if (request->done != NULL)
		request->done(request->user, error);
}

static void request_free(void *data)
{
	Request *request = data;
	if (!request->is_taken && request->done != NULL) {
		g_autoptr(GError) error =
			g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
		request->done(request->user, error);
	}
	g_free(request);
}

/* --- beginning -------------------------------------------------------------------------- */

static void count(CacheFetcher *self, EwsPriority priority, int by)
{
	if (priority == EWS_PRIORITY_BACKGROUND)
		self->background += (unsigned)by;
	else if (priority == EWS_PRIORITY_SCAN)
		self->scanning += (unsigned)by;
}

static void fetch_answered(Cache *cache, EwsOp *op, void *user);

static void ask(Cache *cache, Fetch *fetch, EwsOp *op, CacheAnswered answered)
{
	ews_op_set_tag(op, fetch->node);
	cache_content_lead_node(cache, op, fetch->node);
	fetch->serial = cache_sync_submit(cache, op, fetch->priority, answered, NULL);
}

static void ask_mime(Cache *cache, Fetch *fetch, const char *item_id, int64_t size_hint)
{
	EwsSink sink;
	cache_download_sink(fetch->download, &sink);
	ask(cache, fetch, ews_get_item_mime_new(item_id, size_hint, &sink), fetch_answered);
}

static Fetch *begin(Cache *cache, int64_t node, const char *item_id, int64_t size_hint,
	EwsPriority priority)
{
	CacheFetcher *self = cache->fetcher;
	Fetch *fetch = g_new0(Fetch, 1);
	fetch->node = node;
	fetch->priority = priority;
	fetch->waiters = g_array_new(FALSE, FALSE, sizeof(Waiter));
	bool keep = priority != EWS_PRIORITY_BACKGROUND ||
		    cache_evict_has_room(cache, self->room + size_hint);
	fetch->download = cache_download_new(cache, keep, false);
	fetch->room = keep ? MAX(size_hint, 0) : 0;
	self->room += fetch->room;
	g_hash_table_insert(self->fetches, &fetch->node, fetch);
	count(self, priority, 1);
	ask_mime(cache, fetch, item_id, size_hint);
	return fetch;
}

bool cache_fetch_ahead(Cache *cache, int64_t node, const char *item_id, int64_t size_hint)
{
	CacheFetcher *self = cache->fetcher;
	if (self->is_stopped || g_hash_table_contains(self->fetches, &node))
		return false;
	begin(cache, node, item_id, size_hint, EWS_PRIORITY_BACKGROUND);
	return true;
}

static void make_urgent(Cache *cache, Fetch *fetch, EwsPriority priority)
{
	/* One that is back already has no urgency left (its download went with the answer). */
	if (priority >= fetch->priority || fetch->download == NULL)
		return;
	count(cache->fetcher, fetch->priority, -1);
	count(cache->fetcher, priority, 1);
	fetch->priority = priority;
	ews_raise(cache->session, fetch->serial, priority);
}

/* --- reading ahead ---------------------------------------------------------------------- */

static CacheScan *scan_of(CacheFetcher *self, int64_t dir)
{
	CacheScan *scan = g_hash_table_lookup(self->scans, &dir);
	if (scan == NULL) {
		scan = cache_scan_new(dir);
		g_hash_table_insert(self->scans, g_memdup2(&dir, sizeof dir), scan);
	}
	return scan;
}

static void fill_scan(Cache *cache, CacheScan *scan)
{
	CacheFetcher *self = cache->fetcher;
	/* Topped up by halves: each look into the index costs more than an item. */
	if (self->is_stopped || self->scanning > SCAN_UNDER_WAY / 2 || !cache_evict_is_roomy(cache))
		return;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return;
	g_autoptr(GPtrArray) items =
		cache_scan_next(scan, conn, SCAN_UNDER_WAY - self->scanning, NULL);
	cache_db_put_reader(cache->db, conn);
	ews_hold(cache->session);
	for (guint i = 0; items != NULL && i < items->len; i++) {
		const CacheScanItem *item = items->pdata[i];
		Fetch *fetch = g_hash_table_lookup(self->fetches, &item->node);
		if (fetch != NULL)
			make_urgent(cache, fetch, EWS_PRIORITY_SCAN);
		else
			begin(cache, item->node, item->item_id, item->size_hint, EWS_PRIORITY_SCAN);
	}
	ews_release(cache->session);
}

static void fill_scans(Cache *cache)
{
	GHashTableIter iter;
	gpointer value;
	int64_t now = g_get_monotonic_time();
	g_hash_table_iter_init(&iter, cache->fetcher->scans);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (!cache_scan_is_over(value, now))
			fill_scan(cache, value);
	}
}

static void hits_run(Cache *cache, void *data)
{
	const int64_t *dir = data;
	CacheScan *scan = g_hash_table_lookup(cache->fetcher->scans, dir);
	if (scan == NULL || cache_scan_is_over(scan, g_get_monotonic_time()))
		return;
	cache_scan_hits(scan, HITS_TOLD);
	fill_scan(cache, scan);
}

void cache_fetch_hit(Cache *cache, int64_t dir)
{
	/* Two readers in two directories share the count: each is told half as often. */
	if (atomic_fetch_add(&cache->hits, 1) % HITS_TOLD == HITS_TOLD - 1)
		cache_sync_post(cache, hits_run, g_memdup2(&dir, sizeof dir), g_free);
}

/* --- requests --------------------------------------------------------------------------- */

static void wanted_clear(Wanted *self)
{
	cache_node_unref(self->node);
	g_free(self->item_id);
	g_free(self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Wanted, wanted_clear)

static bool load(CacheConn *conn, int64_t id, Wanted *ret_wanted, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " CACHE_NODE_COLUMNS ", item.item_id, item.error, item.error_at"
		" FROM node JOIN item ON item.node = node.id WHERE node.id = ? AND node.state = 0",
		"i", id);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such message");
		return false;
	}
	ret_wanted->node = cache_node_read(stmt);
	ret_wanted->item_id = cache_column_dup(stmt, CACHE_NODE_COLUMN_COUNT);
	ret_wanted->error = cache_column_dup(stmt, CACHE_NODE_COLUMN_COUNT + 1);
	ret_wanted->error_at = sqlite3_column_int64(stmt, CACHE_NODE_COLUMN_COUNT + 2);
	sqlite3_reset(stmt);
	return true;
}

/* What is asked for is here already. Believes the file, not the flag: the cache directory may be
 * emptied at any time. */
static bool is_satisfied(Cache *cache, const Request *request, const CacheNode *node)
{
	if (request->reason == CACHE_REASON_STAT)
		return node->size >= 0;
	if (!node->is_here || (node->is_suspect && request->reason == CACHE_REASON_OPEN))
		return false;
	g_autoptr(CacheBlob) blob = cache_blob_open(cache, node->id, node->content, NULL);
	return blob != NULL;
}

static GError *resting_error(const Wanted *wanted)
{
	if (!wanted->node->has_error || g_get_real_time() - wanted->error_at > ERROR_REST_US)
		return NULL;
	return g_error_new(EWS_ERROR, EWS_ERROR_CORRUPT, "%s",
		wanted->error != NULL ? wanted->error : "the server cannot give this item");
}

/* How urgent a miss is: the first of a folder goes alone, the second begins a scan. */
static EwsPriority priority_of(Cache *cache, CacheConn *conn, const Request *request,
	const CacheNode *node)
{
	bool is_scan = false;
	if (request->done == NULL)
		return EWS_PRIORITY_BACKGROUND;
	CacheScan *scan = scan_of(cache->fetcher, node->parent);
	CacheScanMiss miss = {
		.node = node,
		.for_length = request->reason == CACHE_REASON_STAT,
		.was_foreseen = g_hash_table_contains(cache->fetcher->fetches, &node->id),
	};
	if (!cache_scan_miss(scan, conn, &miss, &is_scan, NULL))
		return EWS_PRIORITY_WAITING;
	return is_scan ? EWS_PRIORITY_SCAN : EWS_PRIORITY_WAITING;
}

static void join(Cache *cache, Request *request, const Wanted *wanted, EwsPriority priority)
{
	Fetch *fetch = g_hash_table_lookup(cache->fetcher->fetches, &request->node);
	if (fetch == NULL)
		fetch = begin(cache, request->node, wanted->item_id, wanted->node->size_hint,
			priority);
	else
		make_urgent(cache, fetch, priority);
	request->is_taken = true;
	if (request->done == NULL)
		return;
	Waiter waiter = {
		.reason = request->reason,
		.done = request->done,
		.user = request->user,
		.since_us = g_get_monotonic_time(),
		.is_last = request->is_last,
	};
	g_array_append_val(fetch->waiters, waiter);
}

static void request_run(Cache *cache, void *data)
{
	Request *request = data;
	g_autoptr(GError) error = NULL;
	g_auto(Wanted) wanted = {NULL, NULL, NULL, 0};
	if (cache->fetcher->is_stopped)
		return; /* freeing answers it */
	CacheConn *conn = cache_db_take_reader(cache->db, &error);
	if (conn == NULL) {
		request_answer(request, error);
		return;
	}
	EwsPriority priority = EWS_PRIORITY_BACKGROUND;
	if (load(conn, request->node, &wanted, &error) &&
		!is_satisfied(cache, request, wanted.node))
		error = resting_error(&wanted);
	else if (error == NULL)
		request->is_taken = true;
	if (!request->is_taken && error == NULL)
		priority = priority_of(cache, conn, request, wanted.node);
	cache_db_put_reader(cache->db, conn);
	if (request->is_taken || error != NULL) {
		request_answer(request, error);
		return;
	}
	join(cache, request, &wanted, priority);
	if (priority == EWS_PRIORITY_SCAN)
		fill_scan(cache, scan_of(cache->fetcher, wanted.node->parent));
}

void cache_fetch(Cache *cache, int64_t id, CacheReason reason, CacheDone done, void *user)
{
	Request *request = g_new0(Request, 1);
	request->node = id;
	request->reason = reason;
	request->done = done;
	request->user = user;
	cache_sync_post(cache, request_run, request, request_free);
}

/* --- the end of a fetch ----------------------------------------------------------------- */

/* Its content is what the download has now, unless there is an @error (taken). */
static void fetched(Cache *cache, Fetch *fetch, const EwsOp *op, GError *error)
{
	CacheFetcher *self = cache->fetcher;
	count(self, fetch->priority, -1);
	CacheStoreItem *item = g_new0(CacheStoreItem, 1);
	item->node = fetch->node;
	item->download = g_steal_pointer(&fetch->download);
	item->error = error;
	item->is_everybodys = ews_op_response_code(op) == NULL &&
			      (ews_error_is(item->error, EWS_ERROR_DENIED) ||
				      ews_error_is(item->error, EWS_ERROR_UNSUPPORTED));
	g_ptr_array_add(self->finished, item);
}

static Fetch *fetch_of(Cache *cache, const EwsOp *op)
{
	int64_t node = ews_op_tag(op);
	Fetch *fetch = g_hash_table_lookup(cache->fetcher->fetches, &node);
	g_assert(fetch != NULL);
	return fetch;
}

static void details_answered(Cache *cache, EwsOp *op, void *user)
{
	Fetch *fetch = fetch_of(cache, op);
	GError *error = NULL;
	bool is_made = cache_pim_make(cache, op, fetch->download, &error);
	fetched(cache, fetch, op, is_made ? NULL : error);
}

static void fetch_answered(Cache *cache, EwsOp *op, void *user)
{
	Fetch *fetch = fetch_of(cache, op);
	g_autofree char *item_id = NULL;
	EwsOp *details = NULL;
	CachePimNext next = CACHE_PIM_DONE;
	if (!cache->fetcher->is_stopped)
		next = cache_pim_look(cache, op, fetch->download, &details, &item_id);
	if (next == CACHE_PIM_DETAILS) {
		if (!cache->fetcher->is_holding)
			ews_hold(cache->session);
		cache->fetcher->is_holding = true;
		ask(cache, fetch, details, details_answered);
	} else if (next == CACHE_PIM_HOLD) {
		bool keep = cache_download_is_kept(fetch->download);
		int64_t length = cache_download_length(fetch->download);
		cache_download_free(fetch->download);
		fetch->download = cache_download_new(cache, keep, true);
		ask_mime(cache, fetch, item_id, length);
	} else {
		fetched(cache, fetch, op,
			ews_op_error(op) != NULL ? g_error_copy(ews_op_error(op)) : NULL);
	}
}

/* The disk was full: what was not used for longest goes, and who waits has one more try. */
static void make_room(Cache *cache, const CacheStoreItem *item, GArray *waiters, int64_t room)
{
	int64_t came = item->download != NULL ? cache_download_length(item->download) : 0;
	int64_t wanted = MAX(room, came);
	bool can_try = false;
	for (guint i = 0; i < waiters->len; i++)
		can_try = can_try || !g_array_index(waiters, Waiter, i).is_last;
	if (!can_try || !cache_evict_make_room(cache, 2 * (uint64_t)wanted))
		return;
	for (guint i = waiters->len; i > 0; i--) {
		const Waiter *waiter = &g_array_index(waiters, Waiter, i - 1);
		if (waiter->is_last)
			continue;
		Request *request = g_new0(Request, 1);
		*request = (Request){.node = item->node,
			.reason = waiter->reason,
			.done = waiter->done,
			.user = waiter->user,
			.is_last = true};
		g_array_remove_index(waiters, i - 1);
		cache_sync_post(cache, request_run, request, request_free);
	}
}

/* Takes the fetch off the table and answers: who comes now is served from the index. */
static void finish(Cache *cache, const CacheStoreItem *item)
{
	CacheFetcher *self = cache->fetcher;
	Fetch *fetch = g_hash_table_lookup(self->fetches, &item->node);
	g_autoptr(GArray) waiters = g_array_ref(fetch->waiters);
	int64_t room = fetch->room;
	self->room -= room;
	g_hash_table_remove(self->fetches, &item->node);
	if (!self->is_stopped && ews_error_is(item->error, EWS_ERROR_NO_SPACE))
		make_room(cache, item, waiters, room);
	if (item->error == NULL && !cache_download_is_kept(item->download))
		ask_again(cache, item->node, waiters);
	else
		answer(waiters, item->error);
	if (item->error != NULL && ews_error_is(item->error, EWS_ERROR_NOT_FOUND))
		cache_refresh_ask(cache); /* the listing is old */
	if (item->error != NULL && !cache_store_is_final(item->error))
		cache_prefetch_rest(cache, ews_error_is(item->error, EWS_ERROR_NO_SPACE));
}

void cache_fetch_settle(Cache *cache)
{
	CacheFetcher *self = cache->fetcher;
	if (self->is_holding)
		ews_release(cache->session);
	self->is_holding = false;
	if (self->finished->len == 0)
		return;
	g_autoptr(GPtrArray) finished = self->finished;
	self->finished = g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	cache_store(cache, finished);
	for (guint i = 0; i < finished->len; i++)
		finish(cache, finished->pdata[i]);
	cache_prefetch_count(cache, finished->len);
	if (g_hash_table_size(self->fetches) == 0)
		cache_wait_look_soon(cache);
	if (!self->is_stopped)
		fill_scans(cache);
}

/* --- time ------------------------------------------------------------------------------- */

/* Answers the waiters of one fetch who heard nothing since @limit_us. */
static void expire(Fetch *fetch, int64_t limit_us, const GError *error)
{
	g_autoptr(GArray) late = g_array_new(FALSE, FALSE, sizeof(Waiter));
	for (guint i = fetch->waiters->len; i > 0; i--) {
		Waiter waiter = g_array_index(fetch->waiters, Waiter, i - 1);
		if (waiter.since_us > limit_us)
			continue;
		g_array_append_val(late, waiter);
		g_array_remove_index(fetch->waiters, i - 1);
	}
	answer(late, error);
}

int64_t cache_fetch_tick(Cache *cache, int64_t now_us)
{
	CacheFetcher *self = cache->fetcher;
	GHashTableIter iter;
	gpointer value;
	bool has_waiters = false;
	if (now_us < self->walk_us)
		return self->walk_us;
	int64_t limit = now_us - cache->timeout_s * (int64_t)G_USEC_PER_SEC;
	int64_t heard_us = 0;
	g_autoptr(GError) error = cache_sync_silence(cache, &heard_us);
	bool is_silent = heard_us <= limit;

	g_hash_table_iter_init(&iter, self->fetches);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Fetch *fetch = value;
		if (is_silent)
			expire(fetch, limit, error);
		has_waiters = has_waiters || fetch->waiters->len > 0;
	}
	g_hash_table_iter_init(&iter, self->scans);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		if (cache_scan_is_over(value, now_us))
			g_hash_table_iter_remove(&iter);
	}
	bool is_busy = has_waiters || g_hash_table_size(self->scans) > 0;
	self->walk_us = is_busy ? now_us + G_USEC_PER_SEC / 2 : 0;
	return is_busy ? self->walk_us : INT64_MAX;
}

void cache_fetch_stop(Cache *cache)
{
	CacheFetcher *self = cache->fetcher;
	GHashTableIter iter;
	gpointer value;
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	self->is_stopped = true;
	cache_fetch_settle(cache);
	g_hash_table_iter_init(&iter, self->fetches);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		expire(value, INT64_MAX, error);
}
