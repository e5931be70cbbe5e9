/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/searches.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "ews/error.h"

#define KEEP_COUNT 256
#define KEEP_NODES 100000 /* found by all of them */

typedef struct Search {
	int64_t serial;
	int64_t dir;
	bool is_in;
	char *query;      /* own */
	char *key;        /* own */
	FsFound *found;   /* own; NULL: never */
	int64_t found_us; /* monotonic; when that was asked for */
	int64_t found_at; /* microseconds since 1970 */
	int64_t asked_us;
	bool is_running;
	GPtrArray *waiting; /* own; of FsParked, who are to be told */
	GList link;         /* in used */
} Search;

struct FsSearches {
	pthread_mutex_t lock;
	/* guarded by lock */
	GHashTable *by_key;    /* own table; borrowed: of used */
	GHashTable *by_serial; /* the same */
	GQueue used;           /* own; of Search, the last looked at first */
	int64_t serial;
	guint nodes;
};

/* --- life ---------------------------------------------------------------------------------- */

FsSearches *fs_searches_new(void)
{
	FsSearches *self = g_new0(FsSearches, 1);

	pthread_mutex_init(&self->lock, NULL);
	self->by_key = g_hash_table_new(g_str_hash, g_str_equal);
	self->by_serial = g_hash_table_new(g_int64_hash, g_int64_equal);
	g_queue_init(&self->used);
	return self;
}

static void search_free(Search *search)
{
	fs_found_unref(search->found);
	g_ptr_array_unref(search->waiting);
	g_free(search->query);
	g_free(search->key);
	g_free(search);
}

void fs_searches_free(FsSearches *self)
{
	if (self == NULL)
		return;
	g_hash_table_unref(self->by_key);
	g_hash_table_unref(self->by_serial);
	for (GList *link; (link = g_queue_pop_head_link(&self->used)) != NULL;)
		search_free(link->data);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- remembering (under the lock) ---------------------------------------------------------- */

static void forget(FsSearches *self, Search *search)
{
	g_queue_unlink(&self->used, &search->link);
	g_hash_table_remove(self->by_key, search->key);
	g_hash_table_remove(self->by_serial, &search->serial);
	if (search->found != NULL)
		self->nodes -= fs_found_count(search->found);
	search_free(search);
}

static void forget_old(FsSearches *self)
{
	GList *link = self->used.tail;

	while (link != NULL && link != self->used.head &&
		(self->used.length > KEEP_COUNT || self->nodes > KEEP_NODES)) {
		Search *search = link->data;
		link = link->prev;
		if (!search->is_running)
			forget(self, search);
	}
}

static void touch(FsSearches *self, Search *search)
{
	g_queue_unlink(&self->used, &search->link);
	g_queue_push_head_link(&self->used, &search->link);
}

/* Takes @key. */
static Search *search_new(FsSearches *self, int64_t dir, bool is_in, const char *query, char *key)
{
	Search *search = g_new0(Search, 1);

	search->serial = ++self->serial;
	search->dir = dir;
	search->is_in = is_in;
	search->query = g_strdup(query);
	search->key = key;
	search->waiting = g_ptr_array_new();
	search->link.data = search;
	g_hash_table_insert(self->by_key, search->key, search);
	g_hash_table_insert(self->by_serial, &search->serial, search);
	g_queue_push_head_link(&self->used, &search->link);
	return search;
}

int64_t fs_searches_open(FsSearches *self, int64_t dir, bool is_in, const char *query)
{
	g_autofree char *key = g_strdup_printf("%" PRId64 " %d %s", dir, is_in, query);

	pthread_mutex_lock(&self->lock);
	Search *search = g_hash_table_lookup(self->by_key, key);
	if (search == NULL)
		search = search_new(self, dir, is_in, query, g_steal_pointer(&key));
	touch(self, search);
	forget_old(self);
	int64_t serial = search->serial;
	pthread_mutex_unlock(&self->lock);
	return serial;
}

bool fs_searches_get(FsSearches *self, const Fs *fs, int64_t serial, FsSearchPlace *ret_place)
{
	int64_t kept_us = fs->config->refresh_s * (int64_t)G_USEC_PER_SEC;

	pthread_mutex_lock(&self->lock);
	Search *search = g_hash_table_lookup(self->by_serial, &serial);
	if (search != NULL) {
		touch(self, search);
		*ret_place = (FsSearchPlace){
			.dir = search->dir,
			.is_in = search->is_in,
			.found = search->found != NULL ? fs_found_ref(search->found) : NULL,
			.is_fresh = search->found != NULL &&
				    g_get_monotonic_time() - search->found_us < kept_us,
			.found_at = search->found_at,
		};
	}
	pthread_mutex_unlock(&self->lock);
	return search != NULL;
}

void fs_search_place_clear(FsSearchPlace *self)
{
	g_clear_pointer(&self->found, fs_found_unref);
}

/* --- asking -------------------------------------------------------------------------------- */

/* What a search that is under way is known by. */
typedef struct Asked {
	FsSearches *searches;
	int64_t serial;
} Asked;

static GPtrArray *take_found(FsSearches *self, Search *search, const GArray *nodes)
{
	GPtrArray *waiting = g_steal_pointer(&search->waiting);

	search->waiting = g_ptr_array_new();
	search->is_running = false;
	if (nodes == NULL)
		return waiting;
	if (search->found != NULL)
		self->nodes -= fs_found_count(search->found);
	fs_found_unref(search->found);
	search->found = fs_found_new(nodes);
	search->found_us = search->asked_us;
	search->found_at = g_get_real_time();
	self->nodes += nodes->len;
	forget_old(self);
	return waiting;
}

/* What the state of the server is, is said elsewhere. */
static bool says_why(const GError *error)
{
	return error != NULL && !ews_error_is_temporary(error) &&
	       !ews_error_is(error, EWS_ERROR_CANCELLED);
}

/* A CacheFoundDone. */
static void found(void *user, const GArray *nodes, const GError *error)
{
	g_autofree Asked *asked = user;
	FsSearches *self = asked->searches;

	/* One that is under way is not forgotten. */
	pthread_mutex_lock(&self->lock);
	Search *search = g_hash_table_lookup(self->by_serial, &asked->serial);
	g_autoptr(GPtrArray) waiting = take_found(self, search, nodes);
	pthread_mutex_unlock(&self->lock);
	if (says_why(error))
		g_message("%s", error->message);
	for (guint i = 0; i < waiting->len; i++)
		fs_parked_done(waiting->pdata[i], error);
}

void fs_searches_await(FsSearches *self, const Fs *fs, int64_t serial, FsParked *parked)
{
	g_autofree char *query = NULL;
	int64_t dir = 0;

	pthread_mutex_lock(&self->lock);
	Search *search = g_hash_table_lookup(self->by_serial, &serial);
	if (search != NULL)
		g_ptr_array_add(search->waiting, parked);
	if (search != NULL && !search->is_running) {
		search->is_running = true;
		search->asked_us = g_get_monotonic_time();
		query = g_strdup(search->query);
		dir = search->dir;
	}
	pthread_mutex_unlock(&self->lock);
	if (search == NULL) {
		g_autoptr(GError) error =
			g_error_new_literal(EWS_ERROR, EWS_ERROR_STALE, "the search is forgotten");
		fs_parked_done(parked, error);
	} else if (query != NULL) {
		Asked *asked = g_new(Asked, 1);
		*asked = (Asked){self, serial};
		cache_search(fs->cache, dir, query, found, asked);
	}
}
