/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/scrub.h"

static const struct {
	const char *from;
	const char *to;
} cases[] = {
	{ "", "" },
	{ "plain <t:a b=\"c\">text</t:a>\r\n\t", "plain <t:a b=\"c\">text</t:a>\r\n\t" },
	{ "a&amp;b&lt;c&#65;&#x41;&#x9;&#10;", "a&amp;b&lt;c&#65;&#x41;&#x9;&#10;" },
	{ "a&#x0;b&#0;c&#xB;d&#x1A;e&#31;f", "abcdef" },
	{ "a&#xFFFE;b&#xFFFF;c&#xD800;d&#x110000;e&#xFFFFFFFFFF;f", "abcdef" },
	{ "&#x10FFFF;&#xE000;", "&#x10FFFF;&#xE000;" },
	{ "a\x01" "b\x0b" "c\x1f" "d\x7f", "abcd\x7f" },
	{ "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80",
		"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80" },
	{ "a\xFF" "b\xC3(c\x80", "a\xEF\xBF\xBD" "b\xEF\xBF\xBD(c\xEF\xBF\xBD" },
	{ "\xF8\x88\x80\x80\x80 and all the rest", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
	  "\xEF\xBF\xBD\xEF\xBF\xBD and all the rest" },
	{ "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
	{ "\xEF\xBF\xBE|\xEF\xBF\xBF", "\xEF\xBF\xBD|\xEF\xBF\xBD" },
	{ "\xEF\xBB\xBF<a/>", "\xEF\xBB\xBF<a/>" },
	{ "half \xE2\x82", "half \xEF\xBF\xBD" },
	{ "open &#x1", "open &#x1" },
	{ "odd &#; &#x; &#zz; &; &#x00000000000000000000000000041;",
	  "odd &#; &#x; &#zz; &; &#x00000000000000000000000000041;" },
	{ "&&#0;&#&#0;", "&&#" },
};

static void gather(void *user, const char *data, size_t len)
{
	g_string_append_len(user, data, (gssize)len);
}

static void check(const char *from, const char *to, size_t piece)
{
	g_autoptr(GString) out = g_string_new(NULL);
	size_t len = strlen(from);
	EwsScrub scrub = { 0 };

	for (size_t at = 0; at < len; at += piece)
		ews_scrub_feed(&scrub, from + at, MIN(piece, len - at), gather, out);
	ews_scrub_end(&scrub, gather, out);
	g_assert_cmpstr(out->str, ==, to);
}

static void test_any_pieces(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		for (size_t piece = 1; piece < 40; piece++)
			check(cases[i].from, cases[i].to, piece);
}

static void test_long_runs(void)
{
	g_autofree char *run = g_strnfill(100000, 'Q');
	g_autofree char *from = g_strconcat(run, "&#0;", run, "\x01", run, NULL);
	g_autofree char *to = g_strconcat(run, run, run, NULL);

	check(from, to, 4096);
	check(from, to, 300000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/scrub/the-same-in-any-pieces", test_any_pieces);
	g_test_add_func("/ews/scrub/long-runs", test_long_runs);
	return g_test_run();
}
