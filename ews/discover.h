/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ews/access.h"

/*
 * From a mail address to the address of its EWS (autodiscover), by a call that blocks for a minute
 * at most. A door of ews/ beside ews.h: needs no session. Any thread but the session's.
 *
 * Who is asked, and who is believed. The domain's own hosts (autodiscover.DOMAIN, DOMAIN) are asked
 * over https, at the same time, first for what they tell everybody (V2), then by POX and SOAP
 * without signing in. Where that leads to nothing, the hosts that a redirect names: of the same
 * domain, a known one or, after `accept`, any other; a redirect may come over plain http or from
 * DNS, where anybody on the way can write it. Then those who want to know who asks are told, one
 * after the other. Last of all outlook.office365.com is asked, which learns the mail address by it.
 *
 * Credentials go over https only, to hosts as above, and not to a third host after two have
 * refused them (accounts get locked). Certificates are always checked. At most ten redirects are
 * followed in a row. A 401, a silent host, an answer of nonsense ends that host's turn, not the
 * search.
 */

/* How the world is asked; the tests have another one. Called from several threads at once. */
struct EwsFetch;
struct EwsFetched;
typedef struct EwsDiscoverMeans {
	struct EwsFetched *(*fetch)(void *user, const struct EwsFetch *fetch, GError **error);
	/* Own, of char *: "host[:port]", the best first. */
	GPtrArray *(*srv)(void *user, const char *domain, GError **error);
	void *user;
} EwsDiscoverMeans;

/* All strings are borrowed for the call; all functions are called on the caller's thread. */
typedef struct EwsDiscover {
	const char *address;
	EwsTls tls;
	const char *const *known; /* hosts that were accepted before; NULL-terminated; or NULL */
	unsigned timeout_ms;      /* for each question; 0: ten seconds */

	/* Asked for at most once, when nobody says anything without them. FALSE: there are none.
	 * @ret_credentials borrows until the end of the search. NULL: never any. */
	bool (*credentials)(void *user, EwsCredentials *ret_credentials, GError **error);
	/* @from says to go on at @to (an address of a server, or a mail address), which is neither
	 * of the domain nor known. NULL: no. */
	bool (*accept)(void *user, const char *from, const char *to);
	/* What was tried and what came of it, a line each. NULL: nobody listens. */
	void (*say)(void *user, const char *line);
	/* Asked between questions: TRUE ends the search. NULL: it goes on to its end. */
	bool (*is_over)(void *user);
	void *user;

	const EwsDiscoverMeans *means; /* NULL: the network */
} EwsDiscover;

typedef struct EwsDiscovered {
	char *url;           /* own; https, printable ASCII */
	char *from;          /* own; who said so: "autodiscover.example.org" */
	GPtrArray *accepted; /* own, of char *: hosts that `accept` took, to be known next time */
} EwsDiscovered;

void ews_discovered_free(EwsDiscovered *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsDiscovered, ews_discovered_free)

/* The error lists what was tried, a line each. NOT_FOUND: nobody knows; OFFLINE, TLS: nobody was
 * reached; AUTH: somebody would say, but not to us; DENIED: what was named was not accepted;
 * UNSUPPORTED: that is no mail address. */
EwsDiscovered *ews_discover(const EwsDiscover *setup, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The part behind the @ of what may be a mail address, in lower case and ASCII; NULL if it is
 * none. Pure. */
char *ews_discover_domain(const char *address);
