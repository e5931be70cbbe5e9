/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/drain.h"

/*
 * What an answer to a step means for its intent: done, once more, in doubt, refused.
 *
 *   answer                       item: create, copy   move         update, delete, old   send
 *   success                      done                 done         done                  done
 *   certainly not done, passing  again, later         same         same                  same
 *   in doubt                     look, then again     again        again                 look, ask
 *   the item is gone             parked               look         done                  parked
 *   refused                      parked               taken back   taken back            parked
 *
 * Sync thread.
 */

/* @op is the answered op of @sent. */
void cache_outcome(Cache *cache, const CacheSent *sent, EwsOp *op);

/* What the server refused, or a person discards, is taken back: the tree shows what the server
 * has. Inside a transaction; *intent is over after. The properties come with a GetItem. */
bool cache_outcome_take_back(Cache *cache, CacheConn *conn, CacheIntent *intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
