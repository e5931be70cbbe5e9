/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"
#include "cache/private.h"

/*
 * Rows of what is no more. The kernel goes on using a number for a moment after the entry went:
 * what was asked before is answered from the row, and what is open stays as it was. Then they are
 * dropped; a mount that runs for months would gather all that was ever deleted. Numbers are never
 * used again (AUTOINCREMENT), so one that somebody still holds, as his working directory perhaps,
 * names nothing from then on.
 */

/* Sync thread, inside a transaction, after each refresh: drops what was gone already at the look
 * before, and some time ago. What is open, or known to the journal, stays. */
bool cache_gone_drop(Cache *cache, CacheConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
