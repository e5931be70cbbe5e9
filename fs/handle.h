/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

/*
 * What the kernel's file handles hold: an open message, or a snapshot of a control file. Given
 * back by RELEASE; and, for files that are still open when the mount goes away and for which no
 * RELEASE will come, by fs_handles_free, which abandons what was being written.
 *
 * A message that is opened for writing becomes a file that can be written at its first change and
 * not before: many programs open for writing what they only look at (touch, lock files), and one
 * that truncates (which the kernel says only after OPEN) must not fetch what it throws away. Until
 * then the handle holds the pinned blob, or nothing for those who can only write.
 *
 * All handles of one node share the kernel's pages, so all must read the same bytes: when one
 * begins to write, the blobs of the others are outdated, and their next READ opens it anew, which
 * gives the bytes that are written. (The bytes of another content number are another node of the
 * kernel's, with pages of its own; who reads those reads on.)
 *
 * Any thread. One lock for all, held for a few pointers only.
 */
typedef struct FsHandles FsHandles;
typedef struct FsHandle FsHandle;

FsHandles *fs_handles_new(void);

/* When no request is served any more. */
void fs_handles_free(FsHandles *self);

/* Takes @held; @let_go is how it is given back. */
FsHandle *fs_handle_new(FsHandles *handles, void *held, GDestroyNotify let_go);
void fs_handle_free(FsHandles *handles, FsHandle *self);

/* Borrowed, until fs_handle_free. */
void *fs_handle_held(const FsHandle *self);

/* --- messages ---------------------------------------------------------------------------- */

typedef struct FsOpened {
	Cache *cache; /* borrowed: from main */
	int64_t node;
	uint32_t content;
	bool is_writable;
} FsOpened;

/* Holds nothing yet: before its blob is opened, so that one who begins to write meanwhile is not
 * missed. */
FsHandle *fs_handle_new_message(FsHandles *handles, const FsOpened *opened);

/* Opens its blob; NOT_FOUND when the bytes are not here. @node is it, when just looked up, or
 * NULL. */
bool fs_handle_load(FsHandle *self, const CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes @file. */
FsHandle *fs_handle_new_file(FsHandles *handles, const FsOpened *opened, CacheFile *file);

/* Where to read; good until fs_handle_free. -1 when the bytes cannot be opened any more. */
int fs_handle_fd(FsHandle *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What to change; borrowed, good until fs_handle_free. Opens it at the first time: the errors are
 * those of cache_file_open. */
CacheFile *fs_handle_file(FsHandle *self, bool is_truncated,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* NULL when nothing was changed through this handle. */
CacheFile *fs_handle_changed(FsHandle *self);

/* @file was opened for this node, and by nobody's handle: one that will write takes it, so that a
 * truncation and the writes that follow are one change. FALSE: there is none, it stays yours. */
bool fs_handles_give(FsHandles *self, int64_t node, uint32_t content, CacheFile *file);

/* The bytes are in another file from now on. */
void fs_handles_move(FsHandles *self, int64_t node, uint32_t content);
