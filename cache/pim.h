/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/download.h"
#include "cache/private.h"

/*
 * Events, tasks and contacts: what is called .ics or .vcf has iCalendar or vCard in it, whatever
 * the server gives.
 *
 *   its MIME is that already                  as it is, byte for byte
 *   its MIME is a message with a calendar     that part, as UTF-8
 *   it has other MIME, or none                made of the item's properties (view/pim.h), which
 *                                             take a second request
 *
 * This stands between the download and the store, so that length, digest and content number are
 * those of what is shown. Mail never comes here. Sync thread.
 */

/* The MIME of a node has come, or was refused: @op. What is to be asked next for it: the
 * properties, or, where they were let go and are needed, its bytes once more. */
typedef enum CachePimNext {
	CACHE_PIM_DONE,    /* @download has its content, or @op an error that stays */
	CACHE_PIM_HOLD,    /* the MIME, to be held */
	CACHE_PIM_DETAILS, /* *ret_details: the op */
} CachePimNext;

/* @ret_item_id: with HOLD; owned. */
CachePimNext cache_pim_look(Cache *cache, EwsOp *op, CacheDownload *download, EwsOp **ret_details,
	char **ret_item_id);

/* The properties have come: their content goes into @download. */
bool cache_pim_make(Cache *cache, EwsOp *op, CacheDownload *download,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
