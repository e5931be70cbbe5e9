/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How a server is approached: what its certificate has to be, and how we sign in there. Plain
 * records that every door of ews/ takes; all strings are borrowed for the call.
 */

/* Certificates and host names are always checked; these say against what. TLS 1.2 at least. */
typedef struct EwsTls {
	const char *cacert;        /* PEM file; NULL: the system's */
	const char *pinned_pubkey; /* "sha256//BASE64[;...]", or a PEM or DER file; NULL: any key */
	const char *client_cert;   /* PEM file; NULL: none */
	const char *client_key;    /* PEM file; NULL: in client_cert */
} EwsTls;

typedef enum EwsAuthKind {
	EWS_AUTH_BASIC,
	EWS_AUTH_NTLM,
	EWS_AUTH_NEGOTIATE, /* Kerberos: the ticket is all it takes */
	EWS_AUTH_BEARER,    /* OAuth2 */
} EwsAuthKind;

/* For a single exchange (ews/fetch.h). */
typedef struct EwsCredentials {
	EwsAuthKind kind;
	const char *user;   /* BASIC, NTLM */
	const char *secret; /* password; BEARER: the token */
} EwsCredentials;

/*
 * Where bearer tokens come from. @fetch blocks; it is called on a thread of the session's own,
 * never two at once. @is_refused: the server did not take the last one, get another, whatever its
 * expiry says. Errors: AUTH is a definite refusal and stops the session; TLS and UNSUPPORTED are
 * for a person to look at, anything else passes: it is tried again later, as a server is that
 * cannot be reached.
 */
typedef struct EwsTokenSource {
	/* Owned, and wiped when it is replaced. @ret_expires_us: wall clock; 0: not said. */
	char *(*fetch)(void *user, bool is_refused, int64_t *ret_expires_us, GError **error);
	/* Any thread: a @fetch that is under way returns soon, and so does any later one. NULL: it
	 * never takes long. */
	void (*give_up)(void *user);
	void *user;
} EwsTokenSource;
