/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * Whether the server understands AQS, as it was found out once and is remembered: of this server,
 * in this version. Sync thread.
 */
typedef enum CacheAqs {
	CACHE_AQS_UNKNOWN,
	CACHE_AQS_YES,
	CACHE_AQS_NO,
} CacheAqs;

CacheAqs cache_aqs_recall(Cache *cache);
void cache_aqs_remember(Cache *cache, CacheAqs aqs);
