/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "fs/fs.h"

/*
 * `.ewsfs/` in the root of the mount: not listed there, but there when named.
 *
 *   status, status.json   what is going on
 *   queue, queue.json     what is only here, one a line
 *   failed/               bytes and story of what could not be sent
 *
 * Files that are made at the moment somebody looks, and must not change while he reads, on mounts
 * with OPEN and without. So each LOOKUP of one makes a snapshot with a node number of its own: a
 * size that is exact, pages that belong to it alone, and nothing that the kernel may keep. The
 * last snapshots stay, for mounts where READ comes by number; OPEN, where it comes, holds its
 * snapshot until RELEASE.
 *
 * Any thread; answered from memory, index and disk, never waits for the server.
 */
typedef struct FsControl FsControl;

FsControl *fs_control_new(void);
void fs_control_free(FsControl *self);

/* TRUE for names that are looked up here and not in the mailbox. */
bool fs_control_is_below(fuse_ino_t parent, const char *name);

void fs_control_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_control_getattr(fuse_req_t req, fuse_ino_t ino);
void fs_control_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus);
/* Its handle is an FsHandle. */
void fs_control_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_control_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info);
