/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

/*
 * The ids of a file, and how one becomes another.
 *
 *   identity   what Exchange calls it: cache/ only.
 *   node id    a row of the index. Never used twice in one index; says nothing elsewhere.
 *   st_ino     63 bits of a hash of the identity (node->ino). What people and backups see: the
 *              same after a remount, after the loss of the index, on another machine. Never
 *              looked up here.
 *   node number, fuse_ino_t: what the kernel calls it, and all this file makes:
 *
 *        63        40 39                                     0
 *       [ content    | node id                                ]
 *
 * The content number in the upper bits is what keeps the page cache honest: other bytes, even of
 * the same length, are another node number, hence another inode and other pages. Who holds the
 * old one open goes on with the old bytes; who comes by name gets the new one, because the
 * entry was made to expire. A directory has no content: its number is its id, and the root's is
 * FUSE_ROOT_ID by itself, as CACHE_ROOT is 1.
 *
 * Content numbers count modulo FS_INODE_CONTENT_MAX. All ones in the upper bits are not a content
 * number: there live the control files of fs/control.c.
 *
 * No lookup counts are kept. Ids are never used again, so a number that the kernel still holds
 * never comes to mean another file, rows of what was deleted stay while that matters
 * (cache/gone.h), and FORGET has nothing to do: a million walked nodes cost no memory here.
 */
#define FS_INODE_ID_BITS 40
#define FS_INODE_CONTENT_MAX 0xffffffU
#define FS_INODE_CONTROL ((fuse_ino_t)FS_INODE_CONTENT_MAX << FS_INODE_ID_BITS)

fuse_ino_t fs_inode_of(const CacheNode *node);
fuse_ino_t fs_inode_make(int64_t id, uint32_t content);

int64_t fs_inode_node(fuse_ino_t ino);
uint32_t fs_inode_content(fuse_ino_t ino);

/* TRUE when @ino is @node with the content it has now. */
bool fs_inode_is_current(fuse_ino_t ino, const CacheNode *node);

bool fs_inode_is_control(fuse_ino_t ino);
