/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/governor.h"
#include "ews/http.h"
#include "ews/queue.h"
#include "ews/bearer.h"

/*
 * One SOAP call that carries N ops of a kind.
 *
 * Writes the call, deals the answer out (an op is given back at the end of its own response
 * message, while the rest still streams), tells the governor how it went, and puts what is to be
 * asked again back into the queue. A call never outlives what it borrows. ews thread only.
 */
typedef struct EwsBatch EwsBatch;

typedef struct EwsBatchShared {
	EwsHttp *http;         /* borrowed, as are the others: from the session */
	EwsQueue *queue;
	EwsGovernor *governor;
	EwsBearer *bearer; /* NULL: it is not tokens that we sign in with */
	/* @op, whose answer still streams, knows what follows (op->follow). */
	void (*foreseen)(void *user, EwsOp *op);
	/* How the call went is known, ops that are left will be given back next. */
	void (*judged)(void *user);
	/* The call is over; free it. Every op has been given back or queued again. */
	void (*ended)(void *user, EwsBatch *batch);
	/* What the server says of itself. */
	void (*server)(void *user, const char *server);
	void *user;
} EwsBatchShared;

/* Takes the ops; @shared must outlive the batch. */
EwsBatch *ews_batch_send(const EwsBatchShared *shared, EwsOp *const *ops, unsigned count);
/* Gives back what is left with CANCELLED, without a word to anybody else, if it is not over. */
void ews_batch_free(EwsBatch *self);

EwsPriority ews_batch_priority(const EwsBatch *self);
EwsKindId ews_batch_kind(const EwsBatch *self);
