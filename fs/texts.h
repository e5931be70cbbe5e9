/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "fs/fs.h"
#include "fs/rendered.h"

/*
 * What the text of a message is made of, and the texts that were made.
 *
 * A text depends on more than the bytes: on the flags, which stand in it, and on the time zone in
 * which dates are told. A stamp is a hash of all that. With it the index remembers the length, so
 * that a length is never that of another text; and the node number has a piece of it (fs/inode.h),
 * so that the kernel's pages are never those of another text either.
 *
 * The last texts that were made stay for a while: who asks for a length reads next, and on mounts
 * without OPEN a READ comes for every piece. What must be made after a fetch is made on a thread
 * of its own, since the cache's must not be held up; there is none before it is wanted.
 *
 * Any thread.
 */
typedef struct FsTexts FsTexts;

/* After view_init. @cache_dir is borrowed. */
FsTexts *fs_texts_new(const char *cache_dir);

/* Those who wait for the thread are answered, and it is joined: after fs_park_drain, while the
 * requests can still be answered. */
void fs_texts_stop(FsTexts *self);
void fs_texts_free(FsTexts *self);

/* --- what a text is made of ---------------------------------------------------------------- */

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

/* --- texts --------------------------------------------------------------------------------- */

/* Made of the bytes that are here; NOT_FOUND when they are not. A reference for the caller. */
FsRendered *fs_text_render(const FsText *self, const Fs *fs,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ... of those of @blob. */
FsRendered *fs_text_render_blob(const FsText *self, const Fs *fs, const CacheBlob *blob,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One that was made lately, with a reference for the caller, or NULL. */
FsRendered *fs_texts_find(FsTexts *self, fuse_ino_t ino);

/* --- what is open ---------------------------------------------------------------------------- */

/* A text that somebody reads: made when it is first wanted, of the bytes as they were when it was
 * opened. Counted. */
typedef struct FsTextOpen FsTextOpen;

/* Takes what is in @text, and @blob. */
FsTextOpen *fs_text_open_new(FsTexts *texts, FsText *text, CacheBlob *blob);
void fs_text_open_unref(FsTextOpen *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsTextOpen, fs_text_open_unref)

const FsText *fs_text_open_text(const FsTextOpen *self);
FsRendered *fs_text_open_render(FsTextOpen *self, const Fs *fs,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether @ino is open: a reference for the caller, or NULL. */
FsTextOpen *fs_texts_opened(FsTexts *self, fuse_ino_t ino);

/* --- work for the thread -------------------------------------------------------------------- */

typedef struct FsTextJob {
	fuse_req_t req;
	fuse_ino_t ino;
	size_t size; /* of READ */
	off_t offset;
	/* Answers req; @is_over: the mount goes away, and there is no time. */
	void (*run)(const struct FsTextJob *self, bool is_over);
} FsTextJob;

/* Takes a copy of @job. */
void fs_texts_post(FsTexts *self, const FsTextJob *job);
