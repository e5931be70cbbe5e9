/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirroot.h"

#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/maildirdots.h"
#include "fs/maildirname.h"

/* Deeper than any mailbox is. */
#define DEPTH_MAX 1000

bool fs_maildirroot_is(const Fs *fs)
{
	return fs->config->layout == FS_LAYOUT_MAILDIRPP;
}

CacheNode *fs_maildirroot_dir(const Fs *fs, GError **error)
{
	int64_t id = CACHE_ROOT;

	return cache_inbox(fs->cache, &id, error) ? cache_get(fs->cache, id, error) : NULL;
}

/* --- from a name to a folder --------------------------------------------- */

/* A way down from the mounted folder, or from the Inbox. */
typedef struct Way {
	int64_t inbox;
	int64_t from;
	GStrv names; /* own */
	bool is_making;
} Way;

static void way_clear(Way *self)
{
	g_strfreev(self->names);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Way, way_clear)

/* FALSE: @error. */
static bool way_init(Way *self, const Fs *fs, const char *dotted, GError **error)
{
	bool is_in_inbox = false;

	*self = (Way){.from = CACHE_ROOT};
	if (!cache_inbox(fs->cache, &self->inbox, error))
		return false;
	self->names = fs_maildirdots_parse(dotted, &is_in_inbox);
	if (is_in_inbox)
		self->from = self->inbox;
	/* What is in the mounted folder has no prefix. */
	if (is_in_inbox && self->inbox == CACHE_ROOT)
		g_clear_pointer(&self->names, g_strfreev);
	return true;
}

/* The Inbox is the root itself: what is in it is called otherwise. */
static bool is_inbox(const Way *self, const CacheNode *node)
{
	return node != NULL && node->id == self->inbox && node->id != CACHE_ROOT;
}

static CacheNode *step(const Way *self, const Fs *fs, int64_t dir, const char *name, GError **error)
{
	g_autoptr(GError) missing = NULL;
	CacheNode *node = cache_lookup(fs->cache, dir, name, &missing);

	if (node != NULL)
		return node;
	if (!self->is_making || *name == '.' || !ews_error_is(missing, EWS_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&missing));
		return NULL;
	}
	return cache_mkdir(fs->cache, dir, name, error);
}

/* The directory that the last of the names is in. FALSE with NOT_FOUND: it is not there;
 * without an error: none can be there. */
static bool go(const Way *self, const Fs *fs, int64_t *ret_up, GError **error)
{
	int64_t at = self->from;

	for (char **name = self->names; name[0] != NULL; name++) {
		bool is_last = name[1] == NULL;
		g_autoptr(GError) problem = NULL;
		g_autoptr(CacheNode) node = is_last ? cache_lookup(fs->cache, at, *name, NULL)
						    : step(self, fs, at, *name, &problem);
		if (is_inbox(self, node))
			return false;
		if (is_last)
			break;
		if (node == NULL) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return false;
		}
		if (node->kind != CACHE_KIND_DIR)
			return false;
		at = node->id;
	}
	*ret_up = at;
	return true;
}

/* One whose name was cut. */
typedef struct Sought {
	const Fs *fs;
	const char *dotted;
	CacheNode *node; /* own */
} Sought;

static bool compare(const CacheNode *node, void *user)
{
	Sought *self = user;
	g_autofree char *name = fs_maildirroot_name(self->fs, node);

	if (g_strcmp0(name, self->dotted) == 0)
		self->node = cache_node_ref((CacheNode *)node);
	return self->node == NULL;
}

static char *find_cut(const Fs *fs, const char *dotted, int64_t *ret_up, GError **error)
{
	Sought sought = {.fs = fs, .dotted = dotted};

	if (!cache_list_dirs(fs->cache, 0, compare, &sought, error) || sought.node == NULL)
		return NULL;
	g_autoptr(CacheNode) node = sought.node;
	*ret_up = node->parent;
	return g_strdup(node->name);
}

char *fs_maildirroot_find(const Fs *fs, const char *dotted, int64_t *ret_up, GError **error)
{
	g_autoptr(GError) problem = NULL;
	g_auto(Way) way = {0};

	if (fs_maildirdots_is_cut(dotted))
		return find_cut(fs, dotted, ret_up, error);
	if (!way_init(&way, fs, dotted, error) || way.names == NULL)
		return NULL;
	bool is_found = go(&way, fs, ret_up, &problem);
	if (ews_error_is(problem, EWS_ERROR_NOT_FOUND))
		*ret_up = 0;
	else if (problem != NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	bool is_good = is_found || ews_error_is(problem, EWS_ERROR_NOT_FOUND);
	return is_good ? g_strdup(way.names[g_strv_length(way.names) - 1]) : NULL;
}

bool fs_maildirroot_make_way(const Fs *fs, const char *dotted, int64_t *ret_up, GError **error)
{
	g_auto(Way) way = {0};

	if (!way_init(&way, fs, dotted, error))
		return false;
	way.is_making = true;
	return way.names != NULL && go(&way, fs, ret_up, error);
}

/* --- from a folder to its name ------------------------------------------- */

static int64_t inbox_of(const Fs *fs)
{
	int64_t id = CACHE_ROOT;

	return cache_inbox(fs->cache, &id, NULL) ? id : CACHE_ROOT;
}

char *fs_maildirroot_name(const Fs *fs, const CacheNode *dir)
{
	int64_t inbox = inbox_of(fs);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(CacheNode) at = cache_node_ref((CacheNode *)dir);

	while (at != NULL && at->id != inbox && at->id != CACHE_ROOT && at->parent > 0 &&
		names->len < DEPTH_MAX) {
		g_ptr_array_insert(names, 0, g_strdup(at->name));
		CacheNode *up = cache_get(fs->cache, at->parent, NULL);
		cache_node_unref(at);
		at = up;
	}
	if (names->len == 0 || at == NULL || (at->id != inbox && at->id != CACHE_ROOT))
		return NULL;
	g_ptr_array_add(names, NULL);
	g_autofree char *dotted = fs_maildirdots_make((const char *const *)names->pdata,
		at->id != CACHE_ROOT);
	return fs_maildirdots_fit(dotted, dir->ino);
}

/* Bytes of a name that is a name still with every one of them escaped, and so was not cut. */
#define KEPT_MAX 80

char *fs_maildirroot_kept(Cache *cache, int64_t dir, const char *name)
{
	const char *const names[] = {name, NULL};
	int64_t inbox = CACHE_ROOT;
	bool is_known = cache_inbox(cache, &inbox, NULL);

	if (!is_known || (dir != CACHE_ROOT && dir != inbox) || strlen(name) > KEPT_MAX)
		return NULL;
	return fs_maildirdots_make(names, dir != CACHE_ROOT);
}

/* --- what it looks like -------------------------------------------------- */

static bool count(const CacheNode *node, void *user)
{
	++*(nlink_t *)user;
	return true;
}

void fs_maildirroot_fit(const Fs *fs, struct stat *attr)
{
	g_autoptr(CacheNode) inbox = fs_maildirroot_dir(fs, NULL);
	bool is_other = inbox != NULL && inbox->id != CACHE_ROOT;
	nlink_t folders = 0;
	struct stat theirs;

	if (!cache_list_dirs(fs->cache, 0, count, &folders, NULL))
		return;
	attr->st_nlink = 2 + (FS_MAILDIR_PARTS - 1) + folders - (is_other ? 1 : 0);
	if (!is_other)
		return;
	fs_attr_fill(fs->config, inbox, &theirs);
	bool is_younger = theirs.st_mtim.tv_sec > attr->st_mtim.tv_sec ||
		(theirs.st_mtim.tv_sec == attr->st_mtim.tv_sec &&
			theirs.st_mtim.tv_nsec > attr->st_mtim.tv_nsec);
	if (is_younger) {
		attr->st_mtim = theirs.st_mtim;
		attr->st_ctim = theirs.st_ctim;
	}
}
