/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"
#include "cache/item.h"
#include "cache/private.h"

/*
 * What the operations of writing share: a program's change of the tree and the intent that goes
 * with it, in one transaction on the program's own thread. Nothing is noted for the kernel, who
 * did it himself.
 */

CacheConn *cache_change_begin(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Commits if @is_good, and tells the sync thread that there may be something to send; else takes
 * all back. */
bool cache_change_end(Cache *cache, bool is_good, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A live directory, or NOT_FOUND. */
CacheNode *cache_change_dir(CacheConn *conn, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* An entry of @dir, or NOT_FOUND. */
CacheNode *cache_change_find(CacheConn *conn, int64_t dir, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE for the hidden directory whose entries are sent. */
bool cache_change_is_send(const CacheNode *dir);

/* What a name in a directory means: CACHE_NAME_SCRATCH also for all below a scratch directory.
 * One that is neither message nor scratch is INVALID. */
bool cache_change_judge(const CacheNode *dir, const char *name, bool *ret_is_scratch,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* DENIED unless the directory gives all of @rights (EwsRights). */
bool cache_change_may(const CacheNode *dir, unsigned rights,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct CacheNewNode {
	int64_t dir;
	CacheKind kind;
	int flags; /* NODE_ */
	unsigned rights;
	int64_t now; /* microseconds */
	const char *name;
	const char *guid; /* what its inode number is made of, until the server gives it a key */
} CacheNewNode;
bool cache_change_insert(CacheConn *conn, const CacheNewNode *what, int64_t *ret_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The row of an item that the server does not know yet, with the properties of a new one. */
bool cache_change_insert_item(CacheConn *conn, int64_t node, const char *name, const char *guid,
	int64_t now, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Its entries changed: the directory's time moves, and with @subdirs its link count. */
bool cache_change_touch(CacheConn *conn, int64_t dir, int subdirs,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The item of a node that is written anew or over, borrowed from its row. Its print is not known
 * when it may be changed because we changed it. */
CacheReplaced cache_change_replaced(const CacheItemRow *row);

/* Removes a node that the server knows nothing of, with all that is kept for it. The bytes in
 * files/ go with cache_local_remove after the commit. */
bool cache_change_forget(Cache *cache, CacheConn *conn, int64_t node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The message's content is complete: what is to be done about that is asked for. Nothing where it
 * is empty, no message, or what the server has anyway. */
bool cache_change_finish(Cache *cache, CacheConn *conn, const CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Messages keep whole seconds, as the server does. */
int64_t cache_change_time(int64_t us, bool is_scratch);

/* cache/remove.c: @node goes from the tree; the server is told if it knows of it. @after: a node
 * whose intent must be over before (0: none). */
bool cache_remove_file(Cache *cache, CacheConn *conn, const CacheNode *node, int64_t after,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_remove_dir(Cache *cache, CacheConn *conn, const CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* FORBIDDEN for Inbox and its like. */
bool cache_remove_may_dir(CacheConn *conn, const CacheNode *node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
