/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * What the server says of its folders: asked anew in each refresh, by FindFolder below the top one,
 * with counts by which it shows which of them moved. The top one, of which that does not tell, is
 * asked for beside it.
 *
 * Public folders are not told Deep: each folder that has others in it is asked for those that stand
 * in it. Those which had any the last time are asked for all together, so that where nothing is new
 * it is one question and not one for each level. What a folder is in is then where it was found:
 * Exchange tells of another parent than publicfoldersroot. And the counts that FindFolder tells are
 * those of the mailbox that has the hierarchy, not of the one that has the content: GetFolder is
 * asked for them, many folders a call, of the mailbox that each says its content is in.
 *
 * A folder that may not be looked into has none in it; any other trouble is that of the whole find,
 * since what is not found is gone.
 *
 * Sync thread.
 */
typedef struct CacheFind CacheFind;

/* @error: borrowed; NULL when all is told. May free the find. */
typedef void (*CacheFindDone)(Cache *cache, const GError *error);

/* Asks. @needs_top: what the top one's counts are is not known otherwise. Must not be freed before
 * @done was called, unless the thread ends. */
CacheFind *cache_find_begin(Cache *cache, const char *top_id, bool needs_top, CacheFindDone done);
void cache_find_free(CacheFind *self);

/* Of EwsFolder; borrowed. */
const GPtrArray *cache_find_folders(const CacheFind *self);
/* What is said of the top one; owned, NULL: nothing. */
EwsFolder *cache_find_take_top(CacheFind *self);
