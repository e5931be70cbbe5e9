/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ews/oauth.h"

/*
 * With whom an account signs in by OAuth2, and as which program: what tenant=, authority=,
 * client_id=, client_secret_file= and scope= say, and what they do not.
 */
struct FsConfig;

typedef struct FsAuthority {
	char *server;        /* own; whom the tokens are for: host, and port where it has one */
	char *authority;     /* own */
	char *client_id;     /* own */
	char *client_secret; /* own; NULL: none */
	char *scope;         /* own */
	EwsOauth oauth;      /* of the above, and what borrows from the configuration */
} FsAuthority;

/* Whom the tokens of this account are for. */
char *fs_authority_server(const struct FsConfig *config);

/* The application's own secret, of client_secret_file= or handed over by systemd. NULL without an
 * error where there is none. Free it with ews_secret_free. */
char *fs_authority_secret(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether there is one, good or not. */
gboolean fs_authority_has_secret(const struct FsConfig *config);

/* The certificates that the authority is checked against (PEM file); NULL: the system's. */
const char *fs_authority_cacert(const struct FsConfig *config);

/* @is_app: the program signs in by itself. Errors: UNSUPPORTED, with what is missing; AUTH for the
 * file of the secret. Keeps what it borrows from @config. */
FsAuthority *fs_authority_new(const struct FsConfig *config, gboolean is_app,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_authority_free(FsAuthority *self); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsAuthority, fs_authority_free)
