/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/soap_read.h"

/*
 * An answer that is not one document but many: complete envelopes back to back, for as long as the
 * connection lives.
 *
 * Finds where an envelope ends and gives each to a SOAP reader of its own, as it comes: a response
 * message is told at its end tag. Between envelopes there may be white space, a byte order mark,
 * an XML declaration. Nothing is held but what the open envelope's reader holds (ews/soap_read.h).
 * After the first error nothing more is believed. Belongs to one answer, on the ews thread.
 */
typedef struct EwsStream EwsStream;

typedef struct EwsStreamEvents {
	/* The op that the response messages are for: reset, then filled, at each anew. */
	EwsOp *op;
	/* A response message has ended. May take message->error. */
	void (*told)(void *user, EwsOp *op, EwsMessage *message);
	/* An envelope has ended that holds a fault. */
	void (*fault)(void *user, const EwsFault *fault);
	void *user;
} EwsStreamEvents;

/* The op is borrowed. */
EwsStream *ews_stream_new(const EwsStreamEvents *events);
void ews_stream_free(EwsStream *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsStream, ews_stream_free)

/* FALSE: what comes is no stream of envelopes, no more is needed. */
bool ews_stream_feed(EwsStream *self, const char *data, size_t len);
/* No more comes. FALSE with PROTOCOL if it broke off inside an envelope, or was broken. */
bool ews_stream_finish(EwsStream *self, GError **error);

/* Envelopes that have ended well. */
unsigned ews_stream_count(const EwsStream *self);
