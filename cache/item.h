/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"
#include "cache/ident.h"
#include "ews/types.h"

/*
 * EwsItem ↔ rows of item (and the node beside it). Only reading and writing of rows; what a
 * change means for the tree is apply.c's. Sync thread, inside a transaction.
 */

/* item_id of what the server does not know yet begins so; its folder is 0. */
#define CACHE_ITEM_NEW "new:"

typedef struct CacheItemRow {
	int64_t node;
	int64_t folder; /* folder.id */
	int64_t dir;    /* the directory's node, 0 for a tombstone */
	int64_t run;
	int64_t round;
	int64_t received;
	int64_t created;
	int64_t print;
	uint64_t ino;
	uint32_t content;
	int state; /* NODE_LIVE, NODE_TOMB */
	int flags;
	int flag;
	int64_t size;
	unsigned todo;       /* steps of its intent that are left (CacheTodo), or 0 */
	unsigned doing;      /* of those, the one that was sent */
	int64_t written_at;  /* when we changed it last; microseconds since 1970 */
	int64_t key_hash;    /* of its search key; 0: the server has not said it */
	bool by_key;
	bool is_provisional;
	bool is_draft;
	bool is_read;
	bool has_same_key; /* of find_key: the search key itself, not only its hash */
	char *name;        /* own, as all below */
	char *item_id;
	char *change_key;
	char *item_class;
	char *message_id;
} CacheItemRow;

void cache_item_row_free(CacheItemRow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheItemRow, cache_item_row_free)

/* An item on its way in, with what it is itself by. */
typedef struct CacheIncoming {
	const EwsItem *item; /* borrowed */
	CacheIdent by_id;
	CacheIdent by_key; /* hash 0: it has no search key */
} CacheIncoming;

void cache_item_identify(CacheIncoming *ret_incoming, const EwsItem *item);

/* The row with this ItemId, live or tombstone; *ret_row NULL when there is none. */
bool cache_item_find(CacheConn *conn, const CacheIdent *ident, const char *item_id,
	CacheItemRow **ret_row, GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool cache_item_get(CacheConn *conn, int64_t node, CacheItemRow **ret_row,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All rows with this search key or at least its hash, live and tombstones; of CacheItemRow. */
GPtrArray *cache_item_find_key(CacheConn *conn, const CacheIncoming *incoming,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The live item or tombstone that has this inode number, by its identity's hash; or 0. */
bool cache_item_find_ino(CacheConn *conn, uint64_t ino, int64_t hash, int64_t *ret_node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ItemClass; "IPM.Note" where the server said none. Borrowed from @item. */
const char *cache_item_class(const EwsItem *item);

/* st_mtime: received, else sent, else created; of a draft, last modified. */
int64_t cache_item_mtime(const EwsItem *item);

/* What an update that changes the content changes, as one number: all but read and flag state. */
int64_t cache_item_print(const EwsItem *item);
/* We changed it so recently that the server may still be busy with it. */
bool cache_item_is_just_written(const CacheItemRow *row);

typedef struct CacheItemPlace {
	int64_t folder;
	int64_t run;
	int64_t round; /* of a provisional one: since when */
	bool by_key;
	bool is_provisional;
	bool is_new; /* there is no row for the node yet */
} CacheItemPlace;

/* Writes the item's row beside @node: a new one, or over the old. */
bool cache_item_write(CacheConn *conn, int64_t node, const CacheItemPlace *place,
	const CacheIncoming *incoming, GError **error) G_GNUC_WARN_UNUSED_RESULT;
