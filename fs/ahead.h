/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "cache/cache.h"
#include "fs/fs.h"

/*
 * Texts (fs/texts.h) that somebody will want next, made before he asks: making one takes longer
 * than reading it, and who reads them one after the other leaves the other processors idle.
 *
 * Who reads a folder from end to end goes by node id (grep -r, tar: the order of readdir), by name
 * (rsync, a shell's pattern), or where there are many by inode number (grep -r, find:
 * fs/inorder.h). Two texts in a row that had to be made tell which. From then on threads of their
 * own make those that follow, FS_AHEAD_MAX beyond the reader at most, and go on when he does: one
 * who stops, or goes elsewhere, has cost no more than these. There is no thread before it is
 * wanted.
 *
 * What they make is where all is that was made lately (fs/workshop.h), and there a reader who is
 * faster waits for one that is just being made. On a read-only mount, where the kernel keeps what
 * it listed, it is given each as it is made: then it asks for the length of each, or not even that,
 * and where the reader is shows only when he is beyond them.
 *
 * Only of bytes that are here: nothing is fetched, and where the next message is not here, it waits
 * until the reader has come by. Those that programs may write, and long ones, are left to him.
 *
 * Any thread. One lock, with nothing taken below it.
 */
#define FS_AHEAD_MAX 32
#define FS_AHEAD_BYTES (1024 * 1024) /* of their messages, together */

typedef struct FsAhead FsAhead;

/* @fs is borrowed: its cache, workshop, zone and session. */
FsAhead *fs_ahead_new(const Fs *fs);

/* Joins the threads, after the texts that they are at. Requests must still be served meanwhile, or
 * the session be gone (fs_rendered_store). Twice is fine. */
void fs_ahead_stop(FsAhead *self);
void fs_ahead_free(FsAhead *self);

/* Somebody came by the text of the node @id, whether or not it was made already. */
void fs_ahead_passed(FsAhead *self, int64_t id);

/* ... and it is not: he makes it now. After fs_ahead_passed. */
void fs_ahead_missed(FsAhead *self, CacheNode *node);

/* How many it was at, and is done with. */
uint64_t fs_ahead_count(FsAhead *self);
