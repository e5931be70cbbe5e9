/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cache/cache.h"
#include "fs/json.h"

#define CHANGES_MAX 32768                 /* not told yet: more are dropped */
#define OUTPUT_MAX (256 * 1024)           /* bytes, of each watcher */
#define UNSETTLED_US (G_USEC_PER_SEC / 2) /* outside of a refresh */
#define DEPTH_MAX 256                     /* of directories: more is a circle */

struct FsWatch {
	/* set at start, then const */
	Cache *cache; /* borrowed: from main */
	int wake;     /* eventfd */

	/* any thread */
	atomic_uint count; /* of watchers */

	/* guarded by lock */
	pthread_mutex_t lock;
	GQueue taken; /* of CacheChange */
	bool has_lost;

	/* control thread only */
	GPtrArray *watchers; /* of FsWatcher, borrowed from the clients */
	GPtrArray *pending;  /* own; of Pending, in the order of their first change */
	GHashTable *by_node; /* own; node → Pending in pending */
	int64_t since_us;    /* monotonic: of the oldest pending */
};

struct FsWatcher {
	FsWatch *watch;  /* borrowed */
	char *below;     /* own; "/Inbox", "" for all */
	GString *output; /* own */
	bool has_lost;
};

/* What became of one node. */
typedef struct Pending {
	int64_t node;
	char *from;     /* own; where it was, NULL: nowhere */
	char *to;       /* own; where it is, NULL: nowhere */
	bool is_placed; /* from and to count */
	bool is_touched;
	bool is_content;
} Pending;

static void pending_free(void *data)
{
	Pending *pending = data;

	g_free(pending->from);
	g_free(pending->to);
	g_free(pending);
}

/* --- life ---------------------------------------------------------------- */

FsWatch *fs_watch_new(Cache *cache)
{
	FsWatch *self = g_new0(FsWatch, 1);

	self->cache = cache;
	self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	atomic_init(&self->count, 0);
	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->taken);
	self->watchers = g_ptr_array_new();
	self->pending = g_ptr_array_new_with_free_func(pending_free);
	self->by_node = g_hash_table_new(g_int64_hash, g_int64_equal);
	return self;
}

static void free_change(void *change)
{
	cache_change_free(change);
}

void fs_watch_free(FsWatch *self)
{
	if (self == NULL)
		return;
	g_queue_clear_full(&self->taken, free_change);
	g_hash_table_unref(self->by_node);
	g_ptr_array_unref(self->pending);
	g_ptr_array_unref(self->watchers);
	pthread_mutex_destroy(&self->lock);
	if (self->wake >= 0)
		close(self->wake);
	g_free(self);
}

unsigned fs_watch_count(FsWatch *self)
{
	return atomic_load(&self->count);
}

int fs_watch_fd(const FsWatch *self)
{
	return self->wake;
}

/* --- taking (any thread) ------------------------------------------------- */

static bool is_told(const CacheChange *change)
{
	return change->kind == CACHE_CHANGE_GONE || change->kind == CACHE_CHANGE_ARRIVED ||
	       change->kind == CACHE_CHANGE_TOUCHED || change->kind == CACHE_CHANGE_SETTLED;
}

void fs_watch_take(FsWatch *self, const CacheChange *change)
{
	uint64_t one = 1;

	if (atomic_load(&self->count) == 0 || !is_told(change))
		return;
	pthread_mutex_lock(&self->lock);
	bool is_first = g_queue_is_empty(&self->taken);
	if (g_queue_get_length(&self->taken) < CHANGES_MAX) {
		CacheChange *copy = g_memdup2(change, sizeof(*change));
		copy->name = g_strdup(change->name);
		g_queue_push_tail(&self->taken, copy);
	} else {
		self->has_lost = true;
	}
	pthread_mutex_unlock(&self->lock);
	if (is_first && write(self->wake, &one, sizeof(one)) < 0)
		g_debug("eventfd: %s", g_strerror(errno));
}

/* --- where things are ---------------------------------------------------- */

/* "/Inbox/a.eml", or NULL where the directory is in the tree no more. */
static char *path_of(FsWatch *self, int64_t dir, const char *name)
{
	g_autofree char *path = g_strdup_printf("/%s", name);

	for (int depth = 0; dir != CACHE_ROOT; depth++) {
		g_autoptr(CacheNode) node = cache_get(self->cache, dir, NULL);
		if (node == NULL || node->parent <= 0 || depth >= DEPTH_MAX)
			return NULL;
		char *longer = g_strdup_printf("/%s%s", node->name, path);
		g_free(path);
		path = longer;
		dir = node->parent;
	}
	return g_steal_pointer(&path);
}

/* --- gathering ----------------------------------------------------------- */

static Pending *pending_of(FsWatch *self, int64_t node)
{
	Pending *pending = g_hash_table_lookup(self->by_node, &node);

	if (pending != NULL)
		return pending;
	if (self->pending->len == 0)
		self->since_us = g_get_monotonic_time();
	pending = g_new0(Pending, 1);
	pending->node = node;
	g_ptr_array_add(self->pending, pending);
	g_hash_table_insert(self->by_node, &pending->node, pending);
	return pending;
}

static void gather(FsWatch *self, const CacheChange *change)
{
	g_autofree char *path =
		change->name != NULL ? path_of(self, change->parent, change->name) : NULL;
	Pending *pending = pending_of(self, change->node);
	bool is_gone = change->kind == CACHE_CHANGE_GONE;

	if (change->kind == CACHE_CHANGE_TOUCHED) {
		pending->is_touched = true;
		pending->is_content = pending->is_content || change->content != 0;
		return;
	}
	if (is_gone && !pending->is_placed)
		pending->from = g_strdup(path);
	g_free(pending->to);
	pending->to = is_gone ? NULL : g_steal_pointer(&path);
	pending->is_placed = true;
}

/* --- telling ------------------------------------------------------------- */

static bool is_below(const char *path, const char *below)
{
	size_t len = strlen(below);

	return path != NULL && strncmp(path, below, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

typedef struct Event {
	const char *event;
	const char *path; /* NULL: of overflow */
	const char *old_path;
	uint64_t inode;
} Event;

static char *line_of(const Event *event)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	fs_json_begin(json, NULL);
	fs_json_begin(json, "progress");
	fs_json_text(json, "event", event->event);
	if (event->path != NULL)
		fs_json_text(json, "path", event->path);
	if (event->old_path != NULL)
		fs_json_text(json, "old_path", event->old_path);
	if (event->path != NULL)
		fs_json_number(json, "inode", (int64_t)event->inode);
	json_builder_end_object(json);
	json_builder_end_object(json);
	return fs_json_to_text(json, false);
}

static void add_output(FsWatcher *self, const char *line)
{
	self->has_lost = self->has_lost || self->output->len + strlen(line) > OUTPUT_MAX;
	if (!self->has_lost)
		g_string_append(self->output, line);
}

static void tell(FsWatch *self, const Event *event)
{
	g_autofree char *line = line_of(event);

	for (guint i = 0; i < self->watchers->len; i++) {
		FsWatcher *watcher = g_ptr_array_index(self->watchers, i);
		if (is_below(event->path, watcher->below) ||
			is_below(event->old_path, watcher->below))
			add_output(watcher, line);
	}
}

static void tell_pending(FsWatch *self, const Pending *pending)
{
	g_autoptr(CacheNode) node = cache_get(self->cache, pending->node, NULL);
	const char *from = pending->from;
	const char *to = pending->to;
	Event event = {.inode = node != NULL ? node->ino : 0};

	if (pending->is_placed && g_strcmp0(from, to) != 0) {
		event.event = from == NULL ? "new" : to == NULL ? "gone" : "moved";
		event.path = to != NULL ? to : from;
		event.old_path = from != NULL && to != NULL ? from : NULL;
		tell(self, &event);
	}
	/* What is new is told whole. */
	bool is_new = pending->is_placed && from == NULL;
	if (!pending->is_touched || is_new || node == NULL || node->parent <= 0)
		return;
	g_autofree char *path = path_of(self, node->parent, node->name);
	event.event = pending->is_content ? "changed" : "attributes";
	event.path = path;
	event.old_path = NULL;
	if (path != NULL)
		tell(self, &event);
}

static void settle(FsWatch *self)
{
	for (guint i = 0; i < self->pending->len; i++)
		tell_pending(self, g_ptr_array_index(self->pending, i));
	g_hash_table_remove_all(self->by_node);
	g_ptr_array_set_size(self->pending, 0);
}

static void lose(FsWatch *self)
{
	for (guint i = 0; i < self->watchers->len; i++) {
		FsWatcher *watcher = g_ptr_array_index(self->watchers, i);
		watcher->has_lost = true;
	}
}

static GQueue steal_taken(FsWatch *self, bool *ret_has_lost)
{
	GQueue empty = G_QUEUE_INIT;
	uint64_t drained;

	/* Before the changes are taken: what comes after wakes us again. */
	if (read(self->wake, &drained, sizeof(drained)) < 0 && errno != EAGAIN)
		g_debug("eventfd: %s", g_strerror(errno));
	pthread_mutex_lock(&self->lock);
	GQueue taken = self->taken;
	*ret_has_lost = self->has_lost;
	self->taken = empty;
	self->has_lost = false;
	pthread_mutex_unlock(&self->lock);
	return taken;
}

int fs_watch_deliver(FsWatch *self)
{
	bool has_lost;
	GQueue taken = steal_taken(self, &has_lost);

	for (CacheChange *change; (change = g_queue_pop_head(&taken)) != NULL;) {
		if (change->kind == CACHE_CHANGE_SETTLED)
			settle(self);
		else if (self->pending->len < CHANGES_MAX)
			gather(self, change);
		else
			has_lost = true;
		cache_change_free(change);
	}
	if (has_lost)
		lose(self);
	if (self->pending->len == 0)
		return -1;
	/* A refresh says itself when it is over; the rest has nobody who does. */
	int64_t left_us = self->since_us + UNSETTLED_US - g_get_monotonic_time();
	if (left_us > 0 || cache_is_refreshing(self->cache))
		return (int)(MAX(left_us, UNSETTLED_US) / 1000);
	settle(self);
	return -1;
}

/* --- watchers ------------------------------------------------------------ */

FsWatcher *fs_watcher_new(FsWatch *watch, const char *below)
{
	FsWatcher *self = g_new0(FsWatcher, 1);

	self->watch = watch;
	self->below = *below != '\0' ? g_strdup_printf("/%s", below) : g_strdup("");
	self->output = g_string_new(NULL);
	g_ptr_array_add(watch->watchers, self);
	atomic_store(&watch->count, watch->watchers->len);
	return self;
}

void fs_watcher_free(FsWatcher *self)
{
	if (self == NULL)
		return;
	g_ptr_array_remove_fast(self->watch->watchers, self);
	atomic_store(&self->watch->count, self->watch->watchers->len);
	g_string_free(self->output, TRUE);
	g_free(self->below);
	g_free(self);
}

bool fs_watcher_has_output(const FsWatcher *self)
{
	return self->output->len > 0 || self->has_lost;
}

bool fs_watcher_write(FsWatcher *self, int fd)
{
	if (self->output->len == 0 && self->has_lost) {
		g_autofree char *line = line_of(&(Event){.event = "overflow"});
		self->has_lost = false;
		g_string_append(self->output, line);
	}
	if (self->output->len == 0)
		return true;
	ssize_t sent = send(fd, self->output->str, self->output->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		g_string_erase(self->output, 0, sent);
	return sent >= 0 || errno == EAGAIN || errno == EINTR;
}
