/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/out.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "tests/ewsd/clock.h"

enum {
	FLUSH_SIZE = 128 * 1024,	/* a part of a long answer that is worth sending */
	UNSENT_MAX = 4 * 1024 * 1024,	/* what may wait for a slow client */
	BASE64_SLICE = 48 * 1024,	/* divisible by three: no padding inside */
};

struct Out {
	/* set at start, then const */
	OutWake wake;
	void *data;	/* borrowed: from the server's call */

	/* the request's thread only */
	GString *buf;
	uint64_t total;
	bool deaf;
	bool hold;

	/* guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	GString *pending;
	size_t unsent;
	uint64_t left;	/* bytes until the cut; UINT64_MAX without one */
	bool woken;
	bool ended;
	bool cut;
	bool gone;
};

Out *out_new(OutWake wake, void *data)
{
	Out *self = g_new0(Out, 1);

	self->wake = wake;
	self->data = data;
	self->buf = g_string_sized_new(FLUSH_SIZE);
	self->pending = g_string_new(NULL);
	self->left = UINT64_MAX;
	pthread_mutex_init(&self->lock, NULL);
	clock_cond_init(&self->changed);
	return self;
}

void out_free(Out *self)
{
	if (!self)
		return;
	g_string_free(self->buf, TRUE);
	g_string_free(self->pending, TRUE);
	pthread_mutex_destroy(&self->lock);
	pthread_cond_destroy(&self->changed);
	g_free(self);
}

GString *out_buf(Out *self)
{
	return self->buf;
}

void out_raw(Out *self, const char *text)
{
	g_string_append(self->buf, text);
}

void out_printf(Out *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(self->buf, format, args);
	va_end(args);
}

static void escape_char(GString *buf, unsigned char c)
{
	switch (c) {
	case '&':
		g_string_append(buf, "&amp;");
		break;
	case '<':
		g_string_append(buf, "&lt;");
		break;
	case '>':
		g_string_append(buf, "&gt;");
		break;
	case '"':
		g_string_append(buf, "&quot;");
		break;
	default:
		/* Not legal in XML 1.0, yet exactly what Exchange sends. */
		g_string_append_printf(buf, "&#x%X;", c);
	}
}

static bool is_plain(unsigned char c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n';
	return c != '&' && c != '<' && c != '>' && c != '"';
}

void out_text(Out *self, const char *text)
{
	const char *start = text;

	for (const char *p = text; *p; p++) {
		if (is_plain((unsigned char)*p))
			continue;
		g_string_append_len(self->buf, start, p - start);
		escape_char(self->buf, (unsigned char)*p);
		start = p + 1;
	}
	g_string_append(self->buf, start);
}

void out_elem(Out *self, const char *name, const char *text)
{
	GString *buf = self->buf;

	g_string_append_c(buf, '<');
	g_string_append(buf, name);
	if (!text || !*text) {
		g_string_append(buf, "/>");
		return;
	}
	g_string_append_c(buf, '>');
	out_text(self, text);
	g_string_append(buf, "</");
	g_string_append(buf, name);
	g_string_append_c(buf, '>');
}

void out_bool(Out *self, const char *name, bool value)
{
	out_elem(self, name, value ? "true" : "false");
}

void out_int(Out *self, const char *name, int64_t value)
{
	char text[24];

	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, value);
	out_elem(self, name, text);
}

void out_date(Out *self, const char *name, int64_t ms, bool with_ms)
{
	char text[CLOCK_TEXT];

	clock_format(ms, with_ms, text);
	out_elem(self, name, text);
}

void out_base64(Out *self, const void *data, size_t length)
{
	const unsigned char *p = data;

	while (length > 0) {
		size_t n = MIN(length, (size_t)BASE64_SLICE);
		size_t at = self->buf->len;
		int state = 0;
		int save = 0;
		size_t made;

		g_string_set_size(self->buf, at + (n / 3 + 1) * 4 + 4);
		made = g_base64_encode_step(p, n, FALSE, self->buf->str + at, &state, &save);
		made += g_base64_encode_close(FALSE, self->buf->str + at + made, &state, &save);
		g_string_set_size(self->buf, at + made);
		p += n;
		length -= n;
		if (self->buf->len >= FLUSH_SIZE)
			out_flush(self);
	}
}

void out_set_deaf(Out *self)
{
	self->deaf = true;
}

void out_set_hold(Out *self)
{
	self->hold = true;
}

void out_set_cut(Out *self, uint64_t bytes)
{
	pthread_mutex_lock(&self->lock);
	self->left = bytes;
	pthread_mutex_unlock(&self->lock);
}

/* Under the lock: move the buffer to what the socket's thread will take. */
static bool give(Out *self)
{
	size_t length = self->buf->len;

	if (self->gone || self->cut)
		return false;
	if (length >= self->left) {
		length = (size_t)self->left;
		self->cut = true;
	}
	if (self->left != UINT64_MAX)
		self->left -= length;
	g_string_append_len(self->pending, self->buf->str, (gssize)length);
	self->unsent += length;
	if (self->woken)
		return false;
	self->woken = true;
	return true;
}

static void push(Out *self, bool last)
{
	bool wake;

	pthread_mutex_lock(&self->lock);
	while (!self->gone && !self->cut && self->unsent > UNSENT_MAX)
		pthread_cond_wait(&self->changed, &self->lock);
	wake = give(self);
	if (last) {
		self->ended = true;
		wake = !self->woken || wake;
		self->woken = true;
	}
	pthread_mutex_unlock(&self->lock);
	self->total += self->buf->len;
	g_string_truncate(self->buf, 0);
	if (wake)
		self->wake(self->data);
}

void out_flush(Out *self)
{
	if (self->buf->len == 0 || self->hold)
		return;
	if (self->deaf) {
		self->total += self->buf->len;
		g_string_truncate(self->buf, 0);
		return;
	}
	push(self, false);
}

void out_end(Out *self)
{
	if (self->deaf)
		g_string_truncate(self->buf, 0);
	push(self, true);
}

uint64_t out_total(Out *self)
{
	return self->total + self->buf->len;
}

bool out_is_gone(Out *self)
{
	bool gone;

	pthread_mutex_lock(&self->lock);
	gone = self->gone;
	pthread_mutex_unlock(&self->lock);
	return gone && !self->deaf;
}

bool out_sleep(Out *self, unsigned ms)
{
	struct timespec until = clock_after(ms);
	bool gone;

	pthread_mutex_lock(&self->lock);
	while (self->deaf || !self->gone) {
		if (pthread_cond_timedwait(&self->changed, &self->lock, &until) != 0)
			break;
	}
	gone = self->gone && !self->deaf;
	pthread_mutex_unlock(&self->lock);
	return !gone;
}

GBytes *out_take(Out *self, bool *ret_ended, bool *ret_cut)
{
	GBytes *bytes = NULL;

	pthread_mutex_lock(&self->lock);
	self->woken = false;
	if (self->pending->len > 0) {
		bytes = g_string_free_to_bytes(self->pending);
		self->pending = g_string_new(NULL);
	}
	*ret_ended = self->ended;
	*ret_cut = self->cut;
	pthread_mutex_unlock(&self->lock);
	return bytes;
}

size_t out_wrote(Out *self, size_t bytes)
{
	size_t left;

	pthread_mutex_lock(&self->lock);
	self->unsent -= MIN(bytes, self->unsent);
	left = self->unsent;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return left;
}

void out_gone(Out *self)
{
	pthread_mutex_lock(&self->lock);
	self->gone = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}
