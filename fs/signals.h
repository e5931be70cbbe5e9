/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * SIGINT, SIGTERM and SIGHUP end the program: at once before it is mounted, in good order after.
 *
 * They are blocked everywhere and taken by a thread of their own, which may therefore do more than
 * a handler: it runs @before (the kernel's notifications must end while requests are still being
 * served), asks the session to leave its loop, and pokes the main thread until that happened.
 * From the first such signal, or fs_signals_ending, a watchdog runs: what has not ended in good
 * order after FS_SIGNALS_PATIENCE_S is ended.
 */
#define FS_SIGNALS_PATIENCE_S 20

typedef struct FsSignals FsSignals;
struct fuse_session;

/* The main thread, before all others: threads started later inherit the blocked signals. */
FsSignals *fs_signals_new(void);

/* From now on signals end @session in good order. */
void fs_signals_attach(FsSignals *self, struct fuse_session *session, void (*before)(void *user),
	void *user);

/* The session has left its loop, for whatever reason: it is not touched any more. */
void fs_signals_ending(FsSignals *self);

/* Joins the thread. */
void fs_signals_free(FsSignals *self);
