/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "fs/fs.h"
#include "fs/rendered.h"

/*
 * What the text of a message is made of.
 *
 * A text depends on more than the bytes: on the flags, which stand in it, and on the time zone in
 * which dates are told. A stamp is a hash of all that. With it the index remembers the length, so
 * that a length is never that of another text; and the node number has a piece of it (fs/inode.h),
 * so that the kernel's pages are never those of another text either.
 *
 * Any thread.
 */
typedef struct FsText {
	CacheNode *node; /* own */
	CacheView view;
	int64_t stamp;
	fuse_ino_t ino; /* its node number */
} FsText;

/* As it is now. @node is taken. */
bool fs_text_load(FsText *self, const Fs *fs, CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_text_clear(FsText *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsText, fs_text_clear)

/* Its exact length, -1 when it was never made. What is only here may change at any time. */
int64_t fs_text_size(const FsText *self);

/* Made of the bytes that are here; NOT_FOUND when they are not. A reference for the caller. */
FsRendered *fs_text_render(const FsText *self, const Fs *fs,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ... of those of @blob. */
FsRendered *fs_text_render_blob(const FsText *self, const Fs *fs, const CacheBlob *blob,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
