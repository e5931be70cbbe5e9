/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * SIGINT, SIGTERM and SIGHUP end the program: at once before it is mounted, in good order after.
 *
 * They are blocked everywhere and taken by a thread of their own, which may therefore do more than
 * a handler. The first one begins the end: @begin may start work that wants the mount to serve
 * on, and while @is_ready says no, it does. Another signal means hurry. Then comes @before (the
 * kernel's notifications must end while requests are still being served), the session is asked to
 * leave its loop, and the main thread is poked until that happened. From then on a watchdog runs:
 * what has not ended in good order after FS_SIGNALS_PATIENCE_S is ended.
 */
#define FS_SIGNALS_PATIENCE_S 20

typedef struct FsSignals FsSignals;
struct fuse_session;

typedef struct FsSignalsHooks {
	void (*begin)(void *user);
	bool (*is_ready)(void *user); /* asked several times a second */
	void (*hurry)(void *user);
	void (*before)(void *user);
	void *user;
} FsSignalsHooks;

/* The main thread, before all others: threads started later inherit the blocked signals. */
FsSignals *fs_signals_new(void);

/* From now on signals end @session in good order. */
void fs_signals_attach(FsSignals *self, struct fuse_session *session, const FsSignalsHooks *hooks);

/* The session has left its loop, for whatever reason: it is not touched any more. A signal from
 * now on only means hurry. */
void fs_signals_ending(FsSignals *self);

/* The watchdog's patience begins anew, and is @extra_s longer. */
void fs_signals_allow(FsSignals *self, unsigned extra_s);

/* Joins the thread. */
void fs_signals_free(FsSignals *self);
