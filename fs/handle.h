/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What the kernel's file handles hold: a pinned blob, a snapshot of a control file. Given back by
 * RELEASE; and, for files that are still open when the mount goes away and for which no RELEASE
 * will come, by fs_handles_free.
 *
 * Any thread.
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
