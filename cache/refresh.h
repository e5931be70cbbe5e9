/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The truth path: one refresh after another, each in the same steps.
 *
 *   mailbox    once for an index: whose it is, and which folder is the top
 *   find       FindFolder, Deep: what every folder's counts and commit times are now, and
 *              GetFolder for the top one's, which FindFolder does not tell
 *   hierarchy  SyncFolderHierarchy, only where find shows that folders themselves changed
 *              (found.c)
 *   items      SyncFolderItems (foldersync.c) of the folders that moved since their last sync
 *              (due.c)
 *
 * With nothing new that is all. A refresh begins when the server hints at something (hints.c), on
 * a timer, when a directory is opened after refresh_s, or because somebody waits; awaited folders
 * go first in line. Where the server hints, the timer is a safety net and an opened directory no
 * reason; and since it is looked when it begins to hint, a mount that knows its tree waits a moment
 * for that, rather than to look twice. One that fails is repeated, later and later; what it did
 * complete stays.
 *
 * Sync thread, but for ask_soon.
 */
typedef struct CacheRefresh CacheRefresh;

CacheRefresh *cache_refresh_new(void);
void cache_refresh_free(CacheRefresh *self);

/* Before the thread runs: see cache_take_top. */
void cache_refresh_take_top(Cache *cache, EwsFolder *top);

/* After cache_hints_start, before the thread runs: when the first one begins. */
void cache_refresh_start(Cache *cache);

/* What may be done in the entry itself, which no hierarchy names (EwsRights). */
unsigned cache_refresh_top_rights(Cache *cache);

/* Any thread: begin a refresh soon. */
void cache_refresh_ask_soon(Cache *cache);

/* Begin a refresh now, or after the one that is under way. Returns its number. */
int64_t cache_refresh_ask(Cache *cache);

/* The same, and ask for the folders themselves although nothing says that they changed. */
void cache_refresh_ask_hierarchy(Cache *cache);

/* The number of the refresh that is under way or was last. */
int64_t cache_refresh_round(Cache *cache);

bool cache_refresh_is_on(Cache *cache);

/* The server tells of changes no more: it is looked soon, and the timer is what it is without. */
void cache_refresh_deaf(Cache *cache);

/* Somebody waits for this directory's listing. */
void cache_refresh_first(Cache *cache, int64_t dir);

/* Begins what is due. Returns when to be called again. */
int64_t cache_refresh_tick(Cache *cache, int64_t now_us);

void cache_refresh_stop(Cache *cache);
