/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>

#include "fs/fs.h"

/*
 * The FUSE session: from an empty directory to a mount that answers, the loop, and back.
 *
 * fs_mount_new also serves the kernel's first request itself, so that a mount it returns is one
 * that answers. Main thread only; the workers live inside fs_mount_loop.
 */
typedef struct FsMount FsMount;

/* @mountpoint is absolute. The error is what libfuse or fusermount3 said. */
FsMount *fs_mount_new(Fs *fs, const char *mountpoint, GError **error) G_GNUC_WARN_UNUSED_RESULT;

struct fuse_session *fs_mount_session(FsMount *self);

/* Serves requests until the mount is taken away or the session told to end. */
void fs_mount_loop(FsMount *self);

/* Takes the mount away, if it is still there: whoever asks from now on gets ENOTCONN. No thread
 * may be in the middle of a reply. */
void fs_mount_unmount(FsMount *self);

/* After everything that replies or notifies. */
void fs_mount_free(FsMount *self);

void fs_op_init(void *user, struct fuse_conn_info *conn);
