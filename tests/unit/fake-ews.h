/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/types.h"

/*
 * A session without a wire: the part of ews.h that cache/ calls, answered from a small mailbox in
 * memory on a thread of its own, as the real one answers on the ews thread. Linked in place of
 * ews/session.c and the operations.
 *
 * What was asked is written down, one line an op, in the order of asking. An op can be made to
 * fail, once or for ever, or to be held until the test lets it go.
 *
 * Any thread; folders and items are changed by the test while the cache asks.
 */
EwsSession *fake_start(void);

/* Answers what is left with CANCELLED and frees. */
void fake_stop(EwsSession *self);

/* Answers what is under way with CANCELLED: nothing of it comes later. */
void fake_drain(EwsSession *self);

/* --- the mailbox ------------------------------------------------------------------------ */

#define FAKE_TOP "top"

void fake_folder(EwsSession *self, const char *id, const char *parent, const char *name);
void fake_folder_gone(EwsSession *self, const char *id);

/* Creates (or updates, where the folder has the id) a copy of @item; its bytes are @mime, NULL:
 * the server cannot render it. */
void fake_item(EwsSession *self, const char *folder, const EwsItem *item, const char *mime);
void fake_item_gone(EwsSession *self, const char *folder, const char *item_id);

/* Forgets an item without a word: no Delete will ever tell. */
void fake_item_lost(EwsSession *self, const char *folder, const char *item_id);

/* What TotalCount says beyond the items there are. */
void fake_miscount(EwsSession *self, const char *folder, int surplus);

/* Changes of one page of SyncFolderItems; 0: 512. */
void fake_page_size(EwsSession *self, unsigned changes);

/* From now on SyncFolderItems tells ids only; properties come by GetItem. */
void fake_ids_only(EwsSession *self, bool is_on);

/* Refuses every state that was given out so far. */
void fake_spoil_states(EwsSession *self);

/* --- trouble ---------------------------------------------------------------------------- */

/* The next @times ops whose line begins with @prefix fail with @code (-1 times: all). */
void fake_fail(EwsSession *self, const char *prefix, EwsErrorCode code, int times);

/* Ops whose line begins with @prefix wait (NULL: none do any more, and those that waited are
 * answered, the urgent ones first). */
void fake_hold(EwsSession *self, const char *prefix);

/* Until so many ops are held; fails the test after some seconds. */
void fake_await_held(EwsSession *self, unsigned count);

/* Nothing comes from the server from now on, or does again. */
void fake_be_silent(EwsSession *self, bool is_silent);

/* --- what was asked --------------------------------------------------------------------- */

/* "SyncFolderItems F1 STATE", "GetItemMime ID", …; how many lines begin with @prefix; the line
 * number @index among them (owned, NULL when there are not so many). */
unsigned fake_count(EwsSession *self, const char *prefix);
char *fake_line(EwsSession *self, const char *prefix, unsigned index);
void fake_forget_lines(EwsSession *self);
