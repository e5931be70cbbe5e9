/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * What an OAuth2 authority answers (RFC 6749, 8628), taken apart: tokens, a device code, or an
 * error with the likely cause and what a person can do about it. Pure; any thread.
 *
 * Errors say what to do, as everywhere: AUTH: definitely refused, a person must act; BUSY: the
 * authority has a bad moment; PROTOCOL: no answer that an authority gives. None of them holds a
 * token or what was sent.
 */

/* What a program gets to sign in with. */
typedef struct EwsTokens {
	char *access;       /* own */
	char *refresh;      /* own; NULL: none was given */
	int64_t expires_us; /* wall clock, of access; 0: not said */
} EwsTokens;

void ews_tokens_free(EwsTokens *self); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsTokens, ews_tokens_free)

/* What a person types in elsewhere, and what the program then asks with. */
typedef struct EwsDeviceCode {
	char *code;      /* own; the program's, secret */
	char *user_code; /* own */
	char *address;   /* own; https, or http on loopback */
	unsigned interval_s;
	unsigned expires_s;
} EwsDeviceCode;

void ews_device_code_free(EwsDeviceCode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsDeviceCode, ews_device_code_free)

/* A person who does not answer has this long; and never asked more often, or more seldom. */
#define EWS_DEVICE_EXPIRES_MAX_S 3600
#define EWS_DEVICE_INTERVAL_S 5
#define EWS_DEVICE_INTERVAL_MAX_S 60

typedef struct EwsAnswer {
	int status; /* of HTTP */
	const char *body;
	gsize len;
	int64_t now_us; /* wall clock */
} EwsAnswer;

/* The tokens in an answer of the token endpoint. @ret_code (or NULL) is the error's own name,
 * "authorization_pending", where there is one; owned. */
EwsTokens *ews_grant_tokens(const EwsAnswer *answer, char **ret_code,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The code in an answer of the device endpoint. */
EwsDeviceCode *ews_grant_device_code(const EwsAnswer *answer,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The error for one that an authority names, with its own words; the latter may be NULL. */
GError *ews_grant_error(const char *code, const char *words);

/* What a helper program prints: a token alone on its first line, or an object with access_token. */
EwsTokens *ews_grant_printed(const char *text, int64_t now_us,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Letters that a header can hold, and not too many of them. */
gboolean ews_grant_is_token(const char *text);
