/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Events, tasks and contacts as what other programs read: iCalendar (RFC 5545) and vCard 3.0 (RFC
 * 2426), out of what a server gives: its MIME, or the item's properties (@said: names and values in
 * turn, NULL at the end; view/said.h).
 *
 * Pure, any thread. The same properties make the same bytes, on any machine and on any day: no
 * time of now, no database of time zones. A recurring event whose clock is known counts in a zone
 * of the distance that its clock had at the beginning; other times are UTC.
 */

/* How a file of that kind begins. */
bool view_pim_is_calendar(const void *start, size_t len);
bool view_pim_is_card(const void *start, size_t len);

/* The calendar in the message that @fd has, UTF-8, as whole as it should be; NULL: there is none.
 * After view_init. */
GBytes *view_pim_calendar_in(int fd);

/* @uid: for what has none of its own. NULL: too little is said to make one of it. */
GBytes *view_pim_event(const char *const *said, const char *uid);
GBytes *view_pim_task(const char *const *said, const char *uid);
GBytes *view_pim_card(const char *const *said, const char *uid);
