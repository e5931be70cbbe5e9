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
 *   not done, deleted meanwhile  over
 *   the item is gone             parked               look         done                  parked
 *   refused                      parked               taken back   taken back            parked
 *
 * Sync thread.
 */

/* @answers: of CacheSent, answered. One transaction for all; should that fail, one for each. FALSE:
 * of some it could not be written down what became of them. */
bool cache_outcomes(Cache *cache, const GPtrArray *answers) G_GNUC_WARN_UNUSED_RESULT;

/* What the server refused, or a person discards, is taken back: the tree shows what the server
 * has. Inside a transaction; *intent is over after. The properties come with a GetItem. */
bool cache_outcome_take_back(Cache *cache, CacheConn *conn, CacheIntent *intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was deleted while it was on its way was certainly not made (or did not turn up). Inside a
 * transaction; what is left of *intent is about what the server had before. */
bool cache_outcome_unborn(Cache *cache, CacheConn *conn, CacheIntent *intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
