/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/reading.h"

#include <string.h>

#include "ews/error.h"

void ews_reading_init(EwsReading *self)
{
	memset(self, 0, sizeof(*self));
	self->text = g_string_sized_new(256);
	self->property.value = g_string_sized_new(64);
	self->strings = g_ptr_array_new_with_free_func(g_free);
	self->message_flags = -1;
}

void ews_reading_clear(EwsReading *self)
{
	g_string_free(self->text, TRUE);
	g_string_free(self->property.value, TRUE);
	g_ptr_array_unref(self->strings);
	g_clear_error(&self->error);
}

void ews_reading_fail(EwsReading *self, GError *error)
{
	if (self->error)
		g_error_free(error);
	else
		self->error = error;
}

char *ews_reading_attribute(EwsReading *self, EwsName name)
{
	for (int i = 0; i < self->attribute_count; i++) {
		const xmlChar **attribute = self->attributes + (size_t)i * 5;
		size_t len = (size_t)(attribute[4] - attribute[3]);

		if (ews_names_find(self->names, attribute[0]) != name)
			continue;
		return len > EWS_CAP_ATTRIBUTE ? NULL : g_strndup((const char *)attribute[3], len);
	}
	return NULL;
}

int64_t ews_reading_attribute_number(EwsReading *self, EwsName name, int64_t missing)
{
	g_autofree char *value = ews_reading_attribute(self, name);

	return value ? ews_parse_number(value, missing) : missing;
}

bool ews_parse_bool(const char *text)
{
	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
}

int64_t ews_parse_number(const char *text, int64_t missing)
{
	gint64 number;

	if (!g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
		return missing;
	return number;
}

/* Reads exactly @count digits; -1 if they are not there. */
static int digits(const char **at, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++, (*at)++) {
		if (!g_ascii_isdigit(**at))
			return -1;
		value = value * 10 + (**at - '0');
	}
	return value;
}

static bool skip(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so
 * that the leap day is the last of its year. */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

/* ".3967589" as microseconds: six digits count, the rest is only skipped. */
static int64_t fraction(const char **at)
{
	int64_t micros = 0;
	int64_t unit = 100000;

	for (; g_ascii_isdigit(**at); (*at)++, unit /= 10)
		micros += unit * (**at - '0');
	return micros;
}

/* "", "Z" or "+01:00", to the end of the text: the offset in seconds. */
static bool zone(const char **at, int64_t *ret_offset_s)
{
	int sign = **at == '-' ? -1 : 1;
	int hours;
	int minutes;

	*ret_offset_s = 0;
	if (skip(at, 'Z') || !**at)
		return !**at;
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	hours = digits(at, 2);
	if (!skip(at, ':'))
		return false;
	minutes = digits(at, 2);
	*ret_offset_s = sign * (hours * 3600 + minutes * 60);
	return hours >= 0 && hours <= 14 && minutes >= 0 && minutes < 60 && !**at;
}

/* "06:29:53" as seconds of the day, -1 if it is none. */
static int64_t clock_time(const char **at)
{
	int hour = digits(at, 2);
	int minute = skip(at, ':') ? digits(at, 2) : -1;
	int second = skip(at, ':') ? digits(at, 2) : -1;

	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
		return -1;
	return (hour * 60 + minute) * 60 + second;
}

int64_t ews_parse_time(const char *text)
{
	const char *at = text;
	int year = digits(&at, 4);
	int month = skip(&at, '-') ? digits(&at, 2) : -1;
	int day = skip(&at, '-') ? digits(&at, 2) : -1;
	int64_t seconds = skip(&at, 'T') ? clock_time(&at) : -1;
	int64_t micros = skip(&at, '.') ? fraction(&at) : 0;
	int64_t offset;

	/* MAPI's times begin in 1601; what is before means "none" on some servers. */
	if (year < 1601 || month < 1 || month > 12 || day < 1 || day > 31 || seconds < 0)
		return EWS_TIME_NONE;
	if (!zone(&at, &offset))
		return EWS_TIME_NONE;
	seconds += days_from_civil(year, month, day) * 86400 - offset;
	return seconds * G_USEC_PER_SEC + micros;
}

void ews_reading_store(EwsReading *self, const EwsElement *element)
{
	char *record = self->record;

	if (element->type <= EWS_FIELD_TEXT || !record)
		return;
	switch (element->type) {
	case EWS_FIELD_STRING: {
		char **member = (char **)(void *)(record + element->offset);

		g_free(*member);
		*member = g_strndup(self->text->str, self->text->len);
		break;
	}
	case EWS_FIELD_TIME:
		*(int64_t *)(void *)(record + element->offset) = ews_parse_time(self->text->str);
		break;
	case EWS_FIELD_NUMBER:
		*(int64_t *)(void *)(record + element->offset) =
			ews_parse_number(self->text->str, -1);
		break;
	case EWS_FIELD_BOOL:
		*(bool *)(void *)(record + element->offset) = ews_parse_bool(self->text->str);
		break;
	case EWS_FIELD_NONE:
	case EWS_FIELD_TEXT:
		break;
	}
}
