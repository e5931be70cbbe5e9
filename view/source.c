/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/source.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (64 * 1024)
#define GLANCE_BYTES 4096
#define OLD_LINES_MAX (1024 * 1024)

/* --- how far it is harmless -------------------------------------------------------------- */

/* Where a look through the bytes stands. */
typedef struct Look {
	gint64 line_at;
	gint64 kept_at; /* where what GMime may keep began; -1: it does not */
	gint64 kept_max;
	unsigned colons; /* of what GMime may keep */
	unsigned dashes;
	enum {
		AT_START,
		AFTER_DASH,
		IN_NAME,    /* of a header, before its colon */
		AFTER_NAME, /* in the blanks before its colon */
		IN_LINE,    /* to its end, whatever it is */
	} state;
} Look;

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Header names are printable and without blanks. */
static bool is_name_byte(char byte)
{
	return byte > ' ' && byte < 0x7f;
}

/* FALSE: here it ends. */
static bool look_at_start(Look *self, char byte, gint64 at)
{
	self->line_at = at;
	self->state = IN_LINE;
	if (is_blank(byte)) /* goes on with what was before */
		return true;
	self->kept_at = -1;
	if (byte == '\n')
		self->state = AT_START;
	else if (byte == '-')
		self->state = AFTER_DASH;
	else if (is_name_byte(byte))
		self->state = IN_NAME;
	return true;
}

static bool look_after_dash(Look *self, char byte)
{
	self->state = IN_NAME;
	if (byte != '-')
		return true;
	self->state = IN_LINE;
	return ++self->dashes <= SOURCE_DASHES_MAX;
}

static void keep(Look *self, gint64 max)
{
	self->kept_at = self->line_at;
	self->kept_max = max;
	self->colons = 0;
	self->state = IN_LINE;
}

/* A name, blanks and no colon is no header, but GMime keeps the line until it knows. */
static void look_in_name(Look *self, char byte)
{
	if (self->state == IN_LINE)
		return;
	if (byte == ':')
		keep(self, SOURCE_LINE_MAX);
	else if (is_blank(byte))
		self->state = AFTER_NAME;
	else if (self->state == AFTER_NAME)
		keep(self, SOURCE_ODD_LINE_MAX);
	else if (!is_name_byte(byte))
		self->state = IN_LINE;
}

/* A byte that is not in the middle of a line. */
static bool look_at(Look *self, char byte, gint64 at)
{
	if (self->state == AT_START)
		return look_at_start(self, byte, at);
	if (byte == '\n') {
		self->state = AT_START;
		return true;
	}
	if (self->state == AFTER_DASH && !look_after_dash(self, byte))
		return false;
	look_in_name(self, byte);
	return true;
}

static unsigned count_colons(const char *text, const char *end)
{
	unsigned count = 0;

	for (; (text = memchr(text, ':', (size_t)(end - text))) != NULL; text++)
		count++;
	return count;
}

/* Passes over the rest of a line; returns its last byte in this piece. */
static size_t look_over(Look *self, const char *piece, size_t at, size_t len)
{
	const char *feed = memchr(piece + at, '\n', len - at);
	size_t last = feed != NULL ? (size_t)(feed - piece) : len - 1;

	if (self->kept_at >= 0)
		self->colons += count_colons(piece + at, piece + last);
	if (feed != NULL)
		self->state = AT_START;
	return last;
}

/* Looks through a piece that begins at @offset. -1: all is well. */
static gint64 look_through(Look *self, const char *piece, size_t len, gint64 offset)
{
	for (size_t i = 0; i < len; i++) {
		if (self->state == IN_LINE) {
			i = look_over(self, piece, i, len);
		} else if (!look_at(self, piece[i], offset + (gint64)i)) {
			return self->line_at;
		}
		if (self->kept_at >= 0 &&
			(self->colons > SOURCE_COLONS_MAX ||
				offset + (gint64)i - self->kept_at >= self->kept_max))
			return self->kept_at;
	}
	return -1;
}

/* Where it ends for us: its length, or before. */
static gint64 find_end(int fd, gint64 length)
{
	Look look = {.kept_at = -1};
	g_autofree char *piece = g_malloc(PIECE_BYTES);
	gint64 at = 0;

	while (at < length) {
		ssize_t got = pread(fd, piece, PIECE_BYTES, at);
		if (got <= 0)
			return at;
		gint64 end = look_through(&look, piece, (size_t)got, at);
		if (end >= 0)
			return end;
		at += got;
	}
	return at;
}

/* --- taking it apart --------------------------------------------------------------------- */

/* Headers as they come. */
typedef struct Count {
	ViewSource *source;
	unsigned headers;
	size_t bytes;
	bool has_ended;
} Count;

/* Here the file ends, as GMime sees it: it finishes with what it has. */
static void count_header(GMimeParser *parser, const char *name, const char *value, gint64 offset,
	gpointer user)
{
	Count *self = user;
	GMimeStream *stream = self->source->stream;

	self->headers++;
	self->bytes += strlen(name) + strlen(value);
	if (self->has_ended ||
		(self->headers < SOURCE_HEADERS_MAX && self->bytes < SOURCE_HEADER_BYTES_MAX))
		return;
	g_mime_stream_set_bounds(stream, stream->bound_start, g_mime_stream_tell(stream));
	self->has_ended = self->source->is_cut = true;
}

/* Nearly all do, and soon: the others are read as a whole. */
static bool begins_with_line(int fd)
{
	char start[GLANCE_BYTES];
	ssize_t got = pread(fd, start, sizeof(start), 0);

	return got <= 0 || memchr(start, '\n', (size_t)got) != NULL;
}

/* Lines that end in CR alone, as they did on some machines, are no lines to GMime. Such a message
 * is short or not at all: a copy with line feeds in their place is looked at. */
static int open_old_lines(int fd, gint64 *length)
{
	if (*length > OLD_LINES_MAX || begins_with_line(fd))
		return fd;
	g_autofree char *bytes = g_malloc(OLD_LINES_MAX);
	ssize_t got = pread(fd, bytes, OLD_LINES_MAX, 0);
	if (got <= 0 || memchr(bytes, '\n', (size_t)got) != NULL ||
		memchr(bytes, '\r', (size_t)got) == NULL)
		return fd;
	for (ssize_t i = 0; i < got; i++)
		bytes[i] = bytes[i] == '\r' ? '\n' : bytes[i];
	int copy = memfd_create("message", MFD_CLOEXEC);
	if (copy < 0 || write(copy, bytes, (size_t)got) != got) {
		if (copy >= 0)
			close(copy);
		return fd;
	}
	close(fd);
	*length = got;
	return copy;
}

/* A descriptor of its own; -1 when it cannot be had. */
static int reopen(int fd, gint64 *ret_length)
{
	char path[64];
	struct stat attr;

	g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, O_RDONLY | O_CLOEXEC);
	if (own >= 0 && fstat(own, &attr) < 0) {
		close(own);
		own = -1;
	}
	if (own >= 0)
		*ret_length = attr.st_size;
	return own;
}

GMimeStream *view_source_file(int fd)
{
	gint64 length;
	int own = reopen(fd, &length);

	return own >= 0 ? g_mime_stream_fs_new_with_bounds(own, 0, length) : NULL;
}

GMimeStream *view_source_lines(int fd)
{
	gint64 length;
	int own = reopen(fd, &length);

	if (own < 0)
		return NULL;
	own = open_old_lines(own, &length);
	return g_mime_stream_fs_new_with_bounds(own, 0, length);
}

bool view_source_open(ViewSource *self, int fd)
{
	*self = (ViewSource){0};
	int own = reopen(fd, &self->length);
	if (own < 0)
		return false;
	own = open_old_lines(own, &self->length);
	self->end = find_end(own, self->length);
	self->is_cut = self->end < self->length;
	self->stream = g_mime_stream_fs_new_with_bounds(own, 0, self->end);
	return true;
}

GMimeParserOptions *view_source_options(void)
{
	const char *charsets[] = {"utf-8", "windows-1252", NULL};
	GMimeParserOptions *options = g_mime_parser_options_new();

	g_mime_parser_options_set_fallback_charsets(options, charsets);
	return options;
}

void view_source_parse(ViewSource *self)
{
	Count count = {.source = self};
	GMimeParserOptions *options = view_source_options();
	GMimeParser *parser = g_mime_parser_new_with_stream(self->stream);

	g_mime_parser_set_header_regex(parser, ".", count_header, &count);
	self->message = g_mime_parser_construct_message(parser, options);
	g_object_unref(parser);
	g_mime_parser_options_free(options);
}

void view_source_close(ViewSource *self)
{
	g_clear_object(&self->message);
	g_clear_object(&self->stream);
}
