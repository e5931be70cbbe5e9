/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Where a mount keeps its things when nobody says: $XDG_STATE_HOME/ewsfs/NAME for what must
 * not be lost, $XDG_CACHE_HOME/ewsfs/NAME for what may. cache_open makes them, 0700.
 */
struct FsConfig;

/* Sets state_dir and cache_dir where they are not set. Needs url or address, user and folder. */
void fs_places_fill(struct FsConfig *config);

/* Adds @text, without what a shell would take for more than a letter, until the whole has @max
 * bytes. */
void fs_places_append(GString *name, const char *text, gsize max);

/* A directory name for this mailbox and folder: readable, safe in a shell, and different for
 * everything that must not share an index. */
char *fs_places_name(const struct FsConfig *config);
