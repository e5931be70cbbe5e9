/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/apply.h"
#include "cache/intent.h"
#include "cache/item.h"

/*
 * Our own changes, when they come back: in the answer to a call, or in a page of a folder's sync,
 * whichever is first. Both mean the same, and come here.
 *
 * A create is known by the GUID that it carries, a move and a copy by the search key of the item
 * in the folder where it was to go, or by its GUID where it was made here and no sync has told its
 * search key yet. So what a lost answer would have told is learned from the next sync, and nothing
 * is shown twice in between.
 *
 * Sync thread, inside a transaction.
 */

/* What a create or a copy made; all borrowed. */
typedef struct CacheMade {
	const char *item_id;
	const char *change_key;
	unsigned attempt; /* the one that made it */
} CacheMade;

/* The server has what @intent's create or copy made. *intent goes on from there; put it after. */
bool cache_own_made(Cache *cache, CacheConn *conn, CacheIntent *intent, const CacheMade *made,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A CopyItem is about to be sent: what the item is that it is to copy, should that become another
 * before the copy is seen. After cache_intent_put. */
bool cache_own_note_source(CacheConn *conn, const CacheIntent *intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @intent is taken back, and was sent once, in vain it seems: should it turn up after all, it
 * goes. */
bool cache_own_disown(CacheConn *conn, const CacheIntent *intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The item of @intent is in the folder where it was to go. */
bool cache_own_moved(CacheConn *conn, CacheIntent *intent, const char *item_id,
	const char *change_key, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The server has taken the item of this id out of the folder (folder.id), as we asked. A page of
 * that folder which was made before that does not bring it back, and nobody asks any more what it
 * is. Sync thread, as is all of this. */
bool cache_own_departed(Cache *cache, CacheConn *conn, const char *item_id, int64_t folder,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_own_has_departed(const Cache *cache, const char *item_id, int64_t folder);

/* The server has updated the item of this id, as we asked, and calls that @change_key. What a page
 * says of it with another key may be older. (Keys have no order.) */
void cache_own_updated(Cache *cache, const char *item_id, const char *change_key);
bool cache_own_may_be_older(const Cache *cache, const EwsItem *item);

/* All pages that were asked for have come. */
void cache_own_forget_pages(Cache *cache);

/* An item that no row knows, in a page: is it ours? Then it is tied to its node (*ret_is_claimed,
 * and the caller goes on as with a known item), or it is one that is to go (*ret_is_hidden). */
bool cache_own_claim(CacheApply *apply, const CacheIncoming *incoming, bool *ret_is_claimed,
	bool *ret_is_hidden, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The server says that the item of a node with an intent is gone. *ret_is_ours: the rest is not
 * the tree's to decide. */
bool cache_own_vanished(CacheApply *apply, const CacheItemRow *row, bool *ret_is_ours,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Somebody removed what was being written anew: what was written stays. Put *intent after. */
bool cache_own_lost(CacheConn *conn, CacheIntent *intent, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The directory that a CreateFolder under way has made, if the folder that was told of is it; 0. */
bool cache_own_folder(CacheConn *conn, int64_t parent, const char *name, int64_t *ret_node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The server has the folder of @intent. */
bool cache_own_folder_made(CacheConn *conn, CacheIntent *intent, const char *folder_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
