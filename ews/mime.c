/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/mime.h"

#include <string.h>

#include "ews/error.h"

/*
 * One pass that decodes and checks. GLib's decoder would need a second pass for the checking (it
 * skips what is not base64) and takes several times as long, and nearly all bytes that ewsfs ever
 * receives go through here.
 */

/* What is gathered before the sink is called: servers that break lines give 76 bytes a piece. */
#define BUFFER_SIZE (32 * 1024)

struct EwsMime {
	EwsSink sink;
	uint32_t group;   /* letters of a group of four that is not full yet, 6 bits each */
	unsigned letters; /* how many */
	unsigned pads;
	size_t used;
	unsigned char *buffer; /* own; BUFFER_SIZE bytes, while content comes */
};

/* clang-format off */
enum { P = 64, S, B }; /* padding, white space, bad; less is a letter's value */

static const unsigned char letter_values[256] = {
	B, B, B, B, B, B, B, B, B, S, S, B, B, S, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	S, B, B, B, B, B, B, B, B, B, B, 62, B, B, B, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, B, B, B, P, B, B,
	B, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, B, B, B, B, B,
	B, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
	B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B,
};
/* clang-format on */

EwsMime *ews_mime_new(const EwsSink *sink)
{
	EwsMime *self = g_new0(EwsMime, 1);

	self->sink = *sink;
	return self;
}

void ews_mime_free(EwsMime *self)
{
	if (!self)
		return;
	g_free(self->buffer);
	g_free(self);
}

bool ews_mime_begin(EwsMime *self, GError **error)
{
	self->group = 0;
	self->letters = 0;
	self->pads = 0;
	self->used = 0;
	if (!self->buffer)
		self->buffer = g_malloc(BUFFER_SIZE);
	return self->sink.begin(self->sink.user, error);
}

static bool flush(EwsMime *self, GError **error)
{
	size_t len = self->used;

	self->used = 0;
	return len == 0 || self->sink.write(self->sink.user, self->buffer, len, error);
}

static void put_group(EwsMime *self, uint32_t group)
{
	unsigned char *out = self->buffer + self->used;

	out[0] = (unsigned char)(group >> 16);
	out[1] = (unsigned char)(group >> 8);
	out[2] = (unsigned char)group;
	self->used += 3;
}

/* Whole groups of four letters, as many as come in a row and have room. Returns what it took. */
static size_t decode_groups(EwsMime *self, const unsigned char *text, size_t len)
{
	size_t groups = MIN(len / 4, (BUFFER_SIZE - self->used) / 3);
	size_t at = 0;

	for (; groups > 0; groups--, at += 4) {
		unsigned a = letter_values[text[at]];
		unsigned b = letter_values[text[at + 1]];
		unsigned c = letter_values[text[at + 2]];
		unsigned d = letter_values[text[at + 3]];

		if ((a | b | c | d) >= P)
			break;
		put_group(self, a << 18 | b << 12 | c << 6 | d);
	}
	return at;
}

/* One character, whatever it is. FALSE: it does not belong there. */
static bool decode_one(EwsMime *self, unsigned char c)
{
	unsigned value = letter_values[c];

	if (value == S)
		return true;
	if (value == P)
		return ++self->pads <= 2;
	if (value == B || self->pads > 0)
		return false;
	self->group = self->group << 6 | value;
	if (++self->letters == 4) {
		put_group(self, self->group);
		self->letters = 0;
		self->group = 0;
	}
	return true;
}

bool ews_mime_feed(EwsMime *self, const char *text, size_t len, GError **error)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t at = 0;

	while (at < len) {
		if (self->used + 3 > BUFFER_SIZE && !flush(self, error))
			return false;
		if (self->letters == 0 && self->pads == 0)
			at += decode_groups(self, bytes + at, len - at);
		if (at == len || self->used + 3 > BUFFER_SIZE)
			continue;
		if (!decode_one(self, bytes[at++])) {
			g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT,
				"the content is not good base64");
			return false;
		}
	}
	return true;
}

/* The last two or three letters stand for one or two bytes. */
static void put_rest(EwsMime *self)
{
	uint32_t group = self->group << (6 * (4 - self->letters));

	put_group(self, group);
	self->used -= 4 - self->letters;
}

bool ews_mime_end(EwsMime *self, GError **error)
{
	unsigned wanted = self->letters == 0 ? 0 : 4 - self->letters;
	bool is_good;

	if (self->letters == 1 || self->pads > wanted) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT,
			"the content is not whole base64");
		return false;
	}
	is_good = self->used + 3 <= BUFFER_SIZE || flush(self, error);
	if (is_good && self->letters > 0)
		put_rest(self);
	is_good = is_good && flush(self, error);
	g_clear_pointer(&self->buffer, g_free);
	return is_good;
}
