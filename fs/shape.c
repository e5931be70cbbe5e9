/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/shape.h"

#include <errno.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/err.h"
#include "fs/park.h"

/* --- attributes -------------------------------------------------------------------------- */

struct stat fs_shape_attr(const FsShape *self, const Fs *fs, const CacheNode *node)
{
	struct stat attr;

	fs_attr_fill(fs->config, node, &attr);
	attr.st_ino = self->ino(node);
	attr.st_mode &= ~(mode_t)0222;
	return attr;
}

double fs_shape_keep_s(const Fs *fs)
{
	return fs->config->is_read_only ? FS_KEEP_S : 0;
}

static double keep_dir_s(const Fs *fs, const CacheNode *node)
{
	return node->is_listed ? fs_shape_keep_s(fs) : 0;
}

void fs_shape_getattr(const FsShape *self, fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);

	if (node == NULL) {
		fs_err_reply(req, error, self->what);
		return;
	}
	struct stat attr = fs_shape_attr(self, fs, node);
	fuse_reply_attr(req, &attr, keep_dir_s(fs, node));
}

/* --- names ------------------------------------------------------------------------------- */

static struct fuse_entry_param dir_entry(const FsShape *self, const Fs *fs, const CacheNode *node)
{
	return (struct fuse_entry_param){
		.ino = fs_inode_make_shape_dir(self->tree, node->id),
		.attr = fs_shape_attr(self, fs, node),
		.entry_timeout = fs_shape_keep_s(fs),
		.attr_timeout = keep_dir_s(fs, node),
	};
}

static void reply_dir(const FsShape *self, fuse_req_t req, const CacheNode *node)
{
	const struct fuse_entry_param entry = dir_entry(self, fs_of(req), node);

	fuse_reply_entry(req, &entry);
}

/* FALSE when there is no such name, as far as is known; else the request was answered. */
static bool answer_lookup(const FsShape *self, fuse_req_t req, int64_t dir, const char *name)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	CacheNode *node = fs_shapename_find(fs, dir, name, self->ext, &error);

	if (node == NULL && ews_error_is(error, EWS_ERROR_NOT_FOUND))
		return false;
	if (node == NULL)
		fs_err_reply(req, error, self->what);
	else if (node->kind == CACHE_KIND_FILE)
		self->reply_message(req, fs, node);
	else {
		reply_dir(self, req, node);
		cache_node_unref(node);
	}
	return true;
}

static const FsShape *shape_of(fuse_ino_t ino)
{
	size_t i = 0;

	while (fs_shapes[i]->tree != fs_inode_tree(ino))
		i++;
	return fs_shapes[i];
}

static void reply_listed(FsParked *parked, FsParkedHow how, const GError *failure)
{
	if (!answer_lookup(shape_of(parked->ino), parked->req, fs_inode_node(parked->ino),
		parked->extra))
		fuse_reply_err(parked->req, how == FS_PARKED_DONE ? ENOENT : EBUSY);
}

void fs_shape_lookup(const FsShape *self, fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (parent != FUSE_ROOT_ID) {
		if (!answer_lookup(self, req, fs_inode_node(parent), name))
			fs_dir_reply_missing(req, parent, name,
				g_str_has_suffix(name, self->ext), reply_listed);
		return;
	}
	g_autoptr(CacheNode) root = cache_get(fs->cache, CACHE_ROOT, &error);
	if (root == NULL)
		fs_err_reply(req, error, self->what);
	else
		reply_dir(self, req, root);
}

/* --- listing ----------------------------------------------------------------------------- */

/* A node's cookie is its id and this: beyond those of the dots, since no entry is the root. */
#define COOKIE_OF (FS_PAGE_FIRST_COOKIE - (CACHE_ROOT + 1))

typedef struct Listing {
	const FsShape *shape;
	const Fs *fs;
	FsPage *page;
} Listing;

/* All that a LOOKUP would say, where the kernel keeps it: then it need not ask. */
static bool is_entry_known(const Listing *self, CacheNode *node, struct fuse_entry_param *ret_entry)
{
	if (!self->page->is_plus || self->shape->fill_entry == NULL ||
		fs_shape_keep_s(self->fs) == 0)
		return false;
	if (node->kind == CACHE_KIND_FILE)
		return self->shape->fill_entry(self->fs, cache_node_ref(node), ret_entry, NULL);
	*ret_entry = dir_entry(self->shape, self->fs, node);
	return true;
}

static bool add_node(const CacheNode *node, void *user)
{
	const Listing *self = user;
	off_t cookie = node->id + COOKIE_OF;
	mode_t type = node->kind == CACHE_KIND_DIR ? S_IFDIR : self->shape->type;
	g_autofree char *name = fs_shapename_of(self->fs, node, self->shape->ext);
	struct fuse_entry_param entry;

	if (name == NULL || cookie <= self->page->offset)
		return true;
	if (is_entry_known(self, (CacheNode *)node, &entry))
		return fs_page_add_entry(self->page, name, &entry, cookie);
	return fs_page_add(self->page, name, self->shape->ino(node), type, cookie);
}

void fs_shape_readdir(const FsShape *self, FsPage *page, fuse_ino_t ino)
{
	Listing listing = {.shape = self, .fs = fs_of(page->req), .page = page};
	g_autoptr(GError) error = NULL;
	int64_t after = MAX(page->offset - COOKIE_OF, 0);

	fs_page_add_dots(page, FS_INODE_HIDDEN);
	if (cache_list(listing.fs->cache, fs_inode_node(ino), after, add_node, &listing, &error))
		fs_page_reply(page);
	else
		fs_err_reply(page->req, error, "readdir");
}

/* --- files ------------------------------------------------------------------------------- */

void fs_shape_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const FsJob job = {
		.req = req,
		.ino = ino,
		.what = "open",
		.reason = CACHE_REASON_OPEN,
		.run = shape_of(ino)->run_open,
		.info = *info,
	};

	fs_job_try(&job);
}

void fs_shape_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	const FsJob job = {
		.req = req,
		.ino = ino,
		.what = "read",
		.reason = CACHE_REASON_READ,
		.run = shape_of(ino)->run_read,
		.size = size,
		.offset = offset,
	};

	fs_job_read(&job, info);
}
