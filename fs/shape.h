/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/shapename.h"
#include "fs/workshop.h"

/*
 * Hidden trees (fs/hidden.h) of the shape of the mailbox: its directories once more, and for each
 * message something else, a file or a directory. They have no rows of their own: what is here is
 * found by the nodes of the mailbox. The tree itself says what stands for a message; this is the
 * rest of it, whose node numbers are those of fs_inode_make_shape_dir.
 *
 * Nothing of it is kept by the kernel but on read-only mounts, where it is told what becomes of
 * messages (fs/notify.h): of own changes it is told nothing, and does not know that one in one
 * tree is one in another.
 *
 * Any thread.
 */
typedef struct FsShape {
	FsInodeTree tree;
	const char *ext;  /* of what stands for a message */
	const char *what; /* for the log */
	mode_t type;      /* of what stands for a message */
	/* What people see as its number. */
	uint64_t (*ino)(const CacheNode *node);
	/* What a LOOKUP would say of it, for listings that tell all that; takes @node. NULL: they
	 * tell names only. */
	bool (*fill_entry)(const Fs *fs, CacheNode *node, struct fuse_entry_param *ret_entry,
		GError **error);
	/* Answers a LOOKUP of what stands for @node, a file; takes it. */
	void (*reply_message)(fuse_req_t req, const Fs *fs, CacheNode *node);
	/* Of FsJob: an OPEN (fs_reading_open), and a READ on mounts without that. */
	bool (*run_open)(const FsJob *job, GError **error);
	bool (*run_read)(const FsJob *job, GError **error);
} FsShape;

/* All that there are; the last one is NULL. In fs/hidden.c, like the trees. */
extern const FsShape *const fs_shapes[];

/* A node's, but for who may do what, and for the number. */
struct stat fs_shape_attr(const FsShape *self, const Fs *fs, const CacheNode *node);

/* How long the kernel may keep what it is told. */
double fs_shape_keep_s(const Fs *fs);

/* Answer requests to a directory; a LOOKUP also in FUSE_ROOT_ID, of the tree's own. @page is what a
 * READDIR asked for, and nothing of it yet. */
void fs_shape_lookup(const FsShape *self, fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_shape_getattr(const FsShape *self, fuse_req_t req, fuse_ino_t ino);
void fs_shape_readdir(const FsShape *self, FsPage *page, fuse_ino_t ino);

/* Answer requests to files of any of them: for fs/hidden.h. */
void fs_shape_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_shape_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info);
