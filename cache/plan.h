/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"

/*
 * From intents to calls: which steps may leave now, and which of them travel together.
 *
 * A pure function of its arguments. A step may leave when it has lingered (LINGER_US since it was
 * last asked for, LINGER_MAX_US since it was first), when somebody waits for it, or when there are
 * enough of its kind for a full call; not before what it comes after; not into a folder that does
 * not exist yet, or of which is not known yet in which mailbox it is. Steps of one kind with the
 * same target (creates, moves, copies), the same way of deleting (deletes) or of any node
 * (updates), and for the same mailbox of the server (cache_intent_content), make a call, oldest
 * first, as many as the server takes well and no more than EWS_CALL_BYTES_MAX with base64 counted.
 */
#define CACHE_LINGER_US 250000
#define CACHE_LINGER_MAX_US 1000000

typedef struct CacheCall {
	CacheTodo step;
	CacheKind kind;
	GPtrArray *intents; /* own; borrowed CacheIntents */
	int64_t bytes;
} CacheCall;

void cache_call_free(CacheCall *self);

typedef struct CachePlanLimits {
	unsigned make, copy, move, update, send, remove, folder; /* ops a call */
	CacheDisposal disposal;
	bool has_trash; /* there is a Deleted Items */
} CachePlanLimits;

/* The calls that may leave at @now (microseconds since 1970), in order; of CacheCall.
 * *ret_next: when to look again if nothing happens; INT64_MAX. */
GPtrArray *cache_plan(GPtrArray *intents, const CachePlanLimits *limits, int64_t now,
	int64_t *ret_next);

/* What becomes of an item that is deleted: inside Deleted Items, trash means soft. */
CacheDisposal cache_plan_disposal(const CacheIntent *intent, CacheDisposal wanted, bool has_trash);
