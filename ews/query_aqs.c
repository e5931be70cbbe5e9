/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/query_tree.h"

/*
 * A query as AQS, so that nothing is left to how a server reads it: each AND is said, groups are in
 * parentheses, and a word is in quotes where it has anything but letters and digits. Of times the
 * simplest form only, since servers differ in the others.
 */

static const char *const names[] = {
	[EWS_QUERY_ANYWHERE] = "",
	[EWS_QUERY_FROM] = "from:",
	[EWS_QUERY_TO] = "to:",
	[EWS_QUERY_CC] = "cc:",
	[EWS_QUERY_SUBJECT] = "subject:",
	[EWS_QUERY_BODY] = "body:",
	[EWS_QUERY_RECEIVED] = "received:",
	[EWS_QUERY_SENT] = "sent:",
	[EWS_QUERY_ATTACHMENT] = "hasattachment:",
	[EWS_QUERY_READ] = "isread:",
};

void ews_query_format_day(int64_t seconds, char *ret_text)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

	g_snprintf(ret_text, EWS_QUERY_TIME_BYTES, "%04d-%02d-%02d", g_date_time_get_year(time),
		g_date_time_get_month(time), g_date_time_get_day_of_month(time));
}

static bool is_plain(const char *words)
{
	static const char *const operators[] = {"AND", "OR", "NOT"};

	for (size_t i = 0; i < G_N_ELEMENTS(operators); i++)
		if (g_ascii_strcasecmp(words, operators[i]) == 0)
			return false;
	for (const char *at = words; *at; at = g_utf8_next_char(at))
		if (!g_unichar_isalnum(g_utf8_get_char(at)))
			return false;
	return true;
}

static void write_words(const EwsQueryTest *test, GString *out)
{
	const char *quote = is_plain(test->words) ? "" : "\"";

	g_string_append_printf(out, "%s%s%s%s%s", names[test->field], quote, test->words,
		test->is_start ? "*" : "", quote);
}

static void write_time(const EwsQueryTest *test, GString *out)
{
	bool has_both = test->from != INT64_MIN && test->until != INT64_MAX;
	char day[EWS_QUERY_TIME_BYTES];

	g_string_append(out, has_both ? "(" : "");
	if (test->from != INT64_MIN) {
		ews_query_format_day(test->from, day);
		g_string_append_printf(out, "%s>=%s", names[test->field], day);
	}
	g_string_append(out, has_both ? " AND " : "");
	if (test->until != INT64_MAX) {
		ews_query_format_day(test->until, day);
		g_string_append_printf(out, "%s<%s", names[test->field], day);
	}
	g_string_append(out, has_both ? ")" : "");
}

static void write_test(const EwsQueryTest *test, GString *out);

static void write_group(const EwsQueryTest *test, GString *out)
{
	g_string_append_c(out, '(');
	for (guint i = 0; i < test->tests->len; i++) {
		if (i > 0)
			g_string_append(out, test->kind == EWS_QUERY_AND ? " AND " : " OR ");
		write_test(test->tests->pdata[i], out);
	}
	g_string_append_c(out, ')');
}

static void write_test(const EwsQueryTest *test, GString *out)
{
	switch (test->kind) {
	case EWS_QUERY_AND:
	case EWS_QUERY_OR:
		write_group(test, out);
		break;
	case EWS_QUERY_NOT:
		g_string_append(out, "(NOT ");
		write_test(test->tests->pdata[0], out);
		g_string_append_c(out, ')');
		break;
	case EWS_QUERY_WORDS:
		write_words(test, out);
		break;
	case EWS_QUERY_TIME:
		write_time(test, out);
		break;
	case EWS_QUERY_FLAG:
		g_string_append_printf(out, "%s%s", names[test->field],
			test->is_true ? "true" : "false");
		break;
	}
}

char *ews_query_aqs(const EwsQuery *self)
{
	GString *out = g_string_new(NULL);

	write_test(ews_query_top(self), out);
	return g_string_free(out, FALSE);
}
