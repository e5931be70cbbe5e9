/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>

#include "ews/error.h"
#include "fs/control.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/park.h"

/* --- open ---------------------------------------------------------------- */

static FsHandle *handle_of(const struct fuse_file_info *info)
{
	return (FsHandle *)(uintptr_t)info->fh;
}

static void close_blob(void *blob)
{
	cache_blob_close(blob);
}

/* Takes @blob. A caller who is gone by now never sends RELEASE. */
static void reply_opened(fuse_req_t req, struct fuse_file_info *info, CacheBlob *blob)
{
	FsHandles *handles = fs_of(req)->handles;
	FsHandle *handle = fs_handle_new(handles, blob, close_blob);

	info->fh = (uintptr_t)handle;
	info->keep_cache = 1;
	info->noflush = 1;
	if (fuse_reply_open(req, info) == -ENOENT)
		fs_handle_free(handles, handle);
}

/* The bytes that @ino stands for, if they are here. */
static CacheBlob *open_blob(const Fs *fs, fuse_ino_t ino, GError **error)
{
	return cache_blob_open(fs->cache, fs_inode_node(ino), fs_inode_content(ino), error);
}

/* A suspect message whose fetch failed is served as it was: old bytes are better than none, and the
 * server has not said that they are wrong. */
static void reply_fetched(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(parked->ino), &error);

	if (node == NULL) {
		fs_err_reply(parked->req, error, "open");
		return;
	}
	if (!fs_inode_is_current(parked->ino, node)) {
		fuse_reply_err(parked->req, ESTALE);
		return;
	}
	CacheBlob *blob = open_blob(fs, parked->ino, &error);
	if (blob != NULL)
		reply_opened(parked->req, &parked->info, blob);
	else
		fs_err_reply(parked->req, failure != NULL ? failure : error, "open");
}

static void fetch_for_open(fuse_req_t req, Fs *fs, fuse_ino_t ino, struct fuse_file_info *info)
{
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_fetched);

	parked->info = *info;
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(ino), CACHE_REASON_OPEN, fs_parked_done, parked);
}

static void open_item(fuse_req_t req, Fs *fs, fuse_ino_t ino, struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);

	if (node == NULL) {
		fs_err_reply(req, error, "open");
		return;
	}
	if (!fs_inode_is_current(ino, node)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	CacheBlob *blob = !node->is_suspect ? cache_blob_open_node(fs->cache, node, NULL) : NULL;
	if (blob != NULL)
		reply_opened(req, info, blob);
	else
		fetch_for_open(req, fs, ino, info);
}

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);

	if ((info->flags & O_ACCMODE) != O_RDONLY || info->flags & O_TRUNC)
		fuse_reply_err(req, EROFS);
	else if (!fs->has_open)
		fuse_reply_err(req, ENOSYS);
	else if (fs_inode_is_control(ino))
		fs_control_open(req, ino, info);
	else
		open_item(req, fs, ino, info);
}

/* --- read ---------------------------------------------------------------- */

static void reply_bytes(fuse_req_t req, const CacheBlob *blob, size_t size, off_t offset)
{
	int64_t left = MAX(cache_blob_size(blob) - offset, 0);
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(MIN(size, (uint64_t)left));

	data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	data.buf[0].fd = cache_blob_fd(blob);
	data.buf[0].pos = offset;
	fuse_reply_data(req, &data, 0);
}

static void reply_read(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheBlob) blob = open_blob(fs, parked->ino, &error);

	if (blob != NULL)
		reply_bytes(parked->req, blob, parked->size, parked->offset);
	else if (failure != NULL)
		fs_err_reply(parked->req, failure, "read");
	else
		fuse_reply_err(parked->req, ESTALE);
}

/* Without OPEN. The pages that are asked for may not be invalidated while this waits, but nothing
 * that waits here is invalidated: it was evicted, not changed. */
static void read_by_number(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheBlob) blob = open_blob(fs, ino, &error);

	if (blob != NULL) {
		reply_bytes(req, blob, size, offset);
		return;
	}
	if (!ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		fs_err_reply(req, error, "read");
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_read);
	parked->size = size;
	parked->offset = offset;
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(ino), CACHE_REASON_READ, fs_parked_done, parked);
}

void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);

	if (fs_inode_is_control(ino))
		fs_control_read(req, ino, size, offset, info);
	else if (fs->has_open)
		reply_bytes(req, fs_handle_held(handle_of(info)), size, offset);
	else
		read_by_number(req, ino, size, offset);
}

/* --- closing ------------------------------------------------------------- */

/* ENOSYS: the kernel does not ask again. Files that are only read have noflush anyway. */
void fs_op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	fuse_reply_err(req, fs_of(req)->has_open ? 0 : ENOSYS);
}

void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);

	if (fs->has_open)
		fs_handle_free(fs->handles, handle_of(info));
	fuse_reply_err(req, 0);
}
