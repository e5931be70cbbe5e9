/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>

/*
 * The only place where an error becomes an errno number, and where it is logged: an error ends
 * its way here. docs/semantics.md has the table for people.
 */

/* Positive. Anything that is not ours is EIO. */
int fs_err_number(const GError *error);

/* Answers @req. @what is the operation, for the log. */
void fs_err_reply(fuse_req_t req, const GError *error, const char *what);
