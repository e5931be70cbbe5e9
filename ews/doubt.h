/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/http.h"
#include "ews/soap_read.h"

/*
 * What is known of a change that was not answered with success: the table of what may have been
 * done all the same.
 *
 * Pure functions. In doubt is whatever is not certain: who repeats a create that was done has the
 * message twice, who asks first loses a minute.
 */
typedef enum EwsCertainty {
	EWS_CERTAIN, /* not done */
	EWS_REFUSED, /* not done, and the others of the call neither: perhaps one op's fault */
	EWS_DOUBTED, /* done, or not, or not yet */
} EwsCertainty;

/* The op's own response message says @code ("": none). @is_busy: ErrorServerBusy, perhaps
 * inside. @count: ops in the call. */
EwsCertainty ews_doubt_message(EwsChange change, const char *code, bool is_busy, unsigned count);

/* Done, it has the item under another id, or a new one. */
bool ews_doubt_brings_id(EwsChange change);

/* How a call ended, for the ops that got no message of their own. */
typedef struct EwsCallEnd {
	EwsHttpFate fate;
	bool is_sent; /* the whole request was given away */
	long status;
	bool is_passing;       /* the status says to come again */
	bool is_soap;          /* the answer began as SOAP should */
	bool is_whole;         /* and ended so */
	const EwsFault *fault; /* borrowed; NULL: none */
	unsigned count;        /* ops in the call */
} EwsCallEnd;

EwsCertainty ews_doubt_call(EwsChange change, const EwsCallEnd *end);
