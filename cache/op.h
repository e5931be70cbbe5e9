/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"
#include "cache/private.h"

/*
 * An intent's step as an op of ews/: the journal's words in those of the wire. What is sent is what
 * was recorded (sent_fields, sent_name, sent_sha256: record.c), with what the node has now.
 *
 * Sync thread, outside a transaction.
 */

/* NULL: it cannot be made, since its bytes or its row went away meanwhile. */
EwsOp *cache_op_new(Cache *cache, const CacheIntent *intent, CacheTodo step);
