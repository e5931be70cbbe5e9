/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover_xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "ews/discover_read.h"
#include "ews/error.h"
#include "ews/scrub.h"

#define DEPTH_MAX 24
#define PLACE_MAX 512
#define ATTRIBUTES_MAX 64
#define PIECE (64 * 1024)

typedef struct Walk {
	xmlParserCtxt *parser; /* own */
	EwsDiscoverElement end;
	void *user;
	GString *place;     /* own */
	GString *text;      /* own; of the innermost element, since its last child */
	const char *broken; /* why; NULL */
	unsigned depth;
	bool is_too_long;
	bool is_whole; /* the document element has ended */
} Walk;

static void break_off(Walk *self, const char *why)
{
	if (!self->broken)
		self->broken = why;
	xmlStopParser(self->parser);
}

static void begin_text(Walk *self)
{
	g_string_truncate(self->text, 0);
	self->is_too_long = false;
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int namespace_count, const xmlChar **namespaces, int attribute_count, int default_count,
	const xmlChar **attributes)
{
	Walk *self = user;

	if (self->broken)
		return;
	if (self->depth >= DEPTH_MAX ||
		self->place->len + strlen((const char *)name) >= PLACE_MAX) {
		break_off(self, "it is nested too deeply");
		return;
	}
	if (attribute_count > ATTRIBUTES_MAX) {
		break_off(self, "an element has too many attributes");
		return;
	}
	self->depth++;
	g_string_append_printf(self->place, "/%s", (const char *)name);
	begin_text(self);
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	Walk *self = user;

	if (self->broken || self->depth == 0)
		return;
	if (self->is_too_long)
		g_string_truncate(self->text, 0);
	self->end(self->user, self->place->str, g_strstrip(self->text->str));
	begin_text(self);
	g_string_truncate(self->place, (gsize)(strrchr(self->place->str, '/') - self->place->str));
	self->depth--;
	self->is_whole = self->depth == 0;
}

static void on_text(void *user, const xmlChar *text, int len)
{
	Walk *self = user;

	if (self->broken || self->is_too_long)
		return;
	self->is_too_long = (size_t)len > EWS_DISCOVER_TEXT_MAX - self->text->len;
	if (!self->is_too_long)
		g_string_append_len(self->text, (const char *)text, len);
}

static void on_doctype(void *user, const xmlChar *name, const xmlChar *external,
	const xmlChar *system)
{
	break_off(user, "it has a document type");
}

static void on_error(void *user, xmlErrorPtr error)
{
	Walk *self = user;

	if (!self->broken && !self->is_whole && error->level >= XML_ERR_FATAL)
		self->broken = "it is no XML, or cut off";
}

static void feed_parser(void *user, const char *data, size_t len)
{
	Walk *self = user;

	if (!self->broken && !self->is_whole)
		xmlParseChunk(self->parser, data, (int)len, 0);
}

static void begin(Walk *self)
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

	self->parser = xmlCreatePushParserCtxt(&handlers, self, NULL, 0, NULL);
	if (!self->parser)
		g_error("libxml2: out of memory");
	xmlCtxtUseOptions(self->parser,
		XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	self->place = g_string_new(NULL);
	self->text = g_string_new(NULL);
}

static void clear(Walk *self)
{
	if (self->parser->myDoc)
		xmlFreeDoc(self->parser->myDoc);
	xmlFreeParserCtxt(self->parser);
	g_string_free(self->place, TRUE);
	g_string_free(self->text, TRUE);
}

bool ews_discover_xml_walk(const char *data, size_t len, EwsDiscoverElement end, void *user,
	GError **error)
{
	Walk self = {.end = end, .user = user};
	EwsScrub scrub = {0};

	begin(&self);
	while (len > 0 && !self.broken) {
		size_t piece = MIN(len, PIECE);

		ews_scrub_feed(&scrub, data, piece, feed_parser, &self);
		data += piece;
		len -= piece;
	}
	if (!self.broken) {
		ews_scrub_end(&scrub, feed_parser, &self);
		xmlParseChunk(self.parser, NULL, 0, 1);
	}
	clear(&self);
	if (!self.broken && self.is_whole)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL, "the answer is of no use: %s",
		self.broken ? self.broken : "it is no XML, or cut off");
	return false;
}
