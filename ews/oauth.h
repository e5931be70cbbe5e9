/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/grant.h"

/*
 * The ways to a token (OAuth2), each a function that blocks: device code (RFC 8628), authorization
 * code with PKCE (RFC 7636) and the address that a browser ended at, refresh, and an application
 * that signs in by itself. Keeps nothing, stores nothing, asks nobody: that is fs/token.c and
 * `ewsfsctl login`.
 *
 * Errors: OFFLINE, TLS as in ews/fetch.h; AUTH, BUSY, PROTOCOL as in ews/grant.h. Any thread but
 * the session's.
 */
typedef struct EwsOauth {
	const char *authority; /* the address that /devicecode, /authorize and /token are below */
	const char *client_id;
	const char *client_secret; /* NULL: a public client */
	const char *scope;
	const char *cacert; /* PEM file; NULL: the system's */
	unsigned timeout_s; /* of each request */
} EwsOauth;

/* https, or http on loopback; no user in it and no query: else UNSUPPORTED. */
bool ews_oauth_check(const EwsOauth *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

EwsDeviceCode *ews_oauth_begin_device(const EwsOauth *self,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Asks, as often as it may, until the person has entered the code elsewhere. An authority that is
 * away meanwhile is waited for; *is_given_up (may be NULL) ends it with CANCELLED. */
EwsTokens *ews_oauth_wait_device(const EwsOauth *self, const EwsDeviceCode *device,
	const atomic_bool *is_given_up, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One sign-in by a browser. */
typedef struct EwsBrowser {
	char *address;  /* own; where the person goes */
	char *redirect; /* own; what the address begins with that the browser ends at */
	char *state;    /* own */
	char *verifier; /* own; secret until it was used */
} EwsBrowser;

EwsBrowser *ews_oauth_begin_browser(const EwsOauth *self, const char *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ews_browser_free(EwsBrowser *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsBrowser, ews_browser_free)

/* @pasted is that address (its fragment or query has the code), or the code alone. INVALID when it
 * is neither. */
char *ews_oauth_pasted_code(const EwsBrowser *browser, const char *pasted,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
EwsTokens *ews_oauth_end_browser(const EwsOauth *self, const EwsBrowser *browser, const char *code,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The answer may have a refresh token too, and then the old one may be worth nothing any more:
 * store the new one before anything else. */
EwsTokens *ews_oauth_refresh(const EwsOauth *self, const char *refresh_token,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Client credentials. */
EwsTokens *ews_oauth_sign_in_app(const EwsOauth *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
