/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <poll.h>

#include "ews/slept.h"

#define SECOND ((int64_t)G_USEC_PER_SEC)

static int64_t between(int64_t monotonic_s, int64_t boot_s, int64_t calendar_s)
{
	EwsClocks before = {.monotonic = 100, .boot = 200, .calendar = 300};
	EwsClocks now = {
		.monotonic = before.monotonic + monotonic_s * SECOND,
		.boot = before.boot + boot_s * SECOND,
		.calendar = before.calendar + calendar_s * SECOND,
	};

	return ews_slept_between(&before, &now) / SECOND;
}

static void test_awake(void)
{
	g_assert_cmpint(between(0, 0, 0), ==, 0);
	g_assert_cmpint(between(3600, 3600, 3600), ==, 0);
	g_assert_cmpint(between(3600, 3601, 3601), ==, 0);
}

static void test_suspended(void)
{
	g_assert_cmpint(between(1, 3601, 3601), ==, 3600);
	g_assert_cmpint(between(0, 10, 10), ==, 10);
	/* the calendar is not asked then */
	g_assert_cmpint(between(1, 3601, -99), ==, 3600);
}

/* A virtual machine that was stopped knows only by its calendar. */
static void test_stopped(void)
{
	g_assert_cmpint(between(1, 1, 7201), ==, 7200);
	g_assert_cmpint(between(1, 1, 31), ==, 0);
	g_assert_cmpint(between(1, 1, -7200), ==, 0);
}

static void test_look(void)
{
	EwsSlept *slept = ews_slept_new();
	struct pollfd ready = {.fd = ews_slept_fd(slept), .events = POLLIN};

	g_assert_cmpint(ews_slept_look(slept), ==, 0);
	g_assert_cmpint(poll(&ready, 1, 50), ==, 0);
	ews_slept_free(slept);
	ews_slept_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/slept/awake", test_awake);
	g_test_add_func("/ews/slept/suspended", test_suspended);
	g_test_add_func("/ews/slept/stopped", test_stopped);
	g_test_add_func("/ews/slept/looking-is-quiet", test_look);
	return g_test_run();
}
