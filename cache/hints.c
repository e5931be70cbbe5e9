/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/hints.h"

#include <string.h>

#include "cache/drain.h"
#include "cache/refresh.h"
#include "cache/sync.h"

/* A burst is over after so long without a hint, and waited for no longer than that in all. */
#define QUIET_US (G_USEC_PER_SEC / 10)
#define GATHER_US (G_USEC_PER_SEC / 2)

/* Changes of our own are waited for so long. */
#define OWN_US (5 * (int64_t)G_USEC_PER_SEC)

/* Between two questions where the server has to be asked; less where a refresh comes as often. */
#define PULL_S 10

/* What is remembered of a server is believed so long. */
#define REMEMBER_US (7 * 24 * 3600 * (int64_t)G_USEC_PER_SEC)

struct CacheHints {
	/* set at start, then const */
	EwsNews news;
	EwsPush first;
	unsigned pull_s;
	bool is_remembered; /* first is what an earlier mount found */

	/* guarded by lock, which is held for these alone */
	pthread_mutex_t lock;
	EwsPush push;
	int64_t since;
	uint64_t count;
	bool is_watching;
	bool is_posted; /* a task is on its way to the sync thread */
	bool is_news;   /* hinted at since the last refresh began */

	/* sync thread only; monotonic, 0: there is no burst */
	int64_t first_us;
	int64_t last_us;
};

CacheHints *cache_hints_new(Cache *cache)
{
	CacheHints *self = g_new0(CacheHints, 1);
	self->pull_s = MIN(cache->refresh_s, PULL_S);
	self->since = g_get_real_time();
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void cache_hints_free(CacheHints *self)
{
	if (self == NULL)
		return;
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- what the session says (ews thread) --------------------------------------------------- */

static void hinted(Cache *cache, void *data)
{
	CacheHints *self = cache->hints;
	int64_t now = g_get_monotonic_time();
	pthread_mutex_lock(&self->lock);
	bool is_news = self->is_news;
	self->is_posted = false;
	pthread_mutex_unlock(&self->lock);
	if (!is_news)
		return;
	if (self->first_us == 0)
		self->first_us = now;
	self->last_us = now;
}

/* A server may hint a thousand times in a second: one task at most is on its way. */
static void hear_hint(void *user, const char *folder_id)
{
	Cache *cache = user;
	CacheHints *self = cache->hints;
	pthread_mutex_lock(&self->lock);
	bool has_to_post = !self->is_posted;
	self->count++;
	self->is_posted = self->is_news = true;
	pthread_mutex_unlock(&self->lock);
	if (has_to_post)
		cache_sync_post(cache, hinted, NULL, NULL);
}

static void set_told(Cache *cache, bool is_told)
{
	CacheHints *self = cache->hints;
	if (atomic_exchange(&cache->is_told, is_told) == is_told)
		return;
	pthread_mutex_lock(&self->lock);
	self->since = g_get_real_time();
	pthread_mutex_unlock(&self->lock);
}

static void listens(Cache *cache, void *data)
{
	cache_refresh_ask(cache);
}

static void hear_listening(void *user)
{
	Cache *cache = user;
	set_told(cache, true);
	cache_sync_post(cache, listens, NULL, NULL);
}

static void is_deaf(Cache *cache, void *data)
{
	cache_refresh_deaf(cache);
}

static void hear_deaf(void *user)
{
	Cache *cache = user;
	set_told(cache, false);
	cache_sync_post(cache, is_deaf, NULL, NULL);
}

/* What came while the machine slept is looked for at once, whoever tells of changes otherwise. */
static void hear_woke(void *user)
{
	cache_sync_post(user, listens, NULL, NULL);
}

/* --- what is remembered ------------------------------------------------------------------- */

static const char *const push_words[] = {
	[EWS_PUSH_STREAM] = "stream",
	[EWS_PUSH_PULL] = "pull",
	[EWS_PUSH_NONE] = "none",
};

static bool save_found(CacheConn *conn, EwsPush push, const char *version, GError **error)
{
	g_autofree char *text = g_strdup_printf("%s %" G_GINT64_FORMAT " %s", push_words[push],
		g_get_real_time(), version);
	return cache_conn_set_meta(conn, "push", text, error);
}

static void remember(Cache *cache, void *data)
{
	const EwsPush *push = data;
	g_autoptr(GError) error = NULL;
	EwsStatus status;
	ews_session_status(cache->session, &status);
	CacheConn *conn = cache_sync_begin(cache, &error);
	bool is_good = conn != NULL;
	if (is_good && save_found(conn, *push, status.server, &error))
		is_good = cache_sync_commit(cache, &error);
	else if (is_good)
		cache_sync_rollback(cache);
	if (error != NULL)
		g_warning("what the server has is not remembered: %s", error->message);
}

/* What was remembered and found again keeps its age: it is to be doubted once. */
static void hear_found(void *user, EwsPush push)
{
	Cache *cache = user;
	CacheHints *self = cache->hints;
	pthread_mutex_lock(&self->lock);
	self->push = push;
	pthread_mutex_unlock(&self->lock);
	if (cache->push != CACHE_PUSH_AUTO || (self->is_remembered && push == self->first))
		return;
	cache_sync_post(cache, remember, g_memdup2(&push, sizeof push), g_free);
}

static bool load_found(Cache *cache, char **ret_text)
{
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return false;
	bool is_ok = cache_conn_get_meta(conn, "push", ret_text, NULL);
	cache_db_put_reader(cache->db, conn);
	return is_ok && *ret_text != NULL;
}

/* "pull 1795169700000000 Exchange 15.1", in meta. */
static bool recall(Cache *cache, EwsPush *ret_push)
{
	g_autofree char *text = NULL;
	EwsStatus status;
	if (!load_found(cache, &text))
		return false;
	g_auto(GStrv) parts = g_strsplit(text, " ", 3);
	if (g_strv_length(parts) != 3)
		return false;
	int64_t age = g_get_real_time() - g_ascii_strtoll(parts[1], NULL, 10);
	ews_session_status(cache->session, &status);
	/* A server that has not answered yet is the one that it was. */
	bool is_same = status.server[0] == '\0' || strcmp(status.server, parts[2]) == 0;
	for (size_t i = 0; i < G_N_ELEMENTS(push_words); i++) {
		if (strcmp(parts[0], push_words[i]) != 0)
			continue;
		*ret_push = (EwsPush)i;
		return is_same && age >= 0 && age < REMEMBER_US;
	}
	return false;
}

/* --- listening ---------------------------------------------------------------------------- */

void cache_hints_start(Cache *cache)
{
	CacheHints *self = cache->hints;
	ews_session_on_wake(cache->session, hear_woke, cache);
	if (cache->push == CACHE_PUSH_OFF)
		return;
	self->first = cache->push == CACHE_PUSH_PULL ? EWS_PUSH_PULL : EWS_PUSH_STREAM;
	EwsPush known;
	if (cache->push == CACHE_PUSH_AUTO && recall(cache, &known)) {
		self->first = known;
		self->is_remembered = true;
	}
	if (self->first == EWS_PUSH_NONE)
		return;
	pthread_mutex_lock(&self->lock);
	self->push = self->first;
	self->is_watching = true;
	pthread_mutex_unlock(&self->lock);
	self->news = (EwsNews){
		.hint = hear_hint,
		.listening = hear_listening,
		.deaf = hear_deaf,
		.found = hear_found,
		.user = cache,
	};
	ews_watch(cache->session, self->first, self->pull_s, &self->news);
}

/* Of others' mailboxes it tells folder by folder only, of those that a refresh chose. */
static bool is_of_all(const Cache *cache)
{
	return !cache->is_guest && !cache->is_archive;
}

/* Those that are shown and may be read, and the entry, in which others may be made. A folder that
 * may not be read would have the whole subscription refused. */
static const char folders_sql[] =
	"SELECT folder_id FROM folder LEFT JOIN node ON node.id = folder.node WHERE"
	" ((node.id IS NOT NULL AND node.state = 0) OR folder.parent_id = '-')"
	" AND folder.rights & ? != 0 ORDER BY folder_id";

void cache_hints_choose_folders(Cache *cache)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	bool has_row = true;
	if (is_of_all(cache))
		return;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return;
	sqlite3_stmt *stmt =
		cache_conn_query(conn, NULL, folders_sql, "i", (int64_t)EWS_RIGHT_READ);
	while (stmt != NULL && cache_conn_step(conn, stmt, &has_row, NULL) && has_row)
		g_ptr_array_add(ids, cache_column_dup(stmt, 0));
	cache_db_put_reader(cache->db, conn);
	g_ptr_array_add(ids, NULL);
	if (stmt != NULL && !has_row)
		ews_watch_folders(cache->session, (const char *const *)ids->pdata);
}

bool cache_hints_are_enough(Cache *cache)
{
	return atomic_load(&cache->is_told) && !cache->backup && is_of_all(cache);
}

bool cache_hints_are_missing(Cache *cache)
{
	CacheHints *self = cache->hints;
	pthread_mutex_lock(&self->lock);
	bool is_expected = self->is_watching && self->push != EWS_PUSH_NONE;
	pthread_mutex_unlock(&self->lock);
	return is_expected && !atomic_load(&cache->is_told);
}

bool cache_hints_are_coming(Cache *cache)
{
	return is_of_all(cache) && cache_hints_are_missing(cache);
}

void cache_hints_forget(Cache *cache)
{
	CacheHints *self = cache->hints;
	pthread_mutex_lock(&self->lock);
	self->is_news = false;
	pthread_mutex_unlock(&self->lock);
	self->first_us = self->last_us = 0;
}

int64_t cache_hints_tick(Cache *cache, int64_t now_us)
{
	CacheHints *self = cache->hints;
	/* The end of one that is under way is looked at again. */
	if (self->first_us == 0 || cache_refresh_is_on(cache))
		return INT64_MAX;
	int64_t due = MIN(self->last_us + QUIET_US, self->first_us + GATHER_US);
	if (cache_drain_is_sending(cache))
		due = self->first_us + OWN_US;
	if (now_us < due)
		return due;
	cache_refresh_ask(cache);
	return INT64_MAX;
}

void cache_hints_status(Cache *cache, CacheNews *ret_news)
{
	CacheHints *self = cache->hints;
	bool is_told = atomic_load(&cache->is_told);
	pthread_mutex_lock(&self->lock);
	bool is_pull = is_told && self->push == EWS_PUSH_PULL;
	*ret_news = (CacheNews){
		.by = is_pull   ? CACHE_PUSH_PULL
		      : is_told ? CACHE_PUSH_STREAM
				: CACHE_PUSH_OFF,
		.every_s = is_pull   ? self->pull_s
			   : is_told ? 0
				     : cache->refresh_s,
		.since = self->since,
		.hints = self->count,
	};
	pthread_mutex_unlock(&self->lock);
}
