/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/*
 * What changes a Maildir: delivery (in tmp, then by rename or by link and unlink; or at once),
 * marks, folders. A message that gets its name is finished, as anywhere (cache/rename.c).
 */
void fs_maildir_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *info);
void fs_maildir_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	dev_t device);
void fs_maildir_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_maildir_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_maildir_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_maildir_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to_name, unsigned flags);
void fs_maildir_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
