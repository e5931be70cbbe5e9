/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A sign-in that lasts: what `ewsfsctl login` got, and every mount of the account goes on with.
 *
 * One for each user and server, in the keyring where there is one, else in
 * $XDG_DATA_HOME/ewsfs/login/NAME, which only its owner can read. The server is part of it since a
 * token is shown to nobody but whom it is for. A file is there in either case, and a lock beside
 * it: refresh tokens are good for one use, so whoever uses one holds the lock, reads, uses, and
 * saves the next before anything else. Any thread.
 */
typedef struct FsLogin {
	char *user;         /* own */
	char *server;       /* own; host, and port where it has one */
	char *authority;    /* own; with whom and how: what the refresh token is bound to */
	char *client_id;    /* own */
	char *scope;        /* own */
	char *refresh;      /* own; NULL: none was given */
	char *access;       /* own; NULL: none */
	int64_t issued_us;  /* wall clock */
	int64_t expires_us; /* wall clock; 0: not said */
	bool is_in_keyring;
} FsLogin;

void fs_login_free(FsLogin *self); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsLogin, fs_login_free)

bool fs_login_is_there(const char *user, const char *server);

/* NULL without an error where there is none. AUTH: it cannot be used; BUSY: the keyring does not
 * answer. */
FsLogin *fs_login_load(const char *user, const char *server,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Durable when it returns. Where the keyring does not take it any more, the file does. */
bool fs_login_save(FsLogin *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* FALSE with NOT_FOUND where there was none. */
bool fs_login_forget(const char *user, const char *server,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits until nobody else has it. Who has it may wait for the network, for @timeout_s, and save
 * then: BUSY after twice that. CANCELLED when *is_given_up (which may be NULL). -1 with an error.
 * Close it with fs_login_unlock. */
int fs_login_lock(const char *user, const char *server, unsigned timeout_s,
	const atomic_bool *is_given_up, GError **error);
void fs_login_unlock(int lock);
