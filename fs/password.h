/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Which password it is that signs in: password_file=, password_command=, what systemd handed over,
 * the keyring, or the person at the terminal, in this order. Where each of them is: fs/secret.h.
 *
 * Before any thread starts, and before the program goes into the background: the command and the
 * question may need the terminal.
 */
struct FsConfig;

/* Without asking anybody. NULL without an error where there is none. */
char *fs_password_find(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* From the person, where there is one. */
char *fs_password_ask(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The password, or what is wrong with the place it should come from. Wipe it with
 * ews_secret_free. */
char *fs_password_get(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
