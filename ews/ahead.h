/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * One step ahead of those who go through pages.
 *
 * A page of SyncFolderItems begins with the state that the next page will be asked for with. So
 * while a page still streams and is read, the next one is already asked for (by a "runner", an op
 * like any other), and server and reader work at the same time. When the submitter then asks for
 * that very page, its op takes over what the runner got, or waits for it. Nobody outside notices,
 * but for the time.
 *
 * Only one step: a runner's own next page is not asked for before the runner was claimed. What is
 * never claimed (a page that failed at its end) is forgotten when others come. ews thread only.
 */
typedef struct EwsAhead EwsAhead;

typedef struct EwsAheadOut {
	/* Puts an op that has no serial or priority question left into the queue. */
	void (*send)(void *user, EwsOp *op);
	/* A runner becomes as urgent as its claimant. */
	void (*raise)(void *user, uint64_t serial, EwsPriority priority);
	/* A new serial. */
	uint64_t (*serial)(void *user);
	void *user;
} EwsAheadOut;

EwsAhead *ews_ahead_new(const EwsAheadOut *out);
/* Every runner must have been answered. */
void ews_ahead_free(EwsAhead *self);

/* @op, whose answer still streams, has op->follow. */
void ews_ahead_foresee(EwsAhead *self, EwsOp *op);

/* TRUE: there is a runner for what @op asks for. The op is taken and will be given back, or has
 * been, or is sent by itself should the runner fail. */
bool ews_ahead_claim(EwsAhead *self, EwsOp *op);

/* A claimant becomes more urgent. */
void ews_ahead_raise(EwsAhead *self, uint64_t serial, EwsPriority priority);
