/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "view/lines.h"
#include "view/pim.h"
#include "view/recur.h"
#include "view/said.h"

/*
 * VEVENT.
 *
 * Exchange gives moments in UTC, and as the clock at the place of the event shows them. A day is
 * given as the moment when it began there: what is nearest to midnight, by that clock, is the day.
 * The occurrences of a series are days too, with the time of day of the first.
 */

#define DAY_S INT64_C(86400)
#define ALARM_MINUTES_MAX (60 * 24 * 366)

/* How the times of one event are written. */
typedef struct Clock {
	int64_t start; /* of the (first) event; seconds, UTC */
	int64_t time_of_day;
	int offset; /* of its clock */
	bool has_days_only;
	bool is_local; /* times count by a zone of that distance */
} Clock;

/* "UTC+0100"; the sign and digits alone are what VTIMEZONE wants. */
static char *zone_name(const Clock *clock)
{
	int minutes = ABS(clock->offset) / 60;

	return g_strdup_printf("UTC%c%02d%02d", clock->offset < 0 ? '-' : '+', minutes / 60,
		minutes % 60);
}

static void add_time(GString *out, const char *name, const Clock *clock, int64_t seconds)
{
	g_autofree char *time = NULL;
	g_autofree char *field = NULL;

	if (clock->has_days_only) {
		time = view_said_print_date(view_said_nearest_day(seconds + clock->offset));
		field = g_strconcat(name, ";VALUE=DATE", NULL);
	} else if (clock->is_local) {
		g_autofree char *zone = zone_name(clock);

		time = view_said_print_time(seconds + clock->offset);
		field = g_strconcat(name, ";TZID=", zone, NULL);
	} else {
		g_autofree char *bare = view_said_print_time(seconds);

		time = bare != NULL ? g_strconcat(bare, "Z", NULL) : NULL;
		field = g_strdup(name);
	}
	if (time != NULL)
		view_lines_add(out, field, time);
}

/* When the occurrence that began at @seconds would have begun by the rule: on that day, by the
 * clock of the first. Summer time is in the one and not in the other. */
static int64_t by_the_rule(const Clock *clock, int64_t seconds)
{
	int64_t day = view_said_nearest_day(seconds + clock->offset - clock->time_of_day);

	return day + clock->time_of_day - clock->offset;
}

static bool read_clock(const char *const *said, Clock *ret_clock)
{
	const char *wall = view_said(said, "StartWallClock");
	bool is_series = false;
	int64_t local;
	int offset;

	*ret_clock = (Clock){.has_days_only = view_said_true(said, "IsAllDayEvent")};
	if (!view_said_time_of(said, "Start", &ret_clock->start))
		return false;
	for (const char *const *pair = said; pair[0] != NULL && pair[1] != NULL; pair += 2)
		is_series = is_series || g_str_has_prefix(pair[0], "Recurrence/");
	/* What the clock shows, whatever zone is said beside it. */
	if (wall != NULL && view_said_time(wall, &local, &offset))
		ret_clock->offset = (int)CLAMP(local + offset - ret_clock->start, -DAY_S, DAY_S);
	ret_clock->is_local = is_series && !ret_clock->has_days_only && ret_clock->offset != 0;
	/* Nobody needs the clock of a single moment. */
	if (!ret_clock->is_local && !ret_clock->has_days_only)
		ret_clock->offset = 0;
	local = ret_clock->start + ret_clock->offset;
	ret_clock->time_of_day = ret_clock->has_days_only ? 0 : (local % DAY_S + DAY_S) % DAY_S;
	return true;
}

static void add_zone(GString *out, const Clock *clock)
{
	g_autofree char *name = zone_name(clock);
	const char *offset = name + strlen("UTC");

	view_lines_add(out, "BEGIN", "VTIMEZONE");
	view_lines_add(out, "TZID", name);
	view_lines_add(out, "BEGIN", "STANDARD");
	view_lines_add(out, "DTSTART", "19700101T000000");
	view_lines_add(out, "TZOFFSETFROM", offset);
	view_lines_add(out, "TZOFFSETTO", offset);
	view_lines_add(out, "END", "STANDARD");
	view_lines_add(out, "END", "VTIMEZONE");
}

/* --- who ---------------------------------------------------------------------------------- */

static const char *answer_of(const char *response)
{
	static const struct {
		const char *said, *ours;
	} answers[] = {
		{"Accept", "ACCEPTED"},
		{"Organizer", "ACCEPTED"},
		{"Decline", "DECLINED"},
		{"Tentative", "TENTATIVE"},
	};

	for (size_t i = 0; response != NULL && i < G_N_ELEMENTS(answers); i++) {
		if (strcmp(response, answers[i].said) == 0)
			return answers[i].ours;
	}
	return "NEEDS-ACTION";
}

/* One attendee, or the organizer, while it is told. */
typedef struct Person {
	const char *name;
	const char *address;
	const char *response;
} Person;

static void add_person(GString *out, const char *field, const char *parameters,
	const Person *person)
{
	g_autofree char *cn = view_lines_quoted(person->name != NULL ? person->name : "");
	g_autofree char *uri = view_lines_mailto(person->address);
	g_autofree char *name = g_strconcat(field, person->name != NULL ? ";CN=" : "",
		person->name != NULL ? cn : "", parameters, NULL);

	view_lines_add(out, name, uri);
}

static bool is_below(const char *name, const char *list, const char *rest)
{
	size_t len = strlen(list);

	return strncmp(name, list, len) == 0 && strcmp(name + len, rest) == 0;
}

static unsigned add_attendees(const char *const *said, GString *out, const char *list,
	const char *role)
{
	Person person = {NULL, NULL, NULL};
	unsigned count = 0;

	for (; said[0] != NULL && said[1] != NULL; said += 2) {
		const char *value = *said[1] != '\0' ? said[1] : NULL;

		if (is_below(said[0], list, "/Attendee/Mailbox/Name"))
			person.name = value;
		else if (is_below(said[0], list, "/Attendee/Mailbox/EmailAddress"))
			person.address = value;
		else if (is_below(said[0], list, "/Attendee/ResponseType"))
			person.response = value;
		if (!is_below(said[0], list, "/Attendee/"))
			continue;
		if (person.name != NULL || person.address != NULL) {
			g_autofree char *parameters =
				g_strdup_printf("%s;PARTSTAT=%s", role, answer_of(person.response));

			add_person(out, "ATTENDEE", parameters, &person);
			count++;
		}
		person = (Person){NULL, NULL, NULL};
	}
	return count;
}

/* An event with attendees is a meeting, and has an organizer; any other has none. */
static void add_people(const char *const *said, GString *out)
{
	const Person organizer = {view_said(said, "Organizer/Mailbox/Name"),
		view_said(said, "Organizer/Mailbox/EmailAddress"), NULL};
	g_autoptr(GString) attendees = g_string_new(NULL);
	unsigned count =
		add_attendees(said, attendees, "RequiredAttendees", ";ROLE=REQ-PARTICIPANT");

	count += add_attendees(said, attendees, "OptionalAttendees", ";ROLE=OPT-PARTICIPANT");
	count += add_attendees(said, attendees, "Resources",
		";CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT");
	if (count == 0)
		return;
	if (organizer.name != NULL || organizer.address != NULL)
		add_person(out, "ORGANIZER", "", &organizer);
	g_string_append_len(out, attendees->str, (gssize)attendees->len);
}

/* --- the event ---------------------------------------------------------------------------- */

static const struct {
	const char *said, *ours;
} busy[] = {
	{"Free", "FREE"},
	{"Tentative", "TENTATIVE"},
	{"Busy", "BUSY"},
	{"OOF", "OOF"},
	{"WorkingElsewhere", "WORKINGELSEWHERE"},
};

static void add_status(const char *const *said, GString *out)
{
	const char *status = view_said(said, "LegacyFreeBusyStatus");
	const char *answer = view_said(said, "MyResponseType");
	bool is_tentative = answer != NULL && strcmp(answer, "Tentative") == 0;
	bool is_free = status != NULL && strcmp(status, "Free") == 0;

	if (view_said_true(said, "IsCancelled"))
		view_lines_add(out, "STATUS", "CANCELLED");
	else if (is_tentative || (status != NULL && strcmp(status, "Tentative") == 0))
		view_lines_add(out, "STATUS", "TENTATIVE");
	else
		view_lines_add(out, "STATUS", "CONFIRMED");
	view_lines_add(out, "TRANSP", is_free ? "TRANSPARENT" : "OPAQUE");
	for (size_t i = 0; status != NULL && i < G_N_ELEMENTS(busy); i++) {
		if (strcmp(status, busy[i].said) == 0)
			view_lines_add(out, "X-MICROSOFT-CDO-BUSYSTATUS", busy[i].ours);
	}
}

static void add_alarm(const char *const *said, GString *out)
{
	int minutes =
		view_said_number(said, "ReminderMinutesBeforeStart", 0, ALARM_MINUTES_MAX, -1);
	g_autofree char *trigger = g_strdup_printf("-PT%dM", minutes);

	if (!view_said_true(said, "ReminderIsSet") || minutes < 0)
		return;
	view_lines_add(out, "BEGIN", "VALARM");
	view_lines_add(out, "ACTION", "DISPLAY");
	view_lines_text(out, "DESCRIPTION",
		view_said(said, "Subject") != NULL ? view_said(said, "Subject") : "Reminder");
	view_lines_add(out, "TRIGGER", trigger);
	view_lines_add(out, "END", "VALARM");
}

static void add_end(GString *out, const Clock *clock, int64_t start, int64_t end)
{
	bool is_after = clock->has_days_only ? view_said_nearest_day(end + clock->offset) >
						       view_said_nearest_day(start + clock->offset)
					     : end > start;

	if (is_after)
		add_time(out, "DTEND", clock, end);
}

static void add_series(const char *const *said, GString *out, const Clock *clock)
{
	g_autofree char *rule = view_recur_rule(said,
		clock->has_days_only ? -1 : clock->time_of_day, clock->offset);
	int64_t seconds;
	int offset;

	if (rule == NULL)
		return;
	view_lines_add(out, "RRULE", rule);
	for (; said[0] != NULL && said[1] != NULL; said += 2) {
		if (strcmp(said[0], "DeletedOccurrences/DeletedOccurrence/Start") == 0 &&
			view_said_time(said[1], &seconds, &offset))
			add_time(out, "EXDATE", clock, by_the_rule(clock, seconds));
	}
}

static void add_what(const char *const *said, GString *out, const char *uid)
{
	const char *own = view_said(said, "UID");
	int sequence = view_said_number(said, "AppointmentSequenceNumber", 0, G_MAXINT, 0);
	g_autofree char *number = g_strdup_printf("%d", sequence);

	view_lines_text(out, "UID", own != NULL ? own : uid);
	view_said_stamps(said, out);
	if (sequence > 0)
		view_lines_add(out, "SEQUENCE", number);
	view_lines_text(out, "SUMMARY", view_said(said, "Subject"));
	view_lines_text(out, "LOCATION", view_said(said, "Location"));
}

static void add_event(const char *const *said, GString *out, const Clock *clock, const char *uid)
{
	int64_t end = 0;

	view_lines_add(out, "BEGIN", "VEVENT");
	add_what(said, out, uid);
	add_time(out, "DTSTART", clock, clock->start);
	if (view_said_time_of(said, "End", &end))
		add_end(out, clock, clock->start, end);
	add_series(said, out, clock);
	view_lines_text(out, "DESCRIPTION", view_said(said, "Body"));
	add_people(said, out);
	view_said_categories(said, out);
	view_said_class(said, out);
	view_said_priority(said, out);
	add_status(said, out);
	add_alarm(said, out);
	view_lines_add(out, "END", "VEVENT");
}

/* An occurrence that was moved: of it no more is known than when. */
static void add_moved(const char *const *said, GString *out, const Clock *clock, const char *uid,
	const char *const times[3])
{
	int64_t was, start, end;
	int offset;

	if (times[0] == NULL || times[1] == NULL || times[2] == NULL ||
		!view_said_time(times[0], &was, &offset) ||
		!view_said_time(times[1], &start, &offset) ||
		!view_said_time(times[2], &end, &offset))
		return;
	view_lines_add(out, "BEGIN", "VEVENT");
	add_what(said, out, uid);
	add_time(out, "RECURRENCE-ID", clock, by_the_rule(clock, was));
	add_time(out, "DTSTART", clock, start);
	add_end(out, clock, start, end);
	add_status(said, out);
	view_lines_add(out, "END", "VEVENT");
}

static void add_all_moved(const char *const *said, GString *out, const Clock *clock,
	const char *uid)
{
	static const char list[] = "ModifiedOccurrences/Occurrence/";
	const char *times[3] = {NULL, NULL, NULL};

	for (const char *const *pair = said; pair[0] != NULL && pair[1] != NULL; pair += 2) {
		if (is_below(pair[0], list, "OriginalStart"))
			times[0] = pair[1];
		else if (is_below(pair[0], list, "Start"))
			times[1] = pair[1];
		else if (is_below(pair[0], list, "End"))
			times[2] = pair[1];
		if (!is_below(pair[0], list, ""))
			continue;
		add_moved(said, out, clock, uid, times);
		times[0] = times[1] = times[2] = NULL;
	}
}

GBytes *view_pim_event(const char *const *said, const char *uid)
{
	GString *out;
	Clock clock;

	if (!read_clock(said, &clock))
		return NULL;
	out = g_string_new(NULL);
	view_lines_add(out, "BEGIN", "VCALENDAR");
	view_lines_add(out, "VERSION", "2.0");
	view_lines_add(out, "PRODID", "-//ewsfs//ewsfs//EN");
	if (clock.is_local)
		add_zone(out, &clock);
	add_event(said, out, &clock, uid);
	add_all_moved(said, out, &clock, uid);
	view_lines_add(out, "END", "VCALENDAR");
	return g_string_free_to_bytes(out);
}
