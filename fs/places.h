/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Where a mount keeps its things when nobody says: $XDG_STATE_HOME/ewsfs/NAME for what must
 * not be lost, $XDG_CACHE_HOME/ewsfs/NAME for what may. cache_open makes them, 0700.
 */
struct FsConfig;

/* Sets state_dir and cache_dir where they are not set. Needs url or address, user and folder. */
void fs_places_fill(struct FsConfig *config);

/* A directory name for this mailbox and folder: readable, safe in a shell, and different for
 * everything that must not share an index. */
char *fs_places_name(const struct FsConfig *config);
