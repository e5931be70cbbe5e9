/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/body.h"

#include <string.h>

typedef struct Part {
	GString *text;     /* own; or */
	EwsSource *source; /* own */
	unsigned owner;
} Part;

struct EwsBody {
	GPtrArray *parts; /* own, of Part */
	int64_t len;
	int64_t read;
	guint next;     /* the part that is read */
	size_t text_at; /* in its text */
	GError *error;  /* own */
	unsigned owner;
};

static void free_part(gpointer data)
{
	Part *part = data;

	if (part->text)
		g_string_free(part->text, TRUE);
	ews_source_unref(part->source);
	g_free(part);
}

EwsBody *ews_body_new(void)
{
	EwsBody *self = g_new0(EwsBody, 1);

	self->parts = g_ptr_array_new_with_free_func(free_part);
	return self;
}

void ews_body_free(EwsBody *self)
{
	if (!self)
		return;
	g_ptr_array_unref(self->parts);
	g_clear_error(&self->error);
	g_free(self);
}

void ews_body_add_text(EwsBody *self, const char *text, size_t len)
{
	Part *part = g_new0(Part, 1);

	part->text = g_string_new_len(text, (gssize)len);
	g_ptr_array_add(self->parts, part);
	self->len += (int64_t)len;
}

void ews_body_add_source(EwsBody *self, EwsSource *source, unsigned owner)
{
	Part *part = g_new0(Part, 1);

	ews_source_rewind(source);
	part->source = source;
	part->owner = owner;
	g_ptr_array_add(self->parts, part);
	self->len += ews_source_len(source);
}

int64_t ews_body_len(const EwsBody *self)
{
	return self->len;
}

bool ews_body_is_read(const EwsBody *self)
{
	return self->read == self->len;
}

const char *ews_body_text(const EwsBody *self)
{
	const Part *only = self->parts->len == 1 ? self->parts->pdata[0] : NULL;

	return only && only->text ? only->text->str : NULL;
}

static ssize_t read_text(EwsBody *self, const Part *part, char *buffer, size_t max)
{
	size_t len = MIN(part->text->len - self->text_at, max);

	memcpy(buffer, part->text->str + self->text_at, len);
	self->text_at += len;
	return (ssize_t)len;
}

/* From the part that is read; 0: it has ended. */
static ssize_t read_part(EwsBody *self, const Part *part, char *buffer, size_t max)
{
	if (part->text)
		return read_text(self, part, buffer, max);
	self->owner = part->owner;
	return ews_source_read(part->source, buffer, max, &self->error);
}

ssize_t ews_body_read(EwsBody *self, char *buffer, size_t max)
{
	size_t filled = 0;

	while (filled < max && self->next < self->parts->len && !self->error) {
		ssize_t got = read_part(self, self->parts->pdata[self->next], buffer + filled,
			max - filled);

		if (got > 0)
			filled += (size_t)got;
		if (got != 0)
			continue;
		self->next++;
		self->text_at = 0;
	}
	if (self->error)
		return -1;
	self->read += (int64_t)filled;
	return (ssize_t)filled;
}

void ews_body_rewind(EwsBody *self)
{
	for (guint i = 0; i < self->parts->len; i++) {
		Part *part = self->parts->pdata[i];

		if (part->source)
			ews_source_rewind(part->source);
	}
	self->read = 0;
	self->next = 0;
	self->text_at = 0;
}

const GError *ews_body_error(const EwsBody *self, unsigned *ret_owner)
{
	if (self->error && ret_owner)
		*ret_owner = self->owner;
	return self->error;
}
