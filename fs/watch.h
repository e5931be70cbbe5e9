/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * What `ewsfsctl watch` is told: changes that somebody else made, as they are seen.
 *
 * The cache's changes are gathered until the refresh that found them is over, since only then it
 * is known what was moved, and what is gone; then each node has at most one place event (new,
 * gone, moved) and one of its own (changed, attributes), a line of JSON for each watcher:
 *
 *   {"progress": {"event": "moved", "path": "/A/a.eml", "old_path": "/Inbox/a.eml", "inode": 7}}
 *
 * A watcher who does not read fast enough loses events, and is told so ("overflow"), as inotify
 * does it. Nothing is kept while nobody watches.
 *
 * take is for any thread; the rest is of the control thread, which serves the watchers.
 */
typedef struct FsWatch FsWatch;
struct Cache;
struct CacheChange;

FsWatch *fs_watch_new(struct Cache *cache);
/* After the last watcher, and after cache_stop. */
void fs_watch_free(FsWatch *self);

/* Borrowed: copied where somebody wants to know. */
void fs_watch_take(FsWatch *self, const struct CacheChange *change);

/* How many watch. Any thread. */
unsigned fs_watch_count(FsWatch *self);

/* Readable when deliver has something to do; borrowed. */
int fs_watch_fd(const FsWatch *self);

/* Hands what is settled to the watchers. Returns the milliseconds after which it is to be called
 * again; -1: when fd says so. */
int fs_watch_deliver(FsWatch *self);

/* One who watches, and what he has not read yet. */
typedef struct FsWatcher FsWatcher;

/* @below: a path below the mount point, "" for all; he is told of it and of what is below it. */
FsWatcher *fs_watcher_new(FsWatch *watch, const char *below);
void fs_watcher_free(FsWatcher *self);

bool fs_watcher_has_output(const FsWatcher *self);
/* As much of it as @fd takes. FALSE: nobody reads there any more. */
bool fs_watcher_write(FsWatcher *self, int fd);
