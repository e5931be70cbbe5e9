/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

#include "fs/fs.h"

/*
 * The root of a layout=maildir++: cur, new and tmp there are the Inbox's, or those of the mounted
 * folder where the Inbox is not in it, and every other folder, however deep, is an entry, called as
 * fs/maildirdots.h says. Any thread; asks the index only.
 *
 * What folders are called depends on those above: with one that is renamed, here or elsewhere,
 * others are. So the kernel keeps only names that depend on no other (fs_maildirroot_kept).
 */

/* Whether there is one. */
bool fs_maildirroot_is(const Fs *fs);

/* Whose messages are in the root; NULL: @error. */
CacheNode *fs_maildirroot_dir(const Fs *fs, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the folder that the root shows as @dotted is, or would be: its name, in the directory
 * *ret_up, which is 0 where that one is not there either. NULL without an error: no folder can be
 * called so. Owned. */
char *fs_maildirroot_find(const Fs *fs, const char *dotted, int64_t *ret_up,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where fs_maildirroot_find gave none: makes the folders above one that is to be called @dotted, as
 * far as they are missing; the last of them. */
bool fs_maildirroot_make_way(const Fs *fs, const char *dotted, int64_t *ret_up,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the root shows the directory as; owned. NULL: as nothing, as the root itself. */
char *fs_maildirroot_name(const Fs *fs, const CacheNode *dir);

/* What the root shows @name in @dir as, where the kernel may keep that, and is to be told when it
 * is so no more; owned. NULL: it may not. */
char *fs_maildirroot_kept(Cache *cache, int64_t dir, const char *name);

/* Of the root, where @attr is the mounted folder's: its links, and the younger time. */
void fs_maildirroot_fit(const Fs *fs, struct stat *attr);
