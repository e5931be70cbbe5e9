/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "ews/access.h"

/*
 * The way to the public folders of an Exchange (2013 and later), which keeps them in mailboxes: one
 * that knows their hierarchy, which may be another for each user, and any number that have what is
 * in them. Requests are to say which they are for (X-AnchorMailbox, X-PublicFolderMailbox); which
 * that is, autodiscover tells ("Route public folder hierarchy requests", "Route public folder
 * content requests" at learn.microsoft.com).
 *
 * Asked is the very server that EWS is on, which has seen the credentials or is about to, by POX;
 * by a call that blocks. Any thread but the session's.
 */
typedef enum EwsDestination {
	EWS_TO_MAILBOX,   /* none of them */
	EWS_TO_HIERARCHY, /* that which knows all folders */
	EWS_TO_CONTENT,   /* that which has what is in them */
} EwsDestination;

typedef struct EwsRoute {
	char *anchor;  /* own; mail address of the mailbox with the hierarchy */
	char *mailbox; /* own; the same as GUID@domain */
} EwsRoute;

typedef struct EwsRouteQuestion {
	const char *url;     /* of EWS */
	const char *address; /* whose public folders */
	const EwsCredentials *credentials;
	EwsTls tls;
	bool is_http_fine;
	unsigned timeout_ms;            /* for each of two questions */
	const atomic_bool *is_given_up; /* TRUE: ends soon, with CANCELLED; or NULL */
} EwsRouteQuestion;

/* NOT_FOUND: the server does not say, as old ones and others than Exchange. AUTH: not to us. */
EwsRoute *ews_route_find(const EwsRouteQuestion *question,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* May it stand in a header as a mail address? */
bool ews_route_is_address(const char *text);
/* NULL unless both are mail addresses, as may stand in a header, the second one with a GUID. */
EwsRoute *ews_route_new(const char *anchor, const char *mailbox);
EwsRoute *ews_route_copy(const EwsRoute *self);
void ews_route_free(EwsRoute *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsRoute, ews_route_free)

/* Is what this public folder mailbox has (by its GUID) on the route too? NULL is not. */
bool ews_route_leads_to(const EwsRoute *self, const char *guid);

/* What autodiscover is asked about for the public folder mailbox with this GUID: GUID@domain, of
 * the domain that the route's own is called by. Owned; NULL: that is no GUID. */
char *ews_route_content(const EwsRoute *self, const char *guid);
/* The mail address of the mailbox that is asked about so; owned. NOT_FOUND, PROTOCOL: the server
 * knows none; AUTH: it says nothing to us; any other error passes. */
char *ews_route_find_content(const EwsRouteQuestion *question,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What was answered so before, by the address of EWS and the GUID: both are called on a thread of
 * the session's own, never two at once. NULL: nothing is remembered. */
typedef struct EwsContentMemory {
	char *(*recall)(void *user, const char *url, const char *guid); /* owned; NULL: nothing */
	void (*remember)(void *user, const char *url, const char *guid, const char *address);
	void *user;
} EwsContentMemory;

/* What POX says of a mailbox; NULL where it says nothing. Pure. */
typedef struct EwsRouteSaid {
	char *address;   /* own; AutoDiscoverSMTPAddress: of whom was asked about */
	char *hierarchy; /* own; PublicFolderInformation */
	char *server;    /* own; what protocol EXCH calls the server: GUID@domain */
} EwsRouteSaid;
bool ews_route_read(const char *data, size_t len, EwsRouteSaid *ret_said,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ews_route_said_clear(EwsRouteSaid *self);
