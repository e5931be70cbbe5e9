/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Drafts that were sent. A server takes them to Sent Items; some leave them where they are, with
 * nothing in Sent Items (docs/wire.md). So each is looked for settle= after the server said that
 * it was sent, and what is still there and not on its way is moved by us. Till then no listing
 * shows it (own.c). Nothing here sends anything. Sync thread.
 */
typedef struct CacheSentMail CacheSentMail;

CacheSentMail *cache_sent_mail_new(void);
void cache_sent_mail_free(CacheSentMail *self);

/* The draft with this id was sent; in the transaction that forgets it. */
bool cache_sent_mail_note(Cache *cache, CacheConn *conn, const char *item_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Looks for what is due. Returns when to be called again. */
int64_t cache_sent_mail_tick(Cache *cache, int64_t now_us);
