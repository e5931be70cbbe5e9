/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/search.h"

#include <string.h>

#include "cache/aqs.h"
#include "cache/content.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/sync.h"
#include "ews/error.h"

/* How often one folder is asked from its first page. */
#define TRIES_MAX 4

#define LOOK_US (G_USEC_PER_SEC / 4)

/* A folder and what was found in it. */
typedef struct Place {
	char *folder_id; /* own */
	int64_t dir;
	bool is_listed;
	GPtrArray *ids; /* own; of char * */
	unsigned tries;
} Place;

typedef struct Search {
	Cache *cache;
	int64_t dir;
	char *text;        /* own */
	EwsQuery *query;   /* own */
	GPtrArray *places; /* own; of Place */
	guint found;       /* ids so far */
	bool is_aqs;
	bool is_synced;  /* what was not known was waited for */
	unsigned asked;  /* not answered yet, of whomever */
	unsigned barred; /* places that may not be looked into */
	GError *error;   /* own; the first */
	int64_t since_us;
	CacheFoundDone done;
	void *user;
	bool is_answered;

	/* of the probe */
	bool has_found_nothing;
	bool has_something;
} Search;

struct CacheSearches {
	GPtrArray *searches; /* own; of Search */
	int64_t look_us;
	bool is_stopped;
};

/* --- life ---------------------------------------------------------------------------------- */

static void place_free(void *data)
{
	Place *place = data;
	g_ptr_array_unref(place->ids);
	g_free(place->folder_id);
	g_free(place);
}

static void answer(Search *self, const GArray *nodes, const GError *error)
{
	if (self->is_answered)
		return;
	self->is_answered = true;
	self->done(self->user, nodes, error);
}

static void search_free(void *data)
{
	Search *self = data;
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	answer(self, NULL, error);
	g_ptr_array_unref(self->places);
	ews_query_unref(self->query);
	g_clear_error(&self->error);
	g_free(self->text);
	g_free(self);
}

CacheSearches *cache_searches_new(void)
{
	CacheSearches *self = g_new0(CacheSearches, 1);
	self->searches = g_ptr_array_new_with_free_func(search_free);
	return self;
}

void cache_searches_free(CacheSearches *self)
{
	if (self == NULL)
		return;
	g_ptr_array_unref(self->searches);
	g_free(self);
}

/* What is answered and waits for nobody is over. */
static void sweep(Cache *cache)
{
	GPtrArray *searches = cache->searches->searches;
	for (guint i = searches->len; i > 0; i--) {
		const Search *search = searches->pdata[i - 1];
		if (search->is_answered && search->asked == 0)
			g_ptr_array_remove_index(searches, i - 1);
	}
}

static void fail(Search *self, const GError *error)
{
	if (self->error == NULL)
		self->error = g_error_copy(error);
}

static void submit(Search *self, EwsOp *op, const char *folder_id, CacheAnswered answered)
{
	self->asked++;
	cache_content_lead_folder(self->cache, op, folder_id);
	cache_sync_submit(self->cache, op, EWS_PRIORITY_WAITING, answered, self);
}

/* --- nodes --------------------------------------------------------------------------------- */

/* Whether the index has the item at all; its node, where that is shown, else 0. */
static bool find_node(CacheConn *conn, const char *id, bool *ret_is_known, int64_t *ret_node,
	GError **error)
{
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, id, strlen(id));
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_item_find(conn, &ident, id, &row, error))
		return false;
	*ret_is_known = row != NULL;
	*ret_node = row != NULL && row->state == NODE_LIVE && row->dir > 0 ? row->node : 0;
	return true;
}

static bool find_nodes(CacheConn *conn, Place *place, GArray *nodes, bool *ret_is_known,
	GError **error)
{
	*ret_is_known = true;
	for (guint i = 0; i < place->ids->len; i++) {
		bool is_known = false;
		int64_t node = 0;
		if (!find_node(conn, place->ids->pdata[i], &is_known, &node, error))
			return false;
		*ret_is_known = *ret_is_known && is_known;
		if (node != 0)
			g_array_append_val(nodes, node);
	}
	return true;
}

static void resolve(Search *self);

/* A CacheDone. */
static void synced(void *user, const GError *error)
{
	Search *self = user;
	self->asked--;
	if (error != NULL)
		fail(self, error);
	if (self->asked == 0 && !self->cache->searches->is_stopped && !self->is_answered)
		resolve(self);
}

static void await_places(Search *self, const GPtrArray *unknown)
{
	bool wants_refresh = false;
	self->is_synced = true;
	for (guint i = 0; i < unknown->len; i++) {
		const Place *place = unknown->pdata[i];
		wants_refresh = wants_refresh || place->is_listed;
		if (place->is_listed)
			continue;
		self->asked++;
		cache_await_listing(self->cache, place->dir, synced, self);
	}
	if (wants_refresh) {
		self->asked++;
		cache_sync(self->cache, self->dir, false, 0, synced, self);
	}
}

static int compare_ids(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;
	return one < two ? -1 : one > two;
}

static void drop_twins(GArray *nodes)
{
	g_array_sort(nodes, compare_ids);
	for (guint i = nodes->len; i > 1; i--) {
		if (g_array_index(nodes, int64_t, i - 1) == g_array_index(nodes, int64_t, i - 2))
			g_array_remove_index(nodes, i - 1);
	}
}

static bool find_all(Search *self, CacheConn *conn, GArray *nodes, GPtrArray *unknown,
	GError **error)
{
	for (guint i = 0; i < self->places->len; i++) {
		bool is_known = true;
		if (!find_nodes(conn, self->places->pdata[i], nodes, &is_known, error))
			return false;
		if (!is_known)
			g_ptr_array_add(unknown, self->places->pdata[i]);
	}
	return true;
}

static void resolve(Search *self)
{
	g_autoptr(GArray) nodes = g_array_new(false, false, sizeof(int64_t));
	g_autoptr(GPtrArray) unknown = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	CacheConn *conn =
		self->error == NULL ? cache_db_take_reader(self->cache->db, &error) : NULL;
	bool is_ok = conn != NULL && find_all(self, conn, nodes, unknown, &error);
	if (conn != NULL)
		cache_db_put_reader(self->cache->db, conn);
	if (!is_ok) {
		answer(self, NULL, self->error != NULL ? self->error : error);
	} else if (unknown->len > 0 && !self->is_synced) {
		await_places(self, unknown);
	} else {
		drop_twins(nodes);
		answer(self, nodes, NULL);
	}
}

/* --- asking -------------------------------------------------------------------------------- */

static void found(Cache *cache, EwsOp *op, void *user);

static void ask_place(Search *self, guint index, int64_t offset)
{
	const Place *place = self->places->pdata[index];
	const EwsSearch asked = {
		.folder_id = place->folder_id,
		.query = self->query,
		.is_aqs = self->is_aqs,
		.offset = offset,
		.after = offset > 0 ? place->ids->pdata[place->ids->len - 1] : NULL,
	};
	EwsOp *op = ews_search_new(&asked);
	ews_op_set_tag(op, index);
	submit(self, op, place->folder_id, found);
}

static void forget_place(Search *self, Place *place)
{
	self->found -= place->ids->len;
	g_ptr_array_set_size(place->ids, 0);
}

static void ask(Search *self)
{
	self->barred = 0;
	ews_hold(self->cache->session);
	for (guint i = 0; i < self->places->len; i++) {
		forget_place(self, self->places->pdata[i]);
		ask_place(self, i, 0);
	}
	ews_release(self->cache->session);
}

static void refuse_so_many(Search *self)
{
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
		"search for %s: more than %d messages; say more of what is looked for", self->text,
		CACHE_FOUND_MAX);
	fail(self, error);
}

static void take_page(Search *self, guint index, const EwsFound *page)
{
	Place *place = self->places->pdata[index];
	for (guint i = 0; i < page->ids->len; i++)
		g_ptr_array_add(place->ids, g_strdup(page->ids->pdata[i]));
	self->found += page->ids->len;
	if (self->found > CACHE_FOUND_MAX || (!page->is_last && page->total > CACHE_FOUND_MAX))
		refuse_so_many(self);
	else if (!page->is_last && place->ids->len > 0)
		ask_place(self, index, page->next_offset);
}

static void take_trouble(Search *self, guint index, const GError *error)
{
	Place *place = self->places->pdata[index];
	bool is_barred = ews_error_is(error, EWS_ERROR_DENIED);
	if (is_barred && ++self->barred == self->places->len) {
		fail(self, error);
	} else if (is_barred || ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		forget_place(self, place);
	} else if (!ews_error_is(error, EWS_ERROR_STALE)) {
		fail(self, error);
	} else if (++place->tries < TRIES_MAX) {
		forget_place(self, place);
		ask_place(self, index, 0);
	} else {
		g_autoptr(GError) busy =
			g_error_new_literal(EWS_ERROR, EWS_ERROR_BUSY, error->message);
		fail(self, busy);
	}
}

/* Where AQS was understood, and is not in this mailbox or now: an index is missing, say. */
static bool falls_back(Search *self)
{
	if (!self->is_aqs || self->error == NULL || cache_sync_is_passing(self->error) ||
		ews_error_is(self->error, EWS_ERROR_TOO_BIG))
		return false;
	g_debug("search: by restriction: %s", self->error->message);
	g_clear_error(&self->error);
	self->is_aqs = false;
	return true;
}

static void found(Cache *cache, EwsOp *op, void *user)
{
	Search *self = user;
	guint index = (guint)ews_op_tag(op);
	self->asked--;
	if (ews_op_error(op) != NULL && self->error == NULL)
		take_trouble(self, index, ews_op_error(op));
	else if (self->error == NULL && !self->is_answered)
		take_page(self, index, ews_search_found(op));
	if (self->asked > 0 || self->is_answered)
		return;
	if (falls_back(self))
		ask(self);
	else
		resolve(self);
}

/* --- the probe ----------------------------------------------------------------------------- */

static void end_probe(Search *self)
{
	if (self->asked > 0 || self->is_answered)
		return;
	bool is_told = self->has_something && self->error == NULL;
	if (self->error != NULL && cache_sync_is_passing(self->error)) {
		answer(self, NULL, self->error);
		return;
	}
	/* One that refuses it may do so only now. */
	g_clear_error(&self->error);
	self->is_aqs = is_told && self->has_found_nothing;
	if (is_told) {
		cache_aqs_remember(self->cache, self->is_aqs ? CACHE_AQS_YES : CACHE_AQS_NO);
		g_message("the server searches %s", self->is_aqs ? "by AQS" : "by restrictions");
	}
	ask(self);
}

static void probe_found(Cache *cache, EwsOp *op, void *user)
{
	Search *self = user;
	self->asked--;
	if (ews_op_error(op) != NULL)
		fail(self, ews_op_error(op));
	else
		self->has_found_nothing = ews_search_found(op)->ids->len == 0;
	end_probe(self);
}

static void probe_counted(Cache *cache, EwsOp *op, void *user)
{
	Search *self = user;
	self->asked--;
	if (ews_op_error(op) != NULL) {
		fail(self, ews_op_error(op));
	} else {
		g_autoptr(EwsFolder) folder = ews_get_folder_take(op);
		self->has_something = folder->total_count > 0;
	}
	end_probe(self);
}

static char *find_fullest(Cache *cache)
{
	bool has_row = false;
	char *id = NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return NULL;
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL,
		"SELECT folder_id FROM folder WHERE node IS NOT NULL AND is_shown = 1"
		" AND total_count > 0 ORDER BY total_count DESC LIMIT 1",
		"");
	if (stmt != NULL && cache_conn_step(conn, stmt, &has_row, NULL) && has_row) {
		id = cache_column_dup(stmt, 0);
		sqlite3_reset(stmt);
	}
	cache_db_put_reader(cache->db, conn);
	return id;
}

static void probe(Search *self)
{
	g_autofree char *folder_id = find_fullest(self->cache);
	/* Where there is nothing, nothing can be told, and a restriction is understood by all. */
	if (folder_id == NULL) {
		ask(self);
		return;
	}
	g_autofree char *nonsense = g_uuid_string_random();
	g_autofree char *text = g_strdup_printf("subject:\"%s\"", nonsense);
	g_autoptr(EwsQuery) query = ews_query_parse(text, NULL);
	const EwsSearch asked = {.folder_id = folder_id, .query = query, .is_aqs = true};
	self->asked++; /* not over before both are asked */
	submit(self, ews_search_new(&asked), folder_id, probe_found);
	submit(self, ews_get_folder_new(folder_id), folder_id, probe_counted);
	self->asked--;
}

/* --- coming in ----------------------------------------------------------------------------- */

static bool find_places(Search *self, GError **error)
{
	bool has_row = true;
	CacheConn *conn = cache_db_take_reader(self->cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"WITH RECURSIVE below (id) AS (VALUES (?) UNION"
		" SELECT node.id FROM below CROSS JOIN node ON node.parent = below.id"
		" WHERE node.state = 0 AND node.parent > 0 AND node.kind = 0)"
		" SELECT folder.folder_id, node.id, node.flags FROM below"
		" CROSS JOIN node ON node.id = below.id"
		" CROSS JOIN folder ON folder.node = below.id WHERE folder.is_shown = 1",
		"i", self->dir);
	bool is_ok = stmt != NULL;
	while (is_ok && (is_ok = cache_conn_step(conn, stmt, &has_row, error)) && has_row) {
		Place *place = g_new0(Place, 1);
		place->folder_id = cache_column_dup(stmt, 0);
		place->dir = sqlite3_column_int64(stmt, 1);
		place->is_listed = sqlite3_column_int64(stmt, 2) & NODE_LISTED;
		place->ids = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(self->places, place);
	}
	cache_db_put_reader(self->cache->db, conn);
	return is_ok;
}

static void begin(Search *self)
{
	g_autoptr(GError) error = NULL;
	CacheAqs aqs = cache_aqs_recall(self->cache);
	if (!find_places(self, &error)) {
		answer(self, NULL, error);
		return;
	}
	self->is_aqs = aqs == CACHE_AQS_YES;
	if (self->places->len == 0)
		resolve(self);
	else if (aqs == CACHE_AQS_UNKNOWN)
		probe(self);
	else
		ask(self);
}

/* The search is handed over here: what the task frees afterwards is only its envelope. */
static void search_begin(Cache *cache, void *data)
{
	Search **envelope = data;
	Search *self = g_steal_pointer(envelope);
	if (cache->searches->is_stopped) {
		search_free(self);
		return;
	}
	g_ptr_array_add(cache->searches->searches, self);
	begin(self);
	sweep(cache);
}

static void envelope_free(void *data)
{
	Search **envelope = data;
	if (*envelope != NULL)
		search_free(*envelope);
	g_free(envelope);
}

bool cache_query_check(const char *query, GError **error)
{
	g_autoptr(EwsQuery) parsed = ews_query_parse(query, error);
	return parsed != NULL;
}

void cache_search(Cache *cache, int64_t dir, const char *query, CacheFoundDone done, void *user)
{
	g_autoptr(GError) error = NULL;
	EwsQuery *parsed = ews_query_parse(query, &error);
	if (parsed == NULL) {
		done(user, NULL, error);
		return;
	}
	Search *self = g_new0(Search, 1);
	self->cache = cache;
	self->dir = dir;
	self->text = g_strdup(query);
	self->query = parsed;
	self->places = g_ptr_array_new_with_free_func(place_free);
	self->since_us = g_get_monotonic_time();
	self->done = done;
	self->user = user;
	Search **envelope = g_new(Search *, 1);
	*envelope = self;
	cache_sync_post(cache, search_begin, envelope, envelope_free);
}

/* --- the end ------------------------------------------------------------------------------- */

int64_t cache_search_tick(Cache *cache, int64_t now_us)
{
	CacheSearches *self = cache->searches;
	int64_t patience = cache->timeout_s * (int64_t)G_USEC_PER_SEC;
	int64_t heard_us = 0;
	if (self->searches->len == 0)
		return INT64_MAX;
	if (now_us < self->look_us)
		return self->look_us;
	self->look_us = now_us + LOOK_US;
	g_autoptr(GError) error = cache_sync_silence(cache, &heard_us);
	for (guint i = 0; i < self->searches->len; i++) {
		Search *search = self->searches->pdata[i];
		if (now_us - MAX(search->since_us, heard_us) > patience)
			answer(search, NULL, error);
	}
	sweep(cache);
	return self->searches->len > 0 ? self->look_us : INT64_MAX;
}

void cache_search_stop(Cache *cache)
{
	g_autoptr(GError) error =
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the mount is ending");
	cache->searches->is_stopped = true;
	for (guint i = 0; i < cache->searches->searches->len; i++)
		answer(cache->searches->searches->pdata[i], NULL, error);
}
