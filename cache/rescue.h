/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/db.h"

/*
 * What becomes of a broken index. The mailbox can be had anew from the server; what the server does
 * not have yet cannot. So before a new index is begun, everything that can still be read of the
 * journal, and every file in state_dir/files, is saved aside in state_dir/rescued-DATE/: the files
 * under the names and in the folders that they had, and a README that says what was to be done. The
 * broken index is kept as index.db.broken-DATE. Nothing of it is sent: the journal that is left
 * may be an old one, and what it asks for may have been done. A person looks, and removes the
 * directory; until then each mount and the status speak of it.
 *
 * The order is safe against a kill: the rescued things are complete under their name before the
 * index moves, and the files go from where they were after that. Twice is possible, never not at
 * all.
 */

/* Opens state_dir/index.db. Broken: saves aside what is unsent, and opens a new one. */
CacheDb *cache_rescue_open(const char *state_dir, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Directories that hold what was only here and that a person must look at: rescued-DATE, and `lost`
 * (local.h). Sorted paths, owned, NULL-terminated. Any thread. */
char **cache_rescue_list(const char *state_dir);
