/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/body.h"

/*
 * A request as it is written: an envelope around one operation, in a buffer, but for messages,
 * which are only named here and read when the request leaves (ews/body.h).
 *
 * Elements are named with the prefixes "m:" (messages) and "t:" (types) that the envelope
 * declares. Text and values may hold anything: what is not UTF-8 is made so, and characters that
 * XML forbids are left out. ews thread only.
 */
typedef struct EwsWriter EwsWriter;

/* Whose mailbox a request is about; all NULL and FALSE: that of whoever signs in. */
typedef struct EwsWhose {
	const char *impersonate; /* by address: who signs in is to count as him */
	const char *mailbox;     /* somebody else's, by its primary address */
	bool is_archive;         /* the online archive */
} EwsWhose;

/* Opens the envelope and the operation's element, "m:GetItem". @whose is borrowed until the end of
 * the writer; NULL: that of whoever signs in. */
EwsWriter *ews_writer_new(const char *operation, const EwsWhose *whose);
void ews_writer_free(EwsWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsWriter, ews_writer_free)

void ews_writer_start(EwsWriter *self, const char *element);
void ews_writer_attribute(EwsWriter *self, const char *name, const char *value);
void ews_writer_end(EwsWriter *self);
/* <element>text</element> */
void ews_writer_text(EwsWriter *self, const char *element, const char *text);
void ews_writer_number(EwsWriter *self, const char *element, int64_t number);
/* <element name="value"/> */
void ews_writer_empty(EwsWriter *self, const char *element, const char *name, const char *value);
/* The folder that is called so ("inbox") in the mailbox that the request is about. */
void ews_writer_distinguished(EwsWriter *self, const char *name);
/* An element with a message in it, as base64. Takes @source, of the op number @owner. */
void ews_writer_source(EwsWriter *self, const char *element, EwsSource *source, unsigned owner);

/* Closes everything that is open and hands out the document. */
EwsBody *ews_writer_finish(EwsWriter *self);
