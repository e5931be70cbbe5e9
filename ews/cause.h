/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ews/access.h"

/*
 * Why a server refused us, as far as its answer shows: the one table of likely causes (401, 403),
 * in words that say what to do. What an authority says when it gives no token is in ews/grant.c.
 * Pure; any thread.
 */
typedef struct EwsRefusal {
	const char *url;
	long status;    /* 401 or 403 */
	bool is_signed; /* with credentials, of this kind: */
	EwsAuthKind kind;
	unsigned offered;        /* EWS_OFFER bits of the answer */
	const char *diagnostics; /* X-MS-DIAGNOSTICS; NULL: none */
} EwsRefusal;

/* AUTH or DENIED. */
GError *ews_cause_error(const EwsRefusal *refusal);

/* The server pointed to @target (NULL: nowhere), where nobody goes: PROTOCOL, for a person to judge
 * the address; BUSY where it is Exchange's page of errors, which passes. */
GError *ews_cause_redirect(const char *url, long status, const char *target);
