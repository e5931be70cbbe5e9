/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/local.h"

/*
 * Bytes that are made safe before the transaction begins that says that they are sent: the disk
 * takes its time for that, and each program that changes something would wait for the writer's lock
 * meanwhile. Inside the transaction it is asked whether they are still the same.
 *
 * Sync thread. Nothing is remembered beyond one call.
 */

typedef struct CacheSafe CacheSafe;

/* Checks what is finished of @nodes against its row, and makes it safe. What could not be is left
 * out: it is looked at again, with its error, inside the transaction. */
CacheSafe *cache_safe_new(CacheLocals *locals, const int64_t *nodes, size_t count);
void cache_safe_free(CacheSafe *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheSafe, cache_safe_free)

/* Inside the transaction: are the bytes, of which @row speaks, those that were made safe? */
bool cache_safe_has(const CacheSafe *self, int64_t node, const CacheLocalRow *row);
