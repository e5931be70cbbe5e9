/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ahead.h"

#include <pthread.h>
#include <string.h>

#include "fs/inorder.h"
#include "fs/rendered.h"
#include "fs/shape.h"
#include "fs/texts.h"

#define LOW (FS_AHEAD_MAX / 2) /* so few are left when it goes on: it is not woken for each */
#define NEAR_MAX 8             /* what else may stand between two that are read in a row */
#define WALKS_MAX 4            /* directories that are read at a time */
#define THREADS_MAX 4

typedef enum Order {
	ORDER_UNKNOWN,
	ORDER_ID,
	ORDER_NAME,
	ORDER_INO,
} Order;

/* How somebody goes through a directory. */
typedef struct Way {
	Order order;
	GArray *by_ino; /* own, of fs/inorder.h; NULL: there is none, or was not looked for yet */
	bool has_looked;
} Way;

static void way_clear(Way *self)
{
	g_clear_pointer(&self->by_ino, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Way, way_clear)

static Way way_copy(const Way *self)
{
	if (self->by_ino != NULL)
		g_array_ref(self->by_ino);
	return *self;
}

/* Somebody reads a directory. */
typedef struct Walk {
	int64_t dir;     /* 0: nobody does */
	uint64_t serial; /* moves when he was where nobody expected him; never used again */
	uint64_t seen_at;
	CacheNode *before; /* own, like the next two; where he was when he was at last; or NULL */
	CacheNode *last;
	CacheNode *reached; /* as far was looked for what follows */
	Way way;
	bool is_busy;    /* a thread looks for what follows */
	bool is_strayed; /* the order is to be found out */
	bool is_moved;   /* there may be more that follows */

	CacheNode *next[FS_AHEAD_MAX]; /* own; what he will want */
	unsigned count;
	unsigned begun; /* of these the first ones are made, or being made */
	int64_t bytes;
} Walk;

struct FsAhead {
	const Fs *fs; /* borrowed */
	unsigned threads_max;

	pthread_mutex_t ending; /* while they are joined; the other is taken below it */

	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* guarded by lock */
	Walk walks[WALKS_MAX];
	uint64_t serial;
	uint64_t made;
	pthread_t threads[THREADS_MAX];
	unsigned threads_count;
	unsigned waiting; /* of these */
	bool is_over;
};

/* --- what follows (no lock) -------------------------------------------------------------- */

static int compare(Order order, const CacheNode *left, const CacheNode *right)
{
	if (order == ORDER_NAME)
		return strcmp(left->name, right->name);
	if (order == ORDER_INO)
		return (left->ino > right->ino) - (left->ino < right->ino);
	return (left->id > right->id) - (left->id < right->id);
}

static void list(const Fs *fs, const Way *way, const CacheNode *after, CacheEach each, void *user)
{
	if (way->order == ORDER_INO)
		fs_inorder_list(way->by_ino, fs->cache, after, each, user);
	else if (way->order == ORDER_NAME)
		(void)!cache_list_by_name(fs->cache, after->parent, after->name, each, user, NULL);
	else
		(void)!cache_list(fs->cache, after->parent, after->id, each, user, NULL);
}

/* For is_near: whether one of a few is @id. */
typedef struct Search {
	int64_t id;
	unsigned left;
	bool is_found;
} Search;

static bool look_at_one(const CacheNode *node, void *user)
{
	Search *self = user;

	self->is_found = node->id == self->id;
	return !self->is_found && --self->left > 0;
}

static bool is_near(const Fs *fs, const Way *way, const CacheNode *after, const CacheNode *node)
{
	Search search = {.id = node->id, .left = NEAR_MAX};

	list(fs, way, after, look_at_one, &search);
	return search.is_found;
}

/* Of a Walk. */
typedef struct Trace {
	const CacheNode *before;
	const CacheNode *last;
	const CacheNode *reached;
} Trace;

/* Whether there is such an order of @dir. */
static bool can_go(const Fs *fs, Way *way, int64_t dir)
{
	if (way->order != ORDER_INO)
		return true;
	if (!way->has_looked)
		way->by_ino = fs_inorder_new(fs->cache, dir);
	way->has_looked = true;
	return way->by_ino != NULL;
}

/* By the @way that he had he may have come as far as trace->reached unseen. Else by another. */
static void find_way(const Fs *fs, const Trace *trace, Way *way)
{
	static const Order orders[] = {ORDER_ID, ORDER_NAME, ORDER_INO};
	const CacheNode *before = trace->before;
	const CacheNode *last = trace->last;

	if (way->order != ORDER_UNKNOWN && is_near(fs, way, trace->reached, last))
		return;
	bool is_here = before != NULL && before->parent == last->parent;
	for (size_t i = 0; is_here && i < G_N_ELEMENTS(orders); i++) {
		way->order = orders[i];
		if (can_go(fs, way, last->parent) && is_near(fs, way, before, last))
			return;
	}
	way->order = ORDER_UNKNOWN;
}

static CacheNode *ref_node(CacheNode *node)
{
	return node != NULL ? cache_node_ref(node) : NULL;
}

static void unref_node(void *node)
{
	cache_node_unref(node);
}

static bool take_one(const CacheNode *node, void *user)
{
	GPtrArray *nodes = user;

	g_ptr_array_add(nodes, cache_node_ref((CacheNode *)node));
	return nodes->len < FS_AHEAD_MAX;
}

/* As it is now: it may have changed since it was listed. The kernel takes it for a file that it
 * knows, from the listing, and that is where it keeps names (fs/shape.h). */
static void make(const Fs *fs, int64_t id)
{
	g_auto(FsText) text = {0};
	CacheNode *node = cache_get(fs->cache, id, NULL);

	if (node == NULL || !fs_text_load(&text, fs, node, NULL))
		return;
	g_autoptr(FsRendered) made = fs_text_render(&text, fs, NULL);
	if (made != NULL && !node->is_local && fs_shape_keep_s(fs) > 0)
		fs_rendered_store(made, fs->session, text.ino);
}

/* --- a walk (under the lock) ------------------------------------------------------------- */

/* The first @count of what is next are no longer. */
static void drop(Walk *self, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		self->bytes -= self->next[i]->size;
		cache_node_unref(self->next[i]);
	}
	self->count -= count;
	self->begun -= MIN(self->begun, count);
	memmove(self->next, self->next + count, self->count * sizeof(self->next[0]));
}

static void forget(Walk *self)
{
	drop(self, self->count);
	g_clear_pointer(&self->before, cache_node_unref);
	g_clear_pointer(&self->last, cache_node_unref);
	g_clear_pointer(&self->reached, cache_node_unref);
	way_clear(&self->way);
	/* A thread that looks on comes back to it, and finds another serial. */
	*self = (Walk){.is_busy = self->is_busy};
}

static void set_reached(Walk *self, CacheNode *node)
{
	cache_node_ref(node);
	cache_node_unref(self->reached);
	self->reached = node;
}

/* He is at @node. */
static void move(Walk *self, CacheNode *node)
{
	cache_node_unref(self->before);
	self->before = self->last;
	self->last = cache_node_ref(node);
	self->is_moved = true;
}

/* FALSE: it was not expected. */
static bool pass(Walk *self, int64_t id)
{
	for (unsigned i = 0; i < self->count; i++) {
		if (self->next[i]->id != id)
			continue;
		move(self, self->next[i]);
		drop(self, i + 1);
		return true;
	}
	return false;
}

static Walk *find_walk(FsAhead *self, int64_t dir)
{
	for (size_t i = 0; i < WALKS_MAX; i++) {
		if (self->walks[i].dir == dir)
			return &self->walks[i];
	}
	return NULL;
}

/* In place of the one that was not seen for longest. */
static Walk *begin_walk(FsAhead *self, int64_t dir)
{
	Walk *walk = &self->walks[0];

	for (size_t i = 1; i < WALKS_MAX; i++) {
		if (self->walks[i].seen_at < walk->seen_at)
			walk = &self->walks[i];
	}
	forget(walk);
	walk->dir = dir;
	return walk;
}

typedef enum Fit {
	FIT_GOOD,
	FIT_NOT, /* not one to be made ahead */
	FIT_LATER,
} Fit;

static Fit fit(const Walk *self, const CacheNode *node)
{
	if (node->kind != CACHE_KIND_FILE || node->is_scratch || node->is_local ||
		node->is_suspect || node->has_error || node->size > FS_AHEAD_BYTES)
		return FIT_NOT;
	bool has_room = self->count < FS_AHEAD_MAX && self->bytes + node->size <= FS_AHEAD_BYTES;
	return node->is_here && has_room ? FIT_GOOD : FIT_LATER;
}

/* Of what comes after what was reached, as much as there is room for. */
static void expect(Walk *self, const GPtrArray *nodes)
{
	for (guint i = 0; i < nodes->len; i++) {
		CacheNode *node = g_ptr_array_index(nodes, i);
		Fit how = fit(self, node);
		if (how == FIT_LATER)
			return;
		set_reached(self, node);
		if (how == FIT_NOT)
			continue;
		self->bytes += node->size;
		self->next[self->count++] = cache_node_ref(node);
	}
	/* It ended because so many are listed at a time. */
	self->is_moved = self->is_moved || nodes->len == FS_AHEAD_MAX;
}

/* He was where nobody expected him. In the same order as before he only came by one that was left
 * to him, or was faster. */
static void set_order(Walk *self, Order order)
{
	bool is_behind = order == self->way.order && order != ORDER_UNKNOWN &&
			 self->reached != NULL && compare(order, self->last, self->reached) < 0;

	self->way.order = order;
	if (is_behind)
		return;
	drop(self, self->count);
	set_reached(self, self->last);
}

/* --- the threads -------------------------------------------------------------------------- */

static void find_out(FsAhead *self, Walk *walk)
{
	uint64_t serial = walk->serial;
	g_auto(Way) way = way_copy(&walk->way);
	g_autoptr(CacheNode) last = cache_node_ref(walk->last);
	g_autoptr(CacheNode) before = ref_node(walk->before);
	g_autoptr(CacheNode) reached = ref_node(walk->reached);
	const Trace trace = {before, last, reached};

	walk->is_strayed = false;
	walk->is_busy = true;
	pthread_mutex_unlock(&self->lock);
	find_way(self->fs, &trace, &way);
	pthread_mutex_lock(&self->lock);
	walk->is_busy = false;
	/* That he went on meanwhile takes nothing from what it took so long to make. */
	if (walk->dir == last->parent && !walk->way.has_looked) {
		walk->way.by_ino = g_steal_pointer(&way.by_ino);
		walk->way.has_looked = way.has_looked;
	}
	if (walk->serial == serial)
		set_order(walk, way.order);
}

static void look_on(FsAhead *self, Walk *walk)
{
	uint64_t serial = walk->serial;
	g_auto(Way) way = way_copy(&walk->way);
	g_autoptr(CacheNode) after = cache_node_ref(walk->reached);
	g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(unref_node);

	walk->is_moved = false;
	walk->is_busy = true;
	pthread_mutex_unlock(&self->lock);
	list(self->fs, &way, after, take_one, nodes);
	pthread_mutex_lock(&self->lock);
	walk->is_busy = false;
	if (walk->serial != serial)
		return;
	expect(walk, nodes);
	if (walk->count > 1 && self->waiting > 0)
		pthread_cond_broadcast(&self->wake);
}

static void make_next(FsAhead *self, Walk *walk)
{
	int64_t id = walk->next[walk->begun++]->id;

	pthread_mutex_unlock(&self->lock);
	make(self->fs, id);
	pthread_mutex_lock(&self->lock);
	self->made++;
}

typedef void (*Step)(FsAhead *self, Walk *walk);

/* Whether it is time to look for more. */
static bool wants_more(const Walk *walk)
{
	return walk->is_moved && walk->way.order != ORDER_UNKNOWN && walk->count <= LOW;
}

/* What is to be done next; NULL: nothing. */
static Step next_step(const Walk *walk)
{
	if (walk->is_strayed && !walk->is_busy)
		return find_out;
	if (walk->begun < walk->count)
		return make_next;
	if (wants_more(walk) && !walk->is_busy)
		return look_on;
	return NULL;
}

static bool go_on(FsAhead *self, Walk *walk)
{
	Step step = next_step(walk);

	if (step != NULL)
		step(self, walk);
	return step != NULL;
}

static void *run(void *user)
{
	FsAhead *self = user;

	pthread_mutex_lock(&self->lock);
	while (!self->is_over) {
		bool is_busy = false;
		for (size_t i = 0; i < WALKS_MAX && !self->is_over; i++)
			is_busy = go_on(self, &self->walks[i]) || is_busy;
		if (is_busy || self->is_over)
			continue;
		self->waiting++;
		pthread_cond_wait(&self->wake, &self->lock);
		self->waiting--;
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

/* --- the reader -------------------------------------------------------------------------- */

/* Under the lock. Where threads cannot be had, everybody makes his own. */
static void wake(FsAhead *self)
{
	while (!self->is_over && self->threads_count < self->threads_max &&
		pthread_create(&self->threads[self->threads_count], NULL, run, self) == 0)
		self->threads_count++;
	if (self->waiting > 0)
		pthread_cond_signal(&self->wake);
}

void fs_ahead_passed(FsAhead *self, int64_t id)
{
	pthread_mutex_lock(&self->lock);
	for (size_t i = 0; i < WALKS_MAX; i++) {
		Walk *walk = &self->walks[i];
		if (!pass(walk, id))
			continue;
		walk->seen_at = ++self->serial;
		if (walk->count <= LOW)
			wake(self);
		break;
	}
	pthread_mutex_unlock(&self->lock);
}

void fs_ahead_missed(FsAhead *self, CacheNode *node)
{
	if (node->parent == 0) /* it is gone */
		return;
	pthread_mutex_lock(&self->lock);
	Walk *walk = find_walk(self, node->parent);
	bool is_first = walk == NULL;

	if (is_first)
		walk = begin_walk(self, node->parent);
	walk->seen_at = ++self->serial;
	if (is_first || walk->last->id != node->id) {
		walk->serial = self->serial;
		move(walk, node);
		walk->is_strayed = !is_first;
	}
	if (walk->is_strayed)
		wake(self);
	pthread_mutex_unlock(&self->lock);
}

uint64_t fs_ahead_count(FsAhead *self)
{
	pthread_mutex_lock(&self->lock);
	uint64_t count = self->made;
	pthread_mutex_unlock(&self->lock);
	return count;
}

/* --- life -------------------------------------------------------------------------------- */

FsAhead *fs_ahead_new(const Fs *fs)
{
	FsAhead *self = g_new0(FsAhead, 1);

	self->fs = fs;
	self->threads_max = MIN(g_get_num_processors(), THREADS_MAX);
	pthread_mutex_init(&self->ending, NULL);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->wake, NULL);
	return self;
}

void fs_ahead_stop(FsAhead *self)
{
	pthread_mutex_lock(&self->ending);
	pthread_mutex_lock(&self->lock);
	unsigned count = self->threads_count;
	self->is_over = true;
	self->threads_count = 0;
	pthread_cond_broadcast(&self->wake);
	pthread_mutex_unlock(&self->lock);
	for (unsigned i = 0; i < count; i++)
		pthread_join(self->threads[i], NULL);
	pthread_mutex_unlock(&self->ending);
}

void fs_ahead_free(FsAhead *self)
{
	if (self == NULL)
		return;
	fs_ahead_stop(self);
	for (size_t i = 0; i < WALKS_MAX; i++)
		forget(&self->walks[i]);
	pthread_cond_destroy(&self->wake);
	pthread_mutex_destroy(&self->lock);
	pthread_mutex_destroy(&self->ending);
	g_free(self);
}
