/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/query.h"

#include <string.h>

#include "ews/error.h"

static void check(const char *text, const char *aqs)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsQuery) query = ews_query_parse(text, &error);
	g_autofree char *said = NULL;

	g_assert_no_error(error);
	said = ews_query_aqs(query);
	g_assert_cmpstr(said, ==, aqs);
}

static void refuse(const char *text, const char *why)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(ews_query_parse(text, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, why));
}

static void test_words(void)
{
	check("invoice", "invoice");
	check("  Überweisung ", "Überweisung");
	check("\"final draft\"", "\"final draft\"");
	check("e-mail", "\"e-mail\"");
	check("12:30", "\"12:30\"");
	check("proj*", "proj*");
	check("\"final dr*\"", "\"final dr*\"");
	check("subject:Budget", "subject:Budget");
	check("FROM:ada@example.org", "from:\"ada@example.org\"");
	check("to:\"Ada Lovelace\" cc:bob body:x", "(to:\"Ada Lovelace\" AND cc:bob AND body:x)");
}

static void test_operators(void)
{
	check("a b", "(a AND b)");
	check("a AND b c", "(a AND b AND c)");
	check("a OR b c", "(a OR (b AND c))");
	check("(a OR b) c", "((a OR b) AND c)");
	check("a NOT b", "(a AND (NOT b))");
	check("NOT (a OR b)", "(NOT (a OR b))");
	check("NOT NOT a", "a");
	/* Only in capitals; else they are words, which a server must not take for operators. */
	check("a and b", "(a AND \"and\" AND b)");
	check("\"AND\"", "\"AND\"");
	check("ANDROID ORDER", "(ANDROID AND ORDER)");
}

static void test_times(void)
{
	check("received:2026-11-20", "(received:>=2026-11-20 AND received:<2026-11-21)");
	check("received:2026-11-01..2026-11-30",
		"(received:>=2026-11-01 AND received:<2026-12-01)");
	check("received:2026-12", "(received:>=2026-12-01 AND received:<2027-01-01)");
	check("received:2024-02", "(received:>=2024-02-01 AND received:<2024-03-01)");
	check("sent:2026", "(sent:>=2026-01-01 AND sent:<2027-01-01)");
	check("received>=2026-11-01", "received:>=2026-11-01");
	check("received:>2026-11-30", "received:>=2026-12-01");
	check("received<2026-11", "received:<2026-11-01");
	check("received:<=2026-11", "received:<2026-12-01");
	check("received:9999", "(received:>=9999-01-01 AND received:<9999-12-31)");
	check("received:2025..2026-01", "(received:>=2025-01-01 AND received:<2026-02-01)");
}

static void test_flags(void)
{
	check("hasattachment:true", "hasattachment:true");
	check("HasAttachments:yes isread=no", "(hasattachment:true AND isread:false)");
}

/* Each of these would find what nobody asked for, or everything, were it only half understood. */
static void test_refused(void)
{
	refuse("", "a word is missing");
	refuse("   ", "a word is missing");
	refuse("*", "neither letter nor digit");
	refuse("...", "neither letter nor digit");
	refuse("\"\"", "neither letter nor digit");
	refuse("subject:", "neither letter nor digit");
	refuse("from: ada", "neither letter nor digit");
	refuse("a*b", "only ends a word");
	refuse("-spam", "say NOT");
	refuse("\"a", "quotes are not closed");
	refuse("from:\"a", "quotes are not closed");
	refuse("(a", "is not closed");
	refuse("a)", "was not opened");
	refuse("()", "a word is missing");
	refuse("a AND", "a word is missing");
	refuse("OR a", "a word is missing");
	refuse("a OR OR b", "a word is missing");
	refuse("NOT", "a word is missing");
	refuse("size:>3", "no property \"size\"");
	refuse("http:x", "no property \"http\"");
	refuse("subject>a", "not compared");
	refuse("isread:maybe", "neither true nor false");
	refuse("received:yesterday", "is no date");
	refuse("received:2026-13", "is no date");
	refuse("received:2026-02-30", "is no date");
	refuse("received:2026-11-02..2026-11-01", "is no date");
	refuse("received:>=2026..2027", "is no date");
	refuse("received:2026-1-1", "is no date");
	refuse("a\xff", "not UTF-8");
	refuse("((((((((((((((((((a))))))))))))))))))", "too many parentheses");
}

static void test_long(void)
{
	g_autofree char *text = g_strnfill(EWS_QUERY_BYTES_MAX + 1, 'a');

	refuse(text, "longer than");
	text[EWS_QUERY_BYTES_MAX] = '\0';
	check(text, text);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/query/words", test_words);
	g_test_add_func("/ews/query/operators", test_operators);
	g_test_add_func("/ews/query/times", test_times);
	g_test_add_func("/ews/query/flags", test_flags);
	g_test_add_func("/ews/query/refuses-what-it-does-not-understand", test_refused);
	g_test_add_func("/ews/query/long", test_long);
	return g_test_run();
}
