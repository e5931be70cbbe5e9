/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "ews/governor.h"
#include "ews/settle.h"

#define SECOND G_USEC_PER_SEC
#define START  (1000 * SECOND)

static const EwsOpKind kind = { .id = EWS_KIND_GET_ITEM_MIME, .batch_max = 100 };
static const EwsOpKind paged = { .id = EWS_KIND_SYNC_FOLDER_ITEMS, .batch_max = 1,
	.page_max = 512 };

static GError *wrong;

static bool may_send(const EwsGovernor *governor, EwsPriority priority, unsigned in_flight,
	unsigned background, bool has_foreground, int64_t now)
{
	EwsTraffic traffic = { .in_flight = in_flight, .background = background,
		.has_foreground = has_foreground };

	return ews_governor_may_send(governor, priority, &traffic, now);
}

static unsigned page_of(const EwsGovernor *governor)
{
	return ews_governor_page(governor, paged.id, paged.page_max);
}

static bool is_open(const EwsGovernor *governor, int64_t now)
{
	return may_send(governor, EWS_PRIORITY_WAITING, 0, 0, true, now);
}

static void test_slots(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 3, 0, true, START));
	g_assert_true(may_send(&governor, EWS_PRIORITY_SCAN, 3, 3, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 4, 0, true, START));
	g_assert_true(may_send(&governor, EWS_PRIORITY_BACKGROUND, 2, 2, false, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_BACKGROUND, 3, 3, false, START));
	g_assert_true(may_send(&governor, EWS_PRIORITY_BACKGROUND, 1, 0, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_BACKGROUND, 1, 1, true, START));
	ews_governor_clear(&governor);
	ews_governor_init(&governor, 1);
	ews_governor_answered(&governor, START);
	g_assert_true(may_send(&governor, EWS_PRIORITY_BACKGROUND, 0, 0, true, START));
	ews_governor_clear(&governor);
}

static void test_first_alone(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 0, 0, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, START));
	ews_governor_clear(&governor);
}

static void test_sizes(void)
{
	EwsGovernor governor;
	unsigned before;

	ews_governor_init(&governor, 4);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 10);
	ews_governor_took(&governor, &kind, 5, SECOND / 10); /* not full: says nothing */
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 10);
	ews_governor_took(&governor, &kind, 10, SECOND / 10);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 15);
	for (int i = 0; i < 20; i++)
		ews_governor_took(&governor, &kind, 100, SECOND / 10);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 100);
	ews_governor_took(&governor, &kind, 100, 5 * SECOND / 2); /* near the aim: stays */
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 100);
	ews_governor_took(&governor, &kind, 100, 4 * SECOND);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 50);
	for (int i = 0; i < 10; i++)
		ews_governor_shrink(&governor, &kind);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 1);
	before = governor.sizes[EWS_KIND_GET_ITEM];
	g_assert_cmpuint(before, ==, 10);
	ews_governor_clear(&governor);
}

static void test_limit(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_limit(&governor, &kind, 3);
	for (int i = 0; i < 20; i++)
		ews_governor_took(&governor, &kind, 100, SECOND / 10);
	g_assert_cmpuint(ews_governor_size(&governor, &kind), ==, 3);
	ews_governor_clear(&governor);
}

static void test_busy(void)
{
	EwsGovernor governor;
	int64_t now = START;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, now);
	ews_governor_busy(&governor, 5000, wrong, now - 1, now);
	g_assert_cmpint(governor.state, ==, EWS_STATE_BUSY);
	g_assert_false(is_open(&governor, now + 5 * SECOND - 1));
	g_assert_true(is_open(&governor, now + 7 * SECOND));
	/* what was already on its way does not end the pause */
	ews_governor_answered(&governor, now + SECOND);
	g_assert_cmpint(governor.state, ==, EWS_STATE_BUSY);
	/* one at a time until it has answered */
	now += 7 * SECOND;
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, now));
	ews_governor_answered(&governor, now);
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, now));
	ews_governor_clear(&governor);
}

static void test_busy_grows(void)
{
	EwsGovernor governor;
	int64_t now = START;
	int64_t wait = 0;

	ews_governor_init(&governor, 4);
	for (int i = 0; i < 12; i++) {
		int64_t least = MIN(SECOND << MIN(i, 10), 60 * SECOND);

		ews_governor_busy(&governor, 0, wrong, now, now);
		wait = governor.resume_us - now;
		g_assert_cmpint(wait, >=, least);
		g_assert_cmpint(wait, <=, least * 5 / 4 + 1);
		now = governor.resume_us;
	}
	/* a server's wish has a cap */
	ews_governor_busy(&governor, INT64_MAX, wrong, now, now);
	g_assert_cmpint(governor.resume_us - now, <=, 1000 * SECOND);
	ews_governor_clear(&governor);
}

static void test_busy_together(void)
{
	EwsGovernor governor;
	int64_t resume;

	ews_governor_init(&governor, 4);
	ews_governor_busy(&governor, -1, wrong, START, START + 1);
	resume = governor.resume_us;
	for (int i = 0; i < 3; i++)
		ews_governor_busy(&governor, -1, wrong, START, START + 2 + i);
	g_assert_cmpint(governor.resume_us, ==, resume);
	g_assert_cmpuint(governor.busy_count, ==, 1);
	ews_governor_clear(&governor);
}

static void test_offline(void)
{
	EwsGovernor governor;
	g_autoptr(GError) refusal = NULL;
	int64_t now = START;
	int64_t waits[] = { 1, 2, 4, 8, 16, 30, 30 };

	ews_governor_init(&governor, 4);
	for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
		ews_governor_unreached(&governor, wrong, now);
		g_assert_cmpint(governor.state, ==, EWS_STATE_OFFLINE);
		g_assert_cmpint(governor.resume_us - now, ==, waits[i] * SECOND);
		refusal = ews_governor_refusal(&governor, governor.resume_us - 1);
		g_assert_error(refusal, EWS_ERROR, EWS_ERROR_OFFLINE);
		g_clear_error(&refusal);
		now = governor.resume_us;
		g_assert_null(ews_governor_refusal(&governor, now));
		g_assert_true(is_open(&governor, now));
	}
	ews_governor_answered(&governor, now);
	g_assert_cmpint(governor.state, ==, EWS_STATE_ONLINE);
	ews_governor_clear(&governor);
}

static void test_broken(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	/* four connections that die together are one trouble */
	for (int i = 0; i < 4; i++)
		ews_governor_broken(&governor, wrong, START, START + 1 + i);
	g_assert_cmpint(governor.state, ==, EWS_STATE_ONLINE);
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, START + 10));
	ews_governor_broken(&governor, wrong, START + 10, START + 11);
	g_assert_cmpint(governor.state, ==, EWS_STATE_OFFLINE);
	ews_governor_clear(&governor);
}

static void test_silent(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	ews_governor_silent(&governor, false, wrong, START, START + 30);
	ews_governor_silent(&governor, false, wrong, START + 30, START + 60);
	g_assert_cmpint(governor.state, ==, EWS_STATE_ONLINE);
	ews_governor_answered(&governor, START + 61);
	ews_governor_silent(&governor, false, wrong, START + 61, START + 90);
	ews_governor_silent(&governor, false, wrong, START + 90, START + 120);
	ews_governor_silent(&governor, false, wrong, START + 120, START + 150);
	g_assert_cmpint(governor.state, ==, EWS_STATE_OFFLINE);
	ews_governor_clear(&governor);
}

/* Three silences of what only asks do not stop what changes something; one of its own does. */
static void test_silent_to_others(void)
{
	static const EwsTraffic quiet = { .in_flight = 0 };
	static const EwsTraffic one = { .in_flight = 1 };
	EwsGovernor governor;
	g_autoptr(GError) refusal = NULL;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	for (int i = 0; i < 3; i++)
		ews_governor_silent(&governor, false, wrong, START + i, START + i);
	g_assert_cmpint(governor.state, ==, EWS_STATE_OFFLINE);
	refusal = ews_governor_refusal(&governor, START + 3);
	g_assert_nonnull(refusal);
	g_assert_null(ews_governor_change_refusal(&governor, START + 3));
	g_assert_true(ews_governor_may_send_change(&governor, EWS_PRIORITY_SCAN, &quiet, START));
	g_assert_false(ews_governor_may_send_change(&governor, EWS_PRIORITY_SCAN, &one, START));
	ews_governor_silent(&governor, true, wrong, START + 4, START + 4);
	g_clear_error(&refusal);
	refusal = ews_governor_change_refusal(&governor, START + 5);
	g_assert_nonnull(refusal);
	g_assert_false(ews_governor_may_send_change(&governor, EWS_PRIORITY_SCAN, &quiet, START));
	ews_governor_clear(&governor);
}

/* A server that is not reached is not reached by anybody. */
static void test_unreached_is_for_all(void)
{
	EwsGovernor governor;
	g_autoptr(GError) refusal = NULL;

	ews_governor_init(&governor, 4);
	for (int i = 0; i < 3; i++)
		ews_governor_silent(&governor, false, wrong, START + i, START + i);
	ews_governor_unreached(&governor, wrong, START + 4);
	refusal = ews_governor_change_refusal(&governor, START + 5);
	g_assert_nonnull(refusal);
	ews_governor_clear(&governor);
}

static void test_call_sizes(void)
{
	static const EwsOpKind create = { .id = EWS_KIND_CREATE_ITEM, .batch_max = 100 };
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_CREATES_ITEM), ==, 10);
	ews_governor_took(&governor, &create, 10, SECOND);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_CREATES_ITEM), ==, 15);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_UPDATES_ITEM), ==, 10);
	for (int i = 0; i < 20; i++)
		ews_governor_took(&governor, &create, 100, SECOND);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_CREATES_ITEM), ==, 100);
	ews_governor_took(&governor, &create, 100, 4 * SECOND);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_CREATES_ITEM), ==, 50);
	ews_governor_shrink(&governor, &create);
	g_assert_cmpuint(ews_governor_call_size(&governor, EWS_CREATES_ITEM), ==, 25);
	ews_governor_clear(&governor);
}

/* Pauses end in sleep, and nobody waits for the next try after it. */
static void test_woke(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	for (int i = 0; i < 5; i++)
		ews_governor_unreached(&governor, wrong, START + i * 60 * (int64_t)SECOND);
	g_assert_false(is_open(&governor, START + 241 * (int64_t)SECOND));
	ews_governor_woke(&governor, 10 * SECOND, START + 241 * (int64_t)SECOND);
	g_assert_true(is_open(&governor, START + 241 * (int64_t)SECOND));
	ews_governor_clear(&governor);
	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	ews_governor_busy(&governor, 100000, wrong, START, START);
	ews_governor_woke(&governor, 50 * SECOND, START + SECOND);
	g_assert_false(is_open(&governor, START + 49 * SECOND));
	ews_governor_woke(&governor, 3600 * (int64_t)SECOND, START + 2 * SECOND);
	g_assert_true(is_open(&governor, START + 2 * SECOND));
	ews_governor_clear(&governor);
}

static void test_first_401(void)
{
	EwsGovernor governor;
	g_autoptr(GError) refusal = NULL;

	ews_governor_init(&governor, 4);
	ews_governor_refused(&governor, wrong, START, START);
	g_assert_cmpint(governor.state, ==, EWS_STATE_STOPPED);
	g_assert_false(is_open(&governor, START + 1000 * SECOND));
	refusal = ews_governor_refusal(&governor, START + 1000 * SECOND);
	g_assert_nonnull(refusal);
	/* nothing starts it again */
	ews_governor_answered(&governor, START);
	ews_governor_busy(&governor, 0, wrong, START, START);
	ews_governor_unreached(&governor, wrong, START);
	g_assert_cmpint(governor.state, ==, EWS_STATE_STOPPED);
	ews_governor_clear(&governor);
}

static void test_late_401(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	for (int i = 0; i < 4; i++)
		ews_governor_refused(&governor, wrong, START, START + 1 + i);
	g_assert_cmpint(governor.state, ==, EWS_STATE_BUSY);
	g_assert_false(is_open(&governor, START + 4 * SECOND));
	g_assert_true(is_open(&governor, START + 6 * SECOND));
	ews_governor_refused(&governor, wrong, START + 6 * SECOND, START + 7 * SECOND);
	g_assert_cmpint(governor.state, ==, EWS_STATE_STOPPED);
	ews_governor_clear(&governor);
}

/* Whatever comes, it comes to an end. */
static void test_settle_is_bounded(void)
{
	for (int trouble = EWS_TROUBLE_NONE; trouble <= EWS_TROUBLE_TOO_MUCH; trouble++) {
		EwsOp op = { .kind = &kind, .batch_max = 100 };
		unsigned rounds = 0;

		while (ews_settle(&op, (EwsTrouble)trouble, MIN(op.batch_max, 100))) {
			op.sent++;
			g_assert_cmpuint(++rounds, <, 30);
			g_assert_cmpuint(op.batch_max, >=, 1);
		}
	}
}

static void test_settle_halves(void)
{
	EwsOp op = { .kind = &kind, .batch_max = 100 };
	unsigned rounds = 0;

	while (ews_settle(&op, EWS_TROUBLE_REJECTED, op.batch_max))
		rounds++;
	g_assert_cmpuint(rounds, ==, 6); /* 100 50 25 12 6 3 1 */
	g_assert_cmpuint(op.batch_max, ==, 1);
}

static void test_syncs(void)
{
	EwsTraffic traffic = { .in_flight = 4, .syncs = 3 };

	g_assert_cmpuint(ews_governor_barred(&traffic), ==, 0);
	traffic.syncs = 4;
	g_assert_cmpuint(ews_governor_barred(&traffic), ==,
		1u << EWS_KIND_SYNC_FOLDER_ITEMS | 1u << EWS_KIND_SYNC_FOLDER_HIERARCHY);
}

/* What was too much is asked for in halves; what went well for a while in more. */
static void test_pages(void)
{
	EwsGovernor governor;
	int64_t now = START;

	ews_governor_init(&governor, 4);
	g_assert_cmpuint(page_of(&governor), ==, 512);
	ews_governor_shrink_page(&governor, &paged, 512, false, now);
	ews_governor_shrink_page(&governor, &paged, 512, false, now); /* was on its way too */
	g_assert_cmpuint(page_of(&governor), ==, 256);
	for (int i = 0; i < 20; i++)
		ews_governor_shrink_page(&governor, &paged, page_of(&governor), false, now);
	g_assert_cmpuint(page_of(&governor), ==, EWS_PAGE_MIN);
	ews_governor_paged(&governor, &paged, now + 59 * SECOND);
	g_assert_cmpuint(page_of(&governor), ==, EWS_PAGE_MIN);
	for (unsigned size = 2 * EWS_PAGE_MIN; size <= 512; size *= 2) {
		now += 61 * SECOND;
		ews_governor_paged(&governor, &paged, now);
		g_assert_cmpuint(page_of(&governor), ==, size);
	}
	ews_governor_clear(&governor);
}

/* A server for which it is always too much is asked so ever more rarely. */
static void test_pages_learn(void)
{
	EwsGovernor governor;
	int64_t now = START, begin = START;

	ews_governor_init(&governor, 4);
	for (int i = 0; i < 12; i++) {
		begin = now;
		ews_governor_shrink_page(&governor, &paged, 512, false, now);
		while (page_of(&governor) < 512)
			ews_governor_paged(&governor, &paged, now += SECOND);
	}
	g_assert_cmpint(now - begin, ==, INT64_C(3600) * SECOND);
	ews_governor_clear(&governor);
}

static void test_page_limit(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_shrink_page(&governor, &paged, 512, true, START);
	for (int i = 0; i < 10000; i++)
		ews_governor_paged(&governor, &paged, START + INT64_C(60) * i * SECOND);
	g_assert_cmpuint(page_of(&governor), ==, 256);
	ews_governor_clear(&governor);
}

static void test_crowded(void)
{
	EwsGovernor governor;

	ews_governor_init(&governor, 4);
	ews_governor_answered(&governor, START);
	ews_governor_crowded(&governor, START, START + 1);
	ews_governor_crowded(&governor, START, START + 2); /* was on its way too */
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 2, 0, true, START));
	ews_governor_crowded(&governor, START + 3, START + 4);
	ews_governor_crowded(&governor, START + 5, START + 6);
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 0, 0, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, START));
	ews_governor_answered(&governor, START + 7);
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 1, 0, true, START));
	for (int i = 0; i < 200; i++)
		ews_governor_answered(&governor, START + 8);
	g_assert_true(may_send(&governor, EWS_PRIORITY_WAITING, 3, 0, true, START));
	g_assert_false(may_send(&governor, EWS_PRIORITY_WAITING, 4, 0, true, START));
	ews_governor_clear(&governor);
}

int main(int argc, char **argv)
{
	int failed;

	g_test_init(&argc, &argv, NULL);
	wrong = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "what is wrong");
	g_test_add_func("/ews/governor/slots", test_slots);
	g_test_add_func("/ews/governor/the-first-goes-alone", test_first_alone);
	g_test_add_func("/ews/governor/sizes-follow-time", test_sizes);
	g_test_add_func("/ews/governor/sizes-have-a-ceiling", test_limit);
	g_test_add_func("/ews/governor/busy-pauses", test_busy);
	g_test_add_func("/ews/governor/busy-grows", test_busy_grows);
	g_test_add_func("/ews/governor/busy-together-is-one", test_busy_together);
	g_test_add_func("/ews/governor/offline-probes", test_offline);
	g_test_add_func("/ews/governor/broken-twice-is-offline", test_broken);
	g_test_add_func("/ews/governor/silent-thrice-is-offline", test_silent);
	g_test_add_func("/ews/governor/slow-reads-do-not-stop-changes", test_silent_to_others);
	g_test_add_func("/ews/governor/unreached-stops-changes", test_unreached_is_for_all);
	g_test_add_func("/ews/governor/call-sizes", test_call_sizes);
	g_test_add_func("/ews/governor/sleep-ends-pauses", test_woke);
	g_test_add_func("/ews/governor/first-401-stops", test_first_401);
	g_test_add_func("/ews/governor/late-401-gets-one-more", test_late_401);
	g_test_add_func("/ews/governor/few-syncs-at-a-time", test_syncs);
	g_test_add_func("/ews/governor/pages-halve-and-grow", test_pages);
	g_test_add_func("/ews/governor/pages-grow-ever-later", test_pages_learn);
	g_test_add_func("/ews/governor/page-limit-stays", test_page_limit);
	g_test_add_func("/ews/governor/crowded-uses-fewer", test_crowded);
	g_test_add_func("/ews/settle/is-bounded", test_settle_is_bounded);
	g_test_add_func("/ews/settle/halves-down-to-one", test_settle_halves);
	failed = g_test_run();
	g_error_free(wrong);
	return failed;
}
