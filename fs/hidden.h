/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>

/*
 * What is in the root of the mount without being listed there (.ewsfs/, .text/, .parts/, .search/):
 * trees of their own, with node numbers of their own (fs/inode.h), in which nothing can be changed.
 * The operations of the mailbox's tree ask here whether a request is theirs, and know no more of
 * the others.
 *
 * Any thread. Each of the functions answers its request, now or later.
 */
typedef struct FsHidden {
	const char *name; /* of its directory in the root */

	/* Where @parent is FUSE_ROOT_ID, @name is that of its directory. */
	void (*lookup)(fuse_req_t req, fuse_ino_t parent, const char *name);
	void (*getattr)(fuse_req_t req, fuse_ino_t ino);
	void (*opendir)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
	void (*readdir)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus);
	void (*readlink)(fuse_req_t req, fuse_ino_t ino); /* NULL: it has no links */
	/* Its handle is an FsHandle. Both NULL: it has no files. */
	void (*open)(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
	void (*read)(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		struct fuse_file_info *info);
} FsHidden;

/* Whose @ino is; NULL: the mailbox's. */
const FsHidden *fs_hidden_of(fuse_ino_t ino);

/* Who looks up @name in @parent; NULL: the mailbox. */
const FsHidden *fs_hidden_at(fuse_ino_t parent, const char *name);
