/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirplace.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/inode.h"
#include "fs/maildirroot.h"

#define MADE_MAX 16     /* folders, that somebody is making */
#define LINKED_MAX 1024 /* names, that nobody has unlinked yet */

typedef struct Made {
	int64_t dir;
	pid_t maker;
	unsigned awaited; /* bits, by FsMaildirPart */
} Made;

typedef struct Linked {
	int64_t dir;
	int64_t node;
	char *name; /* own */
} Linked;

struct FsMaildir {
	/* guarded by lock; the oldest gives way */
	pthread_mutex_t lock;
	Made made[MADE_MAX];
	Linked linked[LINKED_MAX];
	unsigned next_made;
	unsigned next_linked;
};

/* --- places -------------------------------------------------------------- */

static void set_missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file or folder");
}

/* Messages are sent from there by the names that they have in the index. */
static bool is_send(const CacheNode *dir)
{
	return dir->parent < 0;
}

bool fs_maildir_is_one(const CacheNode *dir)
{
	return !dir->is_scratch && !is_send(dir);
}

/* The folder that is called so, or what is only here. */
static bool find_dir(FsPlace *self, const Fs *fs, const char *name, GError **error)
{
	g_autoptr(GError) missing = NULL;
	bool may_be = self->folder != NULL && self->up != 0;
	g_autoptr(CacheNode) node =
		may_be ? cache_lookup(fs->cache, self->up, self->folder, &missing) : NULL;

	if (missing != NULL && !ews_error_is(missing, EWS_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return false;
	}
	bool is_dir = node != NULL && node->kind == CACHE_KIND_DIR;
	self->kind = is_dir ? FS_PLACE_DIR : FS_PLACE_FILE;
	self->dir = is_dir ? self->up : self->dir;
	self->name = is_dir ? g_strdup(self->folder)
		: fs_maildirname_store_file(FS_MAILDIR_NONE, name);
	return true;
}

/* Where folders are beside each other, the root alone has any. */
static bool init_in_root(FsPlace *self, const Fs *fs, const char *name, GError **error)
{
	g_autoptr(GError) problem = NULL;

	if (!cache_inbox(fs->cache, &self->dir, error))
		return false;
	self->part = fs_maildirname_part(name);
	self->kind = FS_PLACE_PART;
	if (self->part != FS_MAILDIR_NONE)
		return true;
	self->up = CACHE_ROOT;
	if (g_str_equal(name, CACHE_SEND_NAME))
		self->folder = g_strdup(name);
	else
		self->folder = fs_maildirroot_find(fs, name, &self->up, &problem);
	if (problem == NULL)
		return find_dir(self, fs, name, error);
	g_propagate_error(error, g_steal_pointer(&problem));
	return false;
}

/* In a folder's own directory, or one that is none. */
static bool init_in_dir(FsPlace *self, const Fs *fs, const char *name, GError **error)
{
	g_autoptr(CacheNode) dir = cache_get(fs->cache, self->dir, error);

	if (dir == NULL)
		return false;
	if (!fs_maildir_is_one(dir)) {
		self->kind = FS_PLACE_PLAIN;
		self->name = g_strdup(name);
		self->up = self->dir;
		self->folder = g_strdup(name);
		return true;
	}
	self->part = fs_maildirname_part(name);
	self->kind = FS_PLACE_PART;
	self->up = self->dir;
	self->folder = fs_maildirroot_is(fs) ? NULL : fs_maildirname_store_dir(name);
	return self->part != FS_MAILDIR_NONE || find_dir(self, fs, name, error);
}

bool fs_place_init(FsPlace *self, const Fs *fs, fuse_ino_t parent, const char *name, GError **error)
{
	*self = (FsPlace){
		.dir = fs_inode_node(parent),
		.part = (FsMaildirPart)fs_inode_content(parent),
	};
	switch (self->part) {
	case FS_MAILDIR_CUR:
	case FS_MAILDIR_NEW:
		self->kind = FS_PLACE_MESSAGE;
		if (!fs_maildirname_parse(name, &self->name, &self->marks))
			self->name = NULL;
		return true;
	case FS_MAILDIR_TMP:
		self->kind = FS_PLACE_FILE;
		self->name = fs_maildirname_store_file(FS_MAILDIR_TMP, name);
		return true;
	case FS_MAILDIR_NONE:
		break;
	}
	if (parent == FUSE_ROOT_ID && fs_maildirroot_is(fs))
		return init_in_root(self, fs, name, error);
	return init_in_dir(self, fs, name, error);
}

void fs_place_clear(FsPlace *self)
{
	g_clear_pointer(&self->name, g_free);
	g_clear_pointer(&self->folder, g_free);
}

/* OLD is where it is and not what it is called. */
static bool is_so_marked(const FsPlace *self, uint64_t marks)
{
	return fs_maildirname_place(marks) == self->part &&
		(marks & ~CACHE_MARK_OLD) == self->marks;
}

CacheNode *fs_place_find(const FsPlace *self, const Fs *fs, GError **error)
{
	uint64_t marks = 0;

	if (self->kind == FS_PLACE_PART)
		return cache_get(fs->cache, self->dir, error);
	if (self->name == NULL) {
		set_missing(error);
		return NULL;
	}
	if (self->kind != FS_PLACE_MESSAGE)
		return cache_lookup(fs->cache, self->dir, self->name, error);
	g_autoptr(CacheNode) node =
		cache_lookup_marked(fs->cache, self->dir, self->name, &marks, error);
	if (node == NULL)
		return NULL;
	if (node->kind == CACHE_KIND_FILE && is_so_marked(self, marks))
		return g_steal_pointer(&node);
	set_missing(error);
	return NULL;
}

CacheNode *fs_maildir_walk(const Fs *fs, fuse_ino_t *ino, const char *name, GError **error)
{
	g_auto(FsPlace) place = {0};

	if (!fs_place_init(&place, fs, *ino, name, error))
		return NULL;
	CacheNode *node = fs_place_find(&place, fs, error);
	if (node != NULL && place.kind == FS_PLACE_PART)
		*ino = fs_inode_make(node->id, (uint32_t)place.part);
	else if (node != NULL)
		*ino = fs_inode_of(node);
	return node;
}

/* --- paths --------------------------------------------------------------- */

/* Below the folder that it is in. */
static char *shown(const Fs *fs, const CacheNode *node)
{
	uint64_t marks = 0;

	if (!cache_marks(fs->cache, node->id, &marks, NULL))
		return NULL;
	g_autofree char *name = fs_maildirname_make(node->name, marks);
	return g_build_filename(fs_maildirname_of_part(fs_maildirname_place(marks)), name, NULL);
}

/* In the root where folders are beside each other. */
static char *root_path(const Fs *fs, const CacheNode *node)
{
	g_autofree char *name = shown(fs, node);
	g_autoptr(CacheNode) home = fs_maildirroot_dir(fs, NULL);
	g_autoptr(CacheNode) dir = cache_get(fs->cache, node->parent, NULL);

	if (name == NULL || home == NULL || dir == NULL)
		return NULL;
	if (dir->id == home->id)
		return g_steal_pointer(&name);
	g_autofree char *folder = fs_maildirroot_name(fs, dir);
	return folder != NULL ? g_build_filename(folder, name, NULL) : NULL;
}

char *fs_maildir_path(const Fs *fs, const CacheNode *node)
{
	if (fs_maildirroot_is(fs))
		return root_path(fs, node);
	char *path = shown(fs, node);
	g_autoptr(CacheNode) dir = cache_get(fs->cache, node->parent, NULL);
	while (path != NULL && dir != NULL && dir->id != CACHE_ROOT) {
		g_autofree char *below = path;
		g_autofree char *name = fs_maildirname_show_dir(dir->name);
		path = strlen(below) < PATH_MAX ? g_build_filename(name, below, NULL) : NULL;
		CacheNode *up = dir->parent > 0 ? cache_get(fs->cache, dir->parent, NULL) : NULL;
		cache_node_unref(dir);
		dir = up;
	}
	if (dir == NULL)
		g_clear_pointer(&path, g_free);
	return path;
}

/* --- what they look like ------------------------------------------------- */

/* Of no other file: what the hash of an identity has in these bits it has by chance. */
#define INO_SHIFT 61

/* Of those that are beside each other, with no folder in any but the root. */
static void fit_folder(const Fs *fs, const CacheNode *node, struct fuse_entry_param *entry)
{
	g_autofree char *kept = fs_maildirroot_kept(fs->cache, node->parent, node->name);

	entry->attr.st_nlink = 2 + FS_MAILDIR_PARTS - 1;
	entry->entry_timeout = kept != NULL ? FS_KEEP_S : 0;
	if (node->id == CACHE_ROOT)
		fs_maildirroot_fit(fs, &entry->attr);
}

void fs_maildir_entry(const Fs *fs, const CacheNode *node, FsMaildirPart part,
	struct fuse_entry_param *ret_entry)
{
	fs_attr_entry(fs->config, node, ret_entry);
	if (node->kind != CACHE_KIND_DIR || !fs_maildir_is_one(node))
		return;
	if (part == FS_MAILDIR_NONE && fs_maildirroot_is(fs)) {
		fit_folder(fs, node, ret_entry);
		return;
	}
	if (part == FS_MAILDIR_NONE) {
		ret_entry->attr.st_nlink += FS_MAILDIR_PARTS - 1;
		return;
	}
	ret_entry->ino = fs_inode_make(node->id, (uint32_t)part);
	ret_entry->attr.st_ino ^= (uint64_t)part << INO_SHIFT;
	ret_entry->attr.st_nlink = 2;
}

/* --- what programs are in the middle of ---------------------------------- */

FsMaildir *fs_maildir_new(void)
{
	FsMaildir *self = g_new0(FsMaildir, 1);

	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void fs_maildir_free(FsMaildir *self)
{
	if (self == NULL)
		return;
	for (unsigned i = 0; i < LINKED_MAX; i++)
		g_free(self->linked[i].name);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void fs_maildir_note_made(FsMaildir *self, int64_t dir, pid_t maker)
{
	pthread_mutex_lock(&self->lock);
	self->made[self->next_made++ % MADE_MAX] = (Made){
		.dir = dir,
		.maker = maker,
		.awaited = 1U << FS_MAILDIR_CUR | 1U << FS_MAILDIR_NEW | 1U << FS_MAILDIR_TMP,
	};
	pthread_mutex_unlock(&self->lock);
}

static bool find_awaited(FsMaildir *self, const Made *wanted, bool takes)
{
	bool is_awaited = false;

	pthread_mutex_lock(&self->lock);
	for (unsigned i = 0; i < MADE_MAX; i++) {
		Made *made = &self->made[i];
		if (made->dir != wanted->dir || made->maker != wanted->maker)
			continue;
		is_awaited = is_awaited || (made->awaited & wanted->awaited) != 0;
		if (takes)
			made->awaited &= ~wanted->awaited;
	}
	pthread_mutex_unlock(&self->lock);
	return is_awaited;
}

bool fs_maildir_is_awaited(FsMaildir *self, int64_t dir, FsMaildirPart part, pid_t asker)
{
	const Made wanted = {.dir = dir, .maker = asker, .awaited = 1U << part};

	return find_awaited(self, &wanted, false);
}

bool fs_maildir_take_awaited(FsMaildir *self, int64_t dir, FsMaildirPart part, pid_t maker)
{
	const Made wanted = {.dir = dir, .maker = maker, .awaited = 1U << part};

	return find_awaited(self, &wanted, true);
}

void fs_maildir_note_linked(FsMaildir *self, int64_t dir, const char *name, int64_t node)
{
	pthread_mutex_lock(&self->lock);
	Linked *linked = &self->linked[self->next_linked++ % LINKED_MAX];
	g_free(linked->name);
	*linked = (Linked){.dir = dir, .node = node, .name = g_strdup(name)};
	pthread_mutex_unlock(&self->lock);
}

/* Under the lock. */
static Linked *find_linked(FsMaildir *self, int64_t dir, const char *name)
{
	for (unsigned i = 0; i < LINKED_MAX; i++) {
		Linked *linked = &self->linked[i];
		if (linked->name != NULL && linked->dir == dir && g_str_equal(linked->name, name))
			return linked;
	}
	return NULL;
}

int64_t fs_maildir_find_linked(FsMaildir *self, int64_t dir, const char *name)
{
	pthread_mutex_lock(&self->lock);
	const Linked *linked = find_linked(self, dir, name);
	int64_t node = linked != NULL ? linked->node : 0;
	pthread_mutex_unlock(&self->lock);
	return node;
}

bool fs_maildir_take_linked(FsMaildir *self, int64_t dir, const char *name)
{
	pthread_mutex_lock(&self->lock);
	Linked *linked = find_linked(self, dir, name);
	if (linked != NULL)
		g_clear_pointer(&linked->name, g_free);
	pthread_mutex_unlock(&self->lock);
	return linked != NULL;
}
