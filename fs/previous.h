/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * The ewsfs that has our state directory, as seen by the next one that is to have it: one that is
 * on its way out sends what it still has, and is waited for.
 *
 * Main thread, while nothing is mounted yet.
 */
typedef struct FsPrevious FsPrevious;

/* @patience_s: how long one that is still sending is waited for. */
FsPrevious *fs_previous_new(const char *state_dir, unsigned patience_s);
void fs_previous_free(FsPrevious *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsPrevious, fs_previous_free)

/* After cache_open said BUSY (@busy). Asks the other; sleeps a moment and returns TRUE when it is
 * worth trying again. Says once, at the terminal too, what is waited for. */
bool fs_previous_wait(FsPrevious *self, const GError *busy, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;
