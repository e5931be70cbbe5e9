/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/ewsd/clock.h"

struct Log {
	FILE *file;	/* own, or NULL */
	pthread_mutex_t lock;
	/* guarded by lock */
	GHashTable *ops;	/* name -> count */
	uint64_t requests;
	uint64_t items;
	uint64_t in;
	uint64_t out;
	uint64_t sent;
	uint64_t receipts;
	uint64_t schema_errors;
	int streams;
};

Log *log_open(const char *path, GError **error)
{
	Log *self = g_new0(Log, 1);

	pthread_mutex_init(&self->lock, NULL);
	self->ops = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (path && !(self->file = fopen(path, "ae"))) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", path,
			g_strerror(errno));
		log_close(self);
		return NULL;
	}
	return self;
}

void log_close(Log *self)
{
	if (!self)
		return;
	if (self->file)
		fclose(self->file);
	g_hash_table_destroy(self->ops);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static void append_json(GString *to, const char *text)
{
	g_string_append_c(to, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			g_string_append_c(to, '\\');
		if ((unsigned char)*p < 0x20)
			g_string_append_printf(to, "\\u%04x", (unsigned)*p);
		else
			g_string_append_c(to, *p);
	}
	g_string_append_c(to, '"');
}

static void append_member(GString *to, const char *name, const char *text)
{
	if (!text)
		return;
	g_string_append_printf(to, ",\"%s\":", name);
	append_json(to, text);
}

static void put(Log *self, GString *text)
{
	if (!self->file)
		return;
	g_string_append_c(text, '\n');
	fwrite(text->str, 1, text->len, self->file);
	fflush(self->file);
}

static void count(Log *self, const LogLine *line)
{
	gpointer n = g_hash_table_lookup(self->ops, line->op);

	g_hash_table_insert(self->ops, g_strdup(line->op), GUINT_TO_POINTER(
		GPOINTER_TO_UINT(n) + 1));
	self->requests++;
	self->items += line->items;
	self->in += line->in;
	self->out += line->out;
	self->schema_errors += line->schema_error != NULL;
}

void log_request(Log *self, const LogLine *line)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char when[G_ASCII_DTOSTR_BUF_SIZE];
	char took[G_ASCII_DTOSTR_BUF_SIZE];

	g_ascii_formatd(when, sizeof(when), "%.3f", line->time);
	g_ascii_formatd(took, sizeof(took), "%.4f", line->took);
	g_string_append_printf(text, "{\"time\":%s,\"op\":", when);
	append_json(text, line->op);
	g_string_append_printf(text, ",\"items\":%u,\"in\":%" G_GUINT64_FORMAT ",\"out\":%"
		G_GUINT64_FORMAT ",\"status\":%u,\"codes\":[%s],\"took\":%s", line->items,
		line->in, line->out, line->status, line->codes, took);
	append_member(text, "end", line->end);
	append_member(text, "schema_error", line->schema_error);
	append_member(text, "anchor", line->anchor);
	append_member(text, "public_folder_mailbox", line->content);
	g_string_append_c(text, '}');
	pthread_mutex_lock(&self->lock);
	count(self, line);
	put(self, text);
	pthread_mutex_unlock(&self->lock);
}

void log_mark(Log *self, const char *mark)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char when[G_ASCII_DTOSTR_BUF_SIZE];

	g_ascii_formatd(when, sizeof(when), "%.3f", clock_seconds());
	g_string_append_printf(text, "{\"time\":%s,\"mark\":", when);
	append_json(text, mark);
	g_string_append_c(text, '}');
	pthread_mutex_lock(&self->lock);
	put(self, text);
	pthread_mutex_unlock(&self->lock);
}

void log_count_sent(Log *self, unsigned mails)
{
	pthread_mutex_lock(&self->lock);
	self->sent += mails;
	pthread_mutex_unlock(&self->lock);
}

void log_count_receipt(Log *self)
{
	pthread_mutex_lock(&self->lock);
	self->receipts++;
	self->sent++;
	pthread_mutex_unlock(&self->lock);
}

void log_count_stream(Log *self, int step)
{
	pthread_mutex_lock(&self->lock);
	self->streams += step;
	pthread_mutex_unlock(&self->lock);
}

char *log_stats(Log *self)
{
	g_autoptr(GString) text = g_string_new("{\"ops\":{");
	GHashTableIter iter;
	gpointer name;
	gpointer n;
	const char *comma = "";

	pthread_mutex_lock(&self->lock);
	g_hash_table_iter_init(&iter, self->ops);
	while (g_hash_table_iter_next(&iter, &name, &n)) {
		g_string_append(text, comma);
		append_json(text, name);
		g_string_append_printf(text, ":%u", GPOINTER_TO_UINT(n));
		comma = ",";
	}
	g_string_append_printf(text, "},\"requests\":%" G_GUINT64_FORMAT ",\"items\":%"
		G_GUINT64_FORMAT ",\"in\":%" G_GUINT64_FORMAT ",\"out\":%" G_GUINT64_FORMAT
		",\"sent\":%" G_GUINT64_FORMAT ",\"receipts\":%" G_GUINT64_FORMAT
		",\"schema_errors\":%" G_GUINT64_FORMAT ",\"streams\":%d}", self->requests,
		self->items, self->in, self->out, self->sent, self->receipts,
		self->schema_errors, self->streams);
	pthread_mutex_unlock(&self->lock);
	return g_string_free(g_steal_pointer(&text), FALSE);
}
