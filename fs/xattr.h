/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/*
 * Extended attributes user.ewsfs.*: what Exchange knows of an item and a file has no place for.
 * Answered from the index. Outside "user." there are none and cannot be: EOPNOTSUPP, so that
 * `ls -l` asks once for a file and not twice.
 *
 * Setting takes the texts that getting gives:
 *
 *   an item            subject, is_read, importance, categories, flag, received can be set;
 *                      another may be set to what it is. Removing is setting to what an item has
 *                      that nobody touched: none, normal, unread.
 *   a new file         (not confirmed by the server yet) or scratch: everything is accepted, as a
 *                      restore sets it; sent also counts, the rest is dropped.
 *   a directory        everything is accepted and dropped: a restore sets the old folder's ids.
 */
void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t size, int flags);
void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
