/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Where the bearer tokens of a mount come from (the EwsTokenSource of ews/access.h): token_command=
 * else the application's own secret (client_secret_file= or systemd's, with impersonate=), else
 * what `ewsfsctl login` stored (fs/login.h), which is renewed by one process at a time.
 */
struct FsConfig;
typedef struct FsToken FsToken;

/* Whether there is any of them for this account. Needs url. */
bool fs_token_is_there(const struct FsConfig *config);

/* Keeps @config. AUTH, with what to do, where there is none of them. */
FsToken *fs_token_new(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_token_free(FsToken *self);

/* EwsTokenSource.fetch; @user is a FsToken. Blocks. */
char *fs_token_fetch(void *user, bool is_refused, int64_t *ret_expires_us, GError **error);
/* EwsTokenSource.give_up: a command is killed, and no lock is waited for. A request that is under
 * way has its own end (timeout=): what it brings may be the one good refresh token. Any thread. */
void fs_token_give_up(void *user);
