/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * What a server said of an item: names and values in turn, NULL at the end. A name is the way
 * through the elements of Microsoft's schema, "PhysicalAddresses/Business/City"; one that ends in
 * a slash, without a value, is where such an element ended.
 */

/* The first value of that name; NULL: none, or an empty one. */
const char *view_said(const char *const *said, const char *name);
bool view_said_true(const char *const *said, const char *name);
/* A number from @min to @max, else @missing. */
int view_said_number(const char *const *said, const char *name, int min, int max, int missing);

/* What an xs:dateTime says: seconds since 1970, and how far east of UTC it was said to be
 * (0 where it was not). FALSE: it says none. */
bool view_said_time(const char *text, int64_t *ret_seconds, int *ret_offset);
/* The same of a property. */
bool view_said_time_of(const char *const *said, const char *name, int64_t *ret_seconds);
/* An xs:date, with or without a zone, as the seconds of that day's beginning. */
bool view_said_date(const char *text, int64_t *ret_seconds);

/* Seconds as iCalendar has them, "20261201T100000" (a 'Z' may follow) or "20261201". Owned; NULL
 * for a time that no calendar has. */
char *view_said_print_time(int64_t seconds);
char *view_said_print_date(int64_t seconds);

/* The beginning of the day that is nearest: the day of what a server gives as the moment when it
 * began somewhere. */
int64_t view_said_nearest_day(int64_t seconds);

/* CATEGORIES, in a line of them. */
void view_said_categories(const char *const *said, GString *out);
/* CLASS, where it is not for everybody. */
void view_said_class(const char *const *said, GString *out);
/* PRIORITY, where it is not the usual one. */
void view_said_priority(const char *const *said, GString *out);
/* DTSTAMP and CREATED, by what never moves without the item. */
void view_said_stamps(const char *const *said, GString *out);
