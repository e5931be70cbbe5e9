/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Where the password comes from: a file that nobody else can read, a command, or the person at
 * the terminal. Never from the command line or the environment, which others can see.
 *
 * Before any thread starts, and before the program goes into the background: the command and the
 * question may need the terminal.
 */
struct FsConfig;

/* The password, or what is wrong with the place it should come from. */
char *fs_password_get(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Wipes and frees. NULL is fine. */
void fs_password_free(char *password);
