/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/recur.h"

#include <string.h>

#include "view/said.h"

#define EVERY_MAX 9999

static const struct {
	const char *name;
	const char *days;
	bool is_several;
} day_words[] = {
	{"Sunday", "SU", false},
	{"Monday", "MO", false},
	{"Tuesday", "TU", false},
	{"Wednesday", "WE", false},
	{"Thursday", "TH", false},
	{"Friday", "FR", false},
	{"Saturday", "SA", false},
	{"Day", "SU,MO,TU,WE,TH,FR,SA", true},
	{"Weekday", "MO,TU,WE,TH,FR", true},
	{"WeekendDay", "SA,SU", true},
};

/* The days of a list, in iCalendar's words; "" for none. Owned. */
static char *days_of(const char *list, bool *ret_is_several)
{
	g_autoptr(GString) days = g_string_new(NULL);
	g_auto(GStrv) words = g_strsplit_set(list != NULL ? list : "", " \t\r\n", 64);
	unsigned count = 0;

	*ret_is_several = false;
	for (char **word = words; *word != NULL; word++) {
		for (size_t i = 0; i < G_N_ELEMENTS(day_words); i++) {
			if (strcmp(*word, day_words[i].name) != 0)
				continue;
			g_string_append_printf(days, "%s%s", count > 0 ? "," : "",
				day_words[i].days);
			*ret_is_several = *ret_is_several || day_words[i].is_several || count > 0;
			count++;
		}
	}
	return g_string_free(g_steal_pointer(&days), FALSE);
}

static int month_of(const char *name)
{
	static const char *const months[] = {"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November", "December"};

	for (int i = 0; name != NULL && i < 12; i++) {
		if (strcmp(name, months[i]) == 0)
			return i + 1;
	}
	return 0;
}

static int index_of(const char *name)
{
	static const char *const words[] = {"First", "Second", "Third", "Fourth"};

	for (int i = 0; name != NULL && i < 4; i++) {
		if (strcmp(name, words[i]) == 0)
			return i + 1;
	}
	return name != NULL && strcmp(name, "Last") == 0 ? -1 : 0;
}

/* One pattern: what it is called, and which of the parts it has. */
typedef struct Pattern {
	const char *element;
	const char *frequency;
	bool has_every;
	bool has_days; /* of the week */
	bool has_index;
	bool has_day; /* of the month */
	bool has_month;
} Pattern;

static const Pattern patterns[] = {
	{"DailyRecurrence", "DAILY", true, false, false, false, false},
	{"WeeklyRecurrence", "WEEKLY", true, true, false, false, false},
	{"AbsoluteMonthlyRecurrence", "MONTHLY", true, false, false, true, false},
	{"RelativeMonthlyRecurrence", "MONTHLY", true, true, true, false, false},
	{"AbsoluteYearlyRecurrence", "YEARLY", false, false, false, true, true},
	{"RelativeYearlyRecurrence", "YEARLY", false, true, true, false, true},
};

static const char *part_of(const char *const *said, const Pattern *pattern, const char *part)
{
	g_autofree char *name = g_strconcat("Recurrence/", pattern->element, "/", part, NULL);

	return view_said(said, name);
}

static int number_of(const char *const *said, const Pattern *pattern, const char *part, int max)
{
	g_autofree char *name = g_strconcat("Recurrence/", pattern->element, "/", part, NULL);

	return view_said_number(said, name, 1, max, 0);
}

static void append_days(GString *rule, const char *const *said, const Pattern *pattern)
{
	bool is_several;
	g_autofree char *days = days_of(part_of(said, pattern, "DaysOfWeek"), &is_several);
	int index = pattern->has_index ? index_of(part_of(said, pattern, "DayOfWeekIndex")) : 0;

	if (*days == '\0')
		return;
	/* "The second Tuesday", but of several days "the second of them". */
	if (index != 0 && !is_several)
		g_string_append_printf(rule, ";BYDAY=%d%s", index, days);
	else
		g_string_append_printf(rule, ";BYDAY=%s", days);
	if (index != 0 && is_several)
		g_string_append_printf(rule, ";BYSETPOS=%d", index);
}

static void append_first_day(GString *rule, const char *const *said, const Pattern *pattern)
{
	bool is_several;
	g_autofree char *day = days_of(part_of(said, pattern, "FirstDayOfWeek"), &is_several);

	if (*day != '\0' && !is_several)
		g_string_append_printf(rule, ";WKST=%s", day);
}

static void append_pattern(GString *rule, const char *const *said, const Pattern *pattern)
{
	int every = pattern->has_every ? number_of(said, pattern, "Interval", EVERY_MAX) : 0;
	int day = pattern->has_day ? number_of(said, pattern, "DayOfMonth", 31) : 0;
	int month = pattern->has_month ? month_of(part_of(said, pattern, "Month")) : 0;

	g_string_append_printf(rule, "FREQ=%s", pattern->frequency);
	if (every > 1)
		g_string_append_printf(rule, ";INTERVAL=%d", every);
	if (month > 0)
		g_string_append_printf(rule, ";BYMONTH=%d", month);
	if (day > 0)
		g_string_append_printf(rule, ";BYMONTHDAY=%d", day);
	if (pattern->has_days)
		append_days(rule, said, pattern);
	if (pattern->has_days && !pattern->has_index)
		append_first_day(rule, said, pattern);
}

/* Until when: the last occurrence may begin then. With days only it is a day, else a moment. */
static void append_range(GString *rule, const char *const *said, int64_t time_of_day, int offset)
{
	const char *end = view_said(said, "Recurrence/EndDateRecurrence/EndDate");
	int count = view_said_number(said, "Recurrence/NumberedRecurrence/NumberOfOccurrences", 1,
		999999, 0);
	g_autofree char *until = NULL;
	int64_t day;

	if (count > 0) {
		g_string_append_printf(rule, ";COUNT=%d", count);
		return;
	}
	if (end == NULL || !view_said_date(end, &day))
		return;
	until = time_of_day < 0 ? view_said_print_date(day)
				: view_said_print_time(day + time_of_day - offset);
	if (until != NULL)
		g_string_append_printf(rule, ";UNTIL=%s%s", until, time_of_day < 0 ? "" : "Z");
}

static bool has_pattern(const char *const *said, const Pattern *pattern)
{
	g_autofree char *name = g_strconcat("Recurrence/", pattern->element, NULL);

	for (; said[0] != NULL && said[1] != NULL; said += 2) {
		if (g_str_has_prefix(said[0], name) && said[0][strlen(name)] == '/')
			return true;
	}
	return false;
}

char *view_recur_rule(const char *const *said, int64_t time_of_day, int offset)
{
	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++) {
		g_autoptr(GString) rule = NULL;

		if (!has_pattern(said, &patterns[i]))
			continue;
		rule = g_string_new(NULL);
		append_pattern(rule, said, &patterns[i]);
		append_range(rule, said, time_of_day, offset);
		return g_string_free(g_steal_pointer(&rule), FALSE);
	}
	return NULL;
}
