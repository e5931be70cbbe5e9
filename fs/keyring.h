/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * The person's keyring, by way of the program ewsfs-keyring (fs/keyring/main.c), which is there
 * when ewsfs was built with libsecret. A program of its own, since libsecret brings threads and a
 * connection to the session bus, neither of which outlives the step into the background. Without
 * it, or without a keyring that answers, there is nothing to be found. Any thread.
 */
typedef struct FsKeyringKey {
	const char *kind; /* "password", "login" */
	const char *user;
	const char *server; /* host */
} FsKeyringKey;

/* NULL where there is none. Wipe it with ews_secret_free. */
char *fs_keyring_find(const FsKeyringKey *key);

/* FALSE: there is no keyring, or it does not want to. */
bool fs_keyring_store(const FsKeyringKey *key, const char *secret);

/* Whether there was one, and it is gone. */
bool fs_keyring_forget(const FsKeyringKey *key);
