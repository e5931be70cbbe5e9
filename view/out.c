/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/out.h"

#include <string.h>

#define BUFFER_BYTES (32 * 1024)
#define CUT_NOTE "[cut: the rest is in the message itself]\n"

struct ViewOut {
	ViewWrite write;
	void *user;
	GString *buffer; /* own */
	GString *prefix; /* own; of all indents together */
	GArray *lengths; /* own; of the prefix before each */
	size_t taken;    /* bytes so far */
	unsigned empty;  /* line ends that end it, 2 at most: 2 is an empty line */
	char last;       /* byte that was taken */
	bool has_text;
	bool is_cut;
	bool is_full;
	bool has_failed;
};

ViewOut *view_out_new(ViewWrite write, void *user)
{
	ViewOut *self = g_new0(ViewOut, 1);

	self->write = write;
	self->user = user;
	self->buffer = g_string_sized_new(BUFFER_BYTES);
	self->prefix = g_string_new(NULL);
	self->lengths = g_array_new(FALSE, FALSE, sizeof(gsize));
	self->empty = 1;
	return self;
}

void view_out_free(ViewOut *self)
{
	if (self == NULL)
		return;
	g_string_free(self->buffer, TRUE);
	g_string_free(self->prefix, TRUE);
	g_array_unref(self->lengths);
	g_free(self);
}

bool view_out_is_closed(const ViewOut *self)
{
	return self->is_full || self->has_failed;
}

void view_out_cut(ViewOut *self)
{
	self->is_cut = true;
}

void view_out_indent(ViewOut *self, const char *prefix)
{
	g_array_append_val(self->lengths, self->prefix->len);
	g_string_append(self->prefix, prefix);
}

void view_out_outdent(ViewOut *self)
{
	gsize len = g_array_index(self->lengths, gsize, self->lengths->len - 1);

	g_array_set_size(self->lengths, self->lengths->len - 1);
	g_string_truncate(self->prefix, len);
}

static void flush(ViewOut *self)
{
	if (self->buffer->len > 0 && !self->has_failed)
		self->has_failed = !self->write(self->user, self->buffer->str, self->buffer->len);
	g_string_truncate(self->buffer, 0);
}

/* Pieces are whole characters, and so is what is taken of them. */
static void take(ViewOut *self, const char *text, size_t len)
{
	size_t room = VIEW_TEXT_MAX - self->taken;

	if (view_out_is_closed(self))
		return;
	if (len > room) {
		self->is_full = self->is_cut = true;
		while (room > 0 && ((unsigned char)text[room] & 0xc0) == 0x80)
			room--;
		len = room;
	}
	g_string_append_len(self->buffer, text, (gssize)len);
	self->taken += len;
	if (len > 0)
		self->last = text[len - 1];
	if (self->buffer->len >= BUFFER_BYTES)
		flush(self);
}

static void end_line(ViewOut *self)
{
	/* An empty line of a quote shows that it is one, and has no blanks at its end. */
	if (self->empty > 0) {
		size_t len = self->prefix->len;
		while (len > 0 && self->prefix->str[len - 1] == ' ')
			len--;
		take(self, self->prefix->str, len);
	}
	take(self, "\n", 1);
	self->empty = MIN(self->empty + 1, 2);
}

/* Without a line end. */
static void add(ViewOut *self, const char *text, size_t len)
{
	if (len == 0)
		return;
	if (self->empty > 0)
		take(self, self->prefix->str, self->prefix->len);
	self->empty = 0;
	self->has_text = true;
	take(self, text, len);
}

/* How many bytes of a control character stand at @text: C0, DEL, and C1, which UTF-8 has in two. */
static size_t control_at(const char *text, const char *end)
{
	unsigned char first = (unsigned char)*text;

	if ((first < 0x20 && first != '\t') || first == 0x7f)
		return 1;
	if (first == 0xc2 && end - text > 1 && (unsigned char)text[1] < 0xa0)
		return 2;
	return 0;
}

void view_out_text(ViewOut *self, const char *text, size_t len)
{
	const char *end = text + len;
	const char *start = text;

	while (text < end && !view_out_is_closed(self)) {
		size_t control = control_at(text, end);
		if (control == 0) {
			text++;
			continue;
		}
		add(self, start, (size_t)(text - start));
		if (*text == '\n')
			end_line(self);
		text += control;
		start = text;
	}
	add(self, start, (size_t)(text - start));
}

void view_out_words(ViewOut *self, const char *text)
{
	const char *end = text + strlen(text);

	while (text < end) {
		size_t len = 0;
		while (text + len < end && control_at(text + len, end) == 0 && text[len] != '\t')
			len++;
		add(self, text, len);
		text += len;
		if (text == end)
			return;
		while (text < end && (control_at(text, end) > 0 || *text == '\t' || *text == ' '))
			text += MAX(control_at(text, end), 1);
		if (text < end)
			add(self, " ", 1);
	}
}

void view_out_fresh(ViewOut *self)
{
	if (self->empty == 0)
		end_line(self);
}

void view_out_gap(ViewOut *self)
{
	view_out_fresh(self);
	if (self->empty < 2 && self->has_text)
		end_line(self);
}

bool view_out_end(ViewOut *self)
{
	if (self->last != '\n' && self->taken > 0)
		g_string_append_c(self->buffer, '\n');
	if (self->is_cut)
		g_string_append(self->buffer, CUT_NOTE);
	flush(self);
	return !self->has_failed;
}
