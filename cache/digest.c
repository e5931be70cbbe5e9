/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/digest.h"

#include <stdbool.h>
#include <string.h>

/* A line longer than this goes into the digest as it is: no delimiter and no sane header is as
 * long (RFC 5322: 998 characters). Keeps memory flat on what is no text at all. */
#define LINE_MAX_BYTES 4096

/* Boundaries that are remembered; a message with more is compared by the rest of its bytes. */
#define BOUNDARIES_MAX 1024

struct CacheDigest {
	GChecksum *sum;         /* own */
	GHashTable *boundaries; /* own; boundary → ordinal */
	GString *line;          /* own; the line so far, from its beginning */
	bool is_long;           /* the line is over the limit and passes as it comes */
	bool in_header;
	bool is_content_type; /* the header being read, with its folded lines */
	bool is_nested;       /* the part whose header this is holds a message */
};

CacheDigest *cache_digest_new(void)
{
	CacheDigest *self = g_new0(CacheDigest, 1);
	self->sum = g_checksum_new(G_CHECKSUM_SHA256);
	self->boundaries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	self->line = g_string_new(NULL);
	self->in_header = true;
	return self;
}

void cache_digest_free(CacheDigest *self)
{
	if (self == NULL)
		return;
	g_checksum_free(self->sum);
	g_hash_table_unref(self->boundaries);
	g_string_free(self->line, TRUE);
	g_free(self);
}

void cache_digest_reset(CacheDigest *self)
{
	g_checksum_reset(self->sum);
	g_hash_table_remove_all(self->boundaries);
	g_string_truncate(self->line, 0);
	self->is_long = self->is_content_type = self->is_nested = false;
	self->in_header = true;
}

static void add(CacheDigest *self, const void *data, size_t len)
{
	g_checksum_update(self->sum, data, (gssize)len);
}

static void add_ordinal(CacheDigest *self, unsigned ordinal)
{
	char text[16];
	/* The NUL keeps an ordinal apart from digits that stand in a message. */
	int len = g_snprintf(text, sizeof text, "%c%u", '\0', ordinal);
	add(self, text, (size_t)len);
}

/* The ordinal of a boundary that was declared, else 0. */
static unsigned ordinal_of(CacheDigest *self, const char *start, size_t len)
{
	char key[128]; /* RFC 2046: 70 characters at most */
	if (len == 0 || len >= sizeof key)
		return 0;
	memcpy(key, start, len);
	key[len] = '\0';
	return GPOINTER_TO_UINT(g_hash_table_lookup(self->boundaries, key));
}

/* `--boundary` or `--boundary--`, with white space after it. */
static bool add_delimiter(CacheDigest *self, const char *line, size_t len)
{
	if (len < 3 || line[0] != '-' || line[1] != '-' || g_hash_table_size(self->boundaries) == 0)
		return false;
	size_t end = len;
	while (end > 2 && strchr(" \t\r\n", line[end - 1]) != NULL)
		end--;
	unsigned ordinal = ordinal_of(self, line + 2, end - 2);
	bool is_last = false;
	if (ordinal == 0 && end > 4 && memcmp(line + end - 2, "--", 2) == 0) {
		end -= 2;
		is_last = true;
		ordinal = ordinal_of(self, line + 2, end - 2);
	}
	if (ordinal == 0)
		return false;
	add(self, line, 2);
	add_ordinal(self, ordinal);
	add(self, line + end, len - end);
	self->in_header = !is_last;
	self->is_content_type = self->is_nested = false;
	return true;
}

/* Finds the value of boundary= in a header line: its bytes without the quotes. */
static bool find_boundary(const char *line, size_t len, size_t *ret_start, size_t *ret_len)
{
	static const char word[] = "boundary";
	const size_t word_len = sizeof word - 1;
	for (size_t i = 0; i + word_len < len; i++) {
		if (g_ascii_strncasecmp(line + i, word, word_len) != 0)
			continue;
		size_t at = i + word_len;
		while (at < len && (line[at] == ' ' || line[at] == '\t'))
			at++;
		if (at >= len || line[at] != '=')
			continue;
		at++;
		while (at < len && (line[at] == ' ' || line[at] == '\t'))
			at++;
		bool is_quoted = at < len && line[at] == '"';
		const char *stop = is_quoted ? "\"\r\n" : "; \t\r\n";
		size_t start = is_quoted ? at + 1 : at;
		size_t end = start;
		while (end < len && strchr(stop, line[end]) == NULL)
			end++;
		*ret_start = start;
		*ret_len = end - start;
		return end > start;
	}
	return false;
}

static void add_content_type(CacheDigest *self, const char *line, size_t len)
{
	size_t start = 0;
	size_t value_len = 0;
	if (!find_boundary(line, len, &start, &value_len) ||
		g_hash_table_size(self->boundaries) >= BOUNDARIES_MAX) {
		add(self, line, len);
		return;
	}
	char *key = g_strndup(line + start, value_len);
	unsigned ordinal = GPOINTER_TO_UINT(g_hash_table_lookup(self->boundaries, key));
	if (ordinal == 0)
		ordinal = g_hash_table_size(self->boundaries) + 1;
	g_hash_table_insert(self->boundaries, key, GUINT_TO_POINTER(ordinal));
	add(self, line, start);
	add_ordinal(self, ordinal);
	add(self, line + start + value_len, len - start - value_len);
}

static bool holds_message(const char *line, size_t len)
{
	const char *end = line + len;
	const char *value = memchr(line, ':', len);
	const char *word = "message/rfc822";
	if (value == NULL)
		return false;
	value++;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	return (size_t)(end - value) >= strlen(word) &&
	       g_ascii_strncasecmp(value, word, strlen(word)) == 0;
}

static void add_header(CacheDigest *self, const char *line, size_t len)
{
	static const char name[] = "content-type:";
	bool is_blank = len == 0 || line[0] == '\n' || (len >= 2 && memcmp(line, "\r\n", 2) == 0);
	if (is_blank) {
		add(self, line, len);
		/* Below the header of a nested message's part comes that message's own. */
		self->in_header = self->is_nested;
		self->is_nested = self->is_content_type = false;
		return;
	}
	if (line[0] != ' ' && line[0] != '\t')
		self->is_content_type = len >= sizeof name - 1 &&
					g_ascii_strncasecmp(line, name, sizeof name - 1) == 0;
	if (!self->is_content_type) {
		add(self, line, len);
		return;
	}
	self->is_nested = self->is_nested || holds_message(line, len);
	add_content_type(self, line, len);
}

static void end_line(CacheDigest *self, const char *line, size_t len)
{
	if (add_delimiter(self, line, len))
		return;
	if (self->in_header)
		add_header(self, line, len);
	else
		add(self, line, len);
}

/* A piece of a line that is no whole line yet, or the rest of one that began earlier. */
static void add_part(CacheDigest *self, const char *data, size_t len, bool is_end)
{
	if (!self->is_long && self->line->len + len > LINE_MAX_BYTES) {
		add(self, self->line->str, self->line->len);
		g_string_truncate(self->line, 0);
		self->is_long = true;
	}
	if (self->is_long)
		add(self, data, len);
	else
		g_string_append_len(self->line, data, (gssize)len);
	if (!is_end)
		return;
	if (!self->is_long)
		end_line(self, self->line->str, self->line->len);
	g_string_truncate(self->line, 0);
	self->is_long = false;
}

/* How much of @data a body without a delimiter in sight is: passed on in one go. */
static size_t plain_body(CacheDigest *self, const char *data, size_t len)
{
	if (self->in_header || self->is_long || self->line->len > 0)
		return 0;
	size_t done = 0;
	while (done < len) {
		if (data[done] == '-')
			return done;
		const char *newline = memchr(data + done, '\n', len - done);
		if (newline == NULL)
			return done;
		done = (size_t)(newline - data) + 1;
	}
	return done;
}

void cache_digest_update(CacheDigest *self, const void *data, size_t len)
{
	const char *at = data;
	while (len > 0) {
		size_t plain = plain_body(self, at, len);
		if (plain > 0) {
			add(self, at, plain);
			at += plain;
			len -= plain;
			continue;
		}
		const char *newline = memchr(at, '\n', len);
		size_t part = newline != NULL ? (size_t)(newline - at) + 1 : len;
		add_part(self, at, part, newline != NULL);
		at += part;
		len -= part;
	}
}

void cache_digest_finish(CacheDigest *self, uint8_t ret_digest[CACHE_DIGEST_LEN])
{
	if (self->line->len > 0)
		end_line(self, self->line->str, self->line->len);
	gsize len = CACHE_DIGEST_LEN;
	g_checksum_get_digest(self->sum, ret_digest, &len);
}
