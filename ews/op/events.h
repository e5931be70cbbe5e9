/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * The operations about news, for ews/watch.c alone: subscribe to all folders, ask for events, end
 * a subscription; and what their answers say.
 *
 * Of an event only the folders are kept: it is a hint. Which kinds of event there are, and what
 * each says of an item, differs from server to server. ews thread only, but for making an op.
 */

/* What one response message told. */
typedef struct EwsEvents {
	GHashTable *folder_ids; /* own, a set of strings */
	bool is_anywhere;       /* a folder that it did not name, or too many to be named */
	bool has_more;          /* GetEvents: ask again at once */
	bool is_lost;           /* the server does not know the subscription */
	bool is_closed;         /* GetStreamingEvents: the server ends the stream */
	char *watermark;        /* own; GetEvents: where to go on; NULL: not said */
} EwsEvents;

/* The base of the two operations that are told of events. */
typedef struct EwsEventsOp {
	EwsOp op;
	char *id; /* own: of the subscription */
	EwsEvents events;
} EwsEventsOp;

EwsOp *ews_events_op_init(EwsEventsOp *self, const EwsOpKind *kind, const char *id);
void ews_events_op_reset(EwsOp *op);
void ews_events_op_clear(EwsOp *op);

/* <m:Notification> of an EwsEventsOp: its children, and what begins it. */
extern const EwsElement ews_events_notification[];
void ews_events_notification_start(EwsReading *reading);

/* Subscribe, STREAM or PULL. @timeout_min: how long a PULL lives unasked. @folder_ids: to these,
 * NULL-terminated; NULL: to all folders of whoever signs in. */
EwsOp *ews_subscribe_new(EwsPush push, unsigned timeout_min, const char *const *folder_ids);
const char *ews_subscribe_id(const EwsOp *op);        /* borrowed; NULL after an error */
const char *ews_subscribe_watermark(const EwsOp *op); /* the same; NULL also where none came */

EwsOp *ews_unsubscribe_new(const char *subscription_id);

/* @watermark NULL: the server gave none. */
EwsOp *ews_get_events_new(const char *subscription_id, const char *watermark);
const EwsEvents *ews_get_events_told(const EwsOp *op); /* borrowed; NULL after an error */

/* Its answer goes on, message after message; each finds the op as new. */
EwsOp *ews_get_streaming_events_new(const char *subscription_id, unsigned timeout_min);
const EwsEvents *ews_get_streaming_events_told(const EwsOp *op); /* borrowed */
