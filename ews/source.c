/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "ews/error.h"

#define PIECE_SIZE (24 * 1024)
/* A piece of nothing but line feeds doubles; one more for a carriage return at the end. */
#define LINES_SIZE (2 * PIECE_SIZE + 1)
/* What g_base64_encode_step may write at once, with what it kept from before. */
#define LETTERS_SIZE ((LINES_SIZE / 3 + 1) * 4 + 4)

typedef struct Buffers {
	unsigned char piece[PIECE_SIZE];
	unsigned char lines[LINES_SIZE];
	char letters[LETTERS_SIZE];
} Buffers;

struct EwsSource {
	atomic_uint refs;

	/* set when made, then const */
	int fd;        /* own; -1: there is a flaw */
	int64_t size;  /* of the file that counts */
	int64_t total; /* bytes with CRLF */
	GError *flaw;  /* own */

	/* while it is read */
	Buffers *buffers; /* own */
	int64_t at;       /* in the file */
	int64_t lined;    /* bytes with CRLF so far */
	bool is_after_cr;
	bool is_ended;
	gint state; /* of the encoder */
	gint save;
	size_t letters_at;
	size_t letters_len;
};

/* --- line ends --------------------------------------------------------------------------- */

/* Bytes that are missing to CRLF in this piece: before a bare LF, after a bare CR. */
static int64_t count_missing(const unsigned char *piece, size_t len, bool *is_after_cr)
{
	int64_t missing = 0;
	bool after = *is_after_cr;

	for (size_t i = 0; i < len; i++) {
		missing += after != (piece[i] == '\n');
		after = piece[i] == '\r';
	}
	*is_after_cr = after;
	return missing;
}

/* Returns how many bytes it made of them. */
static size_t make_lines(const unsigned char *piece, size_t len, bool *is_after_cr,
	unsigned char *to)
{
	const unsigned char *start = to;
	bool after = *is_after_cr;

	for (size_t i = 0; i < len; i++) {
		if (after && piece[i] != '\n')
			*to++ = '\n';
		else if (!after && piece[i] == '\n')
			*to++ = '\r';
		*to++ = piece[i];
		after = piece[i] == '\r';
	}
	*is_after_cr = after;
	return (size_t)(to - start);
}

/* --- making one -------------------------------------------------------------------------- */

/* Reads a piece at @at; -1 with LOCAL, also where the file ends before its size. */
static ssize_t read_piece(const EwsSource *self, int64_t at, unsigned char *piece, GError **error)
{
	size_t wanted = (size_t)MIN(self->size - at, PIECE_SIZE);
	ssize_t got;

	do
		got = pread(self->fd, piece, wanted, at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		g_propagate_error(error, ews_error_from_errno(errno, "read a message"));
	else if (got == 0)
		g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL,
			"a message is shorter than it was: %" G_GINT64_FORMAT
			" bytes of %" G_GINT64_FORMAT,
			(gint64)at, (gint64)self->size);
	return got > 0 ? got : -1;
}

static void count(EwsSource *self)
{
	g_autofree unsigned char *piece = g_malloc(PIECE_SIZE);
	bool is_after_cr = false;
	int64_t at = 0;

	self->total = self->size;
	while (at < self->size) {
		ssize_t got = read_piece(self, at, piece, &self->flaw);

		if (got < 0)
			return;
		self->total += count_missing(piece, (size_t)got, &is_after_cr);
		at += got;
	}
	self->total += is_after_cr;
}

EwsSource *ews_source_new(const EwsUpload *upload)
{
	EwsSource *self = g_new0(EwsSource, 1);

	atomic_init(&self->refs, 1);
	self->size = MAX(upload->size, 0);
	self->fd = fcntl(upload->fd, F_DUPFD_CLOEXEC, 0);
	if (self->fd < 0)
		self->flaw = ews_error_from_errno(errno, "hold a message");
	else
		count(self);
	return self;
}

EwsSource *ews_source_ref(EwsSource *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void ews_source_unref(EwsSource *self)
{
	if (!self || atomic_fetch_sub(&self->refs, 1) > 1)
		return;
	if (self->fd >= 0)
		close(self->fd);
	g_clear_error(&self->flaw);
	g_free(self->buffers);
	g_free(self);
}

const GError *ews_source_flaw(const EwsSource *self)
{
	return self->flaw;
}

int64_t ews_source_len(const EwsSource *self)
{
	return (self->total + 2) / 3 * 4;
}

/* --- reading it -------------------------------------------------------------------------- */

static bool check_total(const EwsSource *self, GError **error)
{
	bool is_good = self->is_ended ? self->lined == self->total : self->lined <= self->total;

	if (!is_good)
		g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL,
			"a message has changed since its length was told");
	return is_good;
}

/* The next piece of the file, as letters. */
static bool encode_piece(EwsSource *self, GError **error)
{
	Buffers *buffers = self->buffers;
	ssize_t got = read_piece(self, self->at, buffers->piece, error);
	size_t len;

	if (got < 0)
		return false;
	len = make_lines(buffers->piece, (size_t)got, &self->is_after_cr, buffers->lines);
	self->at += got;
	self->lined += (int64_t)len;
	self->letters_at = 0;
	self->letters_len = g_base64_encode_step(buffers->lines, len, FALSE, buffers->letters,
		&self->state, &self->save);
	return check_total(self, error);
}

/* What the encoder kept for a full group, and the LF after a CR that came last. */
static bool encode_rest(EwsSource *self, GError **error)
{
	char *letters = self->buffers->letters;

	self->letters_at = 0;
	self->letters_len = 0;
	if (self->is_after_cr) {
		self->letters_len = g_base64_encode_step((const guchar *)"\n", 1, FALSE, letters,
			&self->state, &self->save);
		self->lined++;
	}
	self->letters_len += g_base64_encode_close(FALSE, letters + self->letters_len, &self->state,
		&self->save);
	self->is_ended = true;
	return check_total(self, error);
}

static bool fill(EwsSource *self, GError **error)
{
	if (!self->buffers)
		self->buffers = g_new(Buffers, 1);
	while (self->letters_at == self->letters_len && !self->is_ended) {
		if (!(self->at < self->size ? encode_piece(self, error) : encode_rest(self, error)))
			return false;
	}
	return true;
}

ssize_t ews_source_read(EwsSource *self, char *buffer, size_t max, GError **error)
{
	size_t len;

	if (self->flaw) {
		g_propagate_error(error, g_error_copy(self->flaw));
		return -1;
	}
	if (self->letters_at == self->letters_len) {
		if (self->is_ended)
			return 0;
		if (!fill(self, error))
			return -1;
	}
	len = MIN(self->letters_len - self->letters_at, max);
	memcpy(buffer, self->buffers->letters + self->letters_at, len);
	self->letters_at += len;
	if (self->is_ended && self->letters_at == self->letters_len)
		g_clear_pointer(&self->buffers, g_free);
	return (ssize_t)len;
}

void ews_source_rewind(EwsSource *self)
{
	g_clear_pointer(&self->buffers, g_free);
	self->at = self->lined = 0;
	self->is_after_cr = self->is_ended = false;
	self->state = self->save = 0;
	self->letters_at = self->letters_len = 0;
}

/* --- its headers ------------------------------------------------------------------------- */

/* Where the headers end in @text, or -1. */
static gssize end_of_head(const GString *text)
{
	const char *lf = strstr(text->str, "\n\n");
	const char *crlf = strstr(text->str, "\n\r\n");

	if (lf && (!crlf || lf < crlf))
		return lf - text->str + 1;
	return crlf ? crlf - text->str + 1 : -1;
}

GString *ews_source_head(const EwsSource *self, size_t max)
{
	GString *head = g_string_new(NULL);
	g_autofree unsigned char *piece = g_malloc(PIECE_SIZE);
	gssize end = -1;

	while (!self->flaw && end < 0 && head->len < max && (int64_t)head->len < self->size) {
		ssize_t got = read_piece(self, (int64_t)head->len, piece, NULL);

		if (got < 0)
			break;
		g_string_append_len(head, (const char *)piece, got);
		end = end_of_head(head);
	}
	g_string_truncate(head, MIN(end >= 0 ? (gsize)end : head->len, max));
	return head;
}
