/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"
#include "cache/private.h"
#include "ews/types.h"

/*
 * The folders: rows of folder, and the directories made of them.
 *
 * What the server says of a folder goes into its row, whatever order it comes in; after that the
 * directories are laid out anew from all rows: who is below the mounted folder and shown has a
 * node with the right name in the right place, who is not has none. Computing the whole layout
 * (a mailbox has some thousand folders) is simpler than following single changes, where a child
 * may come before its parent or a parent go before its child.
 *
 * Sync thread, inside a transaction.
 */

/* Takes over one change of SyncFolderHierarchy; @mark: its run, for the sweep of a full one. */
bool cache_tree_apply(Cache *cache, CacheConn *conn, const EwsFolderChange *change, int64_t mark,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* After a hierarchy sync that began without a state: rows that it did not name are gone. */
bool cache_tree_sweep(CacheConn *conn, int64_t mark, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Lays the directories out. NOT_FOUND when the folder that is to be mounted does not exist. */
bool cache_tree_lay_out(Cache *cache, CacheConn *conn, const char *top_id, const char *mailbox,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What FindFolder says of counts and commit times, for a folder that is known. */
bool cache_tree_set_counts(CacheConn *conn, const EwsFolder *folder,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
