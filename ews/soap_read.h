/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * An answer as it streams in: bytes go in, ended response messages and perhaps a fault come out.
 *
 * Fed straight from curl's buffers. No document is ever held: what an element means is decided by
 * its place (ews/reading.h), text is gathered up to a cap, MIME goes on as it comes. A response
 * message ends at its own end tag; what comes later, or does not come, cannot undo it. After the
 * first error of the document nothing more is believed. No DTD, no entities, no network.
 *
 * Belongs to one answer, on the ews thread.
 */
typedef struct EwsSoapReader EwsSoapReader;

/* A response message as its envelope says it, at its end tag. */
typedef struct EwsMessage {
	const char *code;  /* ResponseCode, "NoError" for success */
	bool is_busy;      /* ErrorServerBusy, also as the inner code */
	int64_t backoff_ms; /* the server's wish; -1: none */
	GError *error; /* own until taken: NULL for an answer that is whole */
} EwsMessage;

typedef struct EwsSoapEvents {
	/* A response message begins: which op is it for? NULL: nobody's, skip it. */
	EwsOp *(*begin)(void *user);
	/* It has ended. May take message->error. */
	void (*end)(void *user, EwsOp *op, EwsMessage *message);
	void *user;
} EwsSoapEvents;

/* A SOAP fault. Strings are NULL where the server gave none. */
typedef struct EwsFault {
	char *code; /* own; the ResponseCode, wherever the server put it */
	char *text; /* own */
	bool is_busy;
	bool is_client;     /* the faultcode blames the request */
	int64_t backoff_ms; /* -1: none */
} EwsFault;

EwsSoapReader *ews_soap_reader_new(const EwsSoapEvents *events);
void ews_soap_reader_free(EwsSoapReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsSoapReader, ews_soap_reader_free)

/* FALSE: the document is broken, no more is needed. */
bool ews_soap_reader_feed(EwsSoapReader *self, const char *data, size_t len);

/* No more comes. FALSE with PROTOCOL if this was not a whole SOAP document. */
bool ews_soap_reader_finish(EwsSoapReader *self, GError **error);

/* The fault, or NULL. */
const EwsFault *ews_soap_reader_fault(const EwsSoapReader *self);
/* TRUE once a SOAP envelope was seen. */
bool ews_soap_reader_is_soap(const EwsSoapReader *self);
/* "15.2.1544 (Exchange2016)", or NULL. */
const char *ews_soap_reader_server(const EwsSoapReader *self);
