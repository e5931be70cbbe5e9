/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/mime.h"

#include <string.h>

#include "ews/error.h"

/* What is gathered before the sink is called: servers that break lines give 76 bytes a piece. */
#define BUFFER_SIZE (32 * 1024)

struct EwsMime {
	EwsSink sink;
	gint state; /* of g_base64_decode_step */
	guint save;
	uint64_t letters; /* of the alphabet, without padding */
	unsigned pads;
	size_t used;
	guchar *buffer; /* own; BUFFER_SIZE bytes, while content comes */
};

/* What a character of the text is. */
enum { BAD, LETTER, PAD, SPACE };

/* By ASCII; everything above is bad. */
static const uint8_t classes[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 3, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2, 0, 0,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
	0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
	/* clang-format on */
};

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
	self->state = 0;
	self->save = 0;
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

/* Counts, and finds what does not belong there. */
static bool check(EwsMime *self, const char *text, size_t len, GError **error)
{
	size_t counts[4] = { 0 };
	bool is_padded = self->pads > 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t class = classes[(unsigned char)text[i]];

		counts[class]++;
		if (class == PAD)
			is_padded = true;
		else if (class == LETTER && is_padded)
			counts[BAD]++;
	}
	self->letters += counts[LETTER];
	self->pads += (unsigned)counts[PAD];
	if (counts[BAD] == 0 && self->pads <= 2)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT, "the content is not good base64");
	return false;
}

static bool decode(EwsMime *self, const char *text, size_t len, GError **error)
{
	/* A step gives at most (len / 4 + 1) * 3 + 3 bytes. */
	const size_t step_max = BUFFER_SIZE / 4 * 3 / 2;

	while (len > 0) {
		size_t step = MIN(len, step_max);

		if (self->used + (step / 4 + 2) * 3 > BUFFER_SIZE && !flush(self, error))
			return false;
		self->used += g_base64_decode_step(text, step, self->buffer + self->used,
			&self->state, &self->save);
		text += step;
		len -= step;
	}
	return true;
}

bool ews_mime_feed(EwsMime *self, const char *text, size_t len, GError **error)
{
	return check(self, text, len, error) && decode(self, text, len, error);
}

bool ews_mime_end(EwsMime *self, GError **error)
{
	unsigned rest = (unsigned)(self->letters % 4);
	unsigned wanted = rest == 0 ? 0 : 4 - rest;
	bool is_good;

	if (rest == 1 || self->pads > wanted) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT,
			"the content is not whole base64");
		return false;
	}
	/* GLib's decoder gives out whole groups only: complete the last one. */
	is_good = decode(self, "==", wanted - self->pads, error) && flush(self, error);
	g_clear_pointer(&self->buffer, g_free);
	return is_good;
}
