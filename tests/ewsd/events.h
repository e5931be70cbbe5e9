/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subscriptions and what happened since. News come from the store after each commit, with the
 * store locked; requests wait for them here, with it unlocked. All is lost when the server
 * ends, as on real servers. Any thread.
 */
#pragma once

#include "tests/ewsd/out.h"
#include "tests/ewsd/store.h"

typedef struct Events Events;

/* Bits of the event types that a subscription asks for. */
typedef enum EventMask {
	EVENT_CREATED = 1, EVENT_DELETED = 2, EVENT_MODIFIED = 4, EVENT_MOVED = 8,
	EVENT_COPIED = 16, EVENT_NEW_MAIL = 32,
} EventMask;

typedef struct EventWanted {
	unsigned mask;
	bool all_folders;
	GArray *folders;	/* int64_t, borrowed */
	bool is_streaming;
	int timeout_min;	/* of a pull subscription */
} EventWanted;

typedef struct EventRecord {
	int64_t number;
	int64_t time;
	unsigned bit;
	StoreNews news;
	int64_t unread;	/* of the folder that was modified */
} EventRecord;

Events *events_new(Store *store);
void events_free(Events *self);
/* For store_listen. */
void events_hear(const StoreNews *news, void *data);

char *events_subscribe(Events *self, const EventWanted *wanted);
bool events_unsubscribe(Events *self, const char *id);
bool events_is_known(Events *self, const char *id, bool is_streaming);
void events_drop_all(Events *self);
int64_t events_last(Events *self);
/* What the subscription has to be told after `after`, at most `max`. */
GArray *events_since(Events *self, const char *id, int64_t after, unsigned max, bool *ret_more);

/* Streams: all shut at once, or kept open and dumb, by order of a test. */
void events_close_streams(Events *self);
void events_set_silent(Events *self, bool silent);
/* Waits until something was heard after `after`, or the time is over; false when the stream
 * is to be closed. `generation` is what events_generation said when the stream began. */
unsigned events_generation(Events *self);
bool events_wait(Events *self, int64_t after, unsigned generation, unsigned ms);
bool events_is_silent(Events *self);
