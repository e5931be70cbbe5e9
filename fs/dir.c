/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/dir.h"

#include <errno.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/hidden.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "fs/park.h"

/* --- names --------------------------------------------------------------- */

/* A parked LOOKUP holds its directory's lock, and with that what the kernel is to be told of it: so
 * long is bearable, where a program would fail otherwise. */
#define LISTING_US (2 * (int64_t)G_USEC_PER_SEC)

static void reply_found(fuse_req_t req, const Fs *fs, const CacheNode *node)
{
	struct fuse_entry_param entry;

	fs_attr_entry(fs->config, node, &entry);
	fuse_reply_entry(req, &entry);
}

static void reply_listed(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node =
		cache_lookup(fs->cache, fs_inode_node(parked->ino), parked->extra, &error);

	if (node != NULL)
		reply_found(parked->req, fs, node);
	else if (how == FS_PARKED_DONE && ews_error_is(error, EWS_ERROR_NOT_FOUND))
		fuse_reply_err(parked->req, ENOENT);
	else
		fuse_reply_err(parked->req, EBUSY);
}

void fs_dir_reply_missing(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_message,
	FsParkedReply look_again)
{
	Fs *fs = fs_of(req);
	int64_t dir = fs_inode_node(parent);
	g_autoptr(CacheNode) node = is_message ? cache_get(fs->cache, dir, NULL) : NULL;

	if (node == NULL || node->is_listed) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, parent, look_again);
	parked->extra = g_strdup(name);
	fs_parked_enter(parked, g_get_monotonic_time() + LISTING_US);
	cache_await_listing(fs->cache, dir, fs_parked_done, parked);
}

static bool is_message_name(const char *name)
{
	return g_str_has_suffix(name, ".eml") || g_str_has_suffix(name, ".ics") ||
		g_str_has_suffix(name, ".vcf");
}

void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (strlen(name) > FS_NAME_MAX) {
		fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	const FsHidden *hidden = fs_hidden_at(parent, name);
	if (hidden != NULL) {
		hidden->lookup(req, parent, name);
		return;
	}
	g_autoptr(CacheNode) node = cache_lookup(fs->cache, fs_inode_node(parent), name, &error);
	if (node != NULL) {
		reply_found(req, fs, node);
	} else if (ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		fs_dir_reply_missing(req, parent, name, is_message_name(name), reply_listed);
	} else {
		fs_err_reply(req, error, "lookup");
	}
}

/* There are none in a mailbox. */
void fs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const FsHidden *hidden = fs_hidden_of(ino);

	if (hidden != NULL && hidden->readlink != NULL)
		hidden->readlink(req, ino);
	else
		fuse_reply_err(req, EINVAL);
}

/* No counts are kept: see fs/inode.h. */
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	fuse_reply_none(req);
}

void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	fuse_reply_none(req);
}

/* --- opening ------------------------------------------------------------- */

/* As a handle: there is no news of this listing. Else it is one more than the serial number
 * of the last change that it was told of by then. */
#define KEPT_NOT 0

/* Of what others change the kernel is told (fs/notify.h). But what it changes itself in one
 * directory changes one in a hidden tree too, and it does not know that. */
static bool may_keep(const Fs *fs, fuse_ino_t ino)
{
	return !fs_inode_is_hidden(ino) || fs->config->is_read_only;
}

static void reply_open(fuse_req_t req, const struct fuse_file_info *info, uint64_t handle,
	bool is_kept)
{
	struct fuse_file_info opened = *info;

	opened.fh = handle;
	opened.cache_readdir = is_kept;
	opened.keep_cache = is_kept;
	fuse_reply_open(req, &opened);
}

static void reply_opened(fuse_req_t req, const Fs *fs, fuse_ino_t ino,
	const struct fuse_file_info *info)
{
	bool is_kept = may_keep(fs, ino);

	reply_open(req, info, is_kept ? fs_notify_serial(fs->notify) + 1 : KEPT_NOT, is_kept);
}

/* There will be no news of it: KEPT_NOT, so that none is looked for. */
void fs_dir_reply_fixed(fuse_req_t req, const struct fuse_file_info *info, bool is_passing)
{
	reply_open(req, info, KEPT_NOT, !is_passing);
}

static void reply_listing(FsParked *parked, FsParkedHow how, const GError *error)
{
	if (how == FS_PARKED_DONE)
		reply_opened(parked->req, fs_of(parked->req), parked->ino, &parked->info);
	else
		fs_err_reply(parked->req, error, "opendir");
}

void fs_dir_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);

	if (cache_listing_ready(fs->cache, fs_inode_node(ino))) {
		reply_opened(req, fs, ino, info);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_listing);
	parked->info = *info;
	fs_parked_enter(parked, 0);
	cache_await_listing(fs->cache, fs_inode_node(ino), fs_parked_done, parked);
}

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const FsHidden *hidden = fs_hidden_of(ino);

	if (hidden != NULL)
		hidden->opendir(req, ino, info);
	else
		fs_dir_open(req, ino, info);
}

void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);

	if (info->fh != KEPT_NOT && info->fh != fs_notify_serial(fs->notify) + 1)
		fs_notify_members(fs->notify, fs_inode_node(ino));
	fuse_reply_err(req, 0);
}

/* --- listing ------------------------------------------------------------- */

/* One answer to READDIR or READDIRPLUS while it fills. */
typedef struct Page {
	fuse_req_t req;
	const Fs *fs;
	char *data; /* own */
	size_t size;
	size_t used;
	bool is_plus;
} Page;

#define COOKIE_DOT 1
#define COOKIE_DOT_DOT 2

static off_t cookie_of(int64_t id)
{
	return id + 1;
}

static bool page_add(Page *self, const char *name, const struct fuse_entry_param *entry,
	off_t cookie)
{
	char *at = self->data + self->used;
	size_t left = self->size - self->used;
	size_t need = self->is_plus
		? fuse_add_direntry_plus(self->req, at, left, name, entry, cookie)
		: fuse_add_direntry(self->req, at, left, name, &entry->attr, cookie);

	if (need > left)
		return false;
	self->used += need;
	return true;
}

/* An entry whose size is not known has its node number too, with attributes that are not to be
 * kept: who wants the size asks once more, who does not is not made to wait. */
static bool page_add_node(const CacheNode *node, void *user)
{
	Page *self = user;
	struct fuse_entry_param entry;

	fs_attr_entry(self->fs->config, node, &entry);
	return page_add(self, node->name, &entry, cookie_of(node->id));
}

static bool page_add_dot(Page *self, const CacheNode *node, const char *name, off_t cookie)
{
	struct fuse_entry_param entry = {.attr = {.st_ino = node->ino, .st_mode = S_IFDIR}};

	return page_add(self, name, &entry, cookie);
}

/* "." and "..", as far as they were not given yet; the smallest answer has room for both. Above
 * the root is another filesystem; the kernel knows, and what we say does not matter. */
static bool page_add_dots(Page *self, int64_t dir, off_t offset, GError **error)
{
	if (offset >= COOKIE_DOT_DOT)
		return true;
	g_autoptr(CacheNode) node = cache_get(self->fs->cache, dir, error);
	if (node == NULL)
		return false;
	if (offset < COOKIE_DOT)
		page_add_dot(self, node, ".", COOKIE_DOT);
	g_autoptr(CacheNode) parent = node->parent != 0
		? cache_get(self->fs->cache, node->parent, NULL) : NULL;
	page_add_dot(self, parent != NULL ? parent : node, "..", COOKIE_DOT_DOT);
	return true;
}

static bool page_fill(Page *self, int64_t dir, off_t offset, GError **error)
{
	int64_t after = offset > COOKIE_DOT_DOT ? offset - 1 : 0;

	return page_add_dots(self, dir, offset, error) &&
		cache_list(self->fs->cache, dir, after, page_add_node, self, error);
}

static void list_mailbox(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	const Fs *fs = fs_of(req);
	g_autofree char *data = g_malloc(size);
	Page page = {.req = req, .fs = fs, .data = data, .size = size, .is_plus = is_plus};
	g_autoptr(GError) error = NULL;

	/* An error after some entries is an error of the whole: half a listing is none. */
	if (page_fill(&page, fs_inode_node(ino), offset, &error))
		fuse_reply_buf(req, page.data, page.used);
	else
		fs_err_reply(req, error, "readdir");
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	const FsHidden *hidden = fs_hidden_of(ino);

	if (hidden != NULL)
		hidden->readdir(req, ino, size, offset, is_plus);
	else
		list_mailbox(req, ino, size, offset, is_plus);
}

void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	list(req, ino, size, offset, false);
}

void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	list(req, ino, size, offset, true);
}
