/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/unit/fake-ews.h"
#include "tests/unit/test-cache-kit.h"

/*
 * A cache with its sync thread running, and a mailbox that it is true to: what the tests of
 * refresh, sync, waiting and fetching share. The kit's own words for the sync thread's work are
 * not to be used meanwhile; looking is fine.
 */
typedef struct World {
	Kit kit;
	EwsSession *fake; /* own */
} World;

/* Three folders F1 … F3, each with items A.1, A.2 (of F1: A), whose bytes are "bytes of A.1". */
void world_open(World *world);
void world_start(World *world);
void world_close(World *world);

/* Ends the sync thread wherever it is, and begins again as after a remount. */
void world_remount(World *world);

/* One that waits; world_wait gives his error (owned), NULL for success. */
typedef struct Waiter Waiter;
Waiter *waiter_new(void);
void waiter_free(Waiter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Waiter, waiter_free)
void waiter_done(void *user, const GError *error); /* a CacheDone */
GError *waiter_wait(Waiter *self);
bool waiter_is_done(Waiter *self);

/* Waits for all to be as new as now; what went wrong is the caller's. */
GError *world_sync(World *world, bool with_bytes);
void world_sync_well(World *world);

GError *world_await(World *world, int64_t dir);
GError *world_fetch(World *world, int64_t node, CacheReason reason);

/* The tree is the mailbox: each of the NULL-terminated ItemIds, and nothing else. */
void world_assert_items(World *world, const char *folder_id, ...) G_GNUC_NULL_TERMINATED;

void world_add(World *world, const char *folder_id, const char *item_id);

/* --- writing ------------------------------------------------------------------------------ */

/* Begins a writable cache with F1 "F1" … F3 and the folders "deleteditems", "drafts" and
 * "sentitems", empty; settle= is one second, prefetch is off. It is not started yet. */
void world_open_to_write(World *world);
/* Starts, and waits until the tree is the mailbox. */
void world_start_to_write(World *world);
/* Both, with messages A "a.eml" and B "b.eml" in F1; the nodes of F1 and F2. */
void world_set_scene(World *world, int64_t *ret_one, int64_t *ret_two);
/* Flushes, syncs and closes: whatever was done, then nothing is left to be said. */
void world_close_clean(World *world);

/* A message of the server with this file name, its bytes PEN_MAIL of that. */
void world_put(World *world, const char *folder_id, const char *item_id, const char *name);
/* The node of an entry of a folder; it is there. */
int64_t world_find(World *world, const char *folder_id, const char *name);

/* fsync(2): the error is the caller's. */
GError *world_fsync(World *world, int64_t node);
void world_fsync_well(World *world, int64_t node);
EwsErrorCode world_fsync_fails(World *world, int64_t node);
/* `ewsfsctl flush`: until nothing waits. */
void world_flush(World *world);

/* Until the query (sqlite3_mprintf) gives @expected; fails the test after some seconds. */
void world_until(World *world, int64_t expected, const char *format, ...);

/* The names in a folder, by id of their nodes; and the queue. */
void world_assert_ls(World *world, const char *folder_id, const char *names);

/* So many ops that begin with @prefix were asked for. */
void world_assert_asked(World *world, const char *prefix, unsigned count);

/* The calls that changed something, in order: "CreateItem 3, DeleteItem 1". */
void world_assert_calls(World *world, const char *expected);

/* What the server has of a node's item (owned), and in which folder. */
EwsItem *world_get(World *world, int64_t node);
void world_assert_where(World *world, int64_t node, const char *folder_id);

/* The GUID of the create that waits (owned). */
char *world_guid_of(World *world, int64_t node);
/* A message with that GUID in F1, as a server that did the work late would show it. */
void world_arrive(World *world, const char *guid, unsigned attempt, const char *id,
	const char *name);
/* The server has one message with that GUID. */
void world_assert_once(World *world, const char *guid);
