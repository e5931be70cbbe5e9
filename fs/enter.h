/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * What is asked before anything is mounted, by one request at a time: does the server let us in,
 * and is there such a mailbox? A wrong password must not be tried by several connections at once.
 *
 * Without an index to show, the answers are waited for; with one, only a password that is refused
 * at once keeps the mount away.
 *
 * Somebody else's mailbox is named by the address that was given. A server that knows it but wants
 * the primary one is asked for that. Where the mailbox as a whole is closed to us, and the folder
 * that is to be mounted begins with one that every mailbox has (Inbox), it is entered by that one.
 */
struct Cache;
struct EwsSession;
struct FsConfig;

typedef struct FsEnter FsEnter;

FsEnter *fs_enter_new(const struct FsConfig *config, struct EwsSession *session,
	struct Cache *cache);
/* After the session has ended: late answers come until then. */
void fs_enter_free(FsEnter *self);

bool fs_enter_run(FsEnter *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
