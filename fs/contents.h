/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

#include "cache/cache.h"
#include "fs/fs.h"
#include "fs/rendered.h"
#include "fs/shelf.h"
#include "view/parts.h"

/*
 * What is in messages: the lists of their parts (view/parts.h), of which the last ones stay for a
 * while, and the parts that are made by them. A list is of the bytes of one content number; what
 * is only here may be written at any time, and is looked through each time.
 *
 * Any thread.
 */

/* Where the last lists are. */
FsShelf *fs_contents_new(void);

/* A part of a message, as its number says (fs/inode.h). */
typedef struct FsPart {
	fuse_ino_t ino;
	CacheNode *node;  /* own */
	ViewParts *parts; /* own; NULL: not listed yet */
	unsigned number;  /* 0: the message itself */
} FsPart;

/* NOT_FOUND when there is no such message any more, STALE when it has other bytes. */
bool fs_part_load(FsPart *self, const Fs *fs, fuse_ino_t ino,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_part_clear(FsPart *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsPart, fs_part_clear)

/* Lists what is in the message. NOT_FOUND when its bytes are wanted and not here; STALE when that
 * part is not in it. */
bool fs_part_list(FsPart *self, const Fs *fs, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ... out of @blob, its bytes. */
bool fs_part_list_blob(FsPart *self, const Fs *fs, const CacheBlob *blob,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of a listed one: itself. */
const ViewPart *fs_part_view(const FsPart *self);

/* Its bytes. A reference for the caller. */
FsRendered *fs_part_make(const FsPart *self, const Fs *fs, const CacheBlob *blob,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
