/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/soap_read.h"

/*
 * The envelope of an answer: what surrounds the response messages, and what each of them says of
 * itself before its operation's own elements (class, code, text, the server's wish for patience).
 *
 * Private to ews/soap_read.c, which owns one and walks its table.
 */
typedef struct EwsEnvelope {
	EwsSoapEvents events;
	bool is_soap;  /* the Envelope was opened */
	bool is_whole; /* and closed */
	char *server;  /* own */

	/* of the open response message, or the fault */
	char *class;      /* own */
	char *code;       /* own */
	char *text;       /* own */
	char *value_name; /* own; Name of the open MessageXml Value */
	bool is_busy;
	int64_t backoff_ms;

	bool has_fault;
	EwsFault fault;
} EwsEnvelope;

extern const EwsElement ews_envelope_document[];

void ews_envelope_init(EwsEnvelope *self, const EwsSoapEvents *events);
void ews_envelope_clear(EwsEnvelope *self);
