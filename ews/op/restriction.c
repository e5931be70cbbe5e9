/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/restriction.h"

#include "ews/op/shape.h"
#include "ews/query_tree.h"

#define TAG_BODY 0x1000         /* PidTagBody */
#define TAG_FROM_ADDRESS 0x0065 /* PidTagSentRepresentingEmailAddress */
#define TAG_FROM_SMTP 0x5D02    /* PidTagSentRepresentingSmtpAddress */

/* A property: by its name, or by its tag. */
typedef struct Path {
	EwsQueryField field;
	bool is_anywhere; /* words without a property are looked for here too */
	const char *uri;
	unsigned tag;
} Path;

static const Path paths[] = {
	{EWS_QUERY_SUBJECT, true, "item:Subject", 0},
	{EWS_QUERY_BODY, true, NULL, TAG_BODY},
	{EWS_QUERY_FROM, true, "message:From", 0},
	{EWS_QUERY_FROM, true, NULL, TAG_FROM_ADDRESS},
	{EWS_QUERY_FROM, true, NULL, TAG_FROM_SMTP},
	{EWS_QUERY_TO, true, "item:DisplayTo", 0},
	{EWS_QUERY_CC, true, "item:DisplayCc", 0},
	{EWS_QUERY_RECEIVED, false, "item:DateTimeReceived", 0},
	{EWS_QUERY_SENT, false, "item:DateTimeSent", 0},
	{EWS_QUERY_ATTACHMENT, false, "item:HasAttachments", 0},
	{EWS_QUERY_READ, false, "message:IsRead", 0},
};

static bool is_asked(const Path *path, EwsQueryField field)
{
	return path->field == field || (field == EWS_QUERY_ANYWHERE && path->is_anywhere);
}

static void write_path(EwsWriter *writer, const Path *path)
{
	if (path->uri)
		ews_writer_empty(writer, "t:FieldURI", "FieldURI", path->uri);
	else
		ews_shape_write_tag(writer, path->tag, "String");
}

static void write_contains(EwsWriter *writer, const Path *path, const char *words)
{
	ews_writer_start(writer, "t:Contains");
	ews_writer_attribute(writer, "ContainmentMode", "Substring");
	ews_writer_attribute(writer, "ContainmentComparison", "IgnoreCase");
	write_path(writer, path);
	ews_writer_empty(writer, "t:Constant", "Value", words);
	ews_writer_end(writer);
}

static void write_words(EwsWriter *writer, const EwsQueryTest *test)
{
	unsigned count = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		count += is_asked(&paths[i], test->field);
	if (count > 1)
		ews_writer_start(writer, "t:Or");
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		if (is_asked(&paths[i], test->field))
			write_contains(writer, &paths[i], test->words);
	if (count > 1)
		ews_writer_end(writer);
}

static void write_comparison(EwsWriter *writer, const char *element, EwsQueryField field,
	const char *value)
{
	ews_writer_start(writer, element);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
		if (paths[i].field == field)
			write_path(writer, &paths[i]);
	ews_writer_start(writer, "t:FieldURIOrConstant");
	ews_writer_empty(writer, "t:Constant", "Value", value);
	ews_writer_end(writer);
	ews_writer_end(writer);
}

static void write_before(EwsWriter *writer, EwsQueryField field, int64_t seconds)
{
	char day[EWS_QUERY_TIME_BYTES];
	g_autofree char *time = NULL;

	ews_query_format_day(seconds, day);
	time = g_strconcat(day, "T00:00:00Z", NULL);
	write_comparison(writer, "t:IsLessThan", field, time);
}

static void write_time(EwsWriter *writer, const EwsQueryTest *test)
{
	bool has_both = test->from != INT64_MIN && test->until != INT64_MAX;

	if (has_both)
		ews_writer_start(writer, "t:And");
	if (test->from != INT64_MIN) {
		ews_writer_start(writer, "t:Not");
		write_before(writer, test->field, test->from);
		ews_writer_end(writer);
	}
	if (test->until != INT64_MAX)
		write_before(writer, test->field, test->until);
	if (has_both)
		ews_writer_end(writer);
}

static void write_test(EwsWriter *writer, const EwsQueryTest *test);

static void write_group(EwsWriter *writer, const EwsQueryTest *test, const char *element)
{
	ews_writer_start(writer, element);
	for (guint i = 0; i < test->tests->len; i++)
		write_test(writer, test->tests->pdata[i]);
	ews_writer_end(writer);
}

static void write_test(EwsWriter *writer, const EwsQueryTest *test)
{
	switch (test->kind) {
	case EWS_QUERY_AND:
		write_group(writer, test, "t:And");
		break;
	case EWS_QUERY_OR:
		write_group(writer, test, "t:Or");
		break;
	case EWS_QUERY_NOT:
		write_group(writer, test, "t:Not");
		break;
	case EWS_QUERY_WORDS:
		write_words(writer, test);
		break;
	case EWS_QUERY_TIME:
		write_time(writer, test);
		break;
	case EWS_QUERY_FLAG:
		write_comparison(writer, "t:IsEqualTo", test->field,
			test->is_true ? "true" : "false");
		break;
	}
}

void ews_restriction_write(EwsWriter *writer, const EwsQuery *query)
{
	ews_writer_start(writer, "m:Restriction");
	write_test(writer, ews_query_top(query));
	ews_writer_end(writer);
}
