/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Whether we may mount where the user says, before anything else is tried. A mount of ours that
 * died there (a crash, kill -9) is taken away first.
 */

/* The absolute path, or what is wrong with it. */
char *fs_mountpoint_prepare(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes a mount away without waiting for those who still use it. */
bool fs_mountpoint_detach(const char *path);
