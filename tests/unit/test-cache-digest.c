/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "cache/digest.h"

/*
 * The digest that does not see boundaries: blind to those, and to nothing else.
 */

typedef struct Sum {
	uint8_t bytes[CACHE_DIGEST_LEN];
} Sum;

/* Fed in pieces of @piece bytes; 0: all at once. */
static Sum sum_in_pieces(const char *data, size_t len, size_t piece)
{
	Sum sum;
	g_autoptr(CacheDigest) digest = cache_digest_new();
	for (size_t at = 0; at < len;) {
		size_t part = piece == 0 ? len : MIN(piece, len - at);
		cache_digest_update(digest, data + at, part);
		at += part;
	}
	cache_digest_finish(digest, sum.bytes);
	return sum;
}

static Sum sum_of(const char *text)
{
	return sum_in_pieces(text, strlen(text), 0);
}

static bool is_equal(const Sum *a, const Sum *b)
{
	return memcmp(a->bytes, b->bytes, CACHE_DIGEST_LEN) == 0;
}

static void assert_same(const char *a, const char *b)
{
	Sum x = sum_of(a);
	Sum y = sum_of(b);
	g_assert_true(is_equal(&x, &y));
}

static void assert_other(const char *a, const char *b)
{
	Sum x = sum_of(a);
	Sum y = sum_of(b);
	g_assert_false(is_equal(&x, &y));
}

/* @text with each `1`, `2`, `3` after a `\a` replaced by a boundary of this drawing. */
static char *draw(const char *text, const char *mark)
{
	GString *out = g_string_new(NULL);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '\a') {
			g_string_append_c(out, *p);
			continue;
		}
		p++;
		g_string_append_printf(out, "----=_%s_%c.xyz", mark, *p);
	}
	return g_string_free(out, FALSE);
}

static void assert_blind(const char *text)
{
	g_autofree char *a = draw(text, "aaaa");
	g_autofree char *b = draw(text, "Zq09");
	g_assert_cmpstr(a, !=, b);
	assert_same(a, b);
	for (int side = 0; side < 2; side++) {
		const char *one = side == 0 ? a : b;
		Sum whole = sum_of(one);
		for (size_t piece = 1; piece < 70; piece++) {
			Sum parts = sum_in_pieces(one, strlen(one), piece);
			g_assert_true(is_equal(&whole, &parts));
		}
	}
}

#define PARTS                                                                                      \
	"\n--\a1\nContent-Type: text/plain\n\nHello\n--\a1\nContent-Type: text/html\n\n"           \
	"<p>Hello</p>\n--\a1--\n"

static const char mixed[] = "From: a@example.org\nContent-Type: multipart/mixed; "
			    "boundary=\"\a1\"\nTo: b\n\npreamble\n" PARTS "epilogue\n";

static void test_boundaries(void)
{
	assert_blind(mixed);
	assert_blind("Content-Type: multipart/mixed; boundary=\a1\n" PARTS);
	assert_blind("Content-Type: multipart/mixed; boundary=\a1; charset=x\n" PARTS);
	assert_blind("CONTENT-TYPE: multipart/mixed; BOUNDARY=\"\a1\"\n" PARTS);
	assert_blind(
		"Content-Type: multipart/mixed;\n\tcharset=x;\n  boundary=\"\a1\"\nX: y\n" PARTS);
	assert_blind("Content-Type:\n multipart/mixed; boundary=\"\a1\"\n" PARTS);
	assert_blind("Content-Type: multipart/mixed; boundary = \"\a1\"\n" PARTS);
	assert_blind("Content-Type: multipart/mixed; boundary=\"\a1\"; type=\"a; b\"\n" PARTS);
}

static void test_line_ends(void)
{
	g_auto(GStrv) lines = g_strsplit(mixed, "\n", -1);
	g_autofree char *crlf = g_strjoinv("\r\n", lines);
	assert_blind(crlf);
	assert_other(mixed, crlf);
}

static void test_no_last_line_end(void)
{
	assert_blind("Content-Type: multipart/mixed; boundary=\"\a1\"\n\n--\a1\n\nx\n--\a1--");
	assert_blind("Content-Type: multipart/mixed; boundary=\"\a1\"\n\n--\a1");
	assert_blind("Content-Type: multipart/mixed; boundary=\"\a1\"");
}

static void test_white_space(void)
{
	assert_blind(
		"Content-Type: multipart/mixed; boundary=\"\a1\"\n\n--\a1  \t\n\nx\n--\a1--  \n");
	assert_other("Content-Type: multipart/mixed; boundary=\"b\"\n\n--b \n\nx\n--b--\n",
		"Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\nx\n--b--\n");
}

static void test_nested(void)
{
	assert_blind(
		"Content-Type: multipart/mixed; boundary=\"\a1\"\n\n"
		"--\a1\nContent-Type: multipart/alternative;\n boundary=\"\a2\"\n\n"
		"--\a2\n\nplain\n--\a2\n\nhtml\n--\a2--\n"
		"\n--\a1\nContent-Type: multipart/related; boundary=\a3\n\n--\a3\n\nx\n--\a3--\n"
		"--\a1--\n");
}

static void test_nested_message(void)
{
	static const char *const lines[] = {"message/rfc822", "MESSAGE/RFC822; name=\"x\"",
		"\n message/rfc822"};
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *text =
			g_strdup_printf("Content-Type: multipart/mixed; boundary=\"\a1\"\n\n"
					"--\a1\nContent-Type: %s\n\nSubject: inner\n"
					"Content-Type: multipart/mixed; "
					"boundary=\"\a2\"\n\n--\a2\n\nx\n--\a2--\n"
					"--\a1--\n",
				lines[i]);
		assert_blind(text);
	}
	/* A part of a digest is a message without saying so. */
	assert_blind("Content-Type: multipart/digest; boundary=\"\a1\"\n\n"
		     "--\a1\n\nSubject: inner\n"
		     "Content-Type: multipart/mixed; boundary=\"\a2\"\n\n--\a2\n\nx\n--\a2--\n"
		     "--\a1--\n");
}

/* One boundary is the beginning of another, or ends in dashes. */
static void test_prefix(void)
{
	assert_same("Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n"
		    "Content-Type: multipart/mixed; boundary=\"bb\"\n\n--bb\n\nx\n--bb--\n--b--\n",
		"Content-Type: multipart/mixed; boundary=\"cc\"\n\n--cc\n"
		"Content-Type: multipart/mixed; boundary=\"c\"\n\n--c\n\nx\n--c--\n--cc--\n");
	assert_same("Content-Type: multipart/mixed; boundary=\"b--\"\n\n--b--\n\nx\n--b----\n",
		"Content-Type: multipart/mixed; boundary=\"xyz\"\n\n--xyz\n\nx\n--xyz--\n");
	/* A line that only begins like a delimiter is none. */
	assert_other("Content-Type: multipart/mixed; boundary=\"b\"\n\n--bx\n",
		"Content-Type: multipart/mixed; boundary=\"c\"\n\n--cx\n");
}

/* Every single change of a byte shows. */
static void test_any_change(void)
{
	g_autofree char *text = draw(mixed, "aaaa");
	Sum whole = sum_of(text);
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		g_autofree char *other = g_strdup(text);
		other[i] = other[i] == '#' ? '$' : '#';
		Sum changed = sum_of(other);
		g_assert_false(is_equal(&whole, &changed));
		Sum shorter = sum_in_pieces(text, i, 0);
		g_assert_false(is_equal(&whole, &shorter));
	}
}

static void test_not_a_boundary(void)
{
	/* In a body, in another header, as a part of another word or value. */
	assert_other("A: b\n\nboundary=\"abc\"\n", "A: b\n\nboundary=\"xyz\"\n");
	assert_other("A: b\n\nContent-Type: multipart/mixed; boundary=\"abc\"\n",
		"A: b\n\nContent-Type: multipart/mixed; boundary=\"xyz\"\n");
	assert_other("Subject: boundary=\"abc\"\n\n", "Subject: boundary=\"xyz\"\n\n");
	assert_other("Content-Type: text/plain; name=\"boundary=abc\"\n\n",
		"Content-Type: text/plain; name=\"boundary=xyz\"\n\n");
	assert_other("Content-Type: multipart/mixed; x-boundary=abc\n\n",
		"Content-Type: multipart/mixed; x-boundary=xyz\n\n");
	assert_other("Content-Type: text/plain; boundary=abc\n\n",
		"Content-Type: text/plain; boundary=xyz\n\n");
	assert_other("A: b\n\n--abc\n", "A: b\n\n--xyz\n");
}

/* The order in which boundaries are declared counts, and which part is whose. */
static void test_structure(void)
{
	assert_other("Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n"
		     "Content-Type: multipart/mixed; boundary=\"c\"\n\n--c\n\nx\n--c--\n--b--\n",
		"Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n"
		"Content-Type: multipart/mixed; boundary=\"c\"\n\n--c\n\nx\n--b--\n--c--\n");
	assert_other("Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\nx\n--b--\n",
		"Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\nx\n--b\n");
}

static void test_nul(void)
{
	static const char a[] = "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\0x\n\n";
	static const char b[] = "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\0y\n\n";
	static const char c[] = "Content-Type: multipart/mixed; boundary=\"b\"\n\n\0\0--b\n\n";
	for (size_t piece = 0; piece < 20; piece++) {
		Sum x = sum_in_pieces(a, sizeof a - 1, piece);
		Sum y = sum_in_pieces(b, sizeof b - 1, piece);
		Sum z = sum_in_pieces(c, sizeof c - 1, piece);
		g_assert_false(is_equal(&x, &y));
		g_assert_false(is_equal(&x, &z));
	}
}

static void test_long_lines(void)
{
	for (size_t len = 4000; len < 4200; len += 7) {
		GString *text =
			g_string_new("Content-Type: multipart/mixed; boundary=\"\a1\"\nX: ");
		for (size_t i = 0; i < len; i++)
			g_string_append_c(text, 'x');
		g_string_append(text, "\n\n--");
		for (size_t i = 0; i < len; i++)
			g_string_append_c(text, 'y');
		g_string_append(text, "\n--\a1\n\nx\n--\a1--\n");
		assert_blind(text->str);
		g_string_free(text, TRUE);
	}
}

/* A long header in one line does not end the Content-Type's own folding, nor begin it. */
static void test_long_header_between(void)
{
	g_autofree char *value = g_strnfill(5000, 'x');
	g_autofree char *a =
		g_strdup_printf("Content-Type: multipart/mixed\nX: %s\n boundary=\"abc\"\n\n",
			value);
	g_autofree char *b =
		g_strdup_printf("Content-Type: multipart/mixed\nX: %s\n boundary=\"xyz\"\n\n",
			value);
	assert_other(a, b);
}

static void test_many(void)
{
	GString *a = g_string_new("Content-Type: multipart/mixed; boundary=\"a0\"\n\n");
	GString *b = g_string_new("Content-Type: multipart/mixed; boundary=\"b0\"\n\n");
	for (int i = 0; i < 1000; i++) {
		g_string_append_printf(a,
			"--a%d\nContent-Type: multipart/mixed; boundary=\"a%d\"\n\n", i, i + 1);
		g_string_append_printf(b,
			"--b%d\nContent-Type: multipart/mixed; boundary=\"b%d\"\n\n", i, i + 1);
	}
	assert_same(a->str, b->str);
	/* Beyond the limit they are bytes like any other, and memory stays flat. */
	for (int i = 1000; i < 100000; i++)
		g_string_append_printf(a,
			"--a%d\nContent-Type: multipart/mixed; boundary=\"a%d\"\n\n", i, i + 1);
	Sum whole = sum_of(a->str);
	Sum parts = sum_in_pieces(a->str, a->len, 997);
	g_assert_true(is_equal(&whole, &parts));
	g_string_free(a, TRUE);
	g_string_free(b, TRUE);
}

static void test_random_pieces(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	static const char *const bits[] = {"--", "b", "\n", "\r\n", "\n\n",
		"Content-Type: ", "multipart/mixed; ", "boundary=\"b\"", "message/rfc822", " ",
		"\t", "--b\n", "--b--\n", "x"};
	for (int i = 0; i < 3000; i++) {
		GString *text = g_string_new(i % 2 == 0 ? mixed : NULL);
		for (int k = g_rand_int_range(rand, 0, 60); k > 0; k--)
			g_string_append(text, bits[g_rand_int_range(rand, 0, G_N_ELEMENTS(bits))]);
		Sum whole = sum_in_pieces(text->str, text->len, 0);
		for (int k = 0; k < 5; k++) {
			size_t piece = (size_t)g_rand_int_range(rand, 1, 40);
			Sum parts = sum_in_pieces(text->str, text->len, piece);
			g_assert_true(is_equal(&whole, &parts));
		}
		g_string_free(text, TRUE);
	}
}

static void test_reset(void)
{
	Sum first, second;
	g_autofree char *text = draw(mixed, "aaaa");
	g_autoptr(CacheDigest) digest = cache_digest_new();
	cache_digest_update(digest, "Content-Type: multipart/mixed; boundary=b\n\n--b\nrest", 51);
	cache_digest_reset(digest);
	cache_digest_update(digest, text, strlen(text));
	cache_digest_finish(digest, first.bytes);
	cache_digest_reset(digest);
	cache_digest_update(digest, text, strlen(text));
	cache_digest_finish(digest, second.bytes);
	Sum fresh = sum_of(text);
	g_assert_true(is_equal(&first, &fresh));
	g_assert_true(is_equal(&second, &fresh));
}

#define CALENDAR(stamp, rest)                                                                      \
	"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTAMP:" stamp "\r\n" rest "END:VEVENT\r\n"

/* When a calendar was rendered is nothing of it; in a message the same line is. */
static void test_stamps(void)
{
	assert_same(CALENDAR("20261101T080000Z", "X:1\r\n"),
		CALENDAR("20261102T090000Z", "X:1\r\n"));
	assert_other(CALENDAR("20261101T080000Z", "X:1\r\n"),
		CALENDAR("20261101T080000Z", "X:2\r\n"));
	assert_other(CALENDAR("1", "\r\nDTSTART:1\r\n"), CALENDAR("1", "\r\nDTSTART:2\r\n"));
	assert_other("\r\n" CALENDAR("1", ""), "\r\n" CALENDAR("2", ""));
	assert_other("BEGIN:VCARD\r\nDTSTAMP:1\r\n", "BEGIN:VCARD\r\nDTSTAMP:2\r\n");
	const char *text = CALENDAR("20261101T080000Z", "\r\n-x\r\ny\r\n");
	Sum whole = sum_of(text);
	for (size_t piece = 1; piece < 40; piece++) {
		Sum sum = sum_in_pieces(text, strlen(text), piece);
		g_assert_true(is_equal(&whole, &sum));
	}
}

static void test_empty(void)
{
	Sum a = sum_of("");
	Sum b = sum_of("");
	Sum c = sum_of("\n");
	g_assert_true(is_equal(&a, &b));
	g_assert_false(is_equal(&a, &c));
}

/* --- real mail -------------------------------------------------------------------------- */

/* Draws every boundary of a message anew, as a server does: letters of the delimiter lines and of
 * the declarations are rotated by one. Returns false when there is nothing to draw. */
static bool draw_anew(char *data, size_t len)
{
	g_autoptr(GRegex) declared = g_regex_new("^content-type:[^\\n]*(?:\\n[ \\t][^\\n]*)*",
		G_REGEX_CASELESS | G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
	g_autoptr(GRegex) value =
		g_regex_new("[; \\t\\n]boundary=\"?([A-Za-z0-9'()+_,./:=?-]{4,70})",
			G_REGEX_CASELESS | G_REGEX_RAW, 0, NULL);
	g_autoptr(GHashTable) words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GMatchInfo) header = NULL;
	g_regex_match_full(declared, data, (gssize)len, 0, 0, &header, NULL);
	for (; g_match_info_matches(header); g_match_info_next(header, NULL)) {
		g_autofree char *text = g_match_info_fetch(header, 0);
		g_autoptr(GMatchInfo) found = NULL;
		if (strcasestr(text, "multipart/") == NULL ||
			!g_regex_match(value, text, 0, &found))
			continue;
		g_autofree char *word = g_match_info_fetch(found, 1);
		g_autofree char *delimiter = g_strconcat("\n--", word, NULL);
		if (memmem(data, len, delimiter, strlen(delimiter)) != NULL)
			g_hash_table_add(words, g_steal_pointer(&word));
	}
	GHashTableIter iter;
	gpointer key;
	g_hash_table_iter_init(&iter, words);
	bool is_drawn = false;
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		size_t word_len = strlen(key);
		for (char *p = data;
			(p = memmem(p, len - (size_t)(p - data), key, word_len)) != NULL;
			p += word_len) {
			for (size_t i = 0; i < word_len; i++)
				if (g_ascii_isalpha(p[i]))
					p[i] = p[i] == 'z'   ? 'a'
					       : p[i] == 'Z' ? 'A'
							     : (char)(p[i] + 1);
			is_drawn = true;
		}
	}
	return is_drawn;
}

static void check_mail(const char *path, unsigned *drawn, unsigned *blind)
{
	g_autofree char *data = NULL;
	gsize len = 0;
	if (!g_file_get_contents(path, &data, &len, NULL))
		return;
	Sum whole = sum_in_pieces(data, len, 0);
	Sum parts = sum_in_pieces(data, len, 61);
	g_assert_true(is_equal(&whole, &parts));
	g_autofree char *other = g_memdup2(data, len + 1);
	if (draw_anew(other, len) && memcmp(data, other, len) != 0) {
		Sum anew = sum_in_pieces(other, len, 0);
		*drawn += 1;
		if (is_equal(&whole, &anew))
			*blind += 1;
		else
			g_test_message("other: %s", path);
	}
	if (len > 0) {
		data[len / 2] ^= 1;
		Sum changed = sum_in_pieces(data, len, 0);
		/* A byte of a boundary makes it another message too: parts are lost. */
		g_assert_false(is_equal(&whole, &changed));
	}
}

static void check_mail_below(const char *path, unsigned *drawn, unsigned *blind)
{
	const char *name;
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	if (dir == NULL) {
		check_mail(path, drawn, blind);
		return;
	}
	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		check_mail_below(child, drawn, blind);
	}
}

static void test_real_mail(void)
{
	const char *shared = g_getenv("EWSFS_SHARED");
	const char *source = g_getenv("EWSFS_SOURCE");
	g_autofree char *beside =
		g_build_filename(source != NULL ? source : ".", "..", "shared", NULL);
	g_autofree char *mail = g_build_filename(shared != NULL ? shared : beside, "mail", NULL);
	unsigned drawn = 0;
	unsigned blind = 0;
	if (!g_file_test(mail, G_FILE_TEST_IS_DIR)) {
		g_test_skip("no folder of real mail here");
		return;
	}
	check_mail_below(mail, &drawn, &blind);
	g_test_message("%u messages drawn anew, %u of them the same", drawn, blind);
	/* Some are malformed on purpose: what delimits there is anybody's guess. */
	g_assert_cmpuint(blind * 100, >=, drawn * 94);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/digest/blind-to-boundaries", test_boundaries);
	g_test_add_func("/cache/digest/either-line-end", test_line_ends);
	g_test_add_func("/cache/digest/blind-to-the-stamps-of-a-calendar", test_stamps);
	g_test_add_func("/cache/digest/last-line-without-an-end", test_no_last_line_end);
	g_test_add_func("/cache/digest/white-space-after-a-delimiter", test_white_space);
	g_test_add_func("/cache/digest/nested-multiparts", test_nested);
	g_test_add_func("/cache/digest/nested-messages", test_nested_message);
	g_test_add_func("/cache/digest/boundary-that-begins-another", test_prefix);
	g_test_add_func("/cache/digest/sees-any-other-change", test_any_change);
	g_test_add_func("/cache/digest/boundary-where-none-stands", test_not_a_boundary);
	g_test_add_func("/cache/digest/sees-the-structure", test_structure);
	g_test_add_func("/cache/digest/nul-bytes", test_nul);
	g_test_add_func("/cache/digest/long-lines", test_long_lines);
	g_test_add_func("/cache/digest/long-header-between", test_long_header_between);
	g_test_add_func("/cache/digest/many-boundaries", test_many);
	g_test_add_func("/cache/digest/pieces-of-any-size", test_random_pieces);
	g_test_add_func("/cache/digest/reset-forgets", test_reset);
	g_test_add_func("/cache/digest/empty", test_empty);
	g_test_add_func("/cache/digest/real-mail", test_real_mail);
	return g_test_run();
}
