/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/lines.h"
#include "view/pim.h"
#include "view/text.h"

/*
 * iCalendar and vCard out of properties, line for line.
 */

#define ADD(name, test) g_test_add_func("/view/pim/" name, test)

typedef GBytes *(*Make)(const char *const *said, const char *uid);

/* All lines, unfolded, one a line. */
static char *made(Make make, const char *const *said)
{
	g_autoptr(GBytes) bytes = make(said, "u@ewsfs");
	g_assert_nonnull(bytes);
	g_autoptr(GString) text =
		g_string_new_len(g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
	g_assert_true(g_str_has_suffix(text->str, "\r\n"));
	g_string_replace(text, "\r\n ", "", 0);
	g_string_replace(text, "\r\n", "\n", 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

#define CALENDAR "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//ewsfs//ewsfs//EN\n"

static void test_event(void)
{
	const char *const said[] = {"Subject", "Tea; cake, \\ more", "Body", "one\ntwo", "Start",
		"2026-12-01T10:00:00Z", "End", "2026-12-01T11:30:00Z", "Location", "Köln",
		"DateTimeCreated", "2026-11-01T08:00:00Z", "DateTimeStamp", "2026-11-02T08:00:00Z",
		"UID", "0400", "LegacyFreeBusyStatus", "Free", "Sensitivity", "Private",
		"Importance", "High", "Categories/String", "red", "Categories/String", "a,b",
		"ReminderIsSet", "true", "ReminderMinutesBeforeStart", "15",
		"AppointmentSequenceNumber", "2", NULL};
	g_autofree char *text = made(view_pim_event, said);
	g_assert_cmpstr(text, ==,
		CALENDAR "BEGIN:VEVENT\nUID:0400\nDTSTAMP:20261102T080000Z\n"
			 "CREATED:20261101T080000Z\nSEQUENCE:2\nSUMMARY:Tea\\; cake\\, \\\\ more\n"
			 "LOCATION:Köln\nDTSTART:20261201T100000Z\nDTEND:20261201T113000Z\n"
			 "DESCRIPTION:one\\ntwo\nCATEGORIES:red,a\\,b\nCLASS:PRIVATE\nPRIORITY:1\n"
			 "STATUS:CONFIRMED\nTRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\n"
			 "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Tea\\; cake\\, \\\\ more\n"
			 "TRIGGER:-PT15M\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n");
}

static void test_nothing(void)
{
	const char *const said[] = {"Subject", "x", "Start", "tomorrow", NULL};
	g_assert_null(view_pim_event(said, "u"));
	const char *const none[] = {NULL};
	g_autofree char *task = made(view_pim_task, none);
	g_assert_cmpstr(task, ==,
		CALENDAR "BEGIN:VTODO\nUID:u@ewsfs\nDTSTAMP:19700101T000000Z\n"
			 "STATUS:NEEDS-ACTION\nEND:VTODO\nEND:VCALENDAR\n");
	g_autofree char *card = made(view_pim_card, none);
	g_assert_cmpstr(card, ==,
		"BEGIN:VCARD\nVERSION:3.0\nPRODID:-//ewsfs//ewsfs//EN\nUID:u@ewsfs\nFN:unnamed\n"
		"N:unnamed;;;;\nEND:VCARD\n");
}

/* The lines of an event that begin with one of these words. */
static char *lines_of(const char *const *said, const char *words)
{
	g_autofree char *text = made(view_pim_event, said);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_auto(GStrv) wanted = g_strsplit(words, " ", -1);
	GString *found = g_string_new(NULL);
	for (char **line = lines; *line != NULL; line++) {
		for (char **word = wanted; *word != NULL; word++) {
			if (g_str_has_prefix(*line, *word))
				g_string_append_printf(found, "%s\n", *line);
		}
	}
	return g_string_free(found, FALSE);
}

/* A day is told as the moment when it began, somewhere. */
static void test_all_day(void)
{
	static const struct {
		const char *start, *end, *wall, *lines;
	} days[] = {
		{"2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z", NULL,
			"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"},
		{"2026-11-30T23:00:00Z", "2026-12-02T23:00:00Z", NULL,
			"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261203\n"},
		{"2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z", NULL,
			"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"},
		/* Fourteen hours east: only the clock there tells. */
		{"2026-11-30T10:00:00Z", "2026-12-01T10:00:00Z", "2026-12-01T00:00:00+14:00",
			"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"},
		{"2026-11-30T10:00:00Z", "2026-12-01T10:00:00Z", "2026-12-01T00:00:00",
			"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"},
		{"2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", NULL,
			"DTSTART;VALUE=DATE:20261201\n"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(days); i++) {
		const char *const said[] = {"IsAllDayEvent", "true", "Start", days[i].start, "End",
			days[i].end, days[i].wall != NULL ? "StartWallClock" : NULL, days[i].wall,
			NULL};
		g_autofree char *lines = lines_of(said, "DTSTART DTEND");
		g_assert_cmpstr(lines, ==, days[i].lines);
	}
}

#define R "Recurrence/"

static void test_rules(void)
{
	static const struct {
		const char *said[12];
		const char *rule;
	} rules[] = {
		{{R "DailyRecurrence/Interval", "3", R "NoEndRecurrence/StartDate", "2026-12-01"},
			"FREQ=DAILY;INTERVAL=3"},
		{{R "WeeklyRecurrence/Interval", "1", R "WeeklyRecurrence/DaysOfWeek",
			 "Monday Friday", R "WeeklyRecurrence/FirstDayOfWeek", "Sunday",
			 R "NumberedRecurrence/NumberOfOccurrences", "7"},
			"FREQ=WEEKLY;BYDAY=MO,FR;WKST=SU;COUNT=7"},
		{{R "AbsoluteMonthlyRecurrence/Interval", "2",
			 R "AbsoluteMonthlyRecurrence/DayOfMonth", "15",
			 R "EndDateRecurrence/EndDate", "2027-01-31Z"},
			"FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15;UNTIL=20270131T100000Z"},
		{{R "RelativeMonthlyRecurrence/Interval", "1",
			 R "RelativeMonthlyRecurrence/DaysOfWeek", "Tuesday",
			 R "RelativeMonthlyRecurrence/DayOfWeekIndex", "Last"},
			"FREQ=MONTHLY;BYDAY=-1TU"},
		{{R "RelativeMonthlyRecurrence/DaysOfWeek", "Weekday",
			 R "RelativeMonthlyRecurrence/DayOfWeekIndex", "Second"},
			"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2"},
		{{R "AbsoluteYearlyRecurrence/DayOfMonth", "24", R "AbsoluteYearlyRecurrence/Month",
			 "December"},
			"FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24"},
		{{R "RelativeYearlyRecurrence/DaysOfWeek", "Sunday",
			 R "RelativeYearlyRecurrence/DayOfWeekIndex", "First",
			 R "RelativeYearlyRecurrence/Month", "May"},
			"FREQ=YEARLY;BYMONTH=5;BYDAY=1SU"},
		{{R "DailyRegeneration/Interval", "1"}, NULL},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		const char *said[16] = {"Start", "2026-12-01T10:00:00Z"};
		memcpy(said + 2, rules[i].said, sizeof rules[i].said);
		g_autofree char *lines = lines_of(said, "RRULE");
		g_autofree char *expected = rules[i].rule != NULL
						    ? g_strdup_printf("RRULE:%s\n", rules[i].rule)
						    : g_strdup("");
		g_assert_cmpstr(lines, ==, expected);
	}
}

/* A series counts by its own clock: a Monday there is a Sunday in Greenwich. What was left out in
 * summer began an hour earlier than the rule says. */
static void test_series(void)
{
	const char *const said[] = {"Start", "2026-11-29T23:30:00Z", "End", "2026-11-30T00:30:00Z",
		"StartWallClock", "2026-11-30T00:30:00+01:00", R "WeeklyRecurrence/Interval", "1",
		R "WeeklyRecurrence/DaysOfWeek", "Monday", R "EndDateRecurrence/StartDate",
		"2026-11-30", R "EndDateRecurrence/EndDate", "2027-12-27",
		"DeletedOccurrences/DeletedOccurrence/Start", "2026-12-06T23:30:00Z",
		"DeletedOccurrences/DeletedOccurrence/", "",
		"DeletedOccurrences/DeletedOccurrence/Start", "2027-07-04T22:30:00Z",
		"DeletedOccurrences/DeletedOccurrence/", "", "ModifiedOccurrences/Occurrence/Start",
		"2026-12-14T10:00:00Z", "ModifiedOccurrences/Occurrence/End",
		"2026-12-14T11:00:00Z", "ModifiedOccurrences/Occurrence/OriginalStart",
		"2026-12-13T23:30:00Z", "ModifiedOccurrences/Occurrence/", "", NULL};
	g_autofree char *lines =
		lines_of(said, "TZ DTSTART DTEND RRULE EXDATE RECURRENCE-ID BEGIN:VEVENT");
	g_assert_cmpstr(lines, ==,
		"TZID:UTC+0100\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"
		"BEGIN:VEVENT\nDTSTART;TZID=UTC+0100:20261130T003000\n"
		"DTEND;TZID=UTC+0100:20261130T013000\n"
		"RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20271226T233000Z\n"
		"EXDATE;TZID=UTC+0100:20261207T003000\nEXDATE;TZID=UTC+0100:20270705T003000\n"
		"BEGIN:VEVENT\nRECURRENCE-ID;TZID=UTC+0100:20261214T003000\n"
		"DTSTART;TZID=UTC+0100:20261214T110000\nDTEND;TZID=UTC+0100:20261214T120000\n");
}

static void test_days_of_a_series(void)
{
	const char *const said[] = {"IsAllDayEvent", "true", "Start", "2026-11-30T23:00:00Z", "End",
		"2026-12-01T23:00:00Z", "StartWallClock", "2026-12-01T00:00:00+01:00",
		R "DailyRecurrence/Interval", "1", R "EndDateRecurrence/EndDate", "2027-12-01Z",
		"DeletedOccurrences/DeletedOccurrence/Start", "2027-06-30T22:00:00Z", NULL};
	g_autofree char *lines = lines_of(said, "TZ DTSTART DTEND RRULE EXDATE");
	g_assert_cmpstr(lines, ==,
		"DTSTART;VALUE=DATE:20261201\nDTEND;VALUE=DATE:20261202\n"
		"RRULE:FREQ=DAILY;UNTIL=20271201\nEXDATE;VALUE=DATE:20270701\n");
}

#define M "/Attendee/Mailbox/"

static void test_meeting(void)
{
	const char *const said[] = {"Start", "2026-12-01T10:00:00Z", "Organizer/Mailbox/Name",
		"Ada \"A\" Lovelace", "Organizer/Mailbox/EmailAddress", "ada@example.org",
		"RequiredAttendees" M "Name", "Bob", "RequiredAttendees" M "EmailAddress",
		"bob @example.org", "RequiredAttendees/Attendee/Mailbox/", "",
		"RequiredAttendees/Attendee/ResponseType", "Accept", "RequiredAttendees/Attendee/",
		"", "RequiredAttendees" M "EmailAddress", "/o=Org/cn=x",
		"RequiredAttendees/Attendee/", "", "OptionalAttendees" M "EmailAddress",
		"c@example.org", "OptionalAttendees/Attendee/", "", "Resources" M "Name", "Room 1",
		"Resources/Attendee/", "", NULL};
	g_autofree char *lines = lines_of(said, "ORGANIZER ATTENDEE");
	g_assert_cmpstr(lines, ==,
		"ORGANIZER;CN=\"Ada 'A' Lovelace\":mailto:ada@example.org\n"
		"ATTENDEE;CN=\"Bob\";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:bob@example."
		"org\n"
		"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION:invalid:nomail\n"
		"ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:c@example.org\n"
		"ATTENDEE;CN=\"Room 1\";CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT;PARTSTAT=NEEDS-ACTION"
		":invalid:nomail\n");
	/* An event of one's own has an organizer on the server, and none in a calendar. */
	const char *const alone[] = {"Start", "2026-12-01T10:00:00Z", "Organizer/Mailbox/Name",
		"Ada", NULL};
	g_autofree char *none = lines_of(alone, "ORGANIZER ATTENDEE");
	g_assert_cmpstr(none, ==, "");
}

static void test_task(void)
{
	const char *const said[] = {"Subject", "Write", "Body", "soon", "StartDate",
		"2026-11-30T23:00:00Z", "DueDate", "2026-12-05T23:00:00Z", "CompleteDate",
		"2026-12-04T12:00:00Z", "Status", "Completed", "PercentComplete", "100",
		"DateTimeCreated", "2026-11-01T08:00:00.396181300Z", "Importance", "Low", NULL};
	g_autofree char *text = made(view_pim_task, said);
	g_assert_cmpstr(text, ==,
		CALENDAR "BEGIN:VTODO\nUID:u@ewsfs\nDTSTAMP:20261101T080000Z\n"
			 "CREATED:20261101T080000Z\nSUMMARY:Write\nDTSTART;VALUE=DATE:20261201\n"
			 "DUE;VALUE=DATE:20261206\nSTATUS:COMPLETED\nPERCENT-COMPLETE:100\n"
			 "COMPLETED:20261204T120000Z\nDESCRIPTION:soon\nPRIORITY:9\nEND:VTODO\n"
			 "END:VCALENDAR\n");
}

static void test_task_series(void)
{
	const char *const said[] = {"DueDate", "2026-12-05T00:00:00Z", R "DailyRecurrence/Interval",
		"2", R "NoEndRecurrence/StartDate", "2026-12-05Z", NULL};
	g_autofree char *text = made(view_pim_task, said);
	g_assert_nonnull(strstr(text, "\nDTSTART;VALUE=DATE:20261205\nRRULE:FREQ=DAILY;"
				      "INTERVAL=2\n"));
	/* It must be later than the beginning, which the rule needs. */
	g_assert_null(strstr(text, "DUE"));
}

static void test_card(void)
{
	const char *const said[] = {"Subject", "L, A", "DisplayName", "Ada Lovelace", "GivenName",
		"Ada", "Surname", "Lovelace", "CompleteName/Title", "Dr.", "CompleteName/", "",
		"CompanyName", "Engines; Ltd", "Department", "Notes", "JobTitle", "Analyst",
		"EmailAddresses/EmailAddress1", "/o=Org/cn=ada", "EmailAddresses/EmailAddress2",
		"ada@example.org", "PhoneNumbers/MobilePhone", "+44 1", "PhoneNumbers/BusinessFax",
		"+44 2", "PhysicalAddresses/Home/Street", "1 High St\nFlat 2",
		"PhysicalAddresses/Home/City", "London", "PhysicalAddresses/Home/PostalCode", "N1",
		"PhysicalAddresses/Home/", "", "Birthday", "1815-12-09T23:00:00Z",
		"BusinessHomePage", "https://example.org/a,b", "Body", "first\r\nsecond",
		"Categories/String", "friends", "ImAddresses/ImAddress1", "ada@im.example", NULL};
	g_autofree char *text = made(view_pim_card, said);
	g_assert_cmpstr(text, ==,
		"BEGIN:VCARD\nVERSION:3.0\nPRODID:-//ewsfs//ewsfs//EN\nUID:u@ewsfs\n"
		"FN:Ada Lovelace\nN:Lovelace;Ada;;Dr.;\nORG:Engines\\; Ltd;Notes\nTITLE:Analyst\n"
		"EMAIL;TYPE=INTERNET,PREF:ada@example.org\nTEL;TYPE=CELL,VOICE:+44 1\n"
		"TEL;TYPE=WORK,FAX:+44 2\nX-IM:ada@im.example\n"
		"ADR;TYPE=HOME:;;1 High St\\nFlat 2;London;;N1;\nURL:https://example.org/a,b\n"
		"BDAY:1815-12-10\nNOTE:first\\nsecond\nCATEGORIES:friends\nEND:VCARD\n");
}

/* A card must have a name, however little is known. */
static void test_card_names(void)
{
	static const struct {
		const char *said[5];
		const char *name;
	} names[] = {
		{{"CompleteName/FullName", "A B"}, "FN:A B\nN:A B;;;;\n"},
		{{"GivenName", "A", "Surname", "B"}, "FN:A B\nN:B;A;;;\n"},
		{{"CompanyName", "C"}, "FN:C\nN:C;;;;\n"},
		{{"EmailAddresses/EmailAddress1", "a@b"}, "FN:a@b\nN:a@b;;;;\n"},
		{{"Subject", "S"}, "FN:S\nN:S;;;;\n"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = made(view_pim_card, names[i].said);
		g_assert_nonnull(strstr(text, names[i].name));
	}
}

/* No line is longer than 75 bytes, none is cut inside a character, and unfolded they say what was
 * said. */
static void test_folding(void)
{
	for (size_t blanks = 0; blanks < 12; blanks++) {
		g_autoptr(GString) out = g_string_new(NULL);
		g_autoptr(GString) text = g_string_new(NULL);
		for (size_t i = 0; i < blanks; i++)
			g_string_append_c(text, 'x');
		for (int i = 0; i < 100; i++)
			g_string_append(text, "äが𝄞");
		view_lines_text(out, "NOTE", text->str);
		g_auto(GStrv) lines = g_strsplit(out->str, "\r\n", -1);
		for (char **line = lines; *line != NULL; line++) {
			g_assert_cmpuint(strlen(*line), <=, 75);
			g_assert_true(g_utf8_validate(*line, -1, NULL));
			/* Nor is there room for another character. */
			if (line[1] != NULL && *line[1] != '\0')
				g_assert_cmpuint(strlen(*line), >, 71);
		}
		g_string_replace(out, "\r\n ", "", 0);
		g_autofree char *expected = g_strdup_printf("NOTE:%s\r\n", text->str);
		g_assert_cmpstr(out->str, ==, expected);
	}
}

/* Nobody's name makes a line of its own. */
static void test_no_way_out(void)
{
	const char *const said[] = {"Start", "2026-12-01T10:00:00Z", "Subject",
		"a\r\nEND:VEVENT\r\n\001\302\205b\377", "UID", "u\r\nX:y",
		"RequiredAttendees" M "Name", "n\"\r\nX-EVIL:1",
		"RequiredAttendees" M "EmailAddress", "a@b\r\nX-EVIL:2",
		"RequiredAttendees/Attendee/", "", NULL};
	g_autofree char *text = made(view_pim_event, said);
	g_assert_nonnull(strstr(text, "\nSUMMARY:a\\nEND:VEVENT\\nb\357\277\275\n"));
	g_assert_nonnull(strstr(text, "\nUID:u\\nX:y\n"));
	g_assert_null(strstr(text, "\nX-EVIL"));
	g_assert_cmpstr(strstr(strstr(text, "END:VEVENT\n") + 1, "END:VEVENT\n"), ==, NULL);
}

static GBytes *calendar_in(const char *message)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	g_assert_cmpint(write(fd, message, strlen(message)), ==, (ssize_t)strlen(message));
	GBytes *bytes = view_pim_calendar_in(fd);
	close(fd);
	return bytes;
}

#define HEAD "Subject: x\r\nMIME-Version: 1.0\r\n"

static void test_in_a_message(void)
{
	static const struct {
		const char *message, *calendar;
	} messages[] = {
		{HEAD "Content-Type: text/calendar; charset=iso-8859-1\r\n"
		      "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		      "BEGIN:VCALENDAR\r\nX:K=F6ln=\r\n!\r\nEND:VCALENDAR",
			"BEGIN:VCALENDAR\r\nX:Köln!\r\nEND:VCALENDAR\r\n"},
		{HEAD "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
		      "Content-Type: multipart/alternative; "
		      "boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
		      "Content-Type: TEXT/Calendar; method=PUBLISH\r\n\r\n"
		      "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n--a--\r\n",
			"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		/* Cut in the middle, empty, none, another message's, no message. */
		{HEAD "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nX", NULL},
		{HEAD "Content-Type: text/calendar\r\n\r\n", NULL},
		{HEAD "\r\ntext", NULL},
		{HEAD "Content-Type: message/rfc822\r\n\r\n" HEAD
		      "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
			NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
		g_autoptr(GBytes) found = calendar_in(messages[i].message);
		g_assert_cmpint(found == NULL, ==, messages[i].calendar == NULL);
		if (found != NULL)
			g_assert_cmpmem(g_bytes_get_data(found, NULL), g_bytes_get_size(found),
				messages[i].calendar, strlen(messages[i].calendar));
	}
}

static void test_beginnings(void)
{
	g_assert_true(view_pim_is_calendar("BEGIN:VCALENDAR", 15));
	g_assert_true(view_pim_is_calendar("\357\273\277begin:vcalendar\n", 19));
	g_assert_false(view_pim_is_calendar("BEGIN:VCALENDA", 14));
	g_assert_false(view_pim_is_calendar("BEGIN:VCARD", 11));
	g_assert_true(view_pim_is_card("BEGIN:VCARD\r\n", 13));
	g_assert_false(view_pim_is_card("", 0));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	view_init();
	ADD("event", test_event);
	ADD("next-to-nothing", test_nothing);
	ADD("all-day", test_all_day);
	ADD("rules", test_rules);
	ADD("a-series-by-its-own-clock", test_series);
	ADD("a-series-of-days", test_days_of_a_series);
	ADD("meeting", test_meeting);
	ADD("task", test_task);
	ADD("task-that-recurs", test_task_series);
	ADD("card", test_card);
	ADD("a-card-has-a-name", test_card_names);
	ADD("folding", test_folding);
	ADD("no-way-out-of-a-line", test_no_way_out);
	ADD("in-a-message", test_in_a_message);
	ADD("beginnings", test_beginnings);
	return g_test_run();
}
