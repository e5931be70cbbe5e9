/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/*
 * layout=maildir: every folder is a Maildir, cur, new and tmp beside its subfolders. The operations
 * whose names or directories look otherwise there; all others are those of the layout of files, for
 * messages are the same nodes under the same numbers. What is called how: fs/maildirname.h.
 *
 * A name is the message only with the letters of the marks that it has: programs learn from ENOENT
 * that somebody else has changed them. Renaming is what changes them, in one transaction with the
 * name and the folder.
 *
 * And layout=maildir++, where the root is one Maildir and has all folders: fs/maildirroot.h.
 */

/* Puts them into a table of operations. */
void fs_maildir_take_over(struct fuse_lowlevel_ops *ops);
