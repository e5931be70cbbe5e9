/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * What the server says by itself: that something changed, not what.
 *
 * Hints come on the ews thread, as often as the server likes. A burst is gathered, and becomes one
 * refresh; a refresh that begins takes all hints that came before with it, for it looks after them.
 * While changes of our own are being sent, hints wait for the look that follows those anyway: most
 * of them are our own changes coming back.
 *
 * Which way of telling the server was found to have is remembered in the index, so that a mount
 * does not try in vain each time; after a week, or when the server's version is another, the best
 * one is tried again.
 *
 * Sync thread, but where it says otherwise.
 */
typedef struct CacheHints CacheHints;

CacheHints *cache_hints_new(Cache *cache);
/* After the session has ended. */
void cache_hints_free(CacheHints *self);

/* Once, with the session there: from now on it is listened. Any thread. */
void cache_hints_start(Cache *cache);

/* The tree is known: where a server tells of single folders only, it is these. */
void cache_hints_choose_folders(Cache *cache);

/* Any thread: TRUE while nothing can change unheard. A backup does not rely on it, nor does a
 * mailbox that is told of folder by folder, where one may come that nobody told of. */
bool cache_hints_are_enough(Cache *cache);

/* Any thread: TRUE while the server should tell, and does not: it is to be asked from time to time,
 * whatever refresh= says, or nobody would find out that it is there again. */
bool cache_hints_are_missing(Cache *cache);

/* Any thread: TRUE while the server is expected to begin to tell of all folders. It does not need
 * what a refresh finds for that. */
bool cache_hints_are_coming(Cache *cache);

/* A refresh begins: what was hinted at before is its work. */
void cache_hints_forget(Cache *cache);

/* Asks for the refresh that is due. */
int64_t cache_hints_tick(Cache *cache, int64_t now_us);

/* Any thread. */
void cache_hints_status(Cache *cache, CacheNews *ret_news);
