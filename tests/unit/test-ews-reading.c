/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/reading.h"

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t time;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-22T06:29:53.396758900Z", INT64_C(1795328993396758) },
		{ "2026-11-22T06:29:53.4Z", INT64_C(1795328993400000) },
		{ "2026-11-22T07:29:53+01:00", INT64_C(1795328993000000) },
		{ "2026-11-22T01:59:53-04:30", INT64_C(1795328993000000) },
		{ "2026-11-22T06:29:53", INT64_C(1795328993000000) },
		{ "2024-02-29T12:00:00Z", INT64_C(1709208000000000) },
		{ "1969-12-31T23:59:59Z", INT64_C(-1000000) },
		{ "1601-01-01T00:00:00Z", INT64_C(-11644473600000000) },
		{ "9999-12-31T23:59:59Z", INT64_C(253402300799000000) },
	};
	static const char *const bad[] = {
		"", "now", "2026-11-22", "2026-11-22T06:29Z", "2026-13-22T06:29:53Z",
		"2026-00-22T06:29:53Z", "2026-11-22T24:00:00Z", "2026-11-22T06:29:53Zx",
		"2026-11-22T06:29:53+1:00", "2026-11-22T06:29:53+99:00", "0001-01-01T00:00:00Z",
		"2026-11-22T06:29:53+", "-026-11-22T06:29:53Z",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_cmpint(ews_parse_time(good[i].text), ==, good[i].time);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_cmpint(ews_parse_time(bad[i]), ==, EWS_TIME_NONE);
}

static void test_numbers(void)
{
	g_assert_cmpint(ews_parse_number("42", -1), ==, 42);
	g_assert_cmpint(ews_parse_number("-7", -1), ==, -7);
	g_assert_cmpint(ews_parse_number("9223372036854775807", -1), ==, INT64_MAX);
	g_assert_cmpint(ews_parse_number("9223372036854775808", -1), ==, -1);
	g_assert_cmpint(ews_parse_number("", -1), ==, -1);
	g_assert_cmpint(ews_parse_number("4 2", -1), ==, -1);
}

static void test_bools(void)
{
	g_assert_true(ews_parse_bool("true"));
	g_assert_true(ews_parse_bool("1"));
	g_assert_false(ews_parse_bool("false"));
	g_assert_false(ews_parse_bool("0"));
	g_assert_false(ews_parse_bool(""));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/reading/times", test_times);
	g_test_add_func("/ews/reading/numbers", test_numbers);
	g_test_add_func("/ews/reading/bools", test_bools);
	return g_test_run();
}
