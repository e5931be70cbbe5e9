/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What folders are called in a layout=maildir++, where each is an entry of the root, and the names
 * that lead to it in the index. Pure functions, any thread; results are the caller's.
 *
 *   in the root     in the index, from the mounted folder down
 *   .A.B            A, B
 *   .INBOX.A        A, in the Inbox: what programs take for a folder of the same name without the
 *                   prefix is another
 *   %2E             a dot in a name
 *   %2e             what is %2E in the index already: a folder called "." there
 *   .%49nbox        Inbox, in whatever letters, that is not the Inbox
 *   .%74ext         text: what a hidden tree is called (fs/hidden.h), and .send
 *   .A.B%~HEX       what would be longer than a name can be: cut, with a number of its own
 *
 * All but the last can be read back, and no two are called the same: a `%` in the index begins two
 * capital digits always.
 */

/* @names, NULL-terminated, none empty: of the index. */
char *fs_maildirdots_make(const char *const *names, bool is_in_inbox);

/* NULL: no folder is called so, or it was cut. A strv. */
char **fs_maildirdots_parse(const char *dotted, bool *ret_is_in_inbox);

/* @dotted as it is, or cut with @ino. */
char *fs_maildirdots_fit(const char *dotted, uint64_t ino);
bool fs_maildirdots_is_cut(const char *dotted);
