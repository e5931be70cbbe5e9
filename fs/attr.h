/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include "fs/fs.h"

/*
 * A row of the index as a struct stat, and the operations that ask for one. The only place where
 * times, sizes, rights and link counts of the cache become what stat(2) shows.
 */

/* The bits of CacheNode.rights; tests/unit holds them against EwsRights. */
#define FS_RIGHT_READ 0x01u
#define FS_RIGHT_MODIFY 0x02u
#define FS_RIGHT_DELETE 0x04u
#define FS_RIGHT_CREATE_CONTENTS 0x08u
#define FS_RIGHT_CREATE_HIERARCHY 0x10u

void fs_attr_fill(const FsConfig *config, const CacheNode *node, struct stat *ret_attr);

/* What a LOOKUP says: attributes whose size is not known are not to be kept. */
void fs_attr_entry(const FsConfig *config, const CacheNode *node,
	struct fuse_entry_param *ret_entry);

/* TRUE when the size in fs_attr_fill is the exact length of the content. */
bool fs_attr_is_exact(const CacheNode *node);

/* Answers with the attributes of @node. */
void fs_attr_reply(fuse_req_t req, const Fs *fs, const CacheNode *node);

/* Other bytes than those of @ino are current by now. Who holds the old ones open goes on seeing
 * their length; who does not is sent to look the name up again. */
void fs_attr_reply_outdated(fuse_req_t req, const Fs *fs, const CacheNode *node, fuse_ino_t ino);

void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_op_statfs(fuse_req_t req, fuse_ino_t ino);
