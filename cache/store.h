/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/download.h"
#include "cache/private.h"

/*
 * What becomes of fetched bytes: the rules of content identity.
 *
 * - The first content of an item gives its length; nothing else moves.
 * - Content that differs from the last only in its boundaries is the same content: length and
 *   mtime stay. If the old bytes are here they stay too; if they were evicted the new ones come
 *   under the next content number, for the kernel may hold pages of the old.
 * - Other content has the next content number and moves mtime.
 * - An item that the server cannot give is marked with the reason, and asked for again when its
 *   ChangeKey moved.
 *
 * Sync thread. Opens its own transaction: one for all that finished together.
 */
typedef struct CacheStoreItem {
	int64_t node;
	CacheDownload *download; /* own */
	GError *error;           /* own; of the fetch, and after cache_store of the storing */
	bool is_everybodys;      /* the fetch was refused before the server looked at the item */
} CacheStoreItem;

void cache_store_item_free(CacheStoreItem *self);

/* TRUE for an error that is the item's own, and will be the same when it is asked for again; else
 * the trouble is the server's, the account's or this machine's. */
bool cache_store_is_final(const GError *error);

/* @items: of CacheStoreItem. */
void cache_store(Cache *cache, GPtrArray *items);
