/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/stream.h"

#include "ews/error.h"

/*
 * The cutter knows of XML just enough to count: a start tag goes one level down, an end tag one up,
 * and the ">" that brings the level back to nothing is the last byte of an envelope. So prefixes do
 * not matter, nor does what stands in texts, comments, CDATA sections and quoted values. What is
 * not XML at all counts somehow, and the reader says so.
 */

typedef enum Place {
	BETWEEN, /* outside of all envelopes */
	TEXT,    /* between two tags */
	OPENED,  /* after "<" */
	START_TAG,
	SLASH,  /* in a start tag, after "/" */
	QUOTED, /* in a value */
	END_TAG,
	DECLARATION, /* <? */
	BANG,        /* <! */
	COMMENT,     /* <!- */
	SECTION,     /* <![ */
} Place;

struct EwsStream {
	EwsStreamEvents events;
	EwsSoapReader *reader; /* own; of the open envelope */
	GError *broken;        /* own */
	unsigned count;

	Place place;
	char quote;     /* QUOTED: which */
	unsigned level; /* open elements */
	unsigned run;   /* of "?", "-" or "]" that may be the begin of an end */
};

/* --- one envelope ------------------------------------------------------------------------- */

static EwsOp *on_begin(void *user)
{
	EwsStream *self = user;
	EwsOp *op = self->events.op;

	ews_op_reset(op);
	return op;
}

static void on_end(void *user, EwsOp *op, EwsMessage *message)
{
	EwsStream *self = user;

	self->events.told(self->events.user, op, message);
}

static void open_envelope(EwsStream *self)
{
	EwsSoapEvents events = {on_begin, on_end, self};

	self->reader = ews_soap_reader_new(&events);
}

static void close_envelope(EwsStream *self)
{
	g_autoptr(EwsSoapReader) reader = g_steal_pointer(&self->reader);

	if (!ews_soap_reader_finish(reader, &self->broken))
		return;
	self->count++;
	if (ews_soap_reader_fault(reader))
		self->events.fault(self->events.user, ews_soap_reader_fault(reader));
}

/* --- where it ends ------------------------------------------------------------------------ */

static void open_tag(EwsStream *self, char c)
{
	self->run = 0;
	switch (c) {
	case '/':
		self->place = END_TAG;
		break;
	case '?':
		self->place = DECLARATION;
		break;
	case '!':
		self->place = BANG;
		break;
	default:
		self->place = START_TAG;
		break;
	}
}

static void in_start_tag(EwsStream *self, char c)
{
	bool is_empty = self->place == SLASH && c == '>';

	self->place = START_TAG;
	if (c == '"' || c == '\'') {
		self->place = QUOTED;
		self->quote = c;
	} else if (c == '/') {
		self->place = SLASH;
	} else if (c == '>') {
		self->level += !is_empty;
		self->place = self->level > 0 ? TEXT : BETWEEN;
	}
}

static void in_end_tag(EwsStream *self, char c)
{
	if (c != '>')
		return;
	self->level -= self->level > 0;
	self->place = self->level > 0 ? TEXT : BETWEEN;
}

/* Up to so many of @mark and ">". What follows a declaration is still the same envelope. */
static void in_run(EwsStream *self, char c, char mark, unsigned marks)
{
	if (c == '>' && self->run >= marks)
		self->place = TEXT;
	self->run = c == mark ? self->run + 1 : 0;
}

static void in_bang(EwsStream *self, char c)
{
	self->run = 0;
	self->place = c == '-' ? COMMENT : c == '[' ? SECTION : START_TAG;
}

/* One byte of an envelope; BETWEEN after its last one. */
static void step(EwsStream *self, char c)
{
	switch (self->place) {
	case BETWEEN:
	case TEXT:
		self->place = c == '<' ? OPENED : TEXT;
		break;
	case OPENED:
		open_tag(self, c);
		break;
	case START_TAG:
	case SLASH:
		in_start_tag(self, c);
		break;
	case QUOTED:
		if (c == self->quote)
			self->place = START_TAG;
		break;
	case END_TAG:
		in_end_tag(self, c);
		break;
	case DECLARATION:
		in_run(self, c, '?', 1);
		break;
	case BANG:
		in_bang(self, c);
		break;
	case COMMENT:
		in_run(self, c, '-', 2);
		break;
	case SECTION:
		in_run(self, c, ']', 2);
		break;
	}
}

/* White space, a byte order mark. */
static bool is_gap(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\xef' || c == '\xbb' ||
	       c == '\xbf';
}

/* --- feeding ------------------------------------------------------------------------------ */

/* Gives what belongs to the open envelope to its reader; returns how much that is. */
static size_t feed_envelope(EwsStream *self, const char *data, size_t len)
{
	size_t at = 0;

	do
		step(self, data[at++]);
	while (at < len && self->place != BETWEEN);
	if (!ews_soap_reader_feed(self->reader, data, at) || self->place == BETWEEN)
		close_envelope(self);
	return at;
}

bool ews_stream_feed(EwsStream *self, const char *data, size_t len)
{
	while (len > 0 && !self->broken) {
		size_t used = 1;

		if (self->reader || !is_gap(*data)) {
			if (!self->reader)
				open_envelope(self);
			used = feed_envelope(self, data, len);
		}
		data += used;
		len -= used;
	}
	return !self->broken;
}

bool ews_stream_finish(EwsStream *self, GError **error)
{
	if (self->reader)
		close_envelope(self);
	if (!self->broken)
		return true;
	g_propagate_error(error, g_error_copy(self->broken));
	return false;
}

EwsStream *ews_stream_new(const EwsStreamEvents *events)
{
	EwsStream *self = g_new0(EwsStream, 1);

	self->events = *events;
	return self;
}

void ews_stream_free(EwsStream *self)
{
	if (!self)
		return;
	ews_soap_reader_free(self->reader);
	g_clear_error(&self->broken);
	g_free(self);
}

unsigned ews_stream_count(const EwsStream *self)
{
	return self->count;
}
