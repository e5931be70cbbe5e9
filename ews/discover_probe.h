/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "ews/discover.h"
#include "ews/discover_read.h"

/*
 * One who is asked, and all that is asked of him in turn; several at the same time, each on a
 * thread of its own. Believes nobody: what was said is for ews/discover.c to judge. Sends
 * credentials only when it is given some, and over https only.
 */

/* What all probes of a search share. Const while they run, but for is_given_up. */
typedef struct EwsDiscoverAsker {
	const EwsDiscoverMeans *means; /* borrowed */
	const EwsTls *tls;             /* borrowed */
	const char *address;           /* borrowed; the mail address that is looked for */
	unsigned timeout_ms;
	int64_t deadline_us;
	atomic_bool is_given_up;
} EwsDiscoverAsker;

typedef enum EwsDiscoverRole {
	EWS_DISCOVER_JSON, /* V2: what everybody may know */
	EWS_DISCOVER_HOST, /* POX, then SOAP */
	EWS_DISCOVER_HTTP, /* does plain http lead on? */
	EWS_DISCOVER_SRV,  /* does DNS? */
} EwsDiscoverRole;

typedef struct EwsDiscoverProbe {
	EwsDiscoverRole role;
	char *host;                        /* own; "host[:port]"; of SRV the domain */
	char *pox_url;                     /* own; NULL: the usual one */
	unsigned hops;                     /* redirects that led here */
	const EwsCredentials *credentials; /* borrowed; NULL: asked without */

	/* What came of it. */
	EwsDiscoverSaid said;
	GPtrArray *hosts;   /* own; of SRV; NULL */
	GPtrArray *notes;   /* own, of char *: a line for each question */
	bool is_reached;    /* somebody answered something */
	bool is_distrusted; /* its certificate is not */
	bool asks_who;      /* 401: it may say more to whom it knows */
	bool asks_by_soap;
	bool has_refused; /* 401 to the credentials */
} EwsDiscoverProbe;

EwsDiscoverProbe *ews_discover_probe_new(EwsDiscoverRole role, const char *host, unsigned hops);
void ews_discover_probe_free(EwsDiscoverProbe *self);

/* Asks; blocks. */
void ews_discover_probe_run(EwsDiscoverProbe *self, EwsDiscoverAsker *asker);

/* Runs all of them at once, until the first in the order of the array that knows the address has
 * all before it out of its way, or all have ended. */
void ews_discover_probe_all(GPtrArray *probes, EwsDiscoverAsker *asker);
