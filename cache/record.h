/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/plan.h"
#include "cache/private.h"

/*
 * The journal says that a call is sent before it is: its bytes are made safe (safe.c), then one
 * durable commit records each intent as "sending", with what it carries, where it leads and which
 * attempt it is. So what a start finds "sending" may have been done, and nothing else was.
 *
 * Sync thread.
 */

/* @ret_leaving (owns CacheIntent) gets those that leave, read again: a program may have changed its
 * mind since the call was planned. What cannot be sent is failed here. */
bool cache_record(Cache *cache, const CacheCall *call, GPtrArray *ret_leaving,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
