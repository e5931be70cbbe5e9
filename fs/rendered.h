/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "view/text.h"

/*
 * What is made of a message (its text, a part of it), once, and read as often as somebody wants:
 * immutable, counted. What is short is in memory, the rest in a file without a name: nothing of it
 * stays behind.
 *
 * Any thread. Making one blocks on the disk.
 */
typedef struct FsRendered FsRendered;

/* Gives all of it to @write. FALSE: it could not, or @write said so. */
typedef bool (*FsRenderedMake)(void *user, ViewWrite write, void *to);

/* @dir: where a file may be made; where it cannot, it is in memory too. */
FsRendered *fs_rendered_new(FsRenderedMake make, void *user, const char *dir,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of bytes that are in a file already: the first @size of @fd, which stays the caller's. */
FsRendered *fs_rendered_new_file(int fd, int64_t size,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
FsRendered *fs_rendered_ref(FsRendered *self);
void fs_rendered_unref(FsRendered *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsRendered, fs_rendered_unref)

int64_t fs_rendered_size(const FsRendered *self);

/* What it takes of our memory. */
size_t fs_rendered_memory(const FsRendered *self);

/* Answers a READ. */
void fs_rendered_reply(const FsRendered *self, fuse_req_t req, size_t size, off_t offset);

/* Gives the kernel all of it, as the pages of @ino: who reads that asks nobody. What is in a file
 * it asks for. Waits for a READ of the same pages that is under way: never for a thread that
 * answers requests, and only while requests are answered. */
void fs_rendered_store(const FsRendered *self, struct fuse_session *session, fuse_ino_t ino);
