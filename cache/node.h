/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * Rows of node ↔ CacheNode snapshots. Reading is for any thread, on a connection that it holds;
 * writing happens inside the sync thread's transaction.
 */

/* The node's columns, in the order that cache_node_read expects; to be put after SELECT. */
#define CACHE_NODE_COLUMNS                                                                         \
	"node.id, node.parent, node.kind, node.name, node.ino, node.content, node.rights,"         \
	" node.size, node.size_hint, node.mtime, node.ctime, node.subdirs, node.flags, node.state"
#define CACHE_NODE_COLUMN_COUNT 14

/* A snapshot of the row that @stmt stands on, its node columns first. */
CacheNode *cache_node_read(sqlite3_stmt *stmt);

/* Gives each row of @stmt (a query of @conn, NULL for one that failed with @error) to @each until
 * that returns false, and @conn, a reader, back. Any thread. */
bool cache_node_list(Cache *cache, CacheConn *conn, sqlite3_stmt *stmt, CacheEach each, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* By id; NOT_FOUND when there is no such row. A node that is gone has parent 0. */
CacheNode *cache_node_get(CacheConn *conn, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the entry away: @state is NODE_TOMB or NODE_GONE; a gone one's inode number is free. */
bool cache_node_detach(CacheConn *conn, int64_t id, int state,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sets and clears bits of flags. */
bool cache_node_flag(CacheConn *conn, int64_t id, int set, int clear,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The node that has this name in @parent, or 0. */
bool cache_node_find(CacheConn *conn, int64_t parent, const char *name, int64_t *ret_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A directory's membership changed: its mtime moves on, to @when or just past what it was. */
bool cache_node_touch_dir(CacheConn *conn, int64_t id, int64_t when,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
