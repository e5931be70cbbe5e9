/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/governor.h"
#include "ews/http.h"
#include "ews/bearer.h"

/*
 * The life of a watch (ews_watch in ews/ews.h): subscribed as long as the session is online, by the
 * best way that the server has.
 *
 * Takes its turn in the loop of the session, reads how the session is from the governor, and tells
 * it what a stream heard of busy servers and refused passwords. Its other requests go through the
 * queue like everybody's; but what would be the first to ask a server that is away is not for it.
 * ews thread only.
 */
typedef struct EwsWatch EwsWatch;

typedef struct EwsWatchSetup {
	EwsPush first;
	unsigned pull_s;
	EwsNews news;
} EwsWatchSetup;

typedef struct EwsWatchOut {
	/* Takes @op into the queue, in the background; @done gets it back with the watch. Returns
	 * its serial. */
	uint64_t (*send)(void *user, EwsOp *op, EwsOpDone done, EwsWatch *watch);
	/* Gives an op that has not left yet back with CANCELLED. */
	void (*withdraw)(void *user, uint64_t serial);
	/* The watch is another: whoever hears of it next may ask how it is. */
	void (*changed)(void *user);
	EwsHttp *http; /* borrowed, as are the others: from the session */
	EwsGovernor *governor;
	EwsBearer *bearer; /* or NULL */
	unsigned timeout_s;
	void *user;
} EwsWatchOut;

EwsWatch *ews_watch_new(const EwsWatchSetup *setup, const EwsWatchOut *out);
/* Every op must have been given back. */
void ews_watch_free(EwsWatch *self);

/* One turn: begins what is due at @now (monotonic), ends what is overdue. */
void ews_watch_run(EwsWatch *self, int64_t now);
/* Takes @ids, NULL-terminated: which folders are to be told of, from now on. */
void ews_watch_choose(EwsWatch *self, char **ids);
/* The machine has slept: a stream that was open is dead, whether it says so or not. */
void ews_watch_woke(EwsWatch *self, int64_t now);
/* When it wants its next turn, unless the session's state changes before. */
int64_t ews_watch_due(const EwsWatch *self);

EwsPush ews_watch_push(const EwsWatch *self);
bool ews_watch_is_listening(const EwsWatch *self);

/* The session ends: no news are told any more. The op that ends the subscription, owned; NULL if
 * there is none that the server would hear of. */
EwsOp *ews_watch_stop(EwsWatch *self);
