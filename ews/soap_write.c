/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/soap_write.h"

#include <libxml/xmlwriter.h>
#include <string.h>

#include "ews/names.h"

/*
 * The version of the schema that we speak. Exchange2013_SP1 has all that ewsfs asks for
 * (item:Flag, SuppressReadReceipts); without the header a server assumes 2007 and refuses newer
 * ids. A server that is too old answers ErrorInvalidServerVersion, which is UNSUPPORTED. Should
 * older servers ever be wanted, this is the place for a choice, together with the properties in
 * op/shape.c that they do not know.
 */
#define SERVER_VERSION "Exchange2013_SP1"

struct EwsWriter {
	xmlBuffer *buffer;      /* own */
	xmlTextWriter *writer; /* own */
	EwsBody *body;         /* own until handed out; NULL after that */
	EwsWhose whose;        /* borrowed: from the maker */
};

#define XML(string) ((const xmlChar *)(string))

/* Whose mailbox it is: the account that signs in has the right to be anybody. */
static void write_impersonation(EwsWriter *self, const char *address)
{
	ews_writer_start(self, "t:ExchangeImpersonation");
	ews_writer_start(self, "t:ConnectingSID");
	ews_writer_text(self, "t:PrimarySmtpAddress", address);
	ews_writer_end(self);
	ews_writer_end(self);
}

EwsWriter *ews_writer_new(const char *operation, const EwsWhose *whose)
{
	EwsWriter *self = g_new0(EwsWriter, 1);

	self->buffer = xmlBufferCreate();
	self->writer = self->buffer ? xmlNewTextWriterMemory(self->buffer, 0) : NULL;
	self->body = ews_body_new();
	if (whose)
		self->whose = *whose;
	if (!self->writer)
		g_error("libxml2: out of memory");
	xmlTextWriterStartDocument(self->writer, NULL, "utf-8", NULL);
	ews_writer_start(self, "s:Envelope");
	ews_writer_attribute(self, "xmlns:s", EWS_NS_URI_SOAP);
	ews_writer_attribute(self, "xmlns:m", EWS_NS_URI_MESSAGES);
	ews_writer_attribute(self, "xmlns:t", EWS_NS_URI_TYPES);
	ews_writer_start(self, "s:Header");
	ews_writer_empty(self, "t:RequestServerVersion", "Version", SERVER_VERSION);
	if (self->whose.impersonate)
		write_impersonation(self, self->whose.impersonate);
	ews_writer_end(self);
	ews_writer_start(self, "s:Body");
	ews_writer_start(self, operation);
	return self;
}

void ews_writer_free(EwsWriter *self)
{
	if (!self)
		return;
	xmlFreeTextWriter(self->writer);
	xmlBufferFree(self->buffer);
	ews_body_free(self->body);
	g_free(self);
}

static bool is_forbidden(const char *at)
{
	unsigned char c = (unsigned char)*at;

	if (c < 0x20)
		return c != '\t' && c != '\n' && c != '\r';
	/* U+FFFE and U+FFFF */
	return c == 0xEF && (unsigned char)at[1] == 0xBF && (unsigned char)at[2] >= 0xBE;
}

/* What may stand in XML of @text; owned. */
static char *clean(const char *text)
{
	char *valid = g_utf8_make_valid(text, -1);
	char *to = valid;

	for (const char *from = valid; *from;) {
		size_t len = (size_t)(g_utf8_next_char(from) - from);

		if (!is_forbidden(from)) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	*to = '\0';
	return valid;
}

void ews_writer_start(EwsWriter *self, const char *element)
{
	xmlTextWriterStartElement(self->writer, XML(element));
}

void ews_writer_attribute(EwsWriter *self, const char *name, const char *value)
{
	g_autofree char *good = clean(value);

	xmlTextWriterWriteAttribute(self->writer, XML(name), XML(good));
}

void ews_writer_end(EwsWriter *self)
{
	xmlTextWriterEndElement(self->writer);
}

void ews_writer_text(EwsWriter *self, const char *element, const char *text)
{
	g_autofree char *good = clean(text);

	xmlTextWriterWriteElement(self->writer, XML(element), XML(good));
}

void ews_writer_number(EwsWriter *self, const char *element, int64_t number)
{
	char text[32];

	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, (gint64)number);
	ews_writer_text(self, element, text);
}

void ews_writer_empty(EwsWriter *self, const char *element, const char *name, const char *value)
{
	ews_writer_start(self, element);
	ews_writer_attribute(self, name, value);
	ews_writer_end(self);
}

void ews_writer_distinguished(EwsWriter *self, const char *name)
{
	g_autofree char *id = g_strconcat(self->whose.is_archive ? "archive" : "", name, NULL);

	ews_writer_start(self, "t:DistinguishedFolderId");
	ews_writer_attribute(self, "Id", id);
	if (self->whose.mailbox) {
		ews_writer_start(self, "t:Mailbox");
		ews_writer_text(self, "t:EmailAddress", self->whose.mailbox);
		ews_writer_end(self);
	}
	ews_writer_end(self);
}

/* What was written so far becomes a part of the body. */
static void cut_text(EwsWriter *self)
{
	xmlTextWriterFlush(self->writer);
	ews_body_add_text(self->body, (const char *)xmlBufferContent(self->buffer),
		(size_t)xmlBufferLength(self->buffer));
	xmlBufferEmpty(self->buffer);
}

void ews_writer_source(EwsWriter *self, const char *element, EwsSource *source, unsigned owner)
{
	ews_writer_start(self, element);
	/* The writer closes the start tag when content comes. */
	xmlTextWriterWriteRaw(self->writer, XML(""));
	cut_text(self);
	ews_body_add_source(self->body, source, owner);
	ews_writer_end(self);
}

EwsBody *ews_writer_finish(EwsWriter *self)
{
	xmlTextWriterEndDocument(self->writer);
	cut_text(self);
	return g_steal_pointer(&self->body);
}
