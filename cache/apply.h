/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"
#include "cache/private.h"
#include "ews/types.h"

/*
 * What a change that the server reports does to the tree: the rules of identity.
 *
 * - An item that comes with a known ItemId is that node: updated, moved here, or revived.
 * - A move made elsewhere arrives as Delete in one folder and Create, with a new ItemId, in
 *   another, in either order, since folders are synced one after the other. So a vanished item
 *   is a tombstone until every folder was synced once after; a Create with its search key takes
 *   it over. And a Create whose search key lives elsewhere is provisional for as long: if that
 *   other one is then reported deleted, it was a move, and the old node moves here.
 * - What neither happens to is a copy, or gone.
 * - The bytes go along only if Message-ID, received date, draft state and class agree, and only
 *   with a single candidate.
 *
 * Sync thread, inside a transaction. Never asks the server.
 */

typedef struct CacheApply {
	Cache *cache;
	CacheConn *conn;
	const char *mailbox;  /* borrowed: the owner's address */
	int64_t mailbox_hash; /* its part of inode numbers */
	int64_t folder;       /* folder.id */
	int64_t dir;          /* its node */
	int64_t run;
	int64_t round; /* the refresh under way */
	unsigned rights;
	bool is_listed;   /* its names were seen: they stay as they are */
	bool is_moved;    /* out: entries came or went */
	bool is_removed;  /* out: entries went */
	int64_t youngest; /* in and out: the directory's time by what came; see note_arrival */
} CacheApply;

/* One change of a page. An item without properties is left to complete (table pending). */
bool cache_apply_change(CacheApply *self, const EwsItemChange *change,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* An item with its properties, from whatever source. */
bool cache_apply_item(CacheApply *self, const EwsItem *item,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The item of @node is no longer in its folder: a tombstone, or moved to where it turned up. */
bool cache_apply_vanished(CacheApply *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Every folder was synced once in @round: tombstones made before it are gone, and what was
 * provisional before it is a copy. */
bool cache_apply_settle(Cache *cache, CacheConn *conn, int64_t round,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Forgets the bytes of a node: its next content is fetched. */
bool cache_apply_drop_bytes(Cache *cache, CacheConn *conn, int64_t node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
