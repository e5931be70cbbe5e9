/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/events.h"

#include <pthread.h>
#include <string.h>

#include "tests/ewsd/clock.h"

enum { EVENTS_KEPT = 100000 };

typedef struct Subscription {
	unsigned mask;
	bool all_folders;
	bool is_streaming;
	GHashTable *folders;	/* int64_t */
	int64_t timeout_ms;	/* 0: none */
	int64_t used;	/* when it was last asked for */
} Subscription;

struct Events {
	Store *store;	/* borrowed: outlives us, locked while it tells */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* guarded by lock */
	GArray *records;	/* EventRecord, by number */
	GHashTable *subscriptions;	/* id -> Subscription */
	int64_t last;
	unsigned next_id;
	unsigned generation;
	bool is_silent;
};

static void subscription_free(gpointer data)
{
	Subscription *self = data;

	g_hash_table_destroy(self->folders);
	g_free(self);
}

Events *events_new(Store *store)
{
	Events *self = g_new0(Events, 1);

	self->store = store;
	pthread_mutex_init(&self->lock, NULL);
	clock_cond_init(&self->changed);
	self->records = g_array_new(FALSE, FALSE, sizeof(EventRecord));
	self->subscriptions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
		subscription_free);
	return self;
}

void events_free(Events *self)
{
	if (!self)
		return;
	g_array_free(self->records, TRUE);
	g_hash_table_destroy(self->subscriptions);
	pthread_mutex_destroy(&self->lock);
	pthread_cond_destroy(&self->changed);
	g_free(self);
}

static void append(Events *self, const EventRecord *given)
{
	EventRecord record = *given;

	record.number = ++self->last;
	record.time = clock_now();
	g_array_append_val(self->records, record);
	if (self->records->len > EVENTS_KEPT)
		g_array_remove_range(self->records, 0, EVENTS_KEPT / 2);
}

static void append_folder(Events *self, int64_t id)
{
	g_autoptr(Folder) folder = folder_get(self->store, id);
	EventRecord record = {.bit = EVENT_MODIFIED};

	if (!folder)
		return;
	record.news = (StoreNews){STORE_MODIFIED, true, id, folder->parent, 0, 0};
	record.unread = folder->unread;
	append(self, &record);
}

static bool is_new_mail(Events *self, const StoreNews *news)
{
	return store_number(self->store, "SELECT count(*) FROM items JOIN folders ON folder ="
		" folders.id WHERE items.id = ? AND dist = 'inbox' AND is_draft = 0"
		" AND is_read = 0", news->id, 0) > 0;
}

void events_hear(const StoreNews *news, void *data)
{
	static const unsigned bits[] = {
		[STORE_CREATED] = EVENT_CREATED, [STORE_DELETED] = EVENT_DELETED,
		[STORE_MODIFIED] = EVENT_MODIFIED, [STORE_MOVED] = EVENT_MOVED,
		[STORE_COPIED] = EVENT_COPIED,
	};
	Events *self = data;
	EventRecord record = {.bit = bits[news->event], .news = *news};

	pthread_mutex_lock(&self->lock);
	append(self, &record);
	if (!news->is_folder) {
		if (news->event == STORE_CREATED && is_new_mail(self, news)) {
			record.bit = EVENT_NEW_MAIL;
			append(self, &record);
		}
		append_folder(self, news->parent);
		if (news->event == STORE_MOVED && news->old_parent != news->parent)
			append_folder(self, news->old_parent);
	}
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

char *events_subscribe(Events *self, const EventWanted *wanted)
{
	Subscription *new = g_new0(Subscription, 1);
	char plain[48];
	char *id;

	new->mask = wanted->mask;
	new->all_folders = wanted->all_folders;
	new->is_streaming = wanted->is_streaming;
	new->timeout_ms = wanted->is_streaming ? 0 : wanted->timeout_min * 60000;
	new->used = clock_now();
	new->folders = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (guint i = 0; i < wanted->folders->len; i++)
		g_hash_table_add(new->folders, g_memdup2(&g_array_index(wanted->folders,
			int64_t, i), sizeof(int64_t)));
	pthread_mutex_lock(&self->lock);
	g_snprintf(plain, sizeof(plain), "ewsd.example.org:%u:%u", ++self->next_id,
		g_random_int());
	id = g_base64_encode((const guchar *)plain, strlen(plain));
	g_hash_table_insert(self->subscriptions, g_strdup(id), new);
	pthread_mutex_unlock(&self->lock);
	return id;
}

/* Under the lock; forgets one that nobody asked for in its time. */
static Subscription *find(Events *self, const char *id)
{
	Subscription *found = g_hash_table_lookup(self->subscriptions, id);

	if (!found)
		return NULL;
	if (found->timeout_ms && clock_now() - found->used > found->timeout_ms) {
		g_hash_table_remove(self->subscriptions, id);
		return NULL;
	}
	found->used = clock_now();
	return found;
}

bool events_unsubscribe(Events *self, const char *id)
{
	bool known;

	pthread_mutex_lock(&self->lock);
	known = g_hash_table_remove(self->subscriptions, id);
	pthread_mutex_unlock(&self->lock);
	return known;
}

bool events_is_known(Events *self, const char *id, bool is_streaming)
{
	Subscription *found;
	bool known;

	pthread_mutex_lock(&self->lock);
	found = find(self, id);
	known = found && found->is_streaming == is_streaming;
	pthread_mutex_unlock(&self->lock);
	return known;
}

void events_drop_all(Events *self)
{
	pthread_mutex_lock(&self->lock);
	g_hash_table_remove_all(self->subscriptions);
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

int64_t events_last(Events *self)
{
	int64_t last;

	pthread_mutex_lock(&self->lock);
	last = self->last;
	pthread_mutex_unlock(&self->lock);
	return last;
}

static bool concerns(const Subscription *sub, const EventRecord *record)
{
	if (!(sub->mask & record->bit))
		return false;
	return sub->all_folders || g_hash_table_contains(sub->folders, &record->news.parent)
		|| g_hash_table_contains(sub->folders, &record->news.old_parent)
		|| (record->news.is_folder
			&& g_hash_table_contains(sub->folders, &record->news.id));
}

GArray *events_since(Events *self, const char *id, int64_t after, unsigned max, bool *ret_more)
{
	GArray *found = g_array_new(FALSE, FALSE, sizeof(EventRecord));
	Subscription *sub;
	guint at = 0;

	*ret_more = false;
	pthread_mutex_lock(&self->lock);
	sub = find(self, id);
	if (sub && self->records->len) {
		int64_t first = g_array_index(self->records, EventRecord, 0).number;

		at = (guint)CLAMP(after + 1 - first, 0, (int64_t)self->records->len);
	}
	for (; sub && at < self->records->len && !*ret_more; at++) {
		const EventRecord *record = &g_array_index(self->records, EventRecord, at);

		if (!concerns(sub, record))
			continue;
		if (found->len >= max)
			*ret_more = true;
		else
			g_array_append_vals(found, record, 1);
	}
	pthread_mutex_unlock(&self->lock);
	return found;
}

void events_close_streams(Events *self)
{
	pthread_mutex_lock(&self->lock);
	self->generation++;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

void events_set_silent(Events *self, bool silent)
{
	pthread_mutex_lock(&self->lock);
	self->is_silent = silent;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

bool events_is_silent(Events *self)
{
	bool silent;

	pthread_mutex_lock(&self->lock);
	silent = self->is_silent;
	pthread_mutex_unlock(&self->lock);
	return silent;
}

unsigned events_generation(Events *self)
{
	unsigned generation;

	pthread_mutex_lock(&self->lock);
	generation = self->generation;
	pthread_mutex_unlock(&self->lock);
	return generation;
}

bool events_wait(Events *self, int64_t after, unsigned generation, unsigned ms)
{
	struct timespec until = clock_after(ms);
	bool same;

	pthread_mutex_lock(&self->lock);
	while (self->last <= after && self->generation == generation) {
		if (pthread_cond_timedwait(&self->changed, &self->lock, &until) != 0)
			break;
	}
	same = self->generation == generation;
	pthread_mutex_unlock(&self->lock);
	return same;
}
