/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/notify.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cache/cache.h"
#include "ews/inbox.h"
#include "fs/inode.h"
#include "fs/maildirname.h"
#include "fs/maildirroot.h"
#include "fs/shape.h"
#include "fs/watch.h"

/* For node in a CacheChange of our own: its parent is the number of a directory, and its name the
 * one that the kernel knows. */
#define NOBODY 0

struct FsNotify {
	/* set at start, then const */
	Cache *cache;   /* borrowed: from main */
	FsWatch *watch; /* borrowed: from main */
	EwsInbox *inbox;
	bool has_shapes;
	bool is_maildir;
	bool is_flat;

	atomic_bool is_open; /* changes are taken */
	atomic_uint_fast64_t serial;

	/* main thread, and the one that ends the mount */
	pthread_mutex_t lock;
	struct fuse_session *session; /* borrowed: from the mount */
	pthread_t thread;
	bool is_running; /* guarded by lock */
};

/* The message that ends the thread. */
static CacheChange the_end;

static void free_message(void *message)
{
	if (message != &the_end)
		cache_change_free(message);
}

/* --- telling ------------------------------------------------------------- */

/* ENOENT: the kernel does not know it, which is as good. */
static void check(int result, const char *what)
{
	if (result < 0 && result != -ENOENT && result != -ENOTDIR)
		g_debug("invalidate %s: %s", what, g_strerror(-result));
}

static void tell_name(FsNotify *self, fuse_ino_t dir, const char *name)
{
	check(fuse_lowlevel_notify_inval_entry(self->session, dir, name, strlen(name)), "entry");
}

/* For tell_names: whose names. */
typedef struct Naming {
	FsNotify *notify;
	int64_t dir;
} Naming;

static void tell_one(FsMaildirPart part, const char *name, void *user)
{
	const Naming *naming = user;

	tell_name(naming->notify, fs_inode_make(naming->dir, (uint32_t)part), name);
}

/* All that @node may have been called in a Maildir, where the index calls it @name. */
static void tell_names(FsNotify *self, int64_t node, int64_t dir, const char *name)
{
	Naming naming = {.notify = self, .dir = dir};
	uint64_t marks = 0;

	if (!cache_marks(self->cache, node, &marks, NULL))
		marks = 0;
	fs_maildirname_each(name, marks, tell_one, &naming);
	g_autofree char *dotted =
		self->is_flat ? fs_maildirroot_kept(self->cache, dir, name) : NULL;
	if (dotted != NULL)
		tell_name(self, FUSE_ROOT_ID, dotted);
}

static void tell_entry(FsNotify *self, const CacheChange *change)
{
	if (change->name == NULL)
		return;
	if (change->node == NOBODY)
		tell_name(self, (fuse_ino_t)change->parent, change->name);
	else if (self->is_maildir)
		tell_names(self, change->node, change->parent, change->name);
	else
		tell_name(self, fs_inode_make(change->parent, 0), change->name);
}

static void tell_marks(FsNotify *self, int64_t id)
{
	g_autoptr(CacheNode) node = cache_get(self->cache, id, NULL);

	if (node != NULL && node->parent != 0)
		tell_names(self, id, node->parent, node->name);
}

static void tell_members(FsNotify *self, int64_t dir)
{
	uint32_t parts = self->is_maildir ? FS_MAILDIR_PARTS : 1;

	for (uint32_t part = 0; part < parts; part++)
		check(fuse_lowlevel_notify_inval_inode(self->session, fs_inode_make(dir, part), 0,
			0), "listing");
	if (self->is_flat && dir != CACHE_ROOT)
		check(fuse_lowlevel_notify_inval_inode(self->session, FUSE_ROOT_ID, 0, 0), "root");
}

static void tell_attributes(FsNotify *self, fuse_ino_t ino)
{
	check(fuse_lowlevel_notify_inval_inode(self->session, ino, -1, 0), "attributes");
}

/* The number with which the kernel knows it now. */
static void tell_attributes_of(FsNotify *self, int64_t id)
{
	g_autoptr(CacheNode) node = cache_get(self->cache, id, NULL);

	if (node != NULL)
		tell_attributes(self, fs_inode_of(node));
}

/* What stands for @name in @parent in another tree, or the directory that is called so there: a
 * change does not say which it is. */
static void tell_shown(FsNotify *self, const FsShape *shape, int64_t parent, const char *name)
{
	fuse_ino_t dir = fs_inode_make_shape_dir(shape->tree, parent);
	g_autofree char *made = fs_shapename_make(name, shape->ext);

	check(fuse_lowlevel_notify_inval_entry(self->session, dir, made, strlen(made)), "message");
	if (!g_str_equal(made, name))
		check(fuse_lowlevel_notify_inval_entry(self->session, dir, name, strlen(name)),
			"directory");
}

static void tell_shape(FsNotify *self, const FsShape *shape, const CacheChange *change)
{
	if (change->kind == CACHE_CHANGE_MEMBERS)
		check(fuse_lowlevel_notify_inval_inode(self->session,
			fs_inode_make_shape_dir(shape->tree, change->node), 0, 0), "members");
	else if (change->name != NULL)
		tell_shown(self, shape, change->parent, change->name);
	else {
		g_autoptr(CacheNode) node = cache_get(self->cache, change->node, NULL);
		if (node != NULL && node->parent != 0)
			tell_shown(self, shape, node->parent, node->name);
	}
}

static void tell(FsNotify *self, const CacheChange *change)
{
	bool is_shown = self->has_shapes && change->node != NOBODY;

	for (size_t i = 0; is_shown && fs_shapes[i] != NULL; i++)
		tell_shape(self, fs_shapes[i], change);
	switch (change->kind) {
	case CACHE_CHANGE_MEMBERS:
		tell_members(self, change->node);
		break;
	case CACHE_CHANGE_GONE:
		tell_entry(self, change);
		break;
	case CACHE_CHANGE_ATTRIBUTES:
		tell_attributes_of(self, change->node);
		break;
	case CACHE_CHANGE_CONTENT:
		tell_entry(self, change);
		tell_attributes(self, fs_inode_make(change->node, change->content));
		break;
	case CACHE_CHANGE_TOUCHED:
		if (self->is_maildir)
			tell_marks(self, change->node);
		break;
	case CACHE_CHANGE_ARRIVED:
	case CACHE_CHANGE_SETTLED:
		break;
	}
}

static void *run(void *user)
{
	FsNotify *self = user;

	for (;;) {
		CacheChange *change = ews_inbox_take(self->inbox, INT64_MAX);
		if (change == &the_end)
			return NULL;
		/* At the end what is left is passed over: the kernel forgets all in a moment. */
		if (change != NULL && atomic_load(&self->is_open))
			tell(self, change);
		cache_change_free(change);
	}
}

/* --- listening ----------------------------------------------------------- */

/* The others are for people. But a text tells what a message's attributes do not, and so may a
 * name. */
static bool is_for_kernel(const FsNotify *self, const CacheChange *change)
{
	return change->kind == CACHE_CHANGE_GONE || change->kind == CACHE_CHANGE_MEMBERS ||
		change->kind == CACHE_CHANGE_ATTRIBUTES || change->kind == CACHE_CHANGE_CONTENT ||
		(change->kind == CACHE_CHANGE_TOUCHED && (self->has_shapes || self->is_maildir));
}

/* On the sync thread. */
static void listen_to_cache(CacheChange *change, void *user)
{
	FsNotify *self = user;

	fs_watch_take(self->watch, change);
	if (change->kind == CACHE_CHANGE_MEMBERS)
		atomic_fetch_add(&self->serial, 1);
	if (atomic_load(&self->is_open) && is_for_kernel(self, change))
		ews_inbox_post(self->inbox, change);
	else
		cache_change_free(change);
}

uint64_t fs_notify_serial(FsNotify *self)
{
	return atomic_load(&self->serial);
}

/* What we have to say ourselves. Takes @name. */
static void post(FsNotify *self, CacheChangeKind kind, int64_t node, int64_t parent, char *name)
{
	CacheChange *change = g_new0(CacheChange, 1);

	change->kind = kind;
	change->node = node;
	change->parent = parent;
	change->name = name;
	if (atomic_load(&self->is_open))
		ews_inbox_post(self->inbox, change);
	else
		cache_change_free(change);
}

void fs_notify_members(FsNotify *self, int64_t dir)
{
	post(self, CACHE_CHANGE_MEMBERS, dir, 0, NULL);
}

void fs_notify_name(FsNotify *self, uint64_t dir, const char *name)
{
	post(self, CACHE_CHANGE_GONE, NOBODY, (int64_t)dir, g_strdup(name));
}

void fs_notify_marks(FsNotify *self, int64_t id)
{
	g_autoptr(CacheNode) node = cache_get(self->cache, id, NULL);

	if (node == NULL || node->parent == 0)
		return;
	atomic_fetch_add(&self->serial, 1);
	post(self, CACHE_CHANGE_TOUCHED, id, 0, NULL);
	fs_notify_members(self, node->parent);
}

/* --- life ---------------------------------------------------------------- */

FsNotify *fs_notify_new(Cache *cache, FsWatch *watch)
{
	FsNotify *self = g_new0(FsNotify, 1);

	self->cache = cache;
	self->watch = watch;
	self->inbox = ews_inbox_new(NULL, NULL);
	atomic_init(&self->is_open, false);
	atomic_init(&self->serial, 1);
	pthread_mutex_init(&self->lock, NULL);
	cache_listen(cache, listen_to_cache, self);
	return self;
}

void fs_notify_shapes(FsNotify *self)
{
	self->has_shapes = true;
}

void fs_notify_maildir(FsNotify *self, bool is_flat)
{
	self->is_maildir = true;
	self->is_flat = is_flat;
}

void fs_notify_start(FsNotify *self, struct fuse_session *session)
{
	pthread_mutex_lock(&self->lock);
	self->session = session;
	atomic_store(&self->is_open, true);
	self->is_running = pthread_create(&self->thread, NULL, run, self) == 0;
	pthread_mutex_unlock(&self->lock);
}

void fs_notify_stop(FsNotify *self)
{
	pthread_mutex_lock(&self->lock);
	atomic_store(&self->is_open, false);
	if (self->is_running) {
		ews_inbox_post(self->inbox, &the_end);
		pthread_join(self->thread, NULL);
		self->is_running = false;
	}
	pthread_mutex_unlock(&self->lock);
}

void fs_notify_free(FsNotify *self)
{
	if (self == NULL)
		return;
	fs_notify_stop(self);
	ews_inbox_free(self->inbox, free_message);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}
