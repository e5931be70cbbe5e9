/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/write.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/park.h"
#include "fs/readonly.h"

static FsHandle *handle_of(const struct fuse_file_info *info)
{
	return (FsHandle *)(uintptr_t)info->fh;
}

/* --- create -------------------------------------------------------------- */

/* A caller who is gone by now never sends RELEASE; the file is there all the same. */
void fs_write_reply_created(fuse_req_t req, const CacheNode *node, CacheFile *file,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	struct fuse_entry_param entry;
	const FsOpened opened = {
		.cache = fs->cache,
		.node = node->id,
		.content = node->content,
		.is_writable = true,
	};
	FsHandle *handle = fs_handle_new_file(fs->handles, &opened, file);

	fs_attr_entry(fs->config, node, &entry);
	entry.attr_timeout = FS_KEEP_NEW_S;
	info->fh = (uintptr_t)handle;
	info->keep_cache = 1;
	info->noflush = 0;
	if (fuse_reply_create(req, &entry, info) == -ENOENT)
		fs_handle_free(fs->handles, handle);
}

/* The kernel looked the name up before, and it was free. Where somebody was faster, ESTALE makes
 * it look again and open what is there; who asked for a new file is told that it is none. */
void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return;
	CacheFile *file =
		cache_create(fs_of(req)->cache, fs_inode_node(parent), name, &node, &error);
	if (file != NULL)
		fs_write_reply_created(req, node, file, info);
	else if (ews_error_is(error, EWS_ERROR_EXISTS) && !(info->flags & O_EXCL))
		fuse_reply_err(req, ESTALE);
	else
		fs_err_reply(req, error, "create");
}

/* --- write --------------------------------------------------------------- */

/* The bytes of a WRITE that waits. */
typedef struct Late {
	FsHandle *handle; /* borrowed: there is no RELEASE while a WRITE is on its way */
	size_t len;
	char bytes[];
} Late;

static void write_bytes(fuse_req_t req, CacheFile *file, struct fuse_bufvec *data, off_t offset)
{
	size_t len = fuse_buf_size(data);
	struct fuse_bufvec there = FUSE_BUFVEC_INIT(len);
	g_autoptr(GError) error = NULL;

	if (!cache_file_prepare(file, offset + (off_t)len, &error)) {
		fs_err_reply(req, error, "write");
		return;
	}
	there.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	there.buf[0].fd = cache_file_fd(file);
	there.buf[0].pos = offset;
	ssize_t done = fuse_buf_copy(&there, data, 0);
	if (done < 0)
		fuse_reply_err(req, (int)-done);
	else
		fuse_reply_write(req, (size_t)done);
}

static void write_late(FsParked *parked, FsParkedHow how, const GError *failure)
{
	Late *late = parked->extra;
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(late->len);
	g_autoptr(GError) error = NULL;
	CacheFile *file = fs_handle_file(late->handle, false, &error);

	data.buf[0].mem = late->bytes;
	if (file != NULL)
		write_bytes(parked->req, file, &data, parked->offset);
	else
		fs_err_reply(parked->req, failure != NULL ? failure : error, "write");
}

static void fetch_for_write(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *data, off_t offset,
	FsHandle *handle)
{
	const Fs *fs = fs_of(req);
	size_t len = fuse_buf_size(data);
	g_autofree Late *late = g_malloc(sizeof(*late) + len);
	struct fuse_bufvec copy = FUSE_BUFVEC_INIT(len);

	copy.buf[0].mem = late->bytes;
	ssize_t got = fuse_buf_copy(&copy, data, 0);
	if (got < 0) {
		fuse_reply_err(req, (int)-got);
		return;
	}
	late->handle = handle;
	late->len = (size_t)got;
	FsParked *parked = fs_parked_new(fs->park, req, ino, write_late);
	parked->offset = offset;
	parked->extra = g_steal_pointer(&late);
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(ino), CACHE_REASON_OPEN, fs_parked_done, parked);
}

void fs_op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *data, off_t offset,
	struct fuse_file_info *info)
{
	FsHandle *handle = handle_of(info);
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse(req, ino))
		return;
	CacheFile *file = fs_handle_file(handle, false, &error);
	if (file != NULL)
		write_bytes(req, file, data, offset);
	else if (ews_error_is(error, EWS_ERROR_NOT_FOUND))
		fetch_for_write(req, ino, data, offset, handle);
	else
		fs_err_reply(req, error, "write");
}

/* --- whole copies -------------------------------------------------------- */

static int64_t length_of(int fd)
{
	struct stat attr;

	return fd >= 0 && fstat(fd, &attr) == 0 ? attr.st_size : -1;
}

/* What the copy is to be made of, as the one who has it open sees it: no other content, and all of
 * it. The length, or 0. */
static int64_t copied_length(const Fs *fs, fuse_ino_t ino, FsHandle *handle, size_t len)
{
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), NULL);
	int64_t size = length_of(fs_handle_fd(handle, NULL));
	bool is_whole =
		node != NULL && fs_inode_is_current(ino, node) && size > 0 && (uint64_t)size <= len;

	return is_whole ? size : 0;
}

static bool must_copy_by_hand(const GError *error)
{
	return ews_error_is(error, EWS_ERROR_INVALID) ||
	       ews_error_is(error, EWS_ERROR_UNSUPPORTED) ||
	       ews_error_is(error, EWS_ERROR_NOT_FOUND) || ews_error_is(error, EWS_ERROR_STALE);
}

static void copy_whole(fuse_req_t req, CacheFile *to, fuse_ino_t from, fuse_ino_t ino, int64_t len)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (cache_file_copy(to, fs_inode_node(from), &error)) {
		fs_handles_move(fs->handles, fs_inode_node(ino), fs_inode_content(ino));
		fuse_reply_write(req, (size_t)len);
	} else if (must_copy_by_hand(error)) {
		fuse_reply_err(req, EOPNOTSUPP);
	} else {
		fs_err_reply(req, error, "copy");
	}
}

/* Afterwards the kernel drops the pages that it has of the copy and takes its length from our
 * answer: what it reads then are the copied bytes. */
void fs_op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in,
	struct fuse_file_info *info_in, fuse_ino_t ino_out, off_t offset_out,
	struct fuse_file_info *info_out, size_t len, int flags)
{
	const Fs *fs = fs_of(req);

	if (fs_readonly_refuse(req, ino_out))
		return;
	CacheFile *to = fs_handle_changed(handle_of(info_out));
	bool is_simple = offset_in == 0 && offset_out == 0 && flags == 0 && to != NULL &&
			 !fs_inode_is_hidden(ino_in) && length_of(cache_file_fd(to)) == 0;
	int64_t size = is_simple ? copied_length(fs, ino_in, handle_of(info_in), len) : 0;
	if (size > 0)
		copy_whole(req, to, ino_in, ino_out, size);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

/* --- fallocate ----------------------------------------------------------- */

/* The errno of it. */
static int make_longer(CacheFile *file, off_t offset, off_t len)
{
	int fd = cache_file_fd(file);
	g_autoptr(GError) error = NULL;

	if (!cache_file_prepare(file, offset + len, &error))
		return fs_err_number(error);
	return fallocate(fd, 0, offset, len) == 0 ? 0 : errno;
}

void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len,
	struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse(req, ino))
		return;
	CacheFile *file = mode == 0 ? fs_handle_file(handle_of(info), false, &error) : NULL;
	if (file != NULL)
		fuse_reply_err(req, make_longer(file, offset, len));
	else if (mode != 0 || ews_error_is(error, EWS_ERROR_NOT_FOUND))
		fuse_reply_err(req, EOPNOTSUPP);
	else
		fs_err_reply(req, error, "fallocate");
}

/* --- fsync --------------------------------------------------------------- */

static void reply_synced(FsParked *parked, FsParkedHow how, const GError *error)
{
	if (error == NULL)
		fuse_reply_err(parked->req, 0);
	else
		fs_err_reply(parked->req, error, "fsync");
}

/* Of a file or directory; also of one that is only read: others may have written it. */
static void sync_node(fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);

	if (fs->config->fsync == FS_FSYNC_LOCAL) {
		g_autoptr(GError) error = NULL;
		if (cache_fsync_local(fs->cache, fs_inode_node(ino), &error))
			fuse_reply_err(req, 0);
		else
			fs_err_reply(req, error, "fsync");
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_synced);
	fs_parked_enter(parked, 0);
	cache_fsync(fs->cache, fs_inode_node(ino), fs_parked_done, parked);
}

static bool has_nothing_to_sync(const Fs *fs, fuse_ino_t ino)
{
	return fs->config->is_read_only || fs_inode_is_hidden(ino);
}

void fs_op_fsync(fuse_req_t req, fuse_ino_t ino, int is_datasync, struct fuse_file_info *info)
{
	g_autoptr(GError) error = NULL;

	if (has_nothing_to_sync(fs_of(req), ino)) {
		fuse_reply_err(req, 0);
		return;
	}
	CacheFile *file = fs_handle_changed(handle_of(info));
	if (file == NULL || cache_file_flush(file, &error))
		sync_node(req, ino);
	else
		fs_err_reply(req, error, "fsync");
}

void fs_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int is_datasync, struct fuse_file_info *info)
{
	if (has_nothing_to_sync(fs_of(req), ino))
		fuse_reply_err(req, 0);
	else
		sync_node(req, ino);
}
