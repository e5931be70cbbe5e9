/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "ews/access.h"

/*
 * One GET or POST, by a call that blocks until its deadline: for what happens before there is a
 * session (discovery, what a server offers, tokens). HTTP/1.1, a connection of its own, no cookies.
 * Certificates are always checked, and a redirect is never followed: where it points is told.
 * Any status is an answer; what it means is the caller's to say. Never logs what it sends or gets.
 *
 * Any thread but the session's; several may fetch at the same time.
 */

typedef struct EwsFetch {
	const char *url;
	const char *body;                  /* POSTed; NULL: a GET */
	const char *content_type;          /* of body */
	const char *const *headers;        /* NULL-terminated, "Name: value"; or NULL */
	const EwsCredentials *credentials; /* NULL: none */
	EwsTls tls;
	bool is_http_fine;              /* http to elsewhere than loopback; not with credentials */
	unsigned timeout_ms;            /* for all of it; 0: EWS_FETCH_TIMEOUT_MS */
	size_t body_max;                /* of the answer, uncompressed; 0: EWS_FETCH_BODY_MAX */
	const atomic_bool *is_given_up; /* TRUE: ends soon, with CANCELLED; or NULL */
} EwsFetch;

#define EWS_FETCH_TIMEOUT_MS 20000
#define EWS_FETCH_BODY_MAX (1 << 20)

typedef struct EwsFetched {
	int status;
	char *body; /* own, NUL-terminated; wiped when freed */
	size_t len;
	char *location;     /* own; where a redirect points, in full; NULL: it is none */
	GPtrArray *headers; /* own, of "Name: value": those of the last answer */
} EwsFetched;

/* Errors: OFFLINE (also for the deadline), TLS, UNSUPPORTED (the address), PROTOCOL (too long),
 * CANCELLED. */
EwsFetched *ews_fetch(const EwsFetch *fetch, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The @index-th header of this name (in any case), from 0; NULL: no such. Borrowed. */
const char *ews_fetched_header(const EwsFetched *self, const char *name, unsigned index);

void ews_fetched_free(EwsFetched *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsFetched, ews_fetched_free)
