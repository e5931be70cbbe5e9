/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "fs/fs.h"

/*
 * What stands for a message in a tree of the mailbox's shape (fs/shape.h) is called after it: with
 * the extension @ext of that tree, NAME.EXT for NAME.eml, and NAME.ics.EXT for NAME.ics; a
 * directory as it is. What is only here (scratch), and .send, is not there; nor is what would be
 * called like another. Any thread; asks the index only.
 */

/* Of a file called @name. Owned. */
char *fs_shapename_make(const char *name, const char *ext);

/* As @node is listed; NULL: it is not. Owned. */
char *fs_shapename_of(const Fs *fs, const CacheNode *node, const char *ext);

/* The directory that is called @name in @dir, or the file that is there as @name; NOT_FOUND. */
CacheNode *fs_shapename_find(const Fs *fs, int64_t dir, const char *name, const char *ext,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
