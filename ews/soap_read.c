/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/soap_read.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "ews/envelope.h"
#include "ews/error.h"
#include "ews/scrub.h"

/*
 * libxml2's SAX2 push parser, walking the tables of ews/reading.h.
 *
 * The stack holds the row of each open element; below an element that no row names, only the
 * depth is counted (`skipping`). The envelope is a table like any other (ews/envelope.c). Names
 * and namespaces are compared as pointers into the parser's dictionary.
 *
 * The parser runs without recovery: ews/scrub.c takes away beforehand what servers get wrong
 * harmlessly, and after an error libxml2 calls no handler any more.
 */

struct EwsSoapReader {
	EwsReading reading;
	EwsEnvelope envelope;
	xmlParserCtxt *parser; /* own */
	EwsNames names;
	EwsScrub scrub;

	/* borrowed: from the parser's dictionary */
	const xmlChar *ns_soap;
	const xmlChar *ns_messages;
	const xmlChar *ns_types;

	const EwsElement *stack[EWS_CAP_DEPTH];
	unsigned depth;
	unsigned skipping;
	size_t silent; /* bytes since the parser last called us */

	GError *broken; /* own; the document's error */
	bool is_ending; /* all bytes came: what is missing now is missing */
};

static const char cut_off[] = "the answer is cut off";

/* --- the walk ---------------------------------------------------------------------------- */

static void break_off(EwsSoapReader *self, const char *why)
{
	if (!self->broken)
		self->broken = g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s", why);
	xmlStopParser(self->parser);
}

static const EwsElement *top(const EwsSoapReader *self)
{
	return self->depth > 0 ? self->stack[self->depth - 1] : NULL;
}

static bool is_namespace(const EwsSoapReader *self, EwsNamespace wanted, const xmlChar *uri)
{
	switch (wanted) {
	case EWS_NS_EXCHANGE:
		return uri && (uri == self->ns_types || uri == self->ns_messages);
	case EWS_NS_SOAP:
		return uri && uri == self->ns_soap;
	case EWS_NS_ANY:
		return true;
	}
	return false;
}

static const EwsElement *find_in(const EwsSoapReader *self, const EwsElement *row, EwsName name,
	const xmlChar *uri)
{
	for (; row && row->name != EWS_NAME_NONE; row++)
		if ((row->name == name || row->name == EWS_NAME_ANY) &&
			is_namespace(self, row->ns, uri))
			return row;
	return NULL;
}

static const EwsElement *find_element(const EwsSoapReader *self, EwsName name, const xmlChar *uri)
{
	const EwsElement *parent = top(self);
	const EwsElement *found;

	if (!parent)
		return find_in(self, ews_envelope_document, name, uri);
	/* An op that has failed hears no more of its message. */
	if (self->reading.error)
		return NULL;
	found = find_in(self, parent->children, name, uri);
	if (!found && parent->is_message && self->reading.op)
		found = find_in(self, self->reading.op->kind->elements, name, uri);
	return found;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int namespace_count, const xmlChar **namespaces, int attribute_count, int default_count,
	const xmlChar **attributes)
{
	EwsSoapReader *self = user;
	const EwsElement *element = NULL;

	self->silent = 0;
	if (self->broken)
		return;
	if (self->depth + self->skipping >= EWS_CAP_DEPTH) {
		break_off(self, "the answer is nested too deeply");
		return;
	}
	if (attribute_count > EWS_CAP_ATTRIBUTES) {
		break_off(self, "an element has too many attributes");
		return;
	}
	if (self->skipping == 0) {
		self->reading.name = ews_names_find(&self->names, name);
		element = find_element(self, self->reading.name, uri);
	}
	if (!element) {
		self->skipping++;
		return;
	}
	self->stack[self->depth++] = element;
	if (element->type != EWS_FIELD_NONE) {
		g_string_truncate(self->reading.text, 0);
		self->reading.is_cut = false;
	}
	self->reading.element = (const char *)name;
	self->reading.attributes = attributes;
	self->reading.attribute_count = attribute_count;
	if (element->start)
		element->start(&self->reading);
	self->reading.attribute_count = 0;
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	EwsSoapReader *self = user;
	const EwsElement *element = top(self);

	self->silent = 0;
	if (self->broken)
		return;
	if (self->skipping > 0) {
		self->skipping--;
		return;
	}
	if (!element)
		return;
	self->depth--;
	if (self->reading.error && !element->is_message)
		return;
	self->reading.name = element->name == EWS_NAME_ANY ? ews_names_find(&self->names, name)
							   : element->name;
	ews_reading_store(&self->reading, element);
	if (element->end)
		element->end(&self->reading);
}

/* Cuts what is too long, between two characters. */
static void gather(EwsReading *reading, const char *data, size_t len, size_t max)
{
	GString *text = reading->text;
	const char *end;

	if (reading->is_cut)
		return;
	reading->is_cut = len > max - text->len;
	g_string_append_len(text, data, (gssize)MIN(len, max - text->len));
	if (reading->is_cut && !g_utf8_validate(text->str, (gssize)text->len, &end))
		g_string_truncate(text, (gsize)(end - text->str));
}

static void on_text(void *user, const xmlChar *text, int len)
{
	EwsSoapReader *self = user;
	const EwsElement *element = top(self);

	self->silent = 0;
	if (self->broken || self->skipping > 0 || !element || self->reading.error)
		return;
	if (element->stream)
		element->stream(&self->reading, (const char *)text, (size_t)len);
	else if (element->type != EWS_FIELD_NONE)
		gather(&self->reading, (const char *)text, (size_t)len,
			element->text_max ? element->text_max : EWS_CAP_TEXT);
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
	const xmlChar *system)
{
	break_off(user, "the answer has a document type, which SOAP forbids");
}

static void on_error(void *user, xmlErrorPtr error)
{
	EwsSoapReader *self = user;
	g_autofree char *words = NULL;

	/* What follows the envelope is nobody's. */
	if (self->broken || self->envelope.is_whole || error->level < XML_ERR_FATAL)
		return;
	if (self->is_ending) {
		self->broken = g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s", cut_off);
		return;
	}
	words = g_strdup(error->message ? error->message : "?");
	g_strchomp(words);
	self->broken = g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "the answer is not XML: %s",
		words);
}

/* --- feeding ----------------------------------------------------------------------------- */

static xmlParserCtxt *new_parser(EwsSoapReader *self)
{
	xmlSAXHandler handlers = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	xmlParserCtxt *parser = xmlCreatePushParserCtxt(&handlers, self, NULL, 0, NULL);

	if (!parser)
		g_error("libxml2: out of memory");
	xmlCtxtUseOptions(parser, XML_PARSE_HUGE | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	return parser;
}

static const xmlChar *intern(EwsSoapReader *self, const char *text)
{
	return xmlDictLookup(self->parser->dict, (const xmlChar *)text, -1);
}

EwsSoapReader *ews_soap_reader_new(const EwsSoapEvents *events)
{
	EwsSoapReader *self = g_new0(EwsSoapReader, 1);

	ews_reading_init(&self->reading);
	ews_envelope_init(&self->envelope, events);
	self->reading.envelope = &self->envelope;
	self->parser = new_parser(self);
	ews_names_init(&self->names, self->parser->dict);
	self->reading.names = &self->names;
	self->ns_soap = intern(self, EWS_NS_URI_SOAP);
	self->ns_messages = intern(self, EWS_NS_URI_MESSAGES);
	self->ns_types = intern(self, EWS_NS_URI_TYPES);
	return self;
}

void ews_soap_reader_free(EwsSoapReader *self)
{
	if (!self)
		return;
	if (self->parser->myDoc)
		xmlFreeDoc(self->parser->myDoc);
	xmlFreeParserCtxt(self->parser);
	ews_envelope_clear(&self->envelope);
	g_clear_error(&self->broken);
	ews_reading_clear(&self->reading);
	g_free(self);
}

static void feed_parser(void *user, const char *data, size_t len)
{
	EwsSoapReader *self = user;

	if (self->envelope.is_whole)
		return;
	/* A tag or a comment without end is held in memory by the parser: not for ever. */
	self->silent += len;
	if (self->silent > EWS_CAP_TAG)
		break_off(self, "a tag or comment is too long");
	if (!self->broken)
		xmlParseChunk(self->parser, data, (int)len, 0);
}

bool ews_soap_reader_feed(EwsSoapReader *self, const char *data, size_t len)
{
	/* In pieces that fit an int, and the cap on silence. */
	while (len > 0 && !self->broken) {
		size_t piece = MIN(len, 64 * 1024);

		ews_scrub_feed(&self->scrub, data, piece, feed_parser, self);
		data += piece;
		len -= piece;
	}
	return !self->broken;
}

bool ews_soap_reader_finish(EwsSoapReader *self, GError **error)
{
	if (!self->broken) {
		ews_scrub_end(&self->scrub, feed_parser, self);
		self->is_ending = true;
		xmlParseChunk(self->parser, NULL, 0, 1);
	}
	if (!self->broken && !self->envelope.is_whole)
		self->broken = g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s", cut_off);
	if (!self->broken)
		return true;
	g_propagate_error(error, g_error_copy(self->broken));
	return false;
}

const EwsFault *ews_soap_reader_fault(const EwsSoapReader *self)
{
	return self->envelope.has_fault ? &self->envelope.fault : NULL;
}

bool ews_soap_reader_is_soap(const EwsSoapReader *self)
{
	return self->envelope.is_soap;
}

const char *ews_soap_reader_server(const EwsSoapReader *self)
{
	return self->envelope.server;
}
