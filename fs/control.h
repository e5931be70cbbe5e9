/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/hidden.h"

/*
 * `.ewsfs/` in the root of the mount: not listed there, but there when named.
 *
 *   status, status.json   what is going on
 *   queue, queue.json     what is only here, one a line
 *   failed/               bytes and story of what could not be sent
 *
 * Files that are made at the moment somebody looks, and must not change while he reads, on mounts
 * with OPEN and without. So each LOOKUP of one makes a snapshot with a node number of its own: a
 * size that is exact, pages that belong to it alone, and nothing that the kernel may keep. The
 * last snapshots stay, for mounts where READ comes by number; OPEN, where it comes, holds its
 * snapshot until RELEASE.
 *
 * Any thread; answered from memory, index and disk, never waits for the server.
 */
typedef struct FsControl FsControl;

FsControl *fs_control_new(void);
void fs_control_free(FsControl *self);

extern const FsHidden fs_control_tree;
