/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "fs/park.h"

/*
 * Directories: names, and whole listings.
 *
 * LOOKUP and READDIR answer from the index and never wait. OPENDIR is where a listing that is not
 * whole yet is waited for: what comes after it is complete, or there is no after. The order is
 * that of node ids, which only grow, and the cookie of an entry is its id plus one (1 and 2 are
 * "." and ".."; no entry has the id 1, which is the root): a listing continued after a change
 * misses nothing that stayed and repeats nothing.
 *
 * The kernel may keep a listing; MEMBERS takes it away. Only a listing that was read from us
 * before the change and reaches the kernel's cache after the news of it would stay: a handle
 * remembers how much news there was when it was opened, and when there is more at its end, the
 * directory is invalidated once more.
 */
void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info);
void fs_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info);
void fs_op_readlink(fuse_req_t req, fuse_ino_t ino);
void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);

/* Answers an OPENDIR: when the folder of @ino's node has been listed. */
void fs_dir_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);

/* Answers an OPENDIR of a listing that never changes; @is_passing: but this one may. */
void fs_dir_reply_fixed(fuse_req_t req, const struct fuse_file_info *info, bool is_passing);

/* Answers a LOOKUP: no entry of that name. In a folder whose first sync is under way that is not
 * the whole truth: the message may come with the next page, and ENOENT would be a lie about a name
 * that could be a message's (@is_message); a directory's would be known. The folder goes first in
 * line, and for a moment it is waited for, and then @look_again (extra is the name): who mounts and
 * copies a message in should not have to try twice. */
void fs_dir_reply_missing(fuse_req_t req, fuse_ino_t parent, const char *name, bool is_message,
	FsParkedReply look_again);
