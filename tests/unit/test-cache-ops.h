/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "cache/plan.h"

/*
 * What programs do, and the calls that come of it: the intents and the plan of cache/ without a
 * database, a thread or a clock.
 *
 * A row is a sequence of operations, divided by `;`, and the calls that leave until nothing is left
 * to do, as "CreateItem F1 3, DeleteItem trash 2". `leave` sends all that may leave at that moment,
 * and keeps the answers back until `answer`, or until `refuse`: not now, once more. `look` tells
 * what the plan says now, in brackets, with the milliseconds until it wants to be asked again, and
 * ends the row without sending. What the answers do to an intent is told here anew, in a few lines
 * (answer_one): that is what outcome.c and own.c must do too.
 *
 *     item A F1          the server has a message A in folder F1
 *     create A F1 [N]    a new message is finished, of N bytes
 *     write A            its content is written anew
 *     copy A B F2        cp A F2/B
 *     move A F2, rename A, flag A, read A, delete A, send A
 *     over A B           mv A B: the new message A takes B's place
 *     folder F3 TOP      the server has a folder;  mkdir F3 TOP: it has not yet
 *     trash A            A is inside Deleted Items
 *     after A B          A comes after B;  urgent A: somebody waits for it
 *     later A MS         the server asked for patience
 *     disposal N         what delete= says, a CacheDisposal
 *     wait MS            time passes
 *
 * "3*create A F1" is create A1 F1, A2, A3.
 */
void ops_check(const char *ops, const char *calls);

/* The time at which every row begins, and how many of what make a full call. */
#define OPS_BEGIN (INT64_C(1795169700) * G_USEC_PER_SEC)
extern const CachePlanLimits ops_limits;
