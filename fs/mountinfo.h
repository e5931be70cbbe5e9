/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * What is mounted where, as /proc/self/mountinfo says. Looks at no mount: a dead one costs
 * nothing. Shared by ewsfs and ewsfsctl; knows no FUSE.
 */
#define FS_MOUNT_TYPE "fuse.ewsfs"

typedef struct FsMountEntry {
	char *path;   /* own; without the octal escapes */
	char *type;   /* own */
	char *source; /* own */
} FsMountEntry;

/* All mounts, in the order they were made, so that the last one at a path is the one seen. */
GPtrArray *fs_mountinfo_read(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same out of text. For tests. */
GPtrArray *fs_mountinfo_parse(const char *text);

/* The entry that is seen at @path, or NULL. Borrowed from @entries. */
const FsMountEntry *fs_mountinfo_at(GPtrArray *entries, const char *path);

/* The entry whose tree @path (absolute, without "..") lies in, or NULL. */
const FsMountEntry *fs_mountinfo_above(GPtrArray *entries, const char *path);

/* TRUE for a mount of ours. */
bool fs_mountinfo_is_ours(const FsMountEntry *entry);

/* What of @path lies below @mountpoint, without a leading slash; NULL when it does not. */
const char *fs_mountinfo_below(const char *mountpoint, const char *path);
