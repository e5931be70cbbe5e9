/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "fs/fs.h"

/*
 * The daemon's side of ewsfsctl: a socket in the state directory that speaks one JSON object a
 * line. What only needs to be read is in .ewsfs/status.json; this is for what has to be done.
 *
 *   → {"command": "sync", …}               fs/command.h has them all
 *   ← {"progress": {…}}                    while it lasts
 *   ← {"done": true, …}                    it is done
 *   ← {"done": false, "error": "…", …}
 *
 * Who watches gets {"progress": …} of fs/watch.h, one for each change, and no last line.
 *
 * The last line also says which process this is ("pid"), whether it is on its way out and no
 * longer to be relied on ("leaving"), and how much is only here ("queue").
 *
 * A client that hangs up is forgotten; what it asked for goes on. One thread, which serves all
 * clients and waits for nothing but them.
 */
typedef struct FsSocket FsSocket;

#define FS_SOCKET_NAME "control"

/* Listens in @directory. A mount without its socket would work, but nobody could say when a backup
 * is whole: failing is an error. */
FsSocket *fs_socket_new(const Fs *fs, const char *directory, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* Where ewsfsctl finds it; borrowed. */
const char *fs_socket_path(FsSocket *self);

/* Serves from now on. */
void fs_socket_start(FsSocket *self);

/* From now on every answer says that this mount ends. Any thread. */
void fs_socket_leave(FsSocket *self);

/* Hangs up on all clients, joins the thread, removes the socket. */
void fs_socket_stop(FsSocket *self);

/* After cache_stop, which ends what is still under way. */
void fs_socket_free(FsSocket *self);
