/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"
#include "ews/ews.h"

/*
 * A long public folder to which something came, or in which something was changed, and no more as
 * it seems: one page of what was modified last may tell all of that, and spares the listing of the
 * whole folder.
 *
 * It is believed if the folder lost nothing (0x670B), if the page shows something new and reaches
 * down to what is known, and if the folder then has as many items as are here. What moves in with
 * the date that it had makes that many more, and is no harm. Anything else, and any doubt, is for
 * a full listing.
 *
 * Sync thread. Never asks the server.
 */

/* Is it worth a look at this folder (folder.id)? */
bool cache_glance_may_do(CacheConn *conn, int64_t folder, bool *ret_may,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Before the page is applied: does it show something new, and end with something known? */
bool cache_glance_is_news(CacheConn *conn, int64_t folder, const EwsItemSync *page,
	bool *ret_is_news, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* After it was applied: are as many here as the folder has? */
bool cache_glance_is_all(CacheConn *conn, int64_t folder, int64_t total, bool *ret_is_all,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
