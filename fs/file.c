/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/hidden.h"
#include "fs/inode.h"
#include "fs/park.h"
#include "fs/readonly.h"

/* --- open ---------------------------------------------------------------- */

static FsHandle *handle_of(const struct fuse_file_info *info)
{
	return (FsHandle *)(uintptr_t)info->fh;
}

static bool is_writing(const struct fuse_file_info *info)
{
	return (info->flags & O_ACCMODE) != O_RDONLY;
}

static FsHandle *new_handle(const Fs *fs, fuse_ino_t ino, const struct fuse_file_info *info)
{
	const FsOpened opened = {
		.cache = fs->cache,
		.node = fs_inode_node(ino),
		.content = fs_inode_content(ino),
		.is_writable = is_writing(info),
	};

	return fs_handle_new_message(fs->handles, &opened);
}

/* The bytes that @ino stands for, if they are here; NULL else. */
static FsHandle *open_here(const Fs *fs, fuse_ino_t ino, const CacheNode *node,
	const struct fuse_file_info *info, GError **error)
{
	FsHandle *handle = new_handle(fs, ino, info);

	if (fs_handle_load(handle, node, error))
		return handle;
	fs_handle_free(fs->handles, handle);
	return NULL;
}

/* A caller who is gone by now never sends RELEASE. What is written is told by the kernel, so its
 * pages are always right, and FLUSH must come. */
static void reply_opened(fuse_req_t req, struct fuse_file_info *info, FsHandle *handle)
{
	info->fh = (uintptr_t)handle;
	info->keep_cache = 1;
	info->noflush = !is_writing(info);
	if (fuse_reply_open(req, info) == -ENOENT)
		fs_handle_free(fs_of(req)->handles, handle);
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
	FsHandle *handle = open_here(fs, parked->ino, NULL, &parked->info, &error);
	if (handle != NULL)
		reply_opened(parked->req, &parked->info, handle);
	else
		fs_err_reply(parked->req, failure != NULL ? failure : error, "open");
}

/* The kernel has an estimate for a length, and would append there. It opens once more after it
 * has looked up the name, and then the bytes are here. */
static void reply_fetched_to_append(FsParked *parked, FsParkedHow how, const GError *failure)
{
	if (failure != NULL)
		fs_err_reply(parked->req, failure, "open");
	else
		fuse_reply_err(parked->req, ESTALE);
}

static void fetch_for_open(fuse_req_t req, Fs *fs, const CacheNode *node, fuse_ino_t ino,
	struct fuse_file_info *info)
{
	bool is_guessed = is_writing(info) && info->flags & O_APPEND && !fs_attr_is_exact(node);
	FsParked *parked = fs_parked_new(fs->park, req, ino,
		is_guessed ? reply_fetched_to_append : reply_fetched);

	parked->info = *info;
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(ino), CACHE_REASON_OPEN, fs_parked_done, parked);
}

/* A file whose bytes are nowhere else is held open from the start: it is not finished, and not
 * sent, before the last one who may write it has closed it. */
static void open_local(fuse_req_t req, const Fs *fs, fuse_ino_t ino, struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;
	FsHandle *handle = new_handle(fs, ino, info);

	if (fs_handle_file(handle, false, &error) != NULL) {
		reply_opened(req, info, handle);
		return;
	}
	fs_handle_free(fs->handles, handle);
	fs_err_reply(req, error, "open");
}

static void open_item(fuse_req_t req, Fs *fs, fuse_ino_t ino, struct fuse_file_info *info)
{
	bool is_write_only = (info->flags & O_ACCMODE) == O_WRONLY && !(info->flags & O_APPEND);
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
	/* The server would refuse it later, when nobody is there to be told. */
	if (is_writing(info) && !(node->rights & FS_RIGHT_MODIFY)) {
		fuse_reply_err(req, EACCES);
		return;
	}
	if (node->is_local && is_writing(info)) {
		open_local(req, fs, ino, info);
		return;
	}
	if (is_write_only) {
		reply_opened(req, info, new_handle(fs, ino, info));
		return;
	}
	bool is_good = node->is_local || !node->is_suspect;
	FsHandle *handle = is_good ? open_here(fs, ino, node, info, NULL) : NULL;
	if (handle != NULL)
		reply_opened(req, info, handle);
	else
		fetch_for_open(req, fs, node, ino, info);
}

void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);
	const FsHidden *hidden = fs_hidden_of(ino);

	if ((is_writing(info) || info->flags & O_TRUNC) && fs_readonly_refuse(req, ino))
		return;
	if (!fs->has_open)
		fuse_reply_err(req, ENOSYS);
	else if (hidden != NULL)
		hidden->open(req, ino, info);
	else
		open_item(req, fs, ino, info);
}

/* --- read ---------------------------------------------------------------- */

static void reply_bytes(fuse_req_t req, int fd, int64_t len, size_t size, off_t offset)
{
	int64_t left = MAX(len - offset, 0);
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(MIN(size, (uint64_t)left));

	data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	data.buf[0].fd = fd;
	data.buf[0].pos = offset;
	fuse_reply_data(req, &data, 0);
}

static void reply_blob(fuse_req_t req, const CacheBlob *blob, size_t size, off_t offset)
{
	reply_bytes(req, cache_blob_fd(blob), cache_blob_size(blob), size, offset);
}

/* The length is the file's at this moment: it may be written. */
static void read_by_handle(fuse_req_t req, FsHandle *handle, size_t size, off_t offset)
{
	g_autoptr(GError) error = NULL;
	struct stat attr;
	int fd = fs_handle_fd(handle, &error);

	if (fd < 0)
		fs_err_reply(req, error, "read");
	else if (fstat(fd, &attr) < 0)
		fuse_reply_err(req, errno);
	else
		reply_bytes(req, fd, attr.st_size, size, offset);
}

/* The bytes that @ino stands for, if they are here. */
static CacheBlob *open_blob(const Fs *fs, fuse_ino_t ino, GError **error)
{
	return cache_blob_open(fs->cache, fs_inode_node(ino), fs_inode_content(ino), error);
}

static void reply_read(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheBlob) blob = open_blob(fs, parked->ino, &error);

	if (blob != NULL)
		reply_blob(parked->req, blob, parked->size, parked->offset);
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
		reply_blob(req, blob, size, offset);
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
	const FsHidden *hidden = fs_hidden_of(ino);

	if (hidden != NULL)
		hidden->read(req, ino, size, offset, info);
	else if (fs->has_open)
		read_by_handle(req, handle_of(info), size, offset);
	else
		read_by_number(req, ino, size, offset);
}

/* --- closing ------------------------------------------------------------- */

/* Without OPEN ENOSYS, and the kernel does not ask again. Files that are only read have noflush.
 * FLUSH comes at each close of each descriptor, and is the last that a writer hears. */
void fs_op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;

	if (!fs_of(req)->has_open) {
		fuse_reply_err(req, ENOSYS);
		return;
	}
	CacheFile *file = fs_handle_changed(handle_of(info));
	if (file == NULL || cache_file_flush(file, &error))
		fuse_reply_err(req, 0);
	else
		fs_err_reply(req, error, "close");
}

void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);

	if (fs->has_open)
		fs_handle_free(fs->handles, handle_of(info));
	fuse_reply_err(req, 0);
}
