/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/said.h"

#include <string.h>

#include "view/lines.h"

#define DAY_S INT64_C(86400)

const char *view_said(const char *const *said, const char *name)
{
	for (; said[0] != NULL && said[1] != NULL; said += 2) {
		if (strcmp(said[0], name) == 0)
			return *said[1] != '\0' ? said[1] : NULL;
	}
	return NULL;
}

bool view_said_true(const char *const *said, const char *name)
{
	const char *value = view_said(said, name);

	return value != NULL && (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

int view_said_number(const char *const *said, const char *name, int min, int max, int missing)
{
	const char *value = view_said(said, name);
	int64_t number = 0;

	if (value == NULL || !g_ascii_string_to_signed(value, 10, min, max, &number, NULL))
		return missing;
	return (int)number;
}

bool view_said_time(const char *text, int64_t *ret_seconds, int *ret_offset)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);

	if (time == NULL)
		return false;
	*ret_seconds = g_date_time_to_unix(time);
	*ret_offset = (int)(g_date_time_get_utc_offset(time) / G_TIME_SPAN_SECOND);
	return true;
}

bool view_said_time_of(const char *const *said, const char *name, int64_t *ret_seconds)
{
	const char *text = view_said(said, name);
	int offset;

	return text != NULL && view_said_time(text, ret_seconds, &offset);
}

bool view_said_date(const char *text, int64_t *ret_seconds)
{
	g_autofree char *time = NULL;
	int offset;

	if (strlen(text) < strlen("2026-12-01"))
		return false;
	time = g_strdup_printf("%.10sT00:00:00Z", text);
	return view_said_time(time, ret_seconds, &offset);
}

static char *print(int64_t seconds, const char *format)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);

	return time != NULL ? g_date_time_format(time, format) : NULL;
}

char *view_said_print_time(int64_t seconds)
{
	return print(seconds, "%Y%m%dT%H%M%S");
}

char *view_said_print_date(int64_t seconds)
{
	return print(seconds, "%Y%m%d");
}

int64_t view_said_nearest_day(int64_t seconds)
{
	int64_t rest = (seconds % DAY_S + DAY_S) % DAY_S;

	return seconds - rest + (rest >= DAY_S / 2 ? DAY_S : 0);
}

void view_said_categories(const char *const *said, GString *out)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (; said[0] != NULL && said[1] != NULL; said += 2) {
		if (strcmp(said[0], "Categories/String") == 0)
			g_ptr_array_add(words, (char *)said[1]);
	}
	if (words->len > 0)
		view_lines_texts(out, "CATEGORIES", (const char *const *)words->pdata, words->len,
			',');
}

void view_said_class(const char *const *said, GString *out)
{
	const char *value = view_said(said, "Sensitivity");

	if (value == NULL || strcmp(value, "Normal") == 0)
		return;
	view_lines_add(out, "CLASS",
		strcmp(value, "Confidential") == 0 ? "CONFIDENTIAL" : "PRIVATE");
}

void view_said_priority(const char *const *said, GString *out)
{
	const char *value = view_said(said, "Importance");

	if (value != NULL && strcmp(value, "High") == 0)
		view_lines_add(out, "PRIORITY", "1");
	else if (value != NULL && strcmp(value, "Low") == 0)
		view_lines_add(out, "PRIORITY", "9");
}

static void add_stamp(GString *out, const char *name, int64_t seconds)
{
	g_autofree char *time = view_said_print_time(seconds);
	g_autofree char *value = g_strconcat(time != NULL ? time : "19700101T000000", "Z", NULL);

	view_lines_add(out, name, value);
}

void view_said_stamps(const char *const *said, GString *out)
{
	int64_t created = 0;
	int64_t stamp = 0;
	bool has_created = view_said_time_of(said, "DateTimeCreated", &created);

	if (!view_said_time_of(said, "DateTimeStamp", &stamp))
		stamp = created;
	add_stamp(out, "DTSTAMP", stamp);
	if (has_created)
		add_stamp(out, "CREATED", created);
}
