/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/clock.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>

int64_t clock_now(void)
{
	return g_get_real_time() / 1000;
}

double clock_seconds(void)
{
	return (double)g_get_real_time() / 1e6;
}

void clock_sleep(unsigned ms)
{
	struct timespec until = clock_after(ms);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		continue;
}

void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec clock_after(unsigned ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

void clock_format(int64_t ms, bool with_ms, char text[CLOCK_TEXT])
{
	int64_t rest = ((ms % 1000) + 1000) % 1000;
	time_t when = (time_t)((ms - rest) / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&when, &tm);
	n = strftime(text, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	if (with_ms)
		snprintf(text + n, CLOCK_TEXT - n, ".%03dZ", (int)rest);
	else
		snprintf(text + n, CLOCK_TEXT - n, "Z");
}

bool clock_parse(const char *text, int64_t *ret_ms)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) when = g_date_time_new_from_iso8601(text, utc);

	if (!when)
		return false;
	*ret_ms = g_date_time_to_unix(when) * 1000 + g_date_time_get_microsecond(when) / 1000;
	return true;
}
