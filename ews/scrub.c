/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/scrub.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Nearly all bytes of an answer are base64 and markup, so a run of harmless ones is found eight
 * at a time and handed on without copying. Only "&", control characters and what is not ASCII are
 * looked at one by one.
 */

typedef enum Verdict { PASS, DROP, REPLACE, MORE } Verdict;

static const char replacement[] = "\xEF\xBF\xBD";

/* Is there a byte in @word that examine() must see? False alarms (line ends) are allowed. */
static bool has_special(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = ones * 0x80;
	uint64_t low = (word - ones * 0x20) & ~word;
	uint64_t amp = word ^ (ones * '&');

	return ((word | low | ((amp - ones) & ~amp)) & tops) != 0;
}

static bool is_special(unsigned char c)
{
	return c >= 0x80 || c == '&' || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
}

static size_t next_special(const char *data, size_t at, size_t len)
{
	while (at < len) {
		uint64_t word;

		if (len - at >= sizeof(word)) {
			memcpy(&word, data + at, sizeof(word));
			if (!has_special(word)) {
				at += sizeof(word);
				continue;
			}
		}
		if (is_special((unsigned char)data[at]))
			return at;
		at++;
	}
	return len;
}

static bool is_xml_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xD800 || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

/* "&#x1A;", "&#26;": is it one, and does it name a character that may be there? */
static Verdict examine_reference(const char *data, size_t len, size_t *ret_used)
{
	size_t at = 2;
	uint32_t value = 0;
	bool is_hex;

	*ret_used = 1;
	if (len < 3)
		return len == 1 || data[1] == '#' ? MORE : PASS;
	if (data[1] != '#')
		return PASS;
	is_hex = data[2] == 'x';
	for (at += is_hex; at < len && at < EWS_SCRUB_HELD - 1 && data[at] != ';'; at++) {
		int digit = is_hex ? g_ascii_xdigit_value(data[at]) : g_ascii_digit_value(data[at]);

		if (digit < 0)
			return PASS;
		value = MIN(value * (is_hex ? 16 : 10) + (uint32_t)digit, 0x110000);
	}
	if (at >= len)
		return MORE;
	if (data[at] != ';' || at == 2 + (size_t)is_hex)
		return PASS;
	*ret_used = at + 1;
	return is_xml_char(value) ? PASS : DROP;
}

static Verdict examine(const char *data, size_t len, size_t *ret_used)
{
	gunichar c;

	if (data[0] == '&')
		return examine_reference(data, len, ret_used);
	*ret_used = 1;
	if ((unsigned char)data[0] < 0x80)
		return is_special((unsigned char)data[0]) ? DROP : PASS;
	c = g_utf8_get_char_validated(data, (gssize)MIN(len, 4));
	/* GLib also knows characters of five and six bytes, which do not exist. */
	if (c == (gunichar)-2 && len < 4)
		return MORE;
	if (c == (gunichar)-1 || c == (gunichar)-2)
		return REPLACE;
	*ret_used = (size_t)g_utf8_skip[(unsigned char)data[0]];
	return is_xml_char(c) ? PASS : REPLACE;
}

/* Completes what is held with bytes of @data, one at a time. Returns how many were taken. */
static size_t feed_held(EwsScrub *self, const char *data, size_t len, EwsScrubOut out, void *user)
{
	size_t taken = 0;

	while (self->held_len > 0) {
		size_t used;
		Verdict verdict = examine(self->held, self->held_len, &used);

		if (verdict == MORE && taken == len)
			return taken;
		if (verdict == MORE) {
			self->held[self->held_len++] = data[taken++];
			continue;
		}
		if (verdict == PASS)
			out(user, self->held, used);
		else if (verdict == REPLACE)
			out(user, replacement, strlen(replacement));
		self->held_len -= used;
		memmove(self->held, self->held + used, self->held_len);
	}
	return taken;
}

void ews_scrub_feed(EwsScrub *self, const char *data, size_t len, EwsScrubOut out, void *user)
{
	size_t from = feed_held(self, data, len, out, user); /* not yet handed on from here */
	size_t at = from;

	while ((at = next_special(data, at, len)) < len) {
		size_t used;
		Verdict verdict = examine(data + at, len - at, &used);

		if (verdict == PASS) {
			at += used;
			continue;
		}
		if (at > from)
			out(user, data + from, at - from);
		if (verdict == MORE) {
			self->held_len = len - at;
			g_assert(self->held_len <= EWS_SCRUB_HELD);
			memcpy(self->held, data + at, self->held_len);
			return;
		}
		if (verdict == REPLACE)
			out(user, replacement, strlen(replacement));
		at += used;
		from = at;
	}
	if (len > from)
		out(user, data + from, len - from);
}

void ews_scrub_end(EwsScrub *self, EwsScrubOut out, void *user)
{
	if (self->held_len > 0 && (unsigned char)self->held[0] < 0x80)
		out(user, self->held, self->held_len);
	else if (self->held_len > 0)
		out(user, replacement, strlen(replacement));
	self->held_len = 0;
}
