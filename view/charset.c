/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/charset.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdbool.h>
#include <string.h>

#define CHARACTER_MAX 16 /* bytes that a charset may need to tell a character */
#define NAME_MAX_BYTES 40

struct ViewCharset {
	iconv_t from;             /* own; (iconv_t)-1: UTF-8, or a guess */
	char rest[CHARACTER_MAX]; /* the beginning of a character */
	size_t rest_len;
};

static bool is_one_of(const char *name, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (g_ascii_strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* These say nothing: what is sent under them is all of ASCII, UTF-8 and windows-1252. */
static const char *const guessed[] = {"utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968",
	"unknown-8bit", "x-unknown", "unknown", "binary", "8bit", "7bit", "default", NULL};

/* Subsets of what programs send under their names. */
static const char *const supersets[][2] = {
	{"iso-8859-1", "WINDOWS-1252"},
	{"latin1", "WINDOWS-1252"},
	{"iso8859-1", "WINDOWS-1252"},
	{"iso-8859-9", "WINDOWS-1254"},
	{"gb2312", "GB18030"},
	{"gbk", "GB18030"},
	{"ks_c_5601-1987", "CP949"},
	{"euc-kr", "CP949"},
	{"shift_jis", "CP932"},
	{"big5", "BIG5-HKSCS"},
	{"tis-620", "CP874"},
};

/* Iconv takes options after slashes, and loads what a name names. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES &&
	       strspn(name, "0123456789-_.:+()"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == len;
}

static iconv_t open_by_name(const char *name)
{
	if (name == NULL || !is_name(name) || is_one_of(name, guessed))
		return (iconv_t)-1;
	for (size_t i = 0; i < G_N_ELEMENTS(supersets); i++) {
		if (g_ascii_strcasecmp(name, supersets[i][0]) == 0)
			return g_mime_iconv_open("UTF-8", supersets[i][1]);
	}
	return g_mime_iconv_open("UTF-8", name);
}

ViewCharset *view_charset_new(const char *name)
{
	ViewCharset *self = g_new0(ViewCharset, 1);

	self->from = open_by_name(name);
	return self;
}

void view_charset_free(ViewCharset *self)
{
	if (self == NULL)
		return;
	if (self->from != (iconv_t)-1)
		g_mime_iconv_close(self->from);
	g_free(self);
}

/* --- UTF-8, or what is sent for it ------------------------------------------------------- */

/* Of windows-1252, from 0x80 to 0x9f. The rest is Latin 1, which is Unicode's beginning. */
static const gunichar cp1252[32] = {
	0x20ac,
	0xfffd,
	0x201a,
	0x0192,
	0x201e,
	0x2026,
	0x2020,
	0x2021,
	0x02c6,
	0x2030,
	0x0160,
	0x2039,
	0x0152,
	0xfffd,
	0x017d,
	0xfffd,
	0xfffd,
	0x2018,
	0x2019,
	0x201c,
	0x201d,
	0x2022,
	0x2013,
	0x2014,
	0x02dc,
	0x2122,
	0x0161,
	0x203a,
	0x0153,
	0xfffd,
	0x017e,
	0x0178,
};

static void add_byte(GString *out, unsigned char byte)
{
	g_string_append_unichar(out, byte >= 0x80 && byte < 0xa0 ? cp1252[byte - 0x80] : byte);
}

/* TRUE when what is at @text may become a character with more bytes. */
static bool is_beginning(const char *text, size_t len)
{
	return len < 4 && g_utf8_get_char_validated(text, (gssize)len) == (gunichar)-2;
}

/* Returns how much of it was taken. */
static size_t guess(const char *data, size_t len, bool is_last, GString *out)
{
	size_t at = 0;

	while (at < len) {
		const char *bad;
		/* A zero ends no text. */
		g_utf8_validate(data + at, (gssize)(len - at), &bad);
		size_t good = (size_t)(bad - data) - at;
		g_string_append_len(out, data + at, (gssize)good);
		at += good;
		if (at == len || (!is_last && is_beginning(data + at, len - at)))
			break;
		if (data[at] != '\0')
			add_byte(out, (unsigned char)data[at]);
		at++;
	}
	return at;
}

/* --- iconv ------------------------------------------------------------------------------- */

/* How many bytes at @text are a character of UTF-8 beyond ASCII; 0: they are none. */
static size_t character_at(const char *text, size_t len)
{
	gunichar one = (unsigned char)*text >= 0xc2 ? g_utf8_get_char_validated(text, (gssize)len)
						    : (gunichar)-1;
	return one < (gunichar)-2 ? (size_t)g_unichar_to_utf8(one, NULL) : 0;
}

/* What the charset does not have was declared wrongly: it is guessed at. */
static size_t convert(ViewCharset *self, const char *data, size_t len, bool is_last, GString *out)
{
	char *from = (char *)data;
	size_t left = len;

	while (left > 0) {
		char buffer[4096];
		char *to = buffer;
		size_t room = sizeof(buffer);
		size_t result = g_mime_iconv(self->from, &from, &left, &to, &room);
		int error = result == (size_t)-1 ? errno : 0;

		g_string_append_len(out, buffer, (gssize)(sizeof(buffer) - room));
		if (error == 0 || error == E2BIG)
			continue;
		if (!is_last &&
			((error == EINVAL && left < CHARACTER_MAX) || is_beginning(from, left)))
			break;
		size_t taken = character_at(from, left);
		if (taken > 0)
			g_string_append_len(out, from, (gssize)taken);
		else
			add_byte(out, (unsigned char)*from);
		from += MAX(taken, 1);
		left -= MAX(taken, 1);
	}
	return len - left;
}

/* --- pieces ------------------------------------------------------------------------------ */

static size_t decode(ViewCharset *self, const char *data, size_t len, bool is_last, GString *out)
{
	return self->from != (iconv_t)-1 ? convert(self, data, len, is_last, out)
					 : guess(data, len, is_last, out);
}

static void keep(ViewCharset *self, const char *data, size_t len)
{
	memmove(self->rest, data, len);
	self->rest_len = len;
}

void view_charset_feed(ViewCharset *self, const char *data, size_t len, GString *out)
{
	/* What was left goes on with as many bytes as make a character for sure. */
	while (self->rest_len > 0 && len > 0) {
		char joined[2 * CHARACTER_MAX];
		size_t more = MIN(len, CHARACTER_MAX);
		memcpy(joined, self->rest, self->rest_len);
		memcpy(joined + self->rest_len, data, more);
		size_t all = self->rest_len + more;
		size_t used = decode(self, joined, all, false, out);
		if (used >= self->rest_len) {
			data += used - self->rest_len;
			len -= used - self->rest_len;
			self->rest_len = 0;
		} else {
			data += more;
			len -= more;
			keep(self, joined + used, MIN(all - used, CHARACTER_MAX - 1));
		}
	}
	size_t used = decode(self, data, len, false, out);
	if (used < len)
		keep(self, data + used, len - used);
}

void view_charset_end(ViewCharset *self, GString *out)
{
	decode(self, self->rest, self->rest_len, true, out);
	self->rest_len = 0;
}

char *view_charset_guess(const char *text)
{
	GString *out = g_string_new(NULL);

	guess(text, strlen(text), true, out);
	return g_string_free(out, FALSE);
}
