/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * What becomes of an op that got no answer of its own: asked again, or given back with its error.
 *
 * Every way of asking again is bounded for each op, so nothing goes round for ever whatever a
 * server does. ews thread only.
 */
typedef enum EwsTrouble {
	EWS_TROUBLE_NONE,     /* its error is its answer */
	EWS_TROUBLE_BUSY,     /* the server wants rest */
	EWS_TROUBLE_SURPLUS,  /* the server took only some of the call */
	EWS_TROUBLE_STOPPED,  /* the server stopped before it */
	EWS_TROUBLE_MISSING,  /* the answer was whole, but had no message for it */
	EWS_TROUBLE_BROKEN,   /* the connection broke, or the answer makes no sense: may pass */
	EWS_TROUBLE_REJECTED, /* the server refused the call, perhaps for one op's sake */
	EWS_TROUBLE_TOO_MUCH, /* what the call asked for was more than the server can do at once */
} EwsTrouble;

/* TRUE: queue it again (the op now knows in how big a batch). FALSE: give it back. @count is the
 * number of ops that shared the trouble; for SURPLUS, the number that was taken. */
bool ews_settle(EwsOp *op, EwsTrouble trouble, unsigned count);
