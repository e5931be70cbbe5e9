/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Which folders are Drafts, Deleted Items and the others that every mailbox has: asked once for an
 * index, by one GetFolder, on mounts that can write. Among public folders there are none. Sync
 * thread.
 */
typedef struct CacheDistinguished CacheDistinguished;

CacheDistinguished *cache_distinguished_new(void);
void cache_distinguished_free(CacheDistinguished *self);

/* FALSE until the server has told; asks when it has not been asked yet. */
bool cache_distinguished_are_known(Cache *cache);

/* Of the folder that the mailbox calls so ("sentitems"); owned. NULL without an error where it is
 * not known, or there is none. In a transaction, or with a reader. */
char *cache_distinguished_id(CacheConn *conn, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The id of Deleted Items, where it must be said, since to delete would mean the account's own, or
 * be refused; owned. NULL: the server knows which is meant, or we do not. */
char *cache_distinguished_trash(Cache *cache);

/* How to remove what was replaced, or is there twice: so that it could be had back, where there is
 * anything to have it back from. */
EwsDisposal cache_distinguished_aside(const Cache *cache);

/* Asks what is due to be asked. Returns when to be called again. */
int64_t cache_distinguished_tick(Cache *cache, int64_t now_us);
