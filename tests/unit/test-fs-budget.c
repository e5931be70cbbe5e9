/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/budget.h"

#include <glib.h>

#define SECOND G_USEC_PER_SEC

static int64_t wait_for(FsBudget *budget, int64_t dir, int64_t from_us, int64_t to_us)
{
	int64_t left_us = fs_budget_begin(budget, dir, from_us);

	if (left_us != 0)
		fs_budget_end(budget, dir, to_us);
	return left_us;
}

static void test_first(void)
{
	FsBudget *budget = fs_budget_new();

	g_assert_cmpint(wait_for(budget, 5, SECOND, 6 * SECOND), ==, INT64_MAX);
	fs_budget_free(budget);
}

static void test_scan(void)
{
	FsBudget *budget = fs_budget_new();
	int64_t now_us = SECOND, waited_us = 0;

	wait_for(budget, 5, now_us, now_us + 100);
	for (int i = 0; i < 100; i++) {
		now_us += SECOND / 10;
		int64_t left_us = wait_for(budget, 5, now_us, now_us + SECOND / 20);
		g_assert_cmpint(left_us, <=, FS_BUDGET_SCAN_US);
		waited_us += left_us > 0 ? SECOND / 20 : 0;
	}
	g_assert_cmpint(waited_us, <=, FS_BUDGET_SCAN_US);
	g_assert_cmpint(waited_us, >=, FS_BUDGET_SCAN_US - SECOND / 20);
	g_assert_cmpint(fs_budget_begin(budget, 5, now_us), ==, 0);
	fs_budget_free(budget);
}

/* Ten at once for a second have waited a second, not ten. */
static void test_together(void)
{
	FsBudget *budget = fs_budget_new();

	for (int i = 0; i < 10; i++)
		g_assert_cmpint(fs_budget_begin(budget, 5, SECOND), >, 0);
	for (int i = 0; i < 10; i++)
		fs_budget_end(budget, 5, 2 * SECOND);
	g_assert_cmpint(fs_budget_begin(budget, 5, 2 * SECOND), ==, FS_BUDGET_SCAN_US - SECOND);
	fs_budget_free(budget);
}

static void test_quiet(void)
{
	FsBudget *budget = fs_budget_new();

	wait_for(budget, 5, SECOND, 10 * SECOND);
	g_assert_cmpint(fs_budget_begin(budget, 5, 11 * SECOND), ==, 0);
	/* Asking, though it got nothing, is not quiet. */
	g_assert_cmpint(fs_budget_begin(budget, 5, 20 * SECOND), ==, 0);
	g_assert_cmpint(fs_budget_begin(budget, 5, 31 * SECOND), ==, INT64_MAX);
	fs_budget_free(budget);
}

static void test_apart(void)
{
	FsBudget *budget = fs_budget_new();

	wait_for(budget, 5, SECOND, 10 * SECOND);
	g_assert_cmpint(fs_budget_begin(budget, 6, 11 * SECOND), ==, INT64_MAX);
	/* However many directories: no crash, and the last are remembered. */
	for (int64_t dir = 100; dir < 400; dir++)
		wait_for(budget, dir, 12 * SECOND, 14 * SECOND);
	g_assert_cmpint(fs_budget_begin(budget, 399, 14 * SECOND), ==, 0);
	fs_budget_end(budget, 6, 15 * SECOND);
	fs_budget_free(budget);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/budget/the-first-waits-for-ever", test_first);
	g_test_add_func("/fs/budget/a-scan-waits-two-seconds-in-all", test_scan);
	g_test_add_func("/fs/budget/waiting-together-counts-once", test_together);
	g_test_add_func("/fs/budget/starts-anew-after-a-pause", test_quiet);
	g_test_add_func("/fs/budget/directories-are-apart", test_apart);
	return g_test_run();
}
