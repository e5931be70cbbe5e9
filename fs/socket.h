/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "fs/fs.h"

/*
 * The daemon's side of ewsfsctl: a socket in the state directory that speaks one JSON object a
 * line. What only needs to be read is in .ewsfs/status.json; this is for what has to be done.
 *
 *   → {"command": "sync", "path": "Inbox", "fetch": true, "seconds": 600}
 *   ← {"progress": {…}}        while it lasts
 *   ← {"done": true}            all is as new as the command
 *   ← {"done": false, "error": "…"}
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

/* Hangs up on all clients, joins the thread, removes the socket. */
void fs_socket_stop(FsSocket *self);

/* After cache_stop, which ends what is still under way. */
void fs_socket_free(FsSocket *self);
