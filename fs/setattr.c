/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/setattr.h"

#include <errno.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/park.h"
#include "fs/readonly.h"

/* One SETATTR; copied while it waits. */
typedef struct Change {
	fuse_ino_t ino;
	struct stat attr;
	int what;
	FsHandle *handle; /* borrowed: there is no RELEASE while this is on its way; NULL: none */
} Change;

#define SETS_MTIME (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)

/* --- size ---------------------------------------------------------------- */

static bool truncate_handle(const Change *change, GError **error)
{
	CacheFile *file = fs_handle_file(change->handle, change->attr.st_size == 0, error);

	return file != NULL && cache_file_truncate(file, change->attr.st_size, error);
}

/* Whoever opened to truncate and write has a handle without a file yet. truncate(2) has none at
 * all: then the message is finished here. */
static bool truncate_node(const Fs *fs, const Change *change, GError **error)
{
	int64_t id = fs_inode_node(change->ino);
	uint32_t content = fs_inode_content(change->ino);
	int64_t size = change->attr.st_size;
	CacheFile *file = cache_file_open(fs->cache, id, content, size == 0, error);

	if (file == NULL)
		return false;
	bool is_done = cache_file_truncate(file, size, error);
	if (!fs_handles_give(fs->handles, id, content, file))
		cache_file_close(file);
	return is_done;
}

static bool set_size(const Fs *fs, const Change *change, GError **error)
{
	if (!(change->what & FUSE_SET_ATTR_SIZE))
		return true;
	return change->handle != NULL ? truncate_handle(change, error)
				      : truncate_node(fs, change, error);
}

/* --- times --------------------------------------------------------------- */

/* A change of length sets "now" by itself. */
static bool set_times(const Fs *fs, const CacheNode *node, const Change *change, GError **error)
{
	const struct timespec *mtime = &change->attr.st_mtim;
	bool is_now = change->what & FUSE_SET_ATTR_MTIME_NOW;
	CacheFields fields = {
		.set = CACHE_FIELD_RECEIVED,
		.received = is_now ? g_get_real_time()
				   : mtime->tv_sec * G_USEC_PER_SEC + mtime->tv_nsec / 1000,
	};

	if (!(change->what & SETS_MTIME) || (is_now && change->what & FUSE_SET_ATTR_SIZE))
		return true;
	if (node->kind == CACHE_KIND_DIR || fields.received == node->mtime)
		return true;
	return cache_set_fields(fs->cache, node->id, &fields, error);
}

/* --- the whole ----------------------------------------------------------- */

/* @error is what became of the change, or NULL. */
static void reply_changed(fuse_req_t req, fuse_ino_t ino, const GError *error)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) problem = NULL;
	g_autoptr(CacheNode) node =
		error == NULL ? cache_get(fs->cache, fs_inode_node(ino), &problem) : NULL;

	if (node != NULL)
		fs_attr_reply(req, fs, node);
	else
		fs_err_reply(req, error != NULL ? error : problem, "setattr");
}

static void change_late(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	const Change *change = parked->extra;
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(change->ino), &error);
	bool is_done =
		node != NULL && set_size(fs, change, &error) && set_times(fs, node, change, &error);
	bool is_missing = !is_done && ews_error_is(error, EWS_ERROR_NOT_FOUND);

	reply_changed(parked->req, change->ino, is_missing && failure != NULL ? failure : error);
}

static void fetch_for_change(fuse_req_t req, const Fs *fs, const Change *change)
{
	FsParked *parked = fs_parked_new(fs->park, req, change->ino, change_late);

	parked->extra = g_memdup2(change, sizeof(*change));
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(change->ino), CACHE_REASON_OPEN, fs_parked_done,
		parked);
}

static void change_node(fuse_req_t req, const Fs *fs, const CacheNode *node, const Change *change)
{
	g_autoptr(GError) error = NULL;
	bool is_done = set_size(fs, change, &error);

	if (!is_done && ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		fetch_for_change(req, fs, change);
		return;
	}
	if (is_done)
		is_done = set_times(fs, node, change, &error);
	reply_changed(req, change->ino, error);
}

void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	const Change change = {
		.ino = ino,
		.attr = *attr,
		.what = what,
		.handle = info != NULL ? (FsHandle *)(uintptr_t)info->fh : NULL,
	};

	if (fs_readonly_refuse(req, ino))
		return;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	if (node == NULL)
		fs_err_reply(req, error, "setattr");
	else if (fs_inode_is_current(ino, node))
		change_node(req, fs, node, &change);
	else if (what & (FUSE_SET_ATTR_SIZE | SETS_MTIME))
		fuse_reply_err(req, ESTALE);
	else
		fs_attr_reply_outdated(req, fs, node, ino);
}
