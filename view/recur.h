/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * The recurrence of an event or a task as the value of an RRULE.
 */

/* @time_of_day, @offset: when on its day an occurrence begins where the rule counts, in seconds,
 * and how far east that is; @time_of_day -1: it has days only. NULL: it does not recur, or in no
 * way that iCalendar has (a task that begins anew when it is done). Owned. */
char *view_recur_rule(const char *const *said, int64_t time_of_day, int offset);
