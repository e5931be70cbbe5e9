/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * A mailbox moves from one server to another, and its mount goes on there.
 *
 * Only where the server was found by the mail address: when it was not itself for five times
 * refresh= (away, or with answers that make no sense), it is looked for anew, without a person and
 * at most once an hour, and the session goes on at what was found. A thread of its own, which
 * sleeps while the server is there.
 */
struct EwsSession;
struct FsConfig;

typedef struct FsMoved FsMoved;

/* Before the first submit. NULL where the address of the server was given. Both are borrowed until
 * fs_moved_stop. */
FsMoved *fs_moved_new(const struct FsConfig *config, struct EwsSession *session);

/* Before the session ends. Waits for a question that is on its way, some seconds at most. */
void fs_moved_stop(FsMoved *self);
/* Stopped, and after the session has ended, which tells it of its state until then. */
void fs_moved_free(FsMoved *self);
