/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/digest.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

/* A line longer than this goes into the digest as it is: no delimiter and no sane header is as
 * long (RFC 5322: 998 characters). Keeps memory flat on what is no text at all. */
#define LINE_MAX_BYTES 4096

/* A Content-Type header with its folded lines; a longer one is bytes like any other. */
#define FIELD_MAX_BYTES 16384

/* Boundaries that are remembered; a message with more is compared by the rest of its bytes. */
#define BOUNDARIES_MAX 1024

#define CONTENT_TYPE "content-type:"

struct CacheDigest {
	EVP_MD_CTX *sum;        /* own */
	GHashTable *boundaries; /* own; boundary → twice its ordinal, plus 1 for multipart/digest */
	GString *line;          /* own; the line so far, from its beginning */
	GString *field; /* own; the Content-Type being read, with its folded lines; or empty */
	bool is_begun;  /* the first line is over */
	bool is_calendar;
	bool is_long;   /* the line is over the limit and passes as it comes */
	bool in_header;
	bool is_nested; /* the part whose header this is holds a message */
};

/* libcrypto's SHA-256 uses what the processor has for it: five times GLib's. Without memory or
 * without SHA-256 there is nothing to go on with. */
static void begin(CacheDigest *self)
{
	if (self->sum == NULL || EVP_DigestInit_ex(self->sum, EVP_sha256(), NULL) != 1)
		g_error("no SHA-256 in libcrypto");
}

CacheDigest *cache_digest_new(void)
{
	CacheDigest *self = g_new0(CacheDigest, 1);
	self->sum = EVP_MD_CTX_new();
	begin(self);
	self->boundaries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	self->line = g_string_new(NULL);
	self->field = g_string_new(NULL);
	self->in_header = true;
	return self;
}

void cache_digest_free(CacheDigest *self)
{
	if (self == NULL)
		return;
	EVP_MD_CTX_free(self->sum);
	g_hash_table_unref(self->boundaries);
	g_string_free(self->line, TRUE);
	g_string_free(self->field, TRUE);
	g_free(self);
}

void cache_digest_reset(CacheDigest *self)
{
	begin(self);
	g_hash_table_remove_all(self->boundaries);
	g_string_truncate(self->line, 0);
	g_string_truncate(self->field, 0);
	self->is_long = self->is_nested = self->is_begun = self->is_calendar = false;
	self->in_header = true;
}

static void add(CacheDigest *self, const void *data, size_t len)
{
	EVP_DigestUpdate(self->sum, data, len);
}

static void add_ordinal(CacheDigest *self, unsigned ordinal)
{
	char text[16];
	/* The NUL keeps an ordinal apart from digits that stand in a message. */
	int len = g_snprintf(text, sizeof text, "%c%u", '\0', ordinal);
	add(self, text, (size_t)len);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands for a boundary that was declared, else 0. */
static unsigned lookup(CacheDigest *self, const char *start, size_t len)
{
	char key[128]; /* RFC 2046: 70 characters at most */
	if (len == 0 || len >= sizeof key || memchr(start, '\0', len) != NULL)
		return 0;
	memcpy(key, start, len);
	key[len] = '\0';
	return GPOINTER_TO_UINT(g_hash_table_lookup(self->boundaries, key));
}

/* --- Content-Type ------------------------------------------------------------------------ */

static bool begins_with(const char *text, size_t len, const char *word)
{
	return len >= strlen(word) && g_ascii_strncasecmp(text, word, strlen(word)) == 0;
}

/* Where the value of boundary= stands in a header, without its quotes. What looks like it inside
 * another parameter's quotes is none. */
static bool find_boundary(const char *field, size_t len, size_t *ret_start, size_t *ret_len)
{
	static const char word[] = "boundary";
	bool is_quoted = false;
	for (size_t i = 1; i < len; i++) {
		is_quoted = is_quoted != (field[i - 1] == '"');
		if (is_quoted || !(is_space(field[i - 1]) || field[i - 1] == ';') ||
			!begins_with(field + i, len - i, word))
			continue;
		size_t at = i + sizeof word - 1;
		while (at < len && is_space(field[at]))
			at++;
		if (at >= len || field[at] != '=')
			continue;
		at++;
		while (at < len && is_space(field[at]))
			at++;
		const char *stop = at < len && field[at] == '"' ? "\"\r\n" : "; \t\r\n";
		size_t start = at < len && field[at] == '"' ? at + 1 : at;
		size_t end = start;
		while (end < len && strchr(stop, field[end]) == NULL)
			end++;
		*ret_start = start;
		*ret_len = end - start;
		return end > start;
	}
	return false;
}

static void add_multipart(CacheDigest *self, const char *field, size_t len, bool is_digest)
{
	size_t start = 0;
	size_t value_len = 0;
	if (!find_boundary(field, len, &start, &value_len) ||
		g_hash_table_size(self->boundaries) >= BOUNDARIES_MAX) {
		add(self, field, len);
		return;
	}
	char *key = g_strndup(field + start, value_len);
	unsigned known = GPOINTER_TO_UINT(g_hash_table_lookup(self->boundaries, key));
	unsigned ordinal = known != 0 ? known / 2 : g_hash_table_size(self->boundaries) + 1;
	g_hash_table_insert(self->boundaries, key,
		GUINT_TO_POINTER(2 * ordinal + (is_digest ? 1 : 0)));
	add(self, field, start);
	add_ordinal(self, ordinal);
	add(self, field + start + value_len, len - start - value_len);
}

/* The Content-Type that was gathered is whole. */
static void end_field(CacheDigest *self)
{
	const char *field = self->field->str;
	size_t len = self->field->len;
	if (len == 0)
		return;
	size_t at = strlen(CONTENT_TYPE);
	while (at < len && is_space(field[at]))
		at++;
	self->is_nested = begins_with(field + at, len - at, "message/rfc822");
	if (begins_with(field + at, len - at, "multipart/"))
		add_multipart(self, field, len,
			begins_with(field + at, len - at, "multipart/digest"));
	else
		add(self, field, len);
	g_string_truncate(self->field, 0);
}

static void add_header(CacheDigest *self, const char *line, size_t len)
{
	bool is_blank = len == 0 || line[0] == '\n' || (len >= 2 && memcmp(line, "\r\n", 2) == 0);
	bool is_folded = line[0] == ' ' || line[0] == '\t';
	if (is_folded && self->field->len > 0 && self->field->len + len <= FIELD_MAX_BYTES) {
		g_string_append_len(self->field, line, (gssize)len);
		return;
	}
	end_field(self);
	if (!is_folded && begins_with(line, len, CONTENT_TYPE)) {
		g_string_append_len(self->field, line, (gssize)len);
		return;
	}
	add(self, line, len);
	if (!is_blank)
		return;
	/* Below the header of a nested message's part comes that message's own. */
	self->in_header = self->is_nested;
	self->is_nested = false;
}

/* --- lines ------------------------------------------------------------------------------- */

/* `--boundary` or `--boundary--`, with white space after it. */
static bool add_delimiter(CacheDigest *self, const char *line, size_t len)
{
	if (len < 3 || line[0] != '-' || line[1] != '-' || g_hash_table_size(self->boundaries) == 0)
		return false;
	size_t end = len;
	while (end > 2 && is_space(line[end - 1]))
		end--;
	unsigned found = lookup(self, line + 2, end - 2);
	bool is_last = false;
	if (found == 0 && end > 4 && memcmp(line + end - 2, "--", 2) == 0) {
		end -= 2;
		is_last = true;
		found = lookup(self, line + 2, end - 2);
	}
	if (found == 0)
		return false;
	end_field(self);
	add(self, line, 2);
	add_ordinal(self, found / 2);
	add(self, line + end, len - end);
	self->in_header = !is_last;
	/* A part of a digest is a message unless it says something else. */
	self->is_nested = found % 2 != 0;
	return true;
}

/* When it was rendered is of a calendar what boundaries are of a message. */
static void add_calendar_line(CacheDigest *self, const char *line, size_t len)
{
	static const char stamp[] = "DTSTAMP:";
	if (begins_with(line, len, stamp))
		add(self, stamp, sizeof stamp);
	else
		add(self, line, len);
}

static void end_line(CacheDigest *self, const char *line, size_t len)
{
	if (!self->is_begun)
		self->is_calendar = begins_with(line, len, "BEGIN:VCALENDAR");
	self->is_begun = true;
	if (self->is_calendar)
		add_calendar_line(self, line, len);
	else if (add_delimiter(self, line, len))
		return;
	else if (self->in_header)
		add_header(self, line, len);
	else
		add(self, line, len);
}

/* A piece of a line that is no whole line yet, or the rest of one that began earlier. */
static void add_part(CacheDigest *self, const char *data, size_t len, bool is_end)
{
	if (!self->is_long && self->line->len + len > LINE_MAX_BYTES) {
		end_field(self);
		add(self, self->line->str, self->line->len);
		g_string_truncate(self->line, 0);
		self->is_long = self->is_begun = true;
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
	if (self->in_header || self->is_calendar || self->is_long || self->line->len > 0)
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
	end_field(self);
	EVP_DigestFinal_ex(self->sum, ret_digest, NULL);
}
