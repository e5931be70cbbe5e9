/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "cache/cache.h"

/*
 * The children of a directory by their inode numbers: fts(3), with which find and grep -r walk,
 * sorts so where there are more than 10,000 of them. The index has no such order, so it is made
 * for who goes by it: 16 bytes a child, as they were when it was made.
 *
 * A GArray, for which GLib counts; immutable. Any thread; making one reads the whole directory.
 */
#define FS_INORDER_MIN 10001
#define FS_INORDER_MAX (1 << 18)

/* Of the children of @dir, a reference for the caller; NULL where nobody would go by it, or there
 * are too many. */
GArray *fs_inorder_new(Cache *cache, int64_t dir);

/* As cache_list: those with a number above that of @after, which is one of them, that are still
 * there. */
void fs_inorder_list(const GArray *self, Cache *cache, const CacheNode *after, CacheEach each,
	void *user);
