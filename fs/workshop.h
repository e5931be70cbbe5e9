/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "fs/fs.h"
#include "fs/rendered.h"

/*
 * Where things are made of messages, when somebody wants them: texts (fs/texts.h), parts
 * (fs/contents.h).
 *
 * The last things that were made stay for a while: who asks for a length reads next, and on mounts
 * without OPEN a READ comes for every piece. What must be made after a fetch is made on a thread
 * of its own, since the cache's must not be held up; there is none before it is wanted.
 *
 * Any thread.
 */
typedef struct FsWorkshop FsWorkshop;

/* After view_init. @cache_dir is borrowed. */
FsWorkshop *fs_workshop_new(const char *cache_dir);

/* Those who wait for the thread are answered, and it is joined: after fs_park_drain, while the
 * requests can still be answered. */
void fs_workshop_stop(FsWorkshop *self);
void fs_workshop_free(FsWorkshop *self);

/* --- making -------------------------------------------------------------------------------- */

typedef struct FsMaking {
	fuse_ino_t ino;    /* of what is made */
	bool is_passing;   /* what it is made of may change at any time: it is not kept */
	FsRenderedMake make;
	void *user; /* for it */
} FsMaking;

/* One that was made lately, or a new one; where somebody is making it just now, his, when he is
 * done. A reference for the caller. */
FsRendered *fs_workshop_make(FsWorkshop *self, const FsMaking *making,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One that was made lately, with a reference for the caller, or NULL. */
FsRendered *fs_workshop_find(FsWorkshop *self, fuse_ino_t ino);

/* --- what is open ---------------------------------------------------------------------------- */

/* What somebody reads. */
typedef struct FsWork {
	fuse_ino_t ino;
	bool is_passing; /* it may change while it is open: the kernel keeps no pages of it */
	void *of;        /* own: the text, the part */
	GDestroyNotify free_of;
	/* Makes it, of the bytes of the message as they were when it was opened. */
	FsRendered *(*make)(const void *of, const Fs *fs, const CacheBlob *blob, GError **error);
} FsWork;

/* One that is open: made when it is first wanted. Counted. */
typedef struct FsReading FsReading;

/* Answers an OPEN. Takes what is in @work, and @blob. */
void fs_reading_open(fuse_req_t req, const struct fuse_file_info *info, const FsWork *work,
	CacheBlob *blob);

/* Whether @ino is open: a reference for the caller, or NULL. */
FsReading *fs_reading_find(FsWorkshop *self, fuse_ino_t ino);
void fs_reading_unref(FsReading *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsReading, fs_reading_unref)

/* What it is of; borrowed. */
const void *fs_reading_of(const FsReading *self);
FsRendered *fs_reading_make(FsReading *self, const Fs *fs,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- requests that want bytes ---------------------------------------------------------------- */

typedef struct FsJob {
	fuse_req_t req;
	fuse_ino_t ino;
	const char *what;   /* for the log */
	CacheReason reason; /* of a fetch */
	/* Answers req, and says TRUE; or does not. NOT_FOUND: the message's bytes are not here. */
	bool (*run)(const struct FsJob *self, GError **error);

	/* as far as it is a request that has them */
	struct fuse_file_info info;
	size_t size;
	off_t offset;
	bool is_plus;
	char name[FS_NAME_MAX + 1];

	/* for the workshop; of a new one zero */
	bool is_last;    /* there was a fetch: what is not here now cannot be had */
	GError *failure; /* ... and it failed, which is the answer then; own */
} FsJob;

/* Runs it here and now; and where bytes are not here, once more on the thread when they were
 * fetched, or could not be. */
void fs_job_try(const FsJob *self);

/* Answers a READ: of what is open; or, on mounts without OPEN, of what was made lately, or as the
 * job does it. */
void fs_job_read(const FsJob *self, const struct fuse_file_info *info);

/* Runs it on the thread, for the last time. Takes copies. @failure: of the fetch, or NULL. */
void fs_job_post(const FsJob *self, const GError *failure);

/* The bytes of @node, to be read for long: those that may be outdated are none before there was a
 * fetch. Owned; NOT_FOUND when they are not here. */
CacheBlob *fs_job_blob(const FsJob *self, const CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes that were fetched and have left again: whoever wants them looks once more. */
void fs_job_fail(fuse_req_t req, const GError *error, const char *what);
