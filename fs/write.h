/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

#include "cache/cache.h"

/*
 * New files and their bytes. What a system call did is safe against the death of the process when
 * it returns; FLUSH (each close of each descriptor) tells what is wrong with the message; FSYNC
 * waits until the server has it, or with fsync=local only says the same as FLUSH.
 *
 *   WRITE            goes straight into the file of the cache. On a handle that had none yet, of a
 *                    message that is not here (opened only to write, and not truncated), it is the
 *                    one change that waits for a fetch.
 *   COPY_FILE_RANGE  of a whole message into a new, empty file: the server will be asked to copy,
 *                    no byte moves. Anything else is EOPNOTSUPP, and the kernel copies by itself.
 *   FALLOCATE        to make a file longer. Holes are not for mail: EOPNOTSUPP.
 */
void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info);
/* Answers a CREATE. Takes @file. */
void fs_write_reply_created(fuse_req_t req, const CacheNode *node, CacheFile *file,
	struct fuse_file_info *info);
void fs_op_write_buf(fuse_req_t req, fuse_ino_t ino, struct fuse_bufvec *data, off_t offset,
	struct fuse_file_info *info);
void fs_op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in,
	struct fuse_file_info *info_in, fuse_ino_t ino_out, off_t offset_out,
	struct fuse_file_info *info_out, size_t len, int flags);
void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len,
	struct fuse_file_info *info);
void fs_op_fsync(fuse_req_t req, fuse_ino_t ino, int is_datasync, struct fuse_file_info *info);
void fs_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int is_datasync, struct fuse_file_info *info);
