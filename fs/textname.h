/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "fs/fs.h"

/*
 * What the texts of .text/ are called: NAME.txt for NAME.eml, NAME.ics.txt for NAME.ics; a
 * directory as it is. What is only here (scratch), and .send, is not there. Any thread; asks the
 * index only.
 */
#define FS_TEXT_EXT ".txt"

/* Of a file called @name. Owned. */
char *fs_textname_make(const char *name);

/* As @node is listed; NULL: it is not. Owned. */
char *fs_textname_of(const Fs *fs, const CacheNode *node);

/* The directory that is called @name in @dir, or the file whose text is; NOT_FOUND. */
CacheNode *fs_textname_find(const Fs *fs, int64_t dir, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
