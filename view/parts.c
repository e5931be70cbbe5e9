/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/parts.h"

#include <gmime/gmime.h>
#include <stdatomic.h>
#include <string.h>

#include "view/body.h"
#include "view/head.h"
#include "view/kind.h"
#include "view/name.h"
#include "view/out.h"
#include "view/source.h"

#define LINE_BYTES 512 /* of a line that may be a boundary */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeStream, g_object_unref)

struct ViewParts {
	atomic_int refs;

	/* set while it is made, then const */
	GArray *parts; /* own; of ViewPart */
	size_t memory;
};

/* --- the list ---------------------------------------------------------------------------- */

static void part_clear(void *part)
{
	ViewPart *self = part;

	g_free(self->name);
	g_free(self->charset);
}

static ViewParts *parts_new(void)
{
	ViewParts *self = g_new0(ViewParts, 1);

	atomic_init(&self->refs, 1);
	self->parts = g_array_new(FALSE, FALSE, sizeof(ViewPart));
	g_array_set_clear_func(self->parts, part_clear);
	self->memory = sizeof(*self);
	return self;
}

ViewParts *view_parts_ref(ViewParts *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void view_parts_unref(ViewParts *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_array_unref(self->parts);
	g_free(self);
}

unsigned view_parts_count(const ViewParts *self)
{
	return self->parts->len;
}

static ViewPart *part_at(const ViewParts *self, unsigned number)
{
	return &g_array_index(self->parts, ViewPart, number);
}

const ViewPart *view_parts_get(const ViewParts *self, unsigned number)
{
	return part_at(self, number);
}

bool view_part_is_dir(const ViewPart *self)
{
	return self->kind == VIEW_PART_MESSAGE || self->kind == VIEW_PART_ATTACHMENTS;
}

size_t view_parts_memory(const ViewParts *self)
{
	return self->memory;
}

/* --- the bytes of a part ----------------------------------------------------------------- */

static bool write_headers(GMimeStream *slice, ViewWrite write, void *user)
{
	g_autoptr(ViewOut) out = view_out_new(write, user);
	ViewSource source = {.stream = slice};

	view_source_parse(&source);
	if (source.message != NULL)
		view_head_write_all(source.message, out);
	g_clear_object(&source.message);
	return view_out_end(out);
}

/* @whole: the message, or for RAW the file as it is. */
static bool write_part(const ViewPart *part, GMimeStream *whole, ViewWrite write, void *user)
{
	g_autoptr(GMimeStream) slice = g_mime_stream_substream(whole, part->start, part->end);
	const ViewBody body = {
		.stream = slice,
		.encoding = (GMimeContentEncoding)part->encoding,
		.charset = part->charset,
	};

	switch (part->kind) {
	case VIEW_PART_HEADERS:
		return write_headers(slice, write, user);
	case VIEW_PART_TEXT:
		return view_body_write_text(&body, NULL, write, user);
	case VIEW_PART_HTML:
		return view_body_write_text(&body, "\xEF\xBB\xBF", write, user);
	case VIEW_PART_RAW:
	case VIEW_PART_ATTACHMENT:
		return view_body_write(&body, write, user);
	case VIEW_PART_MESSAGE:
	case VIEW_PART_ATTACHMENTS:
		break;
	}
	return false;
}

bool view_parts_write(const ViewParts *self, unsigned number, int fd, ViewWrite write, void *user)
{
	const ViewPart *part = part_at(self, number);
	g_autoptr(GMimeStream) whole =
		part->kind == VIEW_PART_RAW ? view_source_file(fd) : view_source_lines(fd);

	return whole != NULL && write_part(part, whole, write, user);
}

/* A ViewWrite. */
static bool count_bytes(void *user, const char *text, size_t len)
{
	int64_t *size = user;

	*size += (int64_t)len;
	return true;
}

/* What is as long as it is in the message is not read for that. */
static bool is_plain(const ViewPart *part)
{
	return part->kind == VIEW_PART_RAW ||
	       (part->kind == VIEW_PART_ATTACHMENT &&
		       view_body_is_plain((GMimeContentEncoding)part->encoding));
}

static void measure(ViewParts *self, GMimeStream *whole)
{
	for (unsigned i = 0; i < self->parts->len; i++) {
		ViewPart *part = part_at(self, i);
		if (is_plain(part))
			part->size = part->end - part->start;
		else if (!view_part_is_dir(part))
			(void)write_part(part, whole, count_bytes, &part->size);
	}
}

/* --- looking through a message ----------------------------------------------------------- */

typedef struct Walk {
	ViewParts *parts; /* borrowed, like all here */
	ViewSource *source;
	ViewNames *names;
	unsigned message;     /* the one that is looked through */
	unsigned attachments; /* its directory of them; 0: there is none yet */
	unsigned depth;
	const char *boundaries[VIEW_DEPTH_MAX]; /* around it */
	unsigned boundary_count;
	gint64 last; /* the end of the last part that was found */
} Walk;

static void walk_object(Walk *self, GMimeObject *object);

/* Takes @part's charset, not its name. 0: there is no room. */
static unsigned add(Walk *self, ViewPart *part, const char *name)
{
	GArray *parts = self->parts->parts;

	if (parts->len >= VIEW_PARTS_MAX) {
		g_clear_pointer(&part->charset, g_free);
		return 0;
	}
	part->name = view_names_take(self->names, part->parent, name);
	part->end = MAX(part->end, part->start);
	self->parts->memory += sizeof(*part) + strlen(part->name) + 1 +
			       (part->charset != NULL ? strlen(part->charset) + 1 : 0);
	g_array_append_val(parts, *part);
	return parts->len - 1;
}

/* 0: there is no room. */
static unsigned attachments_of(Walk *self)
{
	ViewPart dir = {.kind = VIEW_PART_ATTACHMENTS, .parent = self->message};

	if (self->attachments == 0)
		self->attachments = add(self, &dir, "attachments");
	return self->attachments;
}

/* --- parts that are no directories ------------------------------------------------------- */

/* What is called nothing. */
static const char *const nameless[][3] = {
	{"text", "calendar", "calendar.ics"},
	{"application", "ics", "calendar.ics"},
	{"text", "vcard", "contact.vcf"},
	{"text", "x-vcard", "contact.vcf"},
	{"text", "html", "unnamed.html"},
	{"text", "csv", "unnamed.csv"},
	{"text", "rtf", "unnamed.rtf"},
	{"text", "*", "unnamed.txt"},
	{"message", "rfc822", "unnamed.eml"},
	{"message", "*", "unnamed.txt"},
	{"image", "jpeg", "unnamed.jpg"},
	{"image", "png", "unnamed.png"},
	{"image", "gif", "unnamed.gif"},
	{"image", "svg+xml", "unnamed.svg"},
	{"application", "pdf", "unnamed.pdf"},
	{"application", "rtf", "unnamed.rtf"},
	{"application", "zip", "unnamed.zip"},
	{"application", "xml", "unnamed.xml"},
	{"application", "json", "unnamed.json"},
	{"application", "pgp-signature", "signature.asc"},
	{"application", "pkcs7-signature", "smime.p7s"},
	{"application", "x-pkcs7-signature", "smime.p7s"},
	{"application", "pkcs7-mime", "smime.p7m"},
	{"application", "x-pkcs7-mime", "smime.p7m"},
	{"application", "ms-tnef", "winmail.dat"},
};

static const char *name_by_type(GMimeObject *part)
{
	for (size_t i = 0; i < G_N_ELEMENTS(nameless); i++) {
		if (view_kind_is(part, nameless[i][0], nameless[i][1]))
			return nameless[i][2];
	}
	return "unnamed.bin";
}

static bool is_calendar(GMimeObject *part)
{
	return view_kind_is(part, "text", "calendar") || view_kind_is(part, "application", "ics");
}

/* Owned. */
static char *attachment_name(GMimeObject *part)
{
	g_autofree char *called = view_kind_name(part);
	g_autofree char *name = called != NULL ? view_name_safe(called) : NULL;

	if (name == NULL)
		return g_strdup(name_by_type(part));
	return is_calendar(part) ? view_name_with(name, ".ics") : g_steal_pointer(&name);
}

static ViewPartKind kind_of(GMimePart *part)
{
	if (view_kind_is_attachment(part))
		return VIEW_PART_ATTACHMENT;
	if (view_kind_is(GMIME_OBJECT(part), "text", "plain"))
		return VIEW_PART_TEXT;
	if (view_kind_is(GMIME_OBJECT(part), "text", "html"))
		return VIEW_PART_HTML;
	return VIEW_PART_ATTACHMENT;
}

/* GMime takes every line end before a boundary for as long as the first one was: where lines end in
 * LF among such that end in CR LF, it leaves out the byte before. */
static gint64 correct_end(Walk *self, gint64 end)
{
	g_autoptr(GMimeStream) rest =
		g_mime_stream_substream(self->source->stream, end, self->source->end);
	char next[2];
	bool is_short = g_mime_stream_read(rest, next, 2) == 2 && next[1] == '\n' &&
			next[0] != '\r' && next[0] != '\n';

	return is_short ? end + 1 : end;
}

static void locate(Walk *self, const ViewBody *body, ViewPart *part)
{
	if (body->stream == NULL)
		return;
	part->encoding = (int)body->encoding;
	part->start = body->stream->bound_start;
	part->end = body->stream->bound_end >= 0 ? correct_end(self, body->stream->bound_end)
						 : self->source->end;
	self->last = part->end;
}

static void walk_part(Walk *self, GMimePart *object)
{
	const ViewBody body = view_body_of(object);
	ViewPart part = {.kind = kind_of(object), .parent = self->message};

	locate(self, &body, &part);
	if (part.kind == VIEW_PART_TEXT) {
		part.charset = g_strdup(body.charset);
		add(self, &part, "body.txt");
	} else if (part.kind == VIEW_PART_HTML) {
		part.charset = view_body_html_charset(&body);
		add(self, &part, "body.html");
	} else {
		g_autofree char *name = attachment_name(GMIME_OBJECT(object));
		part.parent = attachments_of(self);
		if (part.parent != 0)
			add(self, &part, name);
	}
}

/* --- messages ---------------------------------------------------------------------------- */

/* From the first header to the end of the last; nothing of what has none. */
static void span_headers(GMimeObject *object, gint64 *start, gint64 *end)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);

	for (int i = 0; i < g_mime_header_list_get_count(headers); i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
		gint64 at = g_mime_header_get_offset(header);
		gint64 len = (gint64)strlen(g_mime_header_get_raw_name(header)) + 1 +
			     (gint64)strlen(g_mime_header_get_raw_value(header));
		if (at < 0)
			continue;
		*start = *end == 0 ? at : MIN(*start, at);
		*end = MAX(*end, at + len);
	}
}

/* What a message says in its head, of itself and of its body. */
static ViewPart headers_of(Walk *self, GMimeMessage *message)
{
	GMimeObject *body = g_mime_message_get_mime_part(message);
	ViewPart part = {.kind = VIEW_PART_HEADERS, .parent = self->message};

	span_headers(GMIME_OBJECT(message), &part.start, &part.end);
	if (body != NULL)
		span_headers(body, &part.start, &part.end);
	return part;
}

/* Takes what is in @message; its bytes begin at @start. */
static void walk_message(Walk *self, GMimeMessage *message, gint64 start)
{
	ViewPart raw = {
		.kind = VIEW_PART_RAW,
		.parent = self->message,
		.start = start,
		.end = self->source->end,
	};

	if (message != NULL) {
		ViewPart headers = headers_of(self, message);
		add(self, &headers, "headers");
	}
	add(self, &raw, "raw");
	if (message != NULL && g_mime_message_get_mime_part(message) != NULL)
		walk_object(self, g_mime_message_get_mime_part(message));
}

/* The message in @part begins behind the empty line that ends the part's own head. A part without
 * a head: with its first header. */
static gint64 start_of(Walk *self, GMimeMessagePart *part, GMimeMessage *message)
{
	ViewPart own = {.end = 0};
	char line[3] = "";

	span_headers(GMIME_OBJECT(part), &own.start, &own.end);
	if (own.end == 0 && message != NULL) {
		own = headers_of(self, message);
		return own.end > 0 ? own.start : self->last;
	}
	g_autoptr(GMimeStream) rest =
		g_mime_stream_substream(self->source->stream, own.end, self->source->end);
	ssize_t got = g_mime_stream_read(rest, line, 2);
	if (got > 0 && line[0] == '\n')
		return own.end + 1;
	return own.end + (got == 2 && memcmp(line, "\r\n", 2) == 0 ? 2 : 0);
}

static bool is_boundary(const Walk *self, const char *line)
{
	if (strncmp(line, "--", 2) != 0)
		return false;
	for (unsigned i = 0; i < self->boundary_count; i++) {
		const char *rest = line + 2;
		if (!g_str_has_prefix(rest, self->boundaries[i]))
			continue;
		rest += strlen(self->boundaries[i]);
		rest += g_str_has_prefix(rest, "--") ? 2 : 0;
		if (rest[strspn(rest, " \t\r\n")] == '\0')
			return true;
	}
	return false;
}

/* Where the message that begins at @start ends: before the line end before the next boundary of
 * what is around it. GMime says where parts end, and not messages: what follows its last part is
 * looked through. */
static gint64 end_of(Walk *self, gint64 start)
{
	gint64 end = MAX(self->last, start); /* ... of the line before, without its line end */
	gint64 at = end;
	g_autoptr(GMimeStream) rest =
		g_mime_stream_substream(self->source->stream, at, self->source->end);
	g_autoptr(GMimeStream) lines =
		g_mime_stream_buffer_new(rest, GMIME_STREAM_BUFFER_BLOCK_READ);
	bool is_line = true;
	char line[LINE_BYTES];

	for (;;) {
		ssize_t got = g_mime_stream_buffer_gets(lines, line, sizeof(line));
		if (got <= 0)
			return self->source->end;
		if (is_line && is_boundary(self, line))
			return end;
		at += got;
		is_line = line[got - 1] == '\n';
		end = at - (is_line ? 1 + (got > 1 && line[got - 2] == '\r') : 0);
	}
}

/* Owned. */
static char *message_name(GMimeMessagePart *part, GMimeMessage *message)
{
	const char *subject = message != NULL ? g_mime_message_get_subject(message) : NULL;
	g_autofree char *called = view_kind_name(GMIME_OBJECT(part));

	if (called != NULL && g_str_has_suffix(called, ".eml"))
		called[strlen(called) - strlen(".eml")] = '\0';
	char *name = called != NULL ? view_name_safe(called) : NULL;
	if (name == NULL && subject != NULL)
		name = view_name_safe(subject);
	return name != NULL ? name : g_strdup("message");
}

/* Now it is known where the message ends whose parts are those from @first on. What has no head is
 * all text; GMime finds none in it. */
static void end_message(Walk *self, unsigned first, gint64 start, bool is_headless)
{
	for (unsigned i = first; i < view_parts_count(self->parts); i++) {
		ViewPart *part = part_at(self->parts, i);
		bool is_text = is_headless && part->kind == VIEW_PART_TEXT;
		if (part->parent != self->message || (part->kind != VIEW_PART_RAW && !is_text))
			continue;
		part->start = start;
		part->end = MAX(self->last, start);
	}
}

static void walk_inner(Walk *self, GMimeMessagePart *part)
{
	GMimeMessage *message = g_mime_message_part_get_message(part);
	g_autofree char *name = message_name(part, message);
	ViewPart dir = {.kind = VIEW_PART_MESSAGE, .parent = attachments_of(self)};
	unsigned number = dir.parent != 0 ? add(self, &dir, name) : 0;
	unsigned outer = self->message;
	unsigned outer_attachments = self->attachments;
	gint64 start = start_of(self, part, message);

	if (number == 0)
		return;
	self->message = number;
	self->attachments = 0;
	self->last = start;
	walk_message(self, message, start);
	self->last = end_of(self, start);
	end_message(self, number + 1, start, message != NULL && headers_of(self, message).end == 0);
	self->message = outer;
	self->attachments = outer_attachments;
}

/* --- multiparts -------------------------------------------------------------------------- */

static void walk_multipart(Walk *self, GMimeMultipart *all)
{
	const char *boundary = g_mime_multipart_get_boundary(all);
	int count = g_mime_multipart_get_count(all);

	if (boundary != NULL)
		self->boundaries[self->boundary_count++] = boundary;
	for (int i = 0; i < count; i++)
		walk_object(self, g_mime_multipart_get_part(all, i));
	if (boundary != NULL)
		self->boundary_count--;
}

static void walk_object(Walk *self, GMimeObject *object)
{
	if (self->depth >= VIEW_DEPTH_MAX)
		return;
	self->depth++;
	if (GMIME_IS_MESSAGE_PART(object))
		walk_inner(self, GMIME_MESSAGE_PART(object));
	else if (GMIME_IS_MULTIPART(object))
		walk_multipart(self, GMIME_MULTIPART(object));
	else if (GMIME_IS_PART(object))
		walk_part(self, GMIME_PART(object));
	self->depth--;
}

/* --- the whole --------------------------------------------------------------------------- */

static void add_card(Walk *self)
{
	char begin[16] = "";
	ViewPart card = {.kind = VIEW_PART_ATTACHMENT, .end = self->source->end};

	g_mime_stream_reset(self->source->stream);
	(void)g_mime_stream_read(self->source->stream, begin, sizeof(begin) - 1);
	bool is_contact = g_ascii_strncasecmp(begin, "BEGIN:VCARD", strlen("BEGIN:VCARD")) == 0;
	card.parent = attachments_of(self);
	add(self, &card, is_contact ? "contact.vcf" : "calendar.ics");
}

static void walk(Walk *self, gint64 length)
{
	ViewPart whole = {.kind = VIEW_PART_MESSAGE};
	ViewSource *source = self->source;
	bool is_card = view_kind_is_card(source->stream);

	add(self, &whole, "");
	if (!is_card)
		view_source_parse(source);
	walk_message(self, source->message, 0);
	if (is_card)
		add_card(self);
	part_at(self->parts, source->message != NULL ? 2 : 1)->end = length;
}

ViewParts *view_parts_new(int fd)
{
	g_autoptr(ViewNames) names = view_names_new();
	g_autoptr(ViewParts) parts = parts_new();
	ViewSource source;
	Walk self = {.parts = parts, .source = &source, .names = names};

	if (!view_source_open(&source, fd))
		return NULL;
	walk(&self, source.length);
	measure(parts, source.stream);
	view_source_close(&source);
	return g_steal_pointer(&parts);
}
