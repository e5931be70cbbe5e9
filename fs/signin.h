/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ews/access.h"

/*
 * How to sign in: what auth= says, or what the server offers out of what the person has.
 *
 * auth=auto: a token_command= or a stored login means OAuth2, unless a password is given; a
 * password goes as Basic where that is offered, else as NTLM; who gives neither may have a ticket
 * that the server takes, else the password is looked for in its places, and asked for. What came
 * of it is remembered in state_dir/signin: a way for a password is not asked for again until it was
 * refused.
 *
 * Blocks, and may ask at the terminal: before any thread starts, and before the program goes into
 * the background. Needs url.
 */
struct FsConfig;
struct FsToken;

typedef struct FsSignin {
	EwsAuthKind kind;
	char *password;        /* own, or NULL; to be freed with ews_secret_free */
	struct FsToken *token; /* own, or NULL */
} FsSignin;

/* @self may have a password already. UNSUPPORTED, with what to do, where there is no way. */
bool fs_signin(FsSignin *self, const struct FsConfig *config,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* It was refused: the server is asked anew the next time. */
void fs_signin_forget(const struct FsConfig *config);

/* Borrows from @config. */
EwsTls fs_signin_tls(const struct FsConfig *config);
