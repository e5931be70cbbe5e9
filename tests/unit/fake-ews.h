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
 * What was asked is written down, one line an op, in the order of asking, and before the ops of a
 * call that changes something one line for the call ("Call CreateItem 3"). An op can be made to
 * fail, once or for ever, to be done or not with its answer lost, or to be held until the test
 * lets it go.
 *
 * Distinguished folders are those whose ids are their names: where the test makes "deleteditems"
 * and "sentitems", what is deleted and sent goes there, else it is gone. New ids are "N1", "N2", ….
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

/* From now on these are public folders: not synced, not told of Deep, without Deleted Items. */
void fake_be_public(EwsSession *self);

/* Which mailbox has what is in a folder of them, by its GUID: another one does not find it. */
void fake_replica(EwsSession *self, const char *folder_id, const char *guid);

/* From now on QueryString is ignored: all is found. */
void fake_ignore_aqs(EwsSession *self);

/* Refuses every state that was given out so far. */
void fake_spoil_states(EwsSession *self);

/* What ews_call_size says; 10 at first. */
void fake_call_size(EwsSession *self, unsigned size);

/* The folder an item is in (owned, NULL: none), what is said of it, and its bytes (both owned,
 * NULL: there is none). */
char *fake_where(EwsSession *self, const char *item_id);
/* How many items a folder has. */
unsigned fake_items(EwsSession *self, const char *folder_id);
EwsItem *fake_get(EwsSession *self, const char *item_id);
char *fake_mime(EwsSession *self, const char *item_id);

/* The id of the item with that GUID, "GUID/attempt" or the beginning of it, the number @index of
 * them (owned, NULL: not so many). */
char *fake_made(EwsSession *self, const char *guid, unsigned index);

/* How many messages went out. */
unsigned fake_sent(EwsSession *self);

/* From now on what is sent stays where it is. */
void fake_leave_drafts(EwsSession *self);

/* --- trouble ---------------------------------------------------------------------------- */

/* The next @times ops whose line begins with @prefix fail with @code (-1 times: all). */
void fake_fail(EwsSession *self, const char *prefix, EwsErrorCode code, int times);

/* The same with the server's own code (ews_op_response_code). */
void fake_refuse(EwsSession *self, const char *prefix, EwsErrorCode code, const char *words,
	int times);

/* The answers of the next @times changes whose line begins with @prefix are lost: they end OFFLINE
 * and in doubt, and were done, or not. */
void fake_lose(EwsSession *self, const char *prefix, bool is_done, int times);

/* Ops whose line begins with @prefix wait (NULL: none do any more, and those that waited are
 * answered, the urgent ones first). */
void fake_hold(EwsSession *self, const char *prefix);

/* The same, but each is answered with what is so when it is asked: the answer waits. */
void fake_hold_answers(EwsSession *self, const char *prefix);

/* Until so many ops are held; fails the test after some seconds. */
void fake_await_held(EwsSession *self, unsigned count);

/* Nothing comes from the server from now on, or does again. */
void fake_be_silent(EwsSession *self, bool is_silent);

/* --- news ------------------------------------------------------------------------------- */

/* TRUE when somebody listens (ews_watch); *ret_first: what he said that the server has. */
bool fake_is_watched(EwsSession *self, EwsPush *ret_first);

/* What the server says by itself; on the calling thread, as on the ews thread. Until fake_drain. */
void fake_say_found(EwsSession *self, EwsPush push);
void fake_say_listening(EwsSession *self);
void fake_say_deaf(EwsSession *self);
void fake_hint(EwsSession *self, const char *folder_id);
/* The machine has slept. */
void fake_wake(EwsSession *self);

/* What the server is (borrowed); "" at first: it has not said. */
void fake_version(EwsSession *self, const char *version);

/* --- what was asked --------------------------------------------------------------------- */

/* "SyncFolderItems F1 STATE", "GetItemMime ID", "CreateItem F1 GUID/1", "UpdateItem ID",
 * "DeleteItem ID", "MoveItem ID F2", "CopyItem ID F2", "SendItem ID", "CreateFolder PARENT NAME",
 * "UpdateFolder ID NAME", "MoveFolder ID PARENT", "DeleteFolder ID", …; how many lines begin with
 * @prefix; the line number @index among them (owned, NULL when there are not so many). */
unsigned fake_count(EwsSession *self, const char *prefix);
char *fake_line(EwsSession *self, const char *prefix, unsigned index);
void fake_forget_lines(EwsSession *self);
