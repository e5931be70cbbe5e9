/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdint.h>

#include "view/text.h"

/*
 * A message as text, made once and read as often as somebody wants: immutable, counted. Short ones
 * are in memory, the others in a file without a name: nothing of them stays behind.
 *
 * Any thread. Making one blocks on the disk.
 */
typedef struct FsRendered FsRendered;

/* Of the message in @fd. @dir: where a file may be made; where it cannot, it is in memory too. */
FsRendered *fs_rendered_new(int fd, const ViewFacts *facts, const char *dir, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;
FsRendered *fs_rendered_ref(FsRendered *self);
void fs_rendered_unref(FsRendered *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsRendered, fs_rendered_unref)

int64_t fs_rendered_size(const FsRendered *self);

/* What it takes of our memory. */
size_t fs_rendered_memory(const FsRendered *self);

/* Answers a READ. */
void fs_rendered_reply(const FsRendered *self, fuse_req_t req, size_t size, off_t offset);
