/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/*
 * What chmod, chown, utimensat, truncate, and open with O_TRUNC ask for.
 *
 *   mode, owner   are what the server grants and the options say: accepted, so that `cp -p` and
 *                 `tar -p` do not complain, and nothing comes of it.
 *   mtime         is when a message was received. atime is not kept; a directory's times are what
 *                 becomes of it: both accepted, likewise.
 *   size          the bytes are fetched first, unless none of them stay. O_TRUNC comes as OPEN and
 *                 then this, without a handle: the file is given to the handle that will write.
 */
void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
	struct fuse_file_info *info);
