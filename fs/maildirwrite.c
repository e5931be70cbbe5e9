/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirwrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/inode.h"
#include "fs/maildirplace.h"
#include "fs/maildirroot.h"
#include "fs/notify.h"
#include "fs/readonly.h"
#include "fs/write.h"

/* --- names --------------------------------------------------------------- */

/* FALSE when the request was answered. */
static bool load(fuse_req_t req, FsPlace *place, fuse_ino_t parent, const char *name)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return false;
	if (fs_place_init(place, fs_of(req), parent, name, &error))
		return true;
	fs_err_reply(req, error, "look up");
	return false;
}

/* The same of a name that something is to get: not every name can be had. */
static bool load_new(fuse_req_t req, FsPlace *place, fuse_ino_t parent, const char *name)
{
	if (!load(req, place, parent, name))
		return false;
	if (place->kind == FS_PLACE_PART)
		fuse_reply_err(req, EEXIST);
	else if (place->name == NULL)
		fuse_reply_err(req, EINVAL);
	else
		return true;
	fs_place_clear(place);
	return false;
}

/* Of a message that is called so: what is in cur was taken out of new. */
static uint64_t marks_of(const FsPlace *place)
{
	return place->marks | (place->part == FS_MAILDIR_CUR ? CACHE_MARK_OLD : 0);
}

/* The kernel believes in the name that it gave; it may be listed in another spelling, or in cur
 * where it was to be in new and has marks. */
static bool is_as_given(const FsPlace *place, const char *name)
{
	uint64_t marks = marks_of(place);
	g_autofree char *listed = fs_maildirname_make(place->name, marks);

	return fs_maildirname_place(marks) == place->part && g_str_equal(listed, name);
}

/* After the answer. */
static void tell_kernel(const Fs *fs, const FsPlace *place, fuse_ino_t parent, const char *name)
{
	if (place->kind != FS_PLACE_MESSAGE || is_as_given(place, name))
		return;
	fs_notify_name(fs->notify, parent, name);
	fs_notify_members(fs->notify, place->dir);
}

/* --- new files ----------------------------------------------------------- */

static CacheFile *make_file(const Fs *fs, const FsPlace *place, CacheNode **ret_node,
	GError **error)
{
	g_autoptr(CacheNode) node = NULL;
	CacheFile *file = cache_create(fs->cache, place->dir, place->name, &node, error);

	if (file == NULL)
		return NULL;
	if (place->kind == FS_PLACE_MESSAGE &&
		!cache_set_marks(fs->cache, node->id, marks_of(place), error)) {
		cache_file_close(file);
		return NULL;
	}
	*ret_node = g_steal_pointer(&node);
	return file;
}

void fs_maildir_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(CacheNode) node = NULL;
	g_autoptr(GError) error = NULL;

	if (!load_new(req, &place, parent, name))
		return;
	CacheFile *file = make_file(fs, &place, &node, &error);
	if (file != NULL) {
		fs_write_reply_created(req, node, file, info);
		tell_kernel(fs, &place, parent, name);
	} else if (ews_error_is(error, EWS_ERROR_EXISTS) && !(info->flags & O_EXCL)) {
		fuse_reply_err(req, ESTALE);
	} else {
		fs_err_reply(req, error, "create");
	}
}

static void reply_entry(fuse_req_t req, const CacheNode *node, FsMaildirPart part)
{
	struct fuse_entry_param entry;

	fs_maildir_entry(fs_of(req), node, part, &entry);
	fuse_reply_entry(req, &entry);
}

void fs_maildir_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	dev_t device)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(CacheNode) node = NULL;
	g_autoptr(GError) error = NULL;

	if (!load_new(req, &place, parent, name))
		return;
	if (!S_ISREG(mode)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	CacheFile *file = make_file(fs, &place, &node, &error);
	if (file == NULL) {
		fs_err_reply(req, error, "mknod");
		return;
	}
	cache_file_close(file);
	reply_entry(req, node, FS_MAILDIR_NONE);
	tell_kernel(fs, &place, parent, name);
}

/* --- directories --------------------------------------------------------- */

/* Its own maker makes what everybody else finds there already. */
static void make_part(fuse_req_t req, const FsPlace *place)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = fs_place_find(place, fs, &error);

	if (node == NULL)
		fs_err_reply(req, error, "mkdir");
	else if (fs_maildir_take_awaited(fs->maildir, place->dir, place->part,
			 fuse_req_ctx(req)->pid))
		reply_entry(req, node, place->part);
	else
		fuse_reply_err(req, EEXIST);
}

/* What begins with a dot is scratch in the index, and that shows no directory here. */
static bool can_be_folder(const Fs *fs, const FsPlace *place)
{
	return place->folder != NULL && (!fs_maildirroot_is(fs) || *place->folder != '.');
}

/* The kernel thinks that it was a directory of the root that changed. */
static void tell_above(const Fs *fs, int64_t up)
{
	if (fs_maildirroot_is(fs) && up > CACHE_ROOT)
		fs_notify_members(fs->notify, up);
}

static CacheNode *make_folder(const Fs *fs, FsPlace *place, const char *name, GError **error)
{
	bool is_way = place->up != 0 || fs_maildirroot_make_way(fs, name, &place->up, error);

	return is_way ? cache_mkdir(fs->cache, place->up, place->folder, error) : NULL;
}

void fs_maildir_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(GError) error = NULL;

	if (!load(req, &place, parent, name))
		return;
	if (place.kind == FS_PLACE_PART) {
		make_part(req, &place);
		return;
	}
	if (place.part != FS_MAILDIR_NONE) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (!can_be_folder(fs, &place)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	g_autoptr(CacheNode) node = make_folder(fs, &place, name, &error);
	if (node == NULL) {
		fs_err_reply(req, error, "mkdir");
		return;
	}
	if (fs_maildir_is_one(node))
		fs_maildir_note_made(fs->maildir, node->id, fuse_req_ctx(req)->pid);
	reply_entry(req, node, FS_MAILDIR_NONE);
	tell_above(fs, place.up);
}

typedef struct Count {
	FsMaildirPart part;
	bool has_any;
} Count;

static bool count_node(const CacheNode *node, uint64_t marks, void *user)
{
	Count *self = user;
	bool is_tmp = fs_maildirname_show_file(FS_MAILDIR_TMP, node->name) != NULL;

	if (node->kind != CACHE_KIND_FILE)
		return true;
	if (self->part == FS_MAILDIR_TMP)
		self->has_any = is_tmp;
	else
		self->has_any = node->name[0] != '.' && fs_maildirname_place(marks) == self->part;
	return !self->has_any;
}

/* They go with their folder. Who removes it removes them first, and is told that he did. */
static void remove_part(fuse_req_t req, const FsPlace *place)
{
	Count count = {.part = place->part};
	g_autoptr(GError) error = NULL;

	if (!cache_list_marked(fs_of(req)->cache, place->dir, 0, count_node, &count, &error))
		fs_err_reply(req, error, "rmdir");
	else
		fuse_reply_err(req, count.has_any ? ENOTEMPTY : 0);
}

void fs_maildir_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(GError) error = NULL;

	if (!load(req, &place, parent, name))
		return;
	if (place.kind == FS_PLACE_PART)
		remove_part(req, &place);
	else if (place.name == NULL)
		fuse_reply_err(req, ENOENT);
	else if (!cache_rmdir(fs->cache, place.dir, place.name, &error))
		fs_err_reply(req, error, "rmdir");
	else {
		fuse_reply_err(req, 0);
		tell_above(fs, place.dir);
	}
}

/* --- gone, moved --------------------------------------------------------- */

void fs_maildir_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(GError) error = NULL;

	if (!load(req, &place, parent, name))
		return;
	if (place.kind == FS_PLACE_FILE &&
		fs_maildir_take_linked(fs->maildir, place.dir, place.name)) {
		fuse_reply_err(req, 0);
		return;
	}
	g_autoptr(CacheNode) node = fs_place_find(&place, fs, &error);
	if (node != NULL && place.kind == FS_PLACE_PART)
		fuse_reply_err(req, EISDIR);
	else if (node != NULL && cache_unlink(fs->cache, place.dir, place.name, &error))
		fuse_reply_err(req, 0);
	else
		fs_err_reply(req, error, "unlink");
}

/* A directory stays one under its new name, and a mail is sent by its name in the index. */
static void fit_target(FsPlace *to, const FsPlace *from, const CacheNode *node, const char *name)
{
	uint64_t marks = 0;

	if (to->kind == FS_PLACE_PLAIN && from->kind == FS_PLACE_MESSAGE) {
		g_autofree char *stored = NULL;
		if (!g_str_has_suffix(name, ".eml") &&
			fs_maildirname_parse(name, &stored, &marks)) {
			g_free(to->name);
			to->name = g_steal_pointer(&stored);
		}
	}
	if (node->kind == CACHE_KIND_DIR && to->kind == FS_PLACE_FILE) {
		g_free(to->name);
		to->name = g_strdup(to->folder);
		to->dir = to->up;
	}
}

/* @to must be able to have it. The errno. */
static int judge(const Fs *fs, const FsPlace *from, const FsPlace *to, const CacheNode *node)
{
	bool is_dir = node->kind == CACHE_KIND_DIR;

	if (from->kind == FS_PLACE_PART)
		return EPERM;
	if (is_dir && to->part != FS_MAILDIR_NONE)
		return EPERM;
	/* A directory of another kind cannot be there; who moves or deletes by moving hears that
	 * it must be done otherwise. */
	if (is_dir && !can_be_folder(fs, to))
		return EXDEV;
	if (is_dir && to->up == 0)
		return ENOENT;
	return !is_dir && to->kind == FS_PLACE_DIR ? EISDIR : 0;
}

static void move(fuse_req_t req, const FsPlace *from, const FsPlace *to, unsigned flags)
{
	const CacheRename what = {
		.dir = from->dir,
		.name = from->name,
		.to_dir = to->dir,
		.to_name = to->name,
		.can_replace = !(flags & RENAME_NOREPLACE),
		.has_marks = to->kind == FS_PLACE_MESSAGE,
		.marks = marks_of(to),
	};
	g_autoptr(GError) error = NULL;

	if (cache_rename_marked(fs_of(req)->cache, &what, &error))
		fuse_reply_err(req, 0);
	else if (ews_error_is(error, EWS_ERROR_UNSUPPORTED))
		fuse_reply_err(req, EXDEV);
	else
		fs_err_reply(req, error, "rename");
}

void fs_maildir_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to_name, unsigned flags)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) from = {0};
	g_auto(FsPlace) to = {0};
	g_autoptr(GError) error = NULL;

	if (!load(req, &from, parent, name) || !load_new(req, &to, to_parent, to_name))
		return;
	g_autoptr(CacheNode) node = fs_place_find(&from, fs, &error);
	if (node == NULL) {
		fs_err_reply(req, error, "rename");
		return;
	}
	int refused = flags & ~(unsigned)RENAME_NOREPLACE ? EINVAL
		: judge(fs, &from, &to, node);
	if (refused != 0) {
		fuse_reply_err(req, refused);
		return;
	}
	fit_target(&to, &from, node, to_name);
	move(req, &from, &to, flags);
	tell_kernel(fs, &to, to_parent, to_name);
	if (node->kind == CACHE_KIND_DIR && fs_maildirroot_is(fs)) {
		tell_above(fs, from.dir);
		tell_above(fs, to.dir);
		/* Which the kernel would keep as long as it was to keep the old one. */
		fs_notify_name(fs->notify, to_parent, to_name);
	}
}

/* --- links --------------------------------------------------------------- */

static bool give_name(const Fs *fs, const CacheNode *node, const FsPlace *to, GError **error)
{
	const CacheRename what = {
		.dir = node->parent,
		.name = node->name,
		.to_dir = to->dir,
		.to_name = to->name,
		.has_marks = to->kind == FS_PLACE_MESSAGE,
		.marks = marks_of(to),
	};

	return cache_rename_marked(fs->cache, &what, error);
}

static void reply_linked(fuse_req_t req, int64_t id)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, id, &error);
	struct fuse_entry_param entry;

	if (node == NULL) {
		fs_err_reply(req, error, "link");
		return;
	}
	fs_maildir_entry(fs, node, FS_MAILDIR_NONE, &entry);
	entry.attr.st_nlink = 2;
	entry.attr_timeout = 0;
	fuse_reply_entry(req, &entry);
}

/* In tmp, or beside it: no message. */
static bool is_only_here(const CacheNode *node)
{
	return node->kind == CACHE_KIND_FILE && node->is_scratch && node->parent > 0 &&
		(fs_maildirname_show_file(FS_MAILDIR_TMP, node->name) != NULL ||
			fs_maildirname_show_file(FS_MAILDIR_NONE, node->name) != NULL);
}

/* Who links delivers, out of tmp, or takes a lock; and the next that he does is to unlink the old
 * name. So it gets the new one at once, and the old one is left to be unlinked. */
void fs_maildir_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) to = {0};
	g_autoptr(GError) error = NULL;

	if (!load_new(req, &to, parent, name))
		return;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	if (node == NULL) {
		fs_err_reply(req, error, "link");
		return;
	}
	bool is_good = to.kind == FS_PLACE_MESSAGE || to.kind == FS_PLACE_FILE;
	if (fs_inode_is_hidden(ino) || !is_good || !is_only_here(node)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (!give_name(fs, node, &to, &error)) {
		fs_err_reply(req, error, "link");
		return;
	}
	fs_maildir_note_linked(fs->maildir, node->parent, node->name, node->id);
	reply_linked(req, node->id);
	tell_kernel(fs, &to, parent, name);
}
