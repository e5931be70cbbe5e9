/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * What messages are marked with (CACHE_MARK_). SEEN and FLAGGED are properties of the item, and
 * sent; the rest is node.marks. There DRAFT means the contrary of what the server says, since it
 * cannot be told otherwise.
 */

/* Exactly @marks; the directory's time moves if these are others. Inside a transaction. */
bool cache_marks_set(Cache *cache, CacheConn *conn, const CacheNode *node, uint64_t marks,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
