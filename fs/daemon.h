/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Into the background, but not before the mount answers.
 *
 * The parent stays at the terminal until the child says it is ready, and leaves with 0; a child
 * that ends before has printed its line, and the parent leaves with the child's exit code. Until
 * then the child stays in the terminal's session, so that Ctrl-C ends both, and dies with the
 * parent. Forks: call before any thread starts.
 */

/* Returns in the child only, with the descriptor for fs_daemon_ready. */
bool fs_daemon_start(int *ret_ready, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The thread that called fs_daemon_start: leaves the terminal and lets the parent go. Closes
 * @ready. */
void fs_daemon_ready(int ready);
