/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/bearer.h"

#include <pthread.h>
#include <string.h>

#include "ews/inbox.h"

/* A source that gives T1, T2, ... or fails, as it is told. */
typedef struct Source {
	pthread_mutex_t lock;
	/* guarded by lock */
	int64_t expires_us;
	int fails_with; /* -1: does not */
	const char *given;
	unsigned asked;
	bool is_refused; /* as it was asked last */
	bool is_given_up;
} Source;

typedef struct Rig {
	Source source;
	EwsBearer *bearer;
	EwsInbox *woken;
	int64_t now;
} Rig;

static char *fetch(void *user, bool is_refused, int64_t *ret_expires_us, GError **error)
{
	Source *self = user;
	char *token = NULL;

	pthread_mutex_lock(&self->lock);
	self->asked++;
	self->is_refused = is_refused;
	if (self->fails_with >= 0) {
		g_set_error(error, EWS_ERROR, self->fails_with, "no token today");
	} else {
		token = self->given ? g_strdup(self->given) : g_strdup_printf("T%u", self->asked);
		*ret_expires_us = self->expires_us;
	}
	pthread_mutex_unlock(&self->lock);
	return token;
}

static void give_up(void *user)
{
	Source *self = user;

	pthread_mutex_lock(&self->lock);
	self->is_given_up = true;
	pthread_mutex_unlock(&self->lock);
}

static void wake(void *user)
{
	ews_inbox_post(user, g_strdup("woken"));
}

static void rig_init(Rig *self)
{
	EwsTokenSource source = {fetch, give_up, &self->source};

	*self = (Rig){.source.fails_with = -1, .now = 1000 * G_USEC_PER_SEC};
	pthread_mutex_init(&self->source.lock, NULL);
	self->woken = ews_inbox_new(NULL, NULL);
	self->bearer = ews_bearer_new(&source, wake, self->woken, NULL);
}

static void rig_clear(Rig *self)
{
	ews_bearer_free(self->bearer);
	g_assert_true(self->source.is_given_up);
	ews_inbox_free(self->woken, g_free);
	pthread_mutex_destroy(&self->source.lock);
}

/* The next turn after the source has said something. */
static EwsBearerNews await(Rig *self)
{
	g_autofree char *message =
		ews_inbox_take(self->woken, g_get_monotonic_time() + 60 * G_USEC_PER_SEC);

	g_assert_nonnull(message);
	return ews_bearer_run(self->bearer, false, self->now);
}

static EwsBearerNews turn(Rig *self, bool is_wanted)
{
	return ews_bearer_run(self->bearer, is_wanted, self->now);
}

static void get_first(Rig *self)
{
	g_assert_cmpint(turn(self, true), ==, EWS_BEARER_SAME);
	g_assert_cmpint(await(self), ==, EWS_BEARER_FRESH);
	g_assert_cmpstr(ews_bearer_get(self->bearer, self->now), ==, "T1");
	g_assert_cmpuint(ews_bearer_number(self->bearer), ==, 1);
}

static void test_wanted(void)
{
	Rig rig;

	rig_init(&rig);
	g_assert_cmpint(turn(&rig, false), ==, EWS_BEARER_SAME);
	g_assert_cmpuint(rig.source.asked, ==, 0);
	g_assert_null(ews_bearer_get(rig.bearer, rig.now));
	get_first(&rig);
	g_assert_false(rig.source.is_refused);
	/* Without an end it is good until somebody says otherwise. */
	rig.now += INT64_C(100000) * G_USEC_PER_SEC;
	g_assert_cmpint(turn(&rig, true), ==, EWS_BEARER_SAME);
	g_assert_cmpstr(ews_bearer_get(rig.bearer, rig.now), ==, "T1");
	g_assert_cmpint(ews_bearer_due(rig.bearer, rig.now), ==, INT64_MAX);
	rig_clear(&rig);
	g_assert_cmpuint(rig.source.asked, ==, 1);
}

static void test_renewed(void)
{
	Rig rig;

	rig_init(&rig);
	rig.source.expires_us = g_get_real_time() + 1200 * G_USEC_PER_SEC;
	get_first(&rig);
	rig.now += 40 * G_USEC_PER_SEC;
	/* Five minutes before its end; but clocks may jump: it looks again sooner. */
	g_assert_cmpint(ews_bearer_due(rig.bearer, rig.now), ==, rig.now + 30 * G_USEC_PER_SEC);
	g_assert_cmpint(turn(&rig, false), ==, EWS_BEARER_SAME);
	rig_clear(&rig);
	g_assert_cmpuint(rig.source.asked, ==, 1);

	rig_init(&rig);
	rig.source.expires_us = g_get_real_time() + G_USEC_PER_SEC;
	get_first(&rig);
	g_usleep(G_USEC_PER_SEC);
	/* Its end has come by the clock, but it was only just given. */
	g_assert_cmpint(turn(&rig, false), ==, EWS_BEARER_SAME);
	g_assert_cmpstr(ews_bearer_get(rig.bearer, rig.now), ==, "T1");
	rig.now += 31 * G_USEC_PER_SEC;
	g_assert_null(ews_bearer_get(rig.bearer, rig.now));
	g_assert_cmpint(turn(&rig, true), ==, EWS_BEARER_SAME);
	g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
	g_assert_cmpstr(ews_bearer_get(rig.bearer, rig.now), ==, "T2");
	g_assert_false(rig.source.is_refused);
	rig_clear(&rig);
}

/* The old one stays good meanwhile; at its end somebody has to hear of it. */
static void test_renewal_fails(void)
{
	Rig rig;

	rig_init(&rig);
	rig.source.expires_us = g_get_real_time() + 40 * G_USEC_PER_SEC;
	get_first(&rig);
	rig.source.expires_us = g_get_real_time() - 1;
	ews_bearer_refused(rig.bearer, 1, rig.now);
	turn(&rig, true);
	g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
	g_assert_true(rig.source.is_refused);
	rig.now += 29 * G_USEC_PER_SEC;
	turn(&rig, false);
	g_assert_cmpuint(rig.source.asked, ==, 2);
	g_assert_cmpstr(ews_bearer_get(rig.bearer, rig.now), ==, "T2");
	rig.now += 2 * G_USEC_PER_SEC;
	rig.source.fails_with = EWS_ERROR_OFFLINE;
	turn(&rig, true);
	g_assert_cmpint(await(&rig), ==, EWS_BEARER_FAILED);
	g_assert_error(ews_bearer_error(rig.bearer), EWS_ERROR, EWS_ERROR_OFFLINE);
	g_assert_null(ews_bearer_get(rig.bearer, rig.now));
	/* When somebody asks again, so does it. */
	rig.source.fails_with = -1;
	g_assert_cmpint(turn(&rig, true), ==, EWS_BEARER_SAME);
	g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
	g_assert_null(ews_bearer_error(rig.bearer));
	rig_clear(&rig);
}

static void test_refused(void)
{
	Rig rig;

	rig_init(&rig);
	get_first(&rig);
	g_assert_true(ews_bearer_refused(rig.bearer, 1, rig.now));
	g_assert_null(ews_bearer_get(rig.bearer, rig.now));
	/* The others that were on their way with it. */
	g_assert_true(ews_bearer_refused(rig.bearer, 1, rig.now));
	turn(&rig, true);
	g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
	g_assert_true(rig.source.is_refused);
	g_assert_true(ews_bearer_refused(rig.bearer, 1, rig.now));
	g_assert_cmpstr(ews_bearer_get(rig.bearer, rig.now), ==, "T2");
	/* A new one that is not taken either. */
	g_assert_false(ews_bearer_refused(rig.bearer, 2, rig.now));
	rig_clear(&rig);
	g_assert_cmpuint(rig.source.asked, ==, 2);
}

static void test_refused_again(void)
{
	Rig rig;
	unsigned number = 1;

	rig_init(&rig);
	get_first(&rig);
	for (int hours = 0; hours < 20; hours++) {
		ews_bearer_accepted(rig.bearer, number);
		g_assert_true(ews_bearer_refused(rig.bearer, number, rig.now));
		turn(&rig, true);
		g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
		number++;
		rig.now += INT64_C(3600) * G_USEC_PER_SEC;
	}
	/* A server that takes each one once only is not asked for ever. */
	for (int i = 0; i < 5; i++) {
		ews_bearer_accepted(rig.bearer, number);
		g_assert_true(ews_bearer_refused(rig.bearer, number, rig.now));
		turn(&rig, true);
		g_assert_cmpint(await(&rig), ==, EWS_BEARER_FRESH);
		number++;
	}
	ews_bearer_accepted(rig.bearer, number);
	g_assert_false(ews_bearer_refused(rig.bearer, number, rig.now));
	rig_clear(&rig);
}

static void test_rubbish(void)
{
	static const char *const bad[] = {"", "two words", "a\r\nX-Evil: 1", "caf\xC3\xA9"};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		Rig rig;

		rig_init(&rig);
		rig.source.given = bad[i];
		turn(&rig, true);
		g_assert_cmpint(await(&rig), ==, EWS_BEARER_FAILED);
		g_assert_error(ews_bearer_error(rig.bearer), EWS_ERROR, EWS_ERROR_PROTOCOL);
		rig_clear(&rig);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/bearer/asks-when-wanted", test_wanted);
	g_test_add_func("/ews/bearer/replaces-before-the-end", test_renewed);
	g_test_add_func("/ews/bearer/survives-a-failed-renewal", test_renewal_fails);
	g_test_add_func("/ews/bearer/replaces-what-is-refused", test_refused);
	g_test_add_func("/ews/bearer/is-not-refused-for-ever", test_refused_again);
	g_test_add_func("/ews/bearer/takes-no-rubbish", test_rubbish);
	return g_test_run();
}
