/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ews/access.h"

/*
 * The ways to sign in that a server offers (WWW-Authenticate), and those that we have.
 *
 * Asking is a request without credentials (two where the first offers neither Basic nor OAuth2,
 * which some servers only mention to those who come with it); it blocks, like ews/fetch.h. Any
 * thread but the session's.
 */
typedef struct EwsOffer {
	unsigned kinds;          /* bits, EWS_OFFER(kind) */
	bool is_open;            /* it let us in without: by the client certificate, say */
	char *authorization_uri; /* own; https; where Bearer tokens come from; NULL: not said */
} EwsOffer;

#define EWS_OFFER(kind) (1u << (kind))

/* Who is asked; all borrowed for the call. */
typedef struct EwsAsked {
	const char *url;
	EwsTls tls;
	bool is_http_fine;   /* http to elsewhere than loopback; not with credentials */
	unsigned timeout_ms; /* for each request; 0: twenty seconds */
} EwsAsked;

/* Errors: as ews_fetch; UNSUPPORTED where there is no EWS, DENIED, BUSY, PROTOCOL (a redirect). */
EwsOffer *ews_offer_ask(const EwsAsked *asked, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Does it let us in with these? FALSE with AUTH: no. Other errors: as above. */
bool ews_offer_try(const EwsAsked *asked, const EwsCredentials *credentials,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

EwsOffer *ews_offer_new(void);
void ews_offer_free(EwsOffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsOffer, ews_offer_free)

/* What one WWW-Authenticate header says, of one challenge or several. */
void ews_offer_add(EwsOffer *self, const char *challenges);

/* "NTLM, Negotiate"; "nothing that is known here". Owned. */
char *ews_offer_words(unsigned kinds);

/* "Basic", as the server calls it. */
const char *ews_offer_name(EwsAuthKind kind);
/* Has this libcurl that way? */
bool ews_offer_can(EwsAuthKind kind);
