/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ctl/sendmail.h"

#include <string.h>

/* --- words --------------------------------------------------------------- */

/* Blanks divide the words. */
static bool parse(CtlMailWords *words, const char *line, GError **error)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);
	/* What is borrowed from argv outlives the test. */
	for (char **word = argv; *word != NULL; word++) {
		char *copy = (char *)g_intern_string(*word);
		g_free(*word);
		*word = copy;
	}
	int argc = (int)g_strv_length(argv);
	bool is_ok = ctl_mail_words_parse(words, argc, argv, error);
	memset(argv, 0, sizeof(*argv) * (size_t)argc);
	return is_ok;
}

static char *recipients(const CtlMailWords *words)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < words->recipients->len; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? " " : "",
			(const char *)g_ptr_array_index(words->recipients, i));
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_words(void)
{
	static const struct {
		const char *line, *recipients, *from;
		bool has_header_recipients, is_dot_text;
	} cases[] = {
		/* mutt, git send-email, cron, mailx */
		{"send -oem -oi -f me@x -- a@x b@x", "a@x b@x", "me@x", false, true},
		{"send -i a@x b@x", "a@x b@x", NULL, false, true},
		{"send -i -fme@x a@x,b@x", "a@x b@x", "me@x", false, true},
		{"send -FCronDaemon -i -B8BITMIME -oem root", "root", NULL, false, true},
		{"send -t", "", NULL, true, false},
		{"send -ti", "", NULL, true, true},
		{"send -t -oi -r me@x", "", "me@x", true, true},
		{"send -bm -v -G -N never -R hdrs -V id -O a=b -h 5 -X /l -d0.1 a@x", "a@x", NULL,
			false, false},
		{"send a@x --wait -- -odd@x", "a@x -odd@x", NULL, false, false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(CtlMailWords) words = {0};
		g_autoptr(GError) error = NULL;
		g_test_message("%s", cases[i].line);
		g_assert_true(parse(&words, cases[i].line, &error));
		g_assert_no_error(error);
		g_autofree char *found = recipients(&words);
		g_assert_cmpstr(found, ==, cases[i].recipients);
		g_assert_cmpstr(words.from, ==, cases[i].from);
		g_assert_cmpint(words.has_header_recipients, ==, cases[i].has_header_recipients);
		g_assert_cmpint(words.is_dot_text, ==, cases[i].is_dot_text);
	}
}

/* What sendmail can do and this cannot is said, not ignored. */
static void test_other_modes(void)
{
	static const char *const lines[] = {"send -bs", "send -bp", "send -q", "send -q1h",
		"send -f", "send --mount", "send --nonsense", "send -Z"};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_auto(CtlMailWords) words = {0};
		g_autoptr(GError) error = NULL;
		g_assert_false(parse(&words, lines[i], &error));
		g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
	}
}

static void test_our_words(void)
{
	g_auto(CtlMailWords) words = {0};

	g_assert_true(parse(&words, "send --mount /m --wait -t", NULL));
	g_assert_cmpstr(words.mount, ==, "/m");
	g_assert_true(words.is_waiting);
	g_auto(CtlMailWords) others = {0};
	g_assert_true(parse(&others, "send -t /mnt/mail -- a@x", NULL));
	g_assert_cmpstr(others.mount, ==, "/mnt/mail");
	g_autofree char *found = recipients(&others);
	g_assert_cmpstr(found, ==, "a@x");
}

/* --- the message --------------------------------------------------------- */

typedef struct EndCase {
	const char *text;
	gsize end;
} EndCase;

static const EndCase ends[] = {
	{"a\nb\n", 4},
	{"a\n.\nb\n", 2},
	{"a\r\n.\r\nb", 3},
	{"a\n.", 2},
	{"a\n..\n.b\n", 8},
	{".\na", 0},
	{"", 0},
	{"a.\n", 3},
};

static void test_end(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
		g_assert_cmpuint(ctl_mail_end(ends[i].text, strlen(ends[i].text)), ==,
			ends[i].end);
}

static void test_addresses(void)
{
	static const struct {
		const char *text, *addresses;
	} cases[] = {
		{"To: a@x\n\n", "a@x"},
		{"to: A@X, b@x\nCC:c@x\nbcc :d@x\n\ne", "a@x b@x c@x d@x"},
		{"To: \"Doe, Jane\" <jane@x>, John (a, (b) c) <john@x>\n\n", "jane@x john@x"},
		{"To: a@x,\n b@x,\n\tc@x\nSubject: d@x\n\n", "a@x b@x c@x"},
		{"To: a@x,\r\n b@x\r\n\r\nTo: no@x\r\n", "a@x b@x"},
		{"To: undisclosed-recipients:;\n\n", ""},
		{"To: friends: a@x, B <b@x>;, c@x\n\n", "a@x b@x c@x"},
		{"To: \"a\\\"<no@x>\" <a@x>\n\n", "a@x"},
		{"To: a@x (unclosed\n\n", "a@x"},
		{"To: <>, , a@x\nTo: a@x\n\n", "a@x"},
		{"Reply-To: no@x\nX-To: no@x\nResent-To: no@x\n\n", ""},
		{"Hello\nTo: no@x\n", ""},
		{"\nTo: no@x\n", ""},
		{"To: a@x", "a@x"},
		{"To", ""},
		{"", ""},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) found =
			ctl_mail_addresses(cases[i].text, strlen(cases[i].text));
		g_ptr_array_add(found, NULL);
		g_autofree char *text = g_strjoinv(" ", (char **)found->pdata);
		g_assert_cmpstr(text, ==, cases[i].addresses);
	}
}

static char *prefix_of(const char *line, const char *text, GError **error)
{
	g_auto(CtlMailWords) words = {0};

	g_assert_true(parse(&words, line, NULL));
	return ctl_mail_prefix(&words, text, strlen(text), error);
}

static void test_prefix(void)
{
	static const struct {
		const char *line, *text, *prefix;
	} cases[] = {
		{"send -t", "To: a@x\nFrom: me@x\n\n", ""},
		{"send a@x", "To: A <a@X>\n\n", ""},
		{"send a@x b@x c@x", "To: a@x\n\n", "Bcc: b@x, c@x\n"},
		{"send a@x b@x", "To: a@x\r\n\r\n", "Bcc: b@x\r\n"},
		{"send a@x a@x A@x", "Subject: s\n\n", "Bcc: a@x\n"},
		{"send -t b@x", "Cc: a@x\n\n", "Bcc: b@x\n"},
		{"send -f me@x a@x", "To: a@x\n\n", "From: me@x\n"},
		{"send -f me@x a@x", "To: a@x\nFrom: you@x\n\n", ""},
		{"send -f me@x -F Me a@x", "To: a@x\n\n", "From: Me <me@x>\n"},
		/* Text without any header: it stays text. */
		{"send a@x", "hello there\n", "Bcc: a@x\n\n"},
		{"send a@x", "\nhello\n", "Bcc: a@x\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *prefix = prefix_of(cases[i].line, cases[i].text, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(prefix, ==, cases[i].prefix);
	}
}

/* Nobody gets mail whom sendmail would not have sent it to. */
static void test_wrong_people(void)
{
	static const struct {
		const char *line, *text, *because;
	} cases[] = {
		{"send -t", "Subject: s\n\n", "nobody"},
		{"send", "To: a@x\n\n", "-t"},
		/* mutt's bounce, a .forward file */
		{"send c@x", "To: a@x\nCc: c@x\n\n", "a@x"},
		{"send c@x", "Resent-To: c@x\nTo: a@x\n\n", "a@x"},
		{"send -t", "Resent-To: c@x\nTo: a@x\n\n", "once more"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_null(prefix_of(cases[i].line, cases[i].text, &error));
		g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL);
		g_assert_nonnull(strstr(error->message, cases[i].because));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/sendmail/words", test_words);
	g_test_add_func("/fs/sendmail/other-modes-are-refused", test_other_modes);
	g_test_add_func("/fs/sendmail/our-own-words", test_our_words);
	g_test_add_func("/fs/sendmail/a-dot-ends-it", test_end);
	g_test_add_func("/fs/sendmail/addresses-of-headers", test_addresses);
	g_test_add_func("/fs/sendmail/the-rest-becomes-bcc", test_prefix);
	g_test_add_func("/fs/sendmail/never-to-the-wrong-people", test_wrong_people);
	return g_test_run();
}
