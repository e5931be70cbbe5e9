/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"
#include "cache/private.h"

/*
 * What is looked at before something is removed that others may have changed meanwhile: a folder
 * that is to go must still be empty on the server, and a message that was replaced must still be
 * what it was when it was replaced; else it stays, as a message of its own.
 *
 * Sync thread.
 */

/* @leaving: of CacheIntent, own; those that may go on. Not called once the thread ends. */
typedef void (*CacheChecked)(Cache *cache, CacheTodo step, CacheKind kind, GPtrArray *leaving);

bool cache_check_is_needed(CacheTodo step, CacheKind kind);

/* Takes @leaving, whose steps the journal has as on their way. */
void cache_check(Cache *cache, CacheTodo step, CacheKind kind, GPtrArray *leaving,
	CacheChecked checked);
