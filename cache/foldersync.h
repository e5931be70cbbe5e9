/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * One folder's items brought up to date: pages of SyncFolderItems, written in transactions
 * together with the SyncState they lead to, so that a sync that was killed goes on where it was.
 * Pages that follow each other quickly share a transaction: the index is sorted by hashes, so a
 * page's rows are spread all over it, and one page or eight dirty nearly the same blocks.
 *
 * A state that is lost or refused means a full run: the server tells everything anew as Create
 * and nothing as Delete, while the old listing stays. What such a run did not name is swept, but
 * only if the folder's TotalCount says that the run named all there is; and where that would
 * sweep many, only what GetItem says is gone.
 *
 * Public folders cannot be synced: FindItem lists them, all of a folder each time that it moved, as
 * a full run, whose pages tell everything as Create too; but of a long one it may be enough to see
 * what was modified last (cache/glance.h).
 *
 * Items whose changes came without properties are completed by GetItem before the folder counts
 * as listed.
 *
 * Sync thread.
 */
typedef struct CacheFolderSync CacheFolderSync;

/* @error: borrowed; NULL when the folder is up to date. The sync is freed after. */
typedef void (*CacheFolderSyncDone)(Cache *cache, int64_t folder, const GError *error);

/* @folder: folder.id; @round: the refresh this belongs to; @mailbox is copied. NULL when there is
 * no such folder (@done is not called then). */
CacheFolderSync *cache_foldersync_start(Cache *cache, int64_t folder, int64_t round,
	const char *mailbox, EwsPriority priority, CacheFolderSyncDone done,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is asked for from now on is asked for with this priority. */
void cache_foldersync_raise(CacheFolderSync *self, EwsPriority priority);

/* At the end of the sync thread: frees; @done is not called. */
void cache_foldersync_abandon(CacheFolderSync *self);
