/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildir.h"

#include <errno.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/err.h"
#include "fs/hidden.h"
#include "fs/inode.h"
#include "fs/maildirplace.h"
#include "fs/maildirroot.h"
#include "fs/maildirwrite.h"
#include "fs/page.h"
#include "fs/park.h"
#include "fs/readonly.h"
#include "fs/setattr.h"

/* --- names --------------------------------------------------------------- */

/* In another spelling it goes when nobody looks: nothing would tell the kernel. */
static bool is_as_listed(const FsPlace *place, const CacheNode *node, const char *name)
{
	if (place->kind != FS_PLACE_MESSAGE)
		return true;
	uint64_t here = place->part == FS_MAILDIR_CUR ? CACHE_MARK_OLD : 0;
	g_autofree char *listed = fs_maildirname_make(node->name, place->marks | here);
	return g_str_equal(listed, name);
}

static void reply_found(fuse_req_t req, const FsPlace *place, const CacheNode *node,
	const char *name)
{
	const Fs *fs = fs_of(req);
	FsMaildirPart part = place->kind == FS_PLACE_PART ? place->part : FS_MAILDIR_NONE;
	struct fuse_entry_param entry;

	fs_maildir_entry(fs, node, part, &entry);
	if (!is_as_listed(place, node, name))
		entry.entry_timeout = 0;
	fuse_reply_entry(req, &entry);
}

/* By the name that it was linked from. */
static CacheNode *find_linked(const FsPlace *place, const Fs *fs)
{
	int64_t node = place->kind == FS_PLACE_FILE
		? fs_maildir_find_linked(fs->maildir, place->dir, place->name) : 0;

	return node != 0 ? cache_get(fs->cache, node, NULL) : NULL;
}

static void reply_linked(fuse_req_t req, const CacheNode *node)
{
	struct fuse_entry_param entry;

	fs_maildir_entry(fs_of(req), node, FS_MAILDIR_NONE, &entry);
	entry.attr.st_nlink = 2;
	entry.entry_timeout = entry.attr_timeout = 0;
	fuse_reply_entry(req, &entry);
}

/* FALSE when there is no such name, as far as is known; else the request was answered. */
static bool answer_lookup(fuse_req_t req, fuse_ino_t parent, const char *name,
	bool *ret_is_message)
{
	const Fs *fs = fs_of(req);
	g_auto(FsPlace) place = {0};
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = fs_place_init(&place, fs, parent, name, &error)
		? fs_place_find(&place, fs, &error) : NULL;

	*ret_is_message = place.kind == FS_PLACE_MESSAGE && place.name != NULL;
	bool is_hidden = place.kind == FS_PLACE_PART &&
		fs_maildir_is_awaited(fs->maildir, place.dir, place.part,
			fuse_req_ctx(req)->pid);
	if (node != NULL && !is_hidden) {
		reply_found(req, &place, node, name);
		return true;
	}
	if (node == NULL && !ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		fs_err_reply(req, error, "lookup");
		return true;
	}
	g_autoptr(CacheNode) linked = find_linked(&place, fs);
	if (linked != NULL)
		reply_linked(req, linked);
	return linked != NULL;
}

static void reply_listed(FsParked *parked, FsParkedHow how, const GError *failure)
{
	bool is_message = false;

	if (!answer_lookup(parked->req, parked->ino, parked->extra, &is_message))
		fuse_reply_err(parked->req, how == FS_PARKED_DONE ? ENOENT : EBUSY);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	bool is_message = false;

	if (strlen(name) > FS_NAME_MAX || fs_hidden_at(parent, name) != NULL)
		fs_op_lookup(req, parent, name);
	else if (!answer_lookup(req, parent, name, &is_message))
		fs_dir_reply_missing(req, parent, name, is_message, reply_listed);
}

/* --- attributes ---------------------------------------------------------- */

/* The directory that @ino is, or a part of; NULL: it is another thing, or not known. */
static CacheNode *find_dir(const Fs *fs, fuse_ino_t ino)
{
	if (fs_inode_is_hidden(ino) || fs_inode_content(ino) >= FS_MAILDIR_PARTS)
		return NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), NULL);
	return node != NULL && node->kind == CACHE_KIND_DIR ? g_steal_pointer(&node) : NULL;
}

static void reply_dir(fuse_req_t req, const CacheNode *dir, fuse_ino_t ino)
{
	struct fuse_entry_param entry;

	fs_maildir_entry(fs_of(req), dir, (FsMaildirPart)fs_inode_content(ino), &entry);
	fuse_reply_attr(req, &entry.attr, entry.attr_timeout);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	g_autoptr(CacheNode) dir = find_dir(fs_of(req), ino);

	if (dir != NULL)
		reply_dir(req, dir, ino);
	else
		fs_op_getattr(req, ino, info);
}

/* Of a directory all is accepted, and changes nothing. */
static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
	struct fuse_file_info *info)
{
	g_autoptr(CacheNode) dir = find_dir(fs_of(req), ino);

	if (dir == NULL)
		fs_op_setattr(req, ino, attr, what, info);
	else if (!fs_readonly_refuse(req, ino))
		reply_dir(req, dir, ino);
}

/* --- listing ------------------------------------------------------------- */

typedef struct Listing {
	const Fs *fs;
	FsPage *page;
	FsMaildirPart part;
	bool is_plain;
	bool is_flat; /* folders are entries of the root alone */
	bool is_full;
	int64_t home; /* whose messages are here; of the root another's, who is not listed */
	uint64_t ino; /* as people see it */
} Listing;

/* After those of cur, new and tmp; no entry has the id 1, which is the root. */
static off_t cookie_of(int64_t id)
{
	return id + FS_PAGE_FIRST_COOKIE + FS_MAILDIR_PARTS;
}

/* After all of these. */
static off_t folder_cookie_of(int64_t id)
{
	return cookie_of(id) + ((off_t)1 << FS_INODE_ID_BITS);
}

/* As it is listed in this directory; NULL: it is not. Owned. */
static char *name_of(const Listing *self, const CacheNode *node, uint64_t marks)
{
	bool is_message = self->part == FS_MAILDIR_CUR || self->part == FS_MAILDIR_NEW;
	FsMaildirPart file = self->part == FS_MAILDIR_TMP ? FS_MAILDIR_TMP : FS_MAILDIR_NONE;

	if (self->is_plain)
		return g_strdup(node->name);
	if (node->kind == CACHE_KIND_DIR)
		return self->part == FS_MAILDIR_NONE && !self->is_flat
			? fs_maildirname_show_dir(node->name) : NULL;
	if (!is_message)
		return g_strdup(fs_maildirname_show_file(file, node->name));
	bool is_here = node->name[0] != '.' && fs_maildirname_place(marks) == self->part;
	return is_here ? fs_maildirname_make(node->name, marks) : NULL;
}

static bool add_node(const CacheNode *node, uint64_t marks, void *user)
{
	Listing *self = user;
	g_autofree char *name = name_of(self, node, marks);
	struct fuse_entry_param entry;

	if (name == NULL || strlen(name) > FS_NAME_MAX)
		return true;
	fs_maildir_entry(self->fs, node, FS_MAILDIR_NONE, &entry);
	self->is_full = !fs_page_add_entry(self->page, name, &entry, cookie_of(node->id));
	return !self->is_full;
}

static bool add_folder(const CacheNode *node, void *user)
{
	const Listing *self = user;
	g_autofree char *name =
		node->id != self->home ? fs_maildirroot_name(self->fs, node) : NULL;
	struct fuse_entry_param entry;

	if (name == NULL)
		return true;
	fs_maildir_entry(self->fs, node, FS_MAILDIR_NONE, &entry);
	return fs_page_add_entry(self->page, name, &entry, folder_cookie_of(node->id));
}

static bool add_parts(const Listing *self, const CacheNode *dir)
{
	for (uint32_t part = FS_MAILDIR_CUR; part < FS_MAILDIR_PARTS; part++) {
		struct fuse_entry_param entry;
		fs_maildir_entry(self->fs, dir, (FsMaildirPart)part, &entry);
		if (!fs_page_add_entry(self->page, fs_maildirname_of_part((FsMaildirPart)part),
			    &entry, (off_t)(FS_PAGE_FIRST_COOKIE + part)))
			return false;
	}
	return true;
}

static bool fill(Listing *self, const CacheNode *dir, GError **error)
{
	int64_t after = MAX(self->page->offset - cookie_of(0), 0);
	bool has_parts = self->part == FS_MAILDIR_NONE && !self->is_plain;

	if (!fs_page_add_dots(self->page, self->ino) || (has_parts && !add_parts(self, dir))) {
		self->is_full = true;
		return true;
	}
	return cache_list_marked(self->fs->cache, dir->id, after, add_node, self, error);
}

/* What else the root has. */
static bool fill_root(Listing *self, GError **error)
{
	int64_t after = MAX(self->page->offset - folder_cookie_of(0), 0);

	return self->is_full ||
		cache_list_dirs(self->fs->cache, after, add_folder, self, error);
}

static void list(fuse_req_t req, fuse_ino_t ino, FsPage *page)
{
	const Fs *fs = fs_of(req);
	bool is_flat = fs_maildirroot_is(fs);
	bool is_root = is_flat && ino == FUSE_ROOT_ID;
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	g_autoptr(CacheNode) dir = NULL;

	if (node != NULL)
		dir = is_root ? fs_maildirroot_dir(fs, &error) : cache_node_ref(node);
	Listing listing = {
		.fs = fs,
		.page = page,
		.part = (FsMaildirPart)fs_inode_content(ino),
		.is_plain = dir != NULL && !fs_maildir_is_one(dir),
		.is_flat = is_flat,
		.home = dir != NULL ? dir->id : 0,
		.ino = node != NULL ? node->ino : 0,
	};

	/* An error after some entries is an error of the whole: half a listing is none. */
	if (dir != NULL && fill(&listing, dir, &error) &&
		(!is_root || fill_root(&listing, &error)))
		fs_page_reply(page);
	else
		fs_err_reply(req, error, "readdir");
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	g_auto(FsPage) page = {0};

	if (fs_inode_is_hidden(ino)) {
		fs_op_readdir(req, ino, size, offset, info);
		return;
	}
	fs_page_init(&page, req, size, offset, false);
	list(req, ino, &page);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	g_auto(FsPage) page = {0};

	if (fs_inode_is_hidden(ino)) {
		fs_op_readdirplus(req, ino, size, offset, info);
		return;
	}
	fs_page_init(&page, req, size, offset, true);
	list(req, ino, &page);
}

/* --- the table ----------------------------------------------------------- */

void fs_maildir_take_over(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = op_lookup;
	ops->getattr = op_getattr;
	ops->setattr = op_setattr;
	ops->readdir = op_readdir;
	ops->readdirplus = op_readdirplus;

	ops->create = fs_maildir_create;
	ops->mknod = fs_maildir_mknod;
	ops->mkdir = fs_maildir_mkdir;
	ops->unlink = fs_maildir_unlink;
	ops->rmdir = fs_maildir_rmdir;
	ops->rename = fs_maildir_rename;
	ops->link = fs_maildir_link;
}
