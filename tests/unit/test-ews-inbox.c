/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>

#include "ews/inbox.h"

#define MESSAGES 10000

static void count_wake(void *user)
{
	++*(int *)user;
}

static void test_order(void)
{
	EwsInbox *inbox = ews_inbox_new(NULL, NULL);

	for (int i = 1; i <= 3; i++)
		ews_inbox_post(inbox, GINT_TO_POINTER(i));
	for (int i = 1; i <= 3; i++)
		g_assert_cmpint(GPOINTER_TO_INT(ews_inbox_take(inbox, 0)), ==, i);
	g_assert_null(ews_inbox_take(inbox, 0));
	ews_inbox_free(inbox, NULL);
}

static void test_wakes_when_it_was_empty(void)
{
	int wakes = 0;
	EwsInbox *inbox = ews_inbox_new(count_wake, &wakes);

	ews_inbox_post(inbox, "a");
	ews_inbox_post(inbox, "b");
	g_assert_cmpint(wakes, ==, 1);
	g_assert_nonnull(ews_inbox_take(inbox, 0));
	ews_inbox_post(inbox, "c");
	g_assert_cmpint(wakes, ==, 1);
	g_assert_nonnull(ews_inbox_take(inbox, 0));
	g_assert_nonnull(ews_inbox_take(inbox, 0));
	ews_inbox_post(inbox, "d");
	g_assert_cmpint(wakes, ==, 2);
	g_assert_nonnull(ews_inbox_take(inbox, 0));
	ews_inbox_free(inbox, NULL);
}

static void test_deadline(void)
{
	EwsInbox *inbox = ews_inbox_new(NULL, NULL);
	int64_t deadline = g_get_monotonic_time() + 20000;

	g_assert_null(ews_inbox_take(inbox, deadline));
	g_assert_cmpint(g_get_monotonic_time(), >=, deadline);
	ews_inbox_free(inbox, NULL);
}

static void test_frees_what_was_not_taken(void)
{
	EwsInbox *inbox = ews_inbox_new(NULL, NULL);

	ews_inbox_post(inbox, g_strdup("never taken"));
	ews_inbox_free(inbox, g_free);
	ews_inbox_free(NULL, NULL);
}

static void *post_many(void *user)
{
	for (int i = 0; i < MESSAGES; i++)
		ews_inbox_post(user, GINT_TO_POINTER(1));
	return NULL;
}

static void test_threads(void)
{
	EwsInbox *inbox = ews_inbox_new(NULL, NULL);
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		g_assert_cmpint(pthread_create(&threads[i], NULL, post_many, inbox), ==, 0);
	for (int i = 0; i < 4 * MESSAGES; i++)
		g_assert_nonnull(ews_inbox_take(inbox, INT64_MAX));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	g_assert_null(ews_inbox_take(inbox, 0));
	ews_inbox_free(inbox, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/inbox/keeps-order", test_order);
	g_test_add_func("/ews/inbox/wakes-when-it-was-empty", test_wakes_when_it_was_empty);
	g_test_add_func("/ews/inbox/waits-until-the-deadline", test_deadline);
	g_test_add_func("/ews/inbox/frees-what-was-not-taken", test_frees_what_was_not_taken);
	g_test_add_func("/ews/inbox/takes-from-many-threads", test_threads);
	return g_test_run();
}
