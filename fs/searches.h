/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "fs/fs.h"
#include "fs/park.h"

/*
 * The searches that people look at: what was asked for, where, and what was found last. Each has a
 * serial number that is never used again; the least looked at are forgotten when there are many,
 * and looked up anew under another number.
 *
 * What was found is kept as ids of nodes, in an immutable and counted list, so that a listing that
 * is under way stays what it is; the names in it are made when they are first wanted.
 *
 * Any thread. One lock, held for a few pointers only.
 */
typedef struct FsSearches FsSearches;
typedef struct FsFound FsFound;

FsSearches *fs_searches_new(void);
/* After the cache is gone, which may still answer until then. */
void fs_searches_free(FsSearches *self);

typedef struct FsSearchPlace {
	int64_t dir;      /* in which, and below which, is searched */
	bool is_in;       /* stands in a directory in:… */
	FsFound *found;   /* own; NULL: nothing was found yet, not even nothing */
	bool is_fresh;    /* found within refresh= seconds */
	int64_t found_at; /* microseconds since 1970; 0: never */
} FsSearchPlace;

/* The serial number of what @query finds, the same one as long as it is remembered. */
int64_t fs_searches_open(FsSearches *self, int64_t dir, bool is_in, const char *query);

/* FALSE when it is forgotten. */
bool fs_searches_get(FsSearches *self, const Fs *fs, int64_t serial, FsSearchPlace *ret_place);
void fs_search_place_clear(FsSearchPlace *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsSearchPlace, fs_search_place_clear)

/* Searches, or joins one that is under way; @parked has entered. */
void fs_searches_await(FsSearches *self, const Fs *fs, int64_t serial, FsParked *parked);

/* --- what was found ------------------------------------------------------------------------ */

FsFound *fs_found_new(const GArray *nodes);
FsFound *fs_found_ref(FsFound *self);
void fs_found_unref(FsFound *self);

/* Ids grow. */
guint fs_found_count(const FsFound *self);
int64_t fs_found_node(const FsFound *self, guint index);

/* The file's own name, with a suffix where another has that name too. NULL: it was gone when names
 * were made. Borrowed. */
const char *fs_found_name(FsFound *self, const Fs *fs, guint index);
/* 0: there is none of that name. */
int64_t fs_found_find(FsFound *self, const Fs *fs, const char *name);
