/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/http.h"
#include "ews/op/events.h"

/*
 * One GetStreamingEvents request: what it tells while it is open, and why it ended.
 *
 * Knows nothing of subscriptions made anew or of patience: that is ews/watch.c. A listener that
 * was closed says no more. ews thread only.
 */
typedef struct EwsListener EwsListener;

typedef struct EwsListenerEnd {
	bool is_closed;      /* the server ended it as it should */
	bool is_lost;        /* it does not know the subscription */
	bool is_busy;        /* it wants rest */
	int64_t backoff_ms;  /* for so long; -1: not said */
	long status;         /* HTTP; 0: none came */
	unsigned token;      /* the number of the one it went with */
	const char *code;    /* the ResponseCode of a message or a fault; NULL: none */
	const GError *error; /* what was wrong; NULL: it just ended */
} EwsListenerEnd;

typedef struct EwsListenerEvents {
	/* Bytes came. */
	void (*alive)(void *user);
	/* A response message without an error came. */
	void (*told)(void *user, const EwsEvents *events);
	/* Exactly once, unless it was closed before. Close it. */
	void (*end)(void *user, const EwsListenerEnd *end);
	void *user;
} EwsListenerEvents;

EwsListener *ews_listener_open(EwsHttp *http, const char *subscription_id,
	const EwsListenerEvents *events);
/* Not from inside `alive` and `told`. NULL is fine. */
void ews_listener_close(EwsListener *self);
