/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"

/*
 * The children of a directory by their inode numbers: fts(3), with which find and grep -r walk,
 * sorts so where there are more than 10,000 of them. The index has no such order, so it is made
 * for who goes by it: 16 bytes a child, as they were when it was made.
 *
 * Immutable, counted. Any thread; making one reads the whole directory.
 */
#define FS_INORDER_MIN 10001
#define FS_INORDER_MAX (1 << 18)

typedef struct FsInorder FsInorder;

/* Of the children of @dir; NULL where nobody would go by it, or there are too many. */
FsInorder *fs_inorder_new(Cache *cache, int64_t dir);
FsInorder *fs_inorder_ref(FsInorder *self); /* NULL is fine */
void fs_inorder_unref(FsInorder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsInorder, fs_inorder_unref)

/* As cache_list: those with a number above @after that are still there. */
void fs_inorder_list(const FsInorder *self, Cache *cache, uint64_t after, CacheEach each,
	void *user);
