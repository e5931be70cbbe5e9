/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "view/lines.h"
#include "view/pim.h"
#include "view/recur.h"
#include "view/said.h"

/*
 * VTODO. The days of a task are given as moments, as those of an event are, and without a clock.
 */

static const char *status_of(const char *said)
{
	static const struct {
		const char *said, *ours;
	} words[] = {
		{"InProgress", "IN-PROCESS"},
		{"Completed", "COMPLETED"},
	};

	for (size_t i = 0; said != NULL && i < G_N_ELEMENTS(words); i++) {
		if (strcmp(said, words[i].said) == 0)
			return words[i].ours;
	}
	return "NEEDS-ACTION";
}

static void add_day(GString *out, const char *name, int64_t day)
{
	g_autofree char *text = view_said_print_date(day);
	g_autofree char *field = g_strconcat(name, ";VALUE=DATE", NULL);

	if (text != NULL)
		view_lines_add(out, field, text);
}

static bool day_of(const char *const *said, const char *name, int64_t *ret_day)
{
	int64_t seconds;

	if (!view_said_time_of(said, name, &seconds))
		return false;
	*ret_day = view_said_nearest_day(seconds);
	return true;
}

/* Where a rule counts from. */
static bool first_day(const char *const *said, int64_t *ret_day)
{
	static const char *const ranges[] = {"Recurrence/NoEndRecurrence/StartDate",
		"Recurrence/EndDateRecurrence/StartDate",
		"Recurrence/NumberedRecurrence/StartDate"};

	for (size_t i = 0; i < G_N_ELEMENTS(ranges); i++) {
		const char *text = view_said(said, ranges[i]);

		if (text != NULL && view_said_date(text, ret_day))
			return true;
	}
	return false;
}

/* DUE must be later than DTSTART, and a rule needs one. */
static void add_days(const char *const *said, GString *out)
{
	g_autofree char *rule = view_recur_rule(said, -1, 0);
	int64_t start, due;
	bool has_start = day_of(said, "StartDate", &start);
	bool has_due = day_of(said, "DueDate", &due);

	if (rule != NULL && !has_start)
		has_start = first_day(said, &start);
	if (has_start && (!has_due || start < due || rule != NULL))
		add_day(out, "DTSTART", start);
	if (has_due && (!has_start || start < due || rule == NULL))
		add_day(out, "DUE", due);
	if (rule != NULL && has_start)
		view_lines_add(out, "RRULE", rule);
}

static void add_progress(const char *const *said, GString *out)
{
	const char *status = status_of(view_said(said, "Status"));
	int percent = view_said_number(said, "PercentComplete", 0, 100, 0);
	g_autofree char *number = g_strdup_printf("%d", percent);
	g_autofree char *when = NULL;
	int64_t completed;

	view_lines_add(out, "STATUS", status);
	if (percent > 0)
		view_lines_add(out, "PERCENT-COMPLETE", number);
	if (strcmp(status, "COMPLETED") != 0 ||
		!view_said_time_of(said, "CompleteDate", &completed))
		return;
	when = view_said_print_time(completed);
	if (when != NULL) {
		g_autofree char *moment = g_strconcat(when, "Z", NULL);

		view_lines_add(out, "COMPLETED", moment);
	}
}

GBytes *view_pim_task(const char *const *said, const char *uid)
{
	GString *out = g_string_new(NULL);

	view_lines_add(out, "BEGIN", "VCALENDAR");
	view_lines_add(out, "VERSION", "2.0");
	view_lines_add(out, "PRODID", "-//ewsfs//ewsfs//EN");
	view_lines_add(out, "BEGIN", "VTODO");
	view_lines_text(out, "UID", uid);
	view_said_stamps(said, out);
	view_lines_text(out, "SUMMARY", view_said(said, "Subject"));
	add_days(said, out);
	add_progress(said, out);
	view_lines_text(out, "DESCRIPTION", view_said(said, "Body"));
	view_said_categories(said, out);
	view_said_class(said, out);
	view_said_priority(said, out);
	view_lines_add(out, "END", "VTODO");
	view_lines_add(out, "END", "VCALENDAR");
	return g_string_free_to_bytes(out);
}
