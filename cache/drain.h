/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"
#include "cache/plan.h"
#include "cache/private.h"

/*
 * The write path: from the journal to the server.
 *
 * Whenever there may be something to send, the queued intents are read, the plan (plan.c) makes
 * calls of them, and each call leaves like this: it is recorded that it does (record.c); then its
 * ops (op.c) are submitted, as one call that nobody below repeats. The answers come one by one
 * (outcome.c). Nothing is remembered here that the journal does not know but what is on its way, so
 * a new start goes on from the journal alone.
 *
 * In doubt (the answer was lost): the folder is synced until the item is seen (own.c), or until
 * settle= after the cut has passed with nothing of ours arriving any more, as of a refresh that
 * began after that; then it is sent again with the next attempt.
 *
 * Sync thread, but for poke.
 */
typedef struct CacheDrain CacheDrain;

CacheDrain *cache_drain_new(void);
void cache_drain_free(CacheDrain *self);

/* What the last run left: before the thread runs. What was on its way is in doubt; what was
 * finished and not queued is queued. */
bool cache_drain_recover(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Queues what could not be when it was closed, for want of space. Sync thread; returns when to be
 * called again. */
int64_t cache_drain_late_tick(Cache *cache, int64_t now_us);

/* While nothing is on its way: what the journal has as sent is found out, as a start does it. */
bool cache_drain_recover_sent(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Any thread: there may be something to send. */
void cache_drain_poke(Cache *cache);

/* Decides about what was answered. After each round of the inbox: one transaction for many. */
void cache_drain_settle(Cache *cache);

/* TRUE while calls are on their way, and until the look at the folders that follows them. */
bool cache_drain_is_sending(Cache *cache);

int64_t cache_drain_tick(Cache *cache, int64_t now_us);
void cache_drain_stop(Cache *cache);

/* Something of ours that was in doubt arrived: others may still be on their way. */
void cache_drain_saw_own(Cache *cache);

/* The node's bytes are in the cache, or nobody's: files/NODE goes with the commit of the sync
 * thread's transaction, and stays with a rollback (sync.c). */
void cache_drain_forget_file(Cache *cache, int64_t node);
void cache_drain_remove_files(Cache *cache);
void cache_drain_keep_files(Cache *cache);

/* --- for outcome.c, check.c ------------------------------------------------------------------- */

/* One op of a call that is on its way; and its answer. */
typedef struct CacheSent {
	int64_t node;
	CacheTodo step;
	CacheKind kind;
	unsigned attempt;
	unsigned count; /* of ops in the call */
	bool is_first;  /* nothing of it that may have been done was sent before */
	EwsOp *op;      /* own; NULL until answered */
} CacheSent;

/* The mailbox is full: no creates for a while; a delete makes room again. */
void cache_drain_set_full(Cache *cache, bool is_full);
bool cache_drain_is_full(Cache *cache);

/* A call that was refused as a whole is tried in parts: at most so many with this node. */
void cache_drain_set_part(Cache *cache, int64_t node, unsigned part);

/* What became of a step could not be written down, for want of space perhaps: it is found out as
 * after a crash, when nothing is on its way any more, and there is space. */
void cache_drain_lost(Cache *cache);

/* What fsync waits for, and what a person is told. @error: borrowed, of a step that failed for
 * good or was taken back; NULL: the intent is over. */
void cache_drain_ended(Cache *cache, int64_t node, const GError *error);
