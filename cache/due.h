/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The folders whose items are to be synced: which they are, of those that FindFolder told of, and
 * their syncs (foldersync.c), a few at a time, those first that somebody waits for.
 *
 * One folder's trouble is that folder's: the others are synced all the same. Trouble that all would
 * have ends it.
 *
 * Sync thread.
 */
typedef struct CacheDue CacheDue;

CacheDue *cache_due_new(void);
void cache_due_free(CacheDue *self);

/* Which folders are due, in which order. */
bool cache_due_find(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @error: borrowed; the first; NULL when all that was due is up to date. */
typedef void (*CacheDueDone)(Cache *cache, const GError *error);

/* Syncs what was found; @done may be called at once. @round: the refresh this belongs to; @mailbox
 * is borrowed until then. */
void cache_due_sync(Cache *cache, int64_t round, const char *mailbox, CacheDueDone done);

/* Somebody waits for this directory's listing. */
void cache_due_first(Cache *cache, int64_t dir);

/* Trouble of the server, the account or this machine: the other folders would have it too. */
bool cache_due_is_everybodys(const GError *error);
