/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "view/html.h"

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

/* A document that comes in pieces. */
typedef struct Pieces {
	const char *left;
	size_t piece;
} Pieces;

static bool read_pieces(void *user, GString *text)
{
	Pieces *self = user;
	size_t len = MIN(self->piece, strlen(self->left));

	g_string_append_len(text, self->left, (gssize)len);
	self->left += len;
	return len > 0;
}

static char *convert(const char *html, size_t piece)
{
	GString *text = g_string_new(NULL);
	g_autoptr(ViewOut) out = view_out_new(take, text);
	Pieces pieces = {.left = html, .piece = piece};

	view_html_write(out, read_pieces, &pieces);
	g_assert_true(view_out_end(out));
	return g_string_free(text, FALSE);
}

/* Whole and in pieces: the same. (Pieces end between characters: these are ASCII.) */
static void expect(const char *html, const char *wanted)
{
	g_autofree char *whole = convert(html, MAX(strlen(html), 1));

	g_assert_cmpstr(whole, ==, wanted);
	for (size_t piece = 1; piece < 12 && g_str_is_ascii(html); piece++) {
		g_autofree char *pieces = convert(html, piece);
		g_assert_cmpstr(pieces, ==, wanted);
	}
}

static void test_text(void)
{
	expect("", "");
	expect("just text", "just text\n");
	expect("a\n  b\t c&nbsp;&nbsp;d&#160;e", "a b c d e\n");
	expect("<html><head><title>t</title></head><body>a<b>b</b> <i>c</i></body></html>",
		"ab c\n");
	expect("1 < 2 &amp; 3 > 2 &euro; &uuml;", "1 < 2 & 3 > 2 \xE2\x82\xAC \xC3\xBC\n");
	expect("\xC3\x9C"
	       "ber\xC2\xADweisung \xE2\x80\x8Bx",
		"\xC3\x9C"
		"berweisung x\n");
}

static void test_lines(void)
{
	expect("<p>a</p><p>b</p>", "a\n\nb\n");
	expect("<div>a</div><div>b<br>c<br><br>d</div>", "a\nb\nc\n\nd\n");
	expect("<div><div><div>a</div></div></div><p>&nbsp;</p><p>b</p>", "a\n\nb\n");
	expect("<h1>t</h1>x<hr>y", "t\n\nx\n----\ny\n");
	expect("<pre>a\n  b\n</pre>c", "a\n  b\n\nc\n");
	expect("<table><tr><td>a</td><td>b</td></tr><tr><th>c<td>d</table>", "a b\nc d\n");
}

static void test_lists(void)
{
	expect("<ul><li>a<li>b</ul><ol><li>c</li><li>d</li></ol>", "* a\n* b\n1. c\n2. d\n");
	expect("<li>a", "* a\n");
}

static void test_quotes(void)
{
	expect("a<blockquote>b<blockquote>c</blockquote></blockquote>d",
		"a\n\n> b\n>\n> > c\n\nd\n");
}

static void test_links(void)
{
	expect("<a href='https://x.example/a?b=c'>here</a>, please",
		"here <https://x.example/a?b=c>, please\n");
	expect("<a href='https://x.example'>https://x.example</a>", "https://x.example\n");
	expect("<a href='mailto:a@x'>a@x</a>", "a@x\n");
	expect("<a href='javascript:alert(1)'>a</a><a href='#top'>b</a><a>c</a>", "abc\n");
}

static void test_unread(void)
{
	expect("a<script>if (1 < 2) document.write('<p>no</p>')</script>b", "ab\n");
	expect("a<style>p { color: red }</style>b<!-- no -->", "ab\n");
	expect("<div style='DISPLAY : none; x:y'>no<p>no</p></div>a<span hidden>no</span>", "a\n");
	expect("a<svg><text>no</text></svg>b", "ab\n");
}

static void test_pictures(void)
{
	expect("a<img src='https://t.example/1.gif' width=1 height=1 alt='x'>b", "ab\n");
	expect("a<img src='cid:1'> <img src='https://t.example/2.png' alt=' our  logo '>",
		"a [our logo]\n");
}

/* Around what is for Outlook, and for those who are not. */
static void test_marks(void)
{
	expect("<![if !supportLists]>a<![endif]>b", "ab\n");
	expect("<!--[if mso]>no<![endif]-->a<!--[if !mso]><!-->b<!--<![endif]-->c", "abc\n");
}

/* A document that says another charset is in UTF-8 by the time it comes here. */
static void test_charset(void)
{
	expect("<html><head><meta charset=iso-8859-1></head>\xC3\x9C"
	       "ber",
		"\xC3\x9C"
		"ber\n");
}

/* Nothing is lost where a buffer of the parser's ends. */
static void test_long(void)
{
	for (size_t before = 3900; before < 4110; before += 3) {
		g_autoptr(GString) html = g_string_new("<p>");
		g_autoptr(GString) wanted = g_string_new(NULL);
		for (int i = 0; i < 5; i++) {
			for (size_t j = 0; j < before; j++) {
				g_string_append_c(html, 'a');
				g_string_append_c(wanted, 'a');
			}
			g_string_append(html,
				"<b>\xC3\x9C&uuml;</b><script>\"<b>\"</script>&#x20ac;");
			g_string_append(wanted, "\xC3\x9C\xC3\xBC\xE2\x82\xAC");
		}
		g_string_append_c(wanted, '\n');
		expect(html->str, wanted->str);
	}
}

#define CUT "[cut: the rest is in the message itself]\n"

/* What takes the parser the square of their number: in one element, and in many. But a comment is
 * no element, and Word writes long ones; nor is a picture that comes along. */
static void test_attributes(void)
{
	g_autoptr(GString) one = g_string_new("a<p ");
	g_autoptr(GString) many = g_string_new("a");
	g_autoptr(GString) comment = g_string_new("a<!-- ");
	g_autoptr(GString) picture = g_string_new("a<img alt='b' src='data:image/png;base64,");

	for (int i = 0; i < 100000; i++)
		g_string_append_printf(one, "a%d ", i);
	for (int i = 0; i < 150000; i++)
		g_string_append_printf(many, i % 9000 == 0 ? "><p a%d " : "a%d ", i);
	for (int i = 0; i < 4000; i++)
		g_string_append(comment, "<w:LsdException Locked=\"false\" Name=\"Normal\"/>");
	for (int i = 0; i < 100000; i++)
		g_string_append(picture, "QUFB");
	g_string_append(one, ">b");
	g_string_append(many, ">b");
	g_string_append(comment, "-->b");
	g_string_append(picture, "'>");
	g_autofree char *cut = convert(one->str, 4000);
	g_assert_true(g_str_has_suffix(cut, CUT));
	g_autofree char *cut_too = convert(many->str, 4000);
	g_assert_true(g_str_has_suffix(cut_too, CUT));
	g_autofree char *whole = convert(comment->str, 4000);
	g_assert_cmpstr(whole, ==, "ab\n");
	g_autofree char *shown = convert(picture->str, 4000);
	g_assert_cmpstr(shown, ==, "a[b]\n");
}

static void test_rubbish(void)
{
	expect("</p></b></html>a<p", "a\n");
	expect("<a href='https://x.example'>a<p>b</ul></blockquote>",
		"a\n\nb\n\n<https://x.example>\n");
	expect("<b><i>a</b></i><!DOCTYPE html>b", "ab\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	view_init();
	g_test_add_func("/view/html/text-flows", test_text);
	g_test_add_func("/view/html/lines", test_lines);
	g_test_add_func("/view/html/lists", test_lists);
	g_test_add_func("/view/html/quotes", test_quotes);
	g_test_add_func("/view/html/links-are-told", test_links);
	g_test_add_func("/view/html/what-is-not-for-reading", test_unread);
	g_test_add_func("/view/html/pictures-are-their-descriptions", test_pictures);
	g_test_add_func("/view/html/marks-of-outlook", test_marks);
	g_test_add_func("/view/html/charset-is-not-believed", test_charset);
	g_test_add_func("/view/html/nothing-is-lost-between-buffers", test_long);
	g_test_add_func("/view/html/attributes-are-counted", test_attributes);
	g_test_add_func("/view/html/rubbish", test_rubbish);
	return g_test_run();
}
