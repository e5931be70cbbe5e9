/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"

/*
 * The folders as FindFolder told of them (of EwsFolder), compared: with what it told the last time,
 * and with what is here.
 */

/* What find said of the folders themselves, as one word: as long as it stays, so do they.
 * @top_rights: what may be done in the top one, of which it does not tell. */
char *cache_found_print(const GPtrArray *found, unsigned top_rights);

/* Whether each folder is called here as the server says, and is where it says. While the journal
 * holds changes, that says nothing: TRUE. */
bool cache_found_is_here(const GPtrArray *found, CacheConn *conn, bool *ret_same,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
