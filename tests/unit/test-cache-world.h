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
