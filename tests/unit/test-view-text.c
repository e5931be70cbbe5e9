/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/unit/test-view-kit.h"
#include "view/text.h"

#define UMLAUT "\xC3\x9C" /* Ü */

/* --- the head ---------------------------------------------------------------------------- */

static void test_head(void)
{
	view_kit_expect("Received: from somewhere\r\n"
			"Message-ID: <1@x.example>\r\n"
			"Subject: =?utf-8?B?w5xiZXJ3ZWlzdW5n?= =?iso-8859-1?Q?_f=FCr?=\r\n"
			" Juli\r\n"
			"Date: Fri, 20 Nov 2026 10:15:00 +0000\r\n"
			"Cc: =?utf-8?Q?J=C3=BCrgen?= <j@x.example>,\r\n b@x.example\r\n"
			"To: a@x.example\r\n"
			"From: \"M\xFCller, Ines\" <ines@x.example>\r\n"
			"\r\nHello.\r\n",
		"From: \"M\xC3\xBCller, Ines\" <ines@x.example>\n"
		"To: a@x.example\n"
		"Cc: J\xC3\xBCrgen <j@x.example>, b@x.example\n"
		"Date: Fri, 20 Nov 2026 11:15:00 +0100 (2026-11-20T10:15:00Z)\n"
		"Subject: " UMLAUT "berweisung f\xC3\xBCr Juli\n"
		"Message-ID: <1@x.example>\n"
		"\nHello.\n");
}

static void test_flags(void)
{
	g_autofree char *text =
		view_kit_render_flagged("Subject: a\n\nb\n", "unread, flagged", "x, y");

	g_assert_cmpstr(text, ==, "Subject: a\nFlags: unread, flagged\nCategories: x, y\n\nb\n");
}

static void test_odd_heads(void)
{
	view_kit_expect("Date: Whenever\nSubject: a\n\n", "Date: Whenever\nSubject: a\n\n");
	view_kit_expect("Date: Tue, 32 Foo 99999 99:99\n\nx",
		"Date: Tue, 32 Foo 99999 99:99\n\nx\n");
	view_kit_expect("Subject: a\x1b[2Jb\x07\tc\n\nx", "Subject: a [2Jb c\n\nx\n");
	/* Words in Latin 1 that are not written as such. */
	view_kit_expect("To: =?iso-8859-1?Q?J\xFCrgen?= <j@x>\n\nx",
		"To: J\xC3\xBCrgen <j@x>\n\nx\n");
}

/* --- texts and their encodings ----------------------------------------------------------- */

static void test_encodings(void)
{
	view_kit_expect("Content-Type: text/plain; charset=utf-8\n"
			"Content-Transfer-Encoding: base64\n\nw5xiZXJ3ZWlz\ndW5nCg==\n",
		UMLAUT "berweisung\n");
	view_kit_expect("Content-Type: text/plain; charset=iso-8859-1\n"
			"Content-Transfer-Encoding: quoted-printable\n\n=DCberw=\neisung\n",
		UMLAUT "berweisung\n");
	view_kit_expect("Content-Type: text/plain; charset=utf-16\n"
			"Content-Transfer-Encoding: base64\n\n//7cAGIAZQByAA==\n",
		UMLAUT "ber\n");
	view_kit_expect("Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B%7%m\x1b(B.\n",
		"\xE3\x82\xB7\xE3\x83\xAD.\n");
}

/* Wrong, unknown and missing charsets lose nothing. */
static void test_wrong_charsets(void)
{
	static const char *const heads[] = {"", "Content-Type: text/plain; charset=utf-8\n",
		"Content-Type: text/plain; charset=us-ascii\n",
		"Content-Type: text/plain; charset=x-nonsense\n",
		"Content-Type: text/plain; charset=\"../../../etc/passwd//IGNORE\"\n",
		"Content-Type: text/plain; charset=iso-2022-jp\n"};

	for (size_t i = 0; i < G_N_ELEMENTS(heads); i++) {
		g_autofree char *latin = g_strconcat(heads[i],
			"\n\xDC"
			"ber \x80 1.\nrest\n",
			NULL);
		g_autofree char *utf8 = g_strconcat(heads[i], "\n" UMLAUT "ber.\nrest\n", NULL);
		view_kit_expect(latin, UMLAUT "ber \xE2\x82\xAC 1.\nrest\n");
		view_kit_expect(utf8, UMLAUT "ber.\nrest\n");
	}
}

/* A character that is cut where a buffer ends is one all the same. */
static void test_pieces(void)
{
	for (size_t before = 16380; before < 16392; before++) {
		g_autoptr(GString) message =
			g_string_new("Content-Type: text/plain; charset=utf-8\n\n");
		g_autoptr(GString) wanted = g_string_new(NULL);
		for (size_t i = 0; i < before; i++) {
			g_string_append_c(message, 'a');
			g_string_append_c(wanted, 'a');
		}
		g_string_append(message, "\xF0\x9F\x98\x80" UMLAUT "z\n");
		g_string_append(wanted, "\xF0\x9F\x98\x80" UMLAUT "z\n");
		view_kit_expect(message->str, wanted->str);
	}
}

static void test_controls(void)
{
	static const char bytes[] = "Subject: x\n\na\0b\x1b]0;t\x07"
				    "c\x7f\xC2\x9B"
				    "d\te\r\nf\rg";
	g_autofree char *text = view_kit_render(bytes, sizeof(bytes) - 1);

	g_assert_cmpstr(text, ==, "Subject: x\n\nab]0;tcd\te\nfg\n");
}

/* --- parts ------------------------------------------------------------------------------- */

#define MIXED(parts) "Subject: x\nContent-Type: multipart/mixed; boundary=m\n\n" parts "--m--\n"

static void test_attachments(void)
{
	view_kit_expect(MIXED("--m\n\nSee below.\n"
			      "--m\nContent-Type: application/pdf; name*=utf-8''%C3%9Cber.pdf\n"
			      "Content-Disposition: attachment\nContent-Transfer-Encoding: "
			      "base64\n\nAAECAwQ=\n"
			      "--m\nContent-Type: text/csv; charset=iso-8859-1\n"
			      "Content-Disposition: attachment; "
			      "filename*=utf-8''a%0Ab.csv\n\na;\xDC\n"
			      "--m\nContent-Type: image/png\n\nxyz\n"),
		"Subject: x\n\nSee below.\n\n"
		"[attachment: " UMLAUT "ber.pdf, application/pdf, 5 bytes]\n\n"
		"[attachment: a b.csv, text/csv, 3 bytes]\na;" UMLAUT "\n\n"
		"[attachment: unnamed, image/png, 3 bytes]\n");
}

#define INNER "From: b@x\nDate: Fri, 20 Nov 2026 10:15:00 +0000\nSubject: inner\n\n"

static void test_messages_in_messages(void)
{
	view_kit_expect(MIXED("--m\n\nFwd:\n--m\nContent-Type: message/rfc822\n"
			      "Content-Disposition: attachment; filename=old.eml\n\n" INNER
			      "one\n\ntwo\n"
			      "--m\n\nEnd.\n"),
		"Subject: x\n\nFwd:\n\n[attachment: old.eml, message/rfc822]\n"
		"    From: b@x\n"
		"    Date: Fri, 20 Nov 2026 11:15:00 +0100 (2026-11-20T10:15:00Z)\n"
		"    Subject: inner\n\n    one\n\n    two\n\nEnd.\n");
}

#define ALTERNATIVE(parts)                                                                         \
	"Subject: x\nContent-Type: multipart/alternative; boundary=a\n\n" parts "--a--\n"

static void test_alternatives(void)
{
	view_kit_expect(ALTERNATIVE("--a\nContent-Type: text/html\n\n<p>html</p>\n"
				    "--a\nContent-Type: text/plain\n\nplain\n"),
		"Subject: x\n\nplain\n");
	/* Some programs leave the plain one empty. */
	view_kit_expect(ALTERNATIVE("--a\nContent-Type: text/plain\n\n \n"
				    "--a\nContent-Type: text/html\n\n<p>html</p>\n"),
		"Subject: x\n\nhtml\n");
	/* What is not read is told of, if it is more than the text once again. */
	view_kit_expect(ALTERNATIVE("--a\n\nplain\n"
				    "--a\nContent-Type: multipart/related; boundary=r\n\n"
				    "--r\nContent-Type: text/html\n\n<p>html</p>\n"
				    "--r\nContent-Type: image/png; name=logo.png\n\nxyz\n--r--\n"
				    "--a\nContent-Type: text/calendar; "
				    "name=a.ics\n\nBEGIN:VCALENDAR\n"),
		"Subject: x\n\nplain\n\n[attachment: logo.png, image/png, 3 bytes]\n\n"
		"[attachment: a.ics, text/calendar, 15 bytes]\n");
	view_kit_expect(ALTERNATIVE("--a\nContent-Type: image/png\n\nx\n"),
		"Subject: x\n\n[attachment: unnamed, image/png, 1 bytes]\n");
}

static void test_bounces(void)
{
	view_kit_expect(MIXED("--m\nContent-Type: message/delivery-status\n\n"
			      "Reporting-MTA: dns; x\n\nAction: failed\n"),
		"Subject: x\n\nReporting-MTA: dns; x\n\nAction: failed\n");
}

/* --- what is no message ------------------------------------------------------------------ */

static void test_cards(void)
{
	view_kit_expect("BEGIN:VCALENDAR\r\nSUMMARY:" UMLAUT "\r\nEND:VCALENDAR\r\n",
		"BEGIN:VCALENDAR\nSUMMARY:" UMLAUT "\nEND:VCALENDAR\n");
}

static void test_garbage(void)
{
	view_kit_expect("", "");
	view_kit_expect("\n\n\n", "\n\n");
	view_kit_expect("no header at all, and no end", "no header at all, and no end\n");
	/* Lines as they ended on some machines. */
	view_kit_expect("Subject: x\rTo: a@x\r\rone\rtwo\r", "To: a@x\nSubject: x\n\none\ntwo\n");
	/* A boundary that never comes, an encoding that is none, base64 that is not. */
	view_kit_expect("Content-Type: multipart/mixed; boundary=q\n\nhello\n", "");
	view_kit_expect("Content-Transfer-Encoding: x-none\n\nhello\n", "hello\n");
	view_kit_expect("Content-Transfer-Encoding: base64\n\nw5xi!!ZXIK\n", UMLAUT "ber\n");
}

/* --- bounds ------------------------------------------------------------------------------ */

#define CUT "[cut: the rest is in the message itself]\n"

/* The whole of a text is there up to the bound, and a line says what is not. */
static void test_long(void)
{
	g_autoptr(GString) message = g_string_new("Subject: x\n\n");

	while (message->len < VIEW_TEXT_MAX + 100000)
		g_string_append(message, UMLAUT "berweisung an alle, die noch warten\n");
	g_autofree char *text = view_kit_render(message->str, message->len);
	g_assert_true(g_str_has_suffix(text, CUT));
	g_assert_cmpuint(strlen(text), <=, VIEW_TEXT_MAX + 1 + strlen(CUT));
	g_assert_cmpuint(strlen(text), >=, VIEW_TEXT_MAX);
	g_assert_cmpint(memcmp(text, message->str, VIEW_TEXT_MAX - 8), ==, 0);
}

static void test_deep(void)
{
	g_autoptr(GString) message = g_string_new(NULL);

	for (int i = 0; i < 2000; i++)
		g_string_append(message, "Subject: d\nContent-Type: message/rfc822\n\n");
	g_autofree char *text = view_kit_render(message->str, message->len);
	g_assert_true(g_str_has_suffix(text, CUT));
	g_assert_cmpuint(strlen(text), <, 10000);
}

/* Sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_IS_OURS false
#elif defined(__has_feature)
#define MEMORY_IS_OURS !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define MEMORY_IS_OURS true
#endif
#define MEMORY_MAX_KIB (48 * 1024)

/* Each of these is a few MB that would be hundreds as what GMime makes of it. */
static void test_bombs(void)
{
	static const char *const bombs[][2] = {
		{"Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n"},
		{"", "X-Header: a\n"},
		{"To: ", "a@b,"},
		{"To: ", "a:"},
		{"To: a@b", ",\n a@b"},
		{"Subject", " long line"},
		{"Content-Type: text/html\n\n", "<b>"},
		{"Content-Type: text/html\n\n", "<blockquote><ul>"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bombs); i++) {
		g_autoptr(GString) message = g_string_sized_new(10 << 20);
		g_string_append(message, bombs[i][0]);
		while (message->len < (9 << 20))
			g_string_append(message, bombs[i][1]);
		g_string_append(message, "\n\nthe end\n");
		view_kit_memory();
		long before = view_kit_memory();
		g_autofree char *text = view_kit_render(message->str, message->len);
		long more = view_kit_memory() - before;
		g_assert_true(g_str_has_suffix(text, CUT));
		g_test_message("%s: %ld KiB", bombs[i][1], more);
		if (MEMORY_IS_OURS)
			g_assert_cmpint(more, <, MEMORY_MAX_KIB);
	}
}

/* Nothing of an attachment is held but a buffer. */
static void test_large_attachment(void)
{
	static const char head[] = MIXED("--m\n\nSee.\n--m\nContent-Type: application/zip; name=z\n"
					 "Content-Transfer-Encoding: base64\n\n");
	g_autoptr(GString) message = g_string_new_len(head, (gssize)strlen(head) - 6);

	while (message->len < (64 << 20))
		g_string_append(message, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQ"
					 "UFBQUFBQUFBQUFBQUFB\n");
	g_string_append(message, "--m--\n");
	view_kit_memory();
	long before = view_kit_memory();
	g_autofree char *text = view_kit_render(message->str, message->len);
	g_assert_nonnull(strstr(text, "[attachment: z, application/zip, "));
	long more = view_kit_memory() - before;
	if (MEMORY_IS_OURS)
		g_assert_cmpint(more, <, 8 * 1024);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	view_init();
	g_test_add_func("/view/text/head-is-decoded-and-in-order", test_head);
	g_test_add_func("/view/text/flags-are-told", test_flags);
	g_test_add_func("/view/text/heads-that-make-no-sense", test_odd_heads);
	g_test_add_func("/view/text/encodings", test_encodings);
	g_test_add_func("/view/text/wrong-charsets-lose-nothing", test_wrong_charsets);
	g_test_add_func("/view/text/characters-across-buffers", test_pieces);
	g_test_add_func("/view/text/no-control-characters", test_controls);
	g_test_add_func("/view/text/attachments-are-told", test_attachments);
	g_test_add_func("/view/text/messages-in-messages-are-indented", test_messages_in_messages);
	g_test_add_func("/view/text/alternatives", test_alternatives);
	g_test_add_func("/view/text/bounces", test_bounces);
	g_test_add_func("/view/text/cards-are-text", test_cards);
	g_test_add_func("/view/text/garbage-goes-as-far-as-it-goes", test_garbage);
	g_test_add_func("/view/text/long-text-is-cut", test_long);
	g_test_add_func("/view/text/depth-is-cut", test_deep);
	g_test_add_func("/view/text/bombs-stay-small", test_bombs);
	g_test_add_func("/view/text/attachments-are-not-held", test_large_attachment);
	return g_test_run();
}
