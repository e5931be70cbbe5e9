/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/body.h"

#include <string.h>

#include "view/charset.h"
#include "view/html.h"

#define PIECE_BYTES (16 * 1024)
#define BLANK_BYTES (64 * 1024) /* that many blanks, and it is blank */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GMimeStream, g_object_unref)

ViewBody view_body_of(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);

	return (ViewBody){
		.stream = content != NULL ? g_mime_data_wrapper_get_stream(content) : NULL,
		.encoding = g_mime_part_get_content_encoding(part),
		.charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset"),
	};
}

/* Owned; NULL: it has none. One at a time: what is below it is the part's only one. */
static GMimeStream *open_body(const ViewBody *body)
{
	if (body->stream == NULL)
		return NULL;
	GMimeStream *decoded = g_mime_stream_filter_new(body->stream);
	GMimeFilter *filter = g_mime_filter_basic_new(body->encoding, FALSE);
	g_mime_stream_reset(body->stream);
	g_mime_stream_filter_add(GMIME_STREAM_FILTER(decoded), filter);
	g_object_unref(filter);
	return decoded;
}

static GMimeStream *open_part(GMimePart *part)
{
	const ViewBody body = view_body_of(part);

	return open_body(&body);
}

/* 0 at its end, and where it cannot be read. */
static size_t read_piece(GMimeStream *stream, char *piece)
{
	ssize_t got = g_mime_stream_read(stream, piece, PIECE_BYTES);

	return got > 0 ? (size_t)got : 0;
}

gint64 view_body_size(GMimePart *part)
{
	g_autoptr(GMimeStream) stream = open_part(part);
	char piece[PIECE_BYTES];
	gint64 size = 0;

	if (stream == NULL)
		return 0;
	for (size_t got; (got = read_piece(stream, piece)) > 0;)
		size += (gint64)got;
	return size;
}

bool view_body_is_blank(GMimePart *part)
{
	g_autoptr(GMimeStream) stream = open_part(part);
	char piece[PIECE_BYTES];
	size_t seen = 0;

	for (size_t got;
		stream != NULL && seen < BLANK_BYTES && (got = read_piece(stream, piece)) > 0;
		seen += got) {
		for (size_t i = 0; i < got; i++) {
			if ((unsigned char)piece[i] > ' ')
				return false;
		}
	}
	return true;
}

/* A part as text, piece by piece. */
typedef struct Reading {
	GMimeStream *stream; /* borrowed */
	ViewCharset *from;   /* borrowed */
	bool is_ended;
} Reading;

/* A ViewRead. */
static bool read_text(void *user, GString *text)
{
	Reading *self = user;
	char piece[PIECE_BYTES];
	size_t got = self->is_ended ? 0 : read_piece(self->stream, piece);

	if (self->is_ended)
		return false;
	self->is_ended = got == 0;
	if (got > 0)
		view_charset_feed(self->from, piece, got, text);
	else
		view_charset_end(self->from, text);
	return true;
}

static void write_text(GMimeStream *stream, const char *charset, ViewOut *out)
{
	g_autoptr(ViewCharset) from = view_charset_new(charset);
	g_autoptr(GString) text = g_string_new(NULL);
	Reading reading = {.stream = stream, .from = from};

	while (!view_out_is_closed(out) && read_text(&reading, text)) {
		view_out_text(out, text->str, text->len);
		g_string_truncate(text, 0);
	}
	view_out_fresh(out);
}

static const char *charset_of(GMimePart *part)
{
	return g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
}

void view_body_stream(GMimeStream *stream, ViewOut *out)
{
	write_text(stream, NULL, out);
}

void view_body_text(GMimePart *part, ViewOut *out)
{
	g_autoptr(GMimeStream) stream = open_part(part);

	if (stream != NULL)
		write_text(stream, charset_of(part), out);
}

/* A document may say its charset in itself, near its beginning. Owned; NULL: it does not. */
static char *charset_inside(const ViewBody *body)
{
	static const char pattern[] = "<meta[^>]+charset\\s*=\\s*[\"']?\\s*([A-Za-z0-9._:-]+)";
	g_autoptr(GMimeStream) stream = open_body(body);
	char piece[PIECE_BYTES + 1];
	size_t got = stream != NULL ? read_piece(stream, piece) : 0;
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	if (!g_regex_match_full(regex, piece, (gssize)got, 0, 0, &match, NULL))
		return NULL;
	return g_match_info_fetch(match, 1);
}

char *view_body_html_charset(const ViewBody *self)
{
	return self->charset != NULL ? g_strdup(self->charset) : charset_inside(self);
}

void view_body_html(GMimePart *part, ViewOut *out)
{
	const ViewBody body = view_body_of(part);
	g_autofree char *charset = view_body_html_charset(&body);
	g_autoptr(ViewCharset) from = view_charset_new(charset);
	g_autoptr(GMimeStream) stream = open_body(&body);
	Reading reading = {.stream = stream, .from = from};

	if (stream != NULL)
		view_html_write(out, read_text, &reading);
}

/* --- as files ---------------------------------------------------------------------------- */

bool view_body_is_plain(GMimeContentEncoding encoding)
{
	return encoding != GMIME_CONTENT_ENCODING_BASE64 &&
	       encoding != GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE &&
	       encoding != GMIME_CONTENT_ENCODING_UUENCODE;
}

bool view_body_write(const ViewBody *self, ViewWrite write, void *user)
{
	g_autoptr(GMimeStream) stream = open_body(self);
	char piece[PIECE_BYTES];
	ssize_t got = 0;

	while (stream != NULL && (got = g_mime_stream_read(stream, piece, sizeof(piece))) > 0) {
		if (!write(user, piece, (size_t)got))
			return false;
	}
	return got == 0;
}

/* Text on its way out, in the charset that it is in. */
typedef struct Writing {
	ViewCharset *from; /* borrowed */
	GString *text;     /* borrowed */
	const char *mark;
	ViewWrite write;
	void *user;
} Writing;

static bool write_out(Writing *self)
{
	const char *mark = self->text->len > 0 ? self->mark : NULL;

	if (mark != NULL && !g_str_has_prefix(self->text->str, mark))
		g_string_prepend(self->text, mark);
	if (mark != NULL)
		self->mark = NULL;
	bool is_good = self->text->len == 0 ||
		       self->write(self->user, self->text->str, self->text->len);
	g_string_truncate(self->text, 0);
	return is_good;
}

/* A ViewWrite. */
static bool take_bytes(void *user, const char *bytes, size_t len)
{
	Writing *self = user;

	view_charset_feed(self->from, bytes, len, self->text);
	return write_out(self);
}

bool view_body_write_text(const ViewBody *self, const char *mark, ViewWrite write, void *user)
{
	g_autoptr(ViewCharset) from = view_charset_new(self->charset);
	g_autoptr(GString) text = g_string_new(NULL);
	Writing writing = {
		.from = from,
		.text = text,
		.mark = mark,
		.write = write,
		.user = user,
	};

	if (!view_body_write(self, take_bytes, &writing))
		return false;
	view_charset_end(from, text);
	return write_out(&writing);
}
