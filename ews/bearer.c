/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/bearer.h"

#include <pthread.h>

#include "ews/grant.h"
#include "ews/inbox.h"
#include "ews/secret.h"

/* A token is replaced so long before its end, but not in the first three quarters of its life. */
#define MARGIN_US (INT64_C(300) * G_USEC_PER_SEC)
#define MARGIN_PART 4
/* What was just got is used, whatever our clock and the source's make of its end. */
#define YOUNG_US (INT64_C(30) * G_USEC_PER_SEC)
/* Between two tries to replace one that is still good. */
#define RETRY_MIN_US (INT64_C(10) * G_USEC_PER_SEC)
#define RETRY_MAX_US (INT64_C(160) * G_USEC_PER_SEC)
/* So often in so long may a server that took a token before want another. */
#define REFUSALS_MAX 5
#define REFUSALS_US (INT64_C(600) * G_USEC_PER_SEC)

/* Clocks jump, and machines sleep: look again. */
#define LOOK_US (INT64_C(30) * G_USEC_PER_SEC)

/* What the two threads tell each other: to be asked for, and what came. */
typedef struct Ask {
	bool is_refused;
	bool is_end;
} Ask;

typedef struct Answer {
	char *token;        /* own; NULL: */
	GError *error;      /* own */
	int64_t expires_us; /* wall clock; 0: not said */
} Answer;

struct EwsBearer {
	/* set at start, then const */
	EwsTokenSource source;
	pthread_t thread;
	EwsInbox *asks;    /* own, of Ask; taken by the thread */
	EwsInbox *answers; /* own, of Answer; taken by the ews thread */

	/* ews thread only */
	char *token;        /* own; NULL: none, or refused */
	GError *error;      /* own */
	int64_t got_us;     /* monotonic */
	int64_t expires_us; /* wall clock; 0: not said */
	int64_t renew_us;   /* wall clock; INT64_MAX: never by itself */
	int64_t retry_us;   /* monotonic: not again before */
	int64_t refusals_us;
	unsigned number;
	unsigned failures; /* in a row */
	unsigned refusals; /* since refusals_us */
	bool is_asking;
	bool asked_refused;
	bool is_refused;  /* the last one was not taken: the next has to be another */
	bool is_second;   /* this one was asked for so */
	bool is_accepted; /* this one was taken at least once */
};

static void free_answer(gpointer data)
{
	Answer *answer = data;

	ews_secret_free(answer->token);
	g_clear_error(&answer->error);
	g_free(answer);
}

/* --- the thread that asks ---------------------------------------------------------------- */

static Answer *ask_source(const EwsBearer *self, bool is_refused)
{
	Answer *answer = g_new0(Answer, 1);

	answer->token = self->source.fetch(self->source.user, is_refused, &answer->expires_us,
		&answer->error);
	if (answer->token && !ews_grant_is_token(answer->token)) {
		g_clear_pointer(&answer->token, ews_secret_free);
		answer->error =
			g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "what came is no access token");
	}
	return answer;
}

static void *run(void *user)
{
	EwsBearer *self = user;
	bool is_end = false;

	pthread_setname_np(pthread_self(), "ewsfs-token");
	while (!is_end) {
		Ask *ask = ews_inbox_take(self->asks, INT64_MAX);

		is_end = ask->is_end;
		if (!is_end)
			ews_inbox_post(self->answers, ask_source(self, ask->is_refused));
		g_free(ask);
	}
	return NULL;
}

static void post_ask(EwsBearer *self, Ask ask)
{
	ews_inbox_post(self->asks, g_memdup2(&ask, sizeof(ask)));
}

EwsBearer *ews_bearer_new(const EwsTokenSource *source, void (*wake)(void *user), void *user,
	GError **error)
{
	EwsBearer *self = g_new0(EwsBearer, 1);
	int failed;

	self->source = *source;
	self->asks = ews_inbox_new(NULL, NULL);
	self->answers = ews_inbox_new(wake, user);
	failed = pthread_create(&self->thread, NULL, run, self);
	if (failed == 0)
		return self;
	g_propagate_error(error, ews_error_from_errno(failed, "start the token thread"));
	ews_inbox_free(self->asks, NULL);
	ews_inbox_free(self->answers, NULL);
	g_free(self);
	return NULL;
}

void ews_bearer_free(EwsBearer *self)
{
	if (!self)
		return;
	if (self->source.give_up)
		self->source.give_up(self->source.user);
	post_ask(self, (Ask){.is_end = true});
	pthread_join(self->thread, NULL);
	ews_inbox_free(self->asks, g_free);
	ews_inbox_free(self->answers, free_answer);
	ews_secret_free(self->token);
	g_clear_error(&self->error);
	g_free(self);
}

/* --- the ews thread ---------------------------------------------------------------------- */

const char *ews_bearer_get(const EwsBearer *self, int64_t now)
{
	if (!self->token)
		return NULL;
	if (self->expires_us == 0 || now - self->got_us < YOUNG_US)
		return self->token;
	return g_get_real_time() < self->expires_us ? self->token : NULL;
}

static int64_t renewal_of(int64_t expires_us)
{
	int64_t left = expires_us - g_get_real_time();

	return expires_us == 0 ? INT64_MAX
			       : expires_us - MIN(MARGIN_US, MAX(left, 0) / MARGIN_PART);
}

/* Takes the token out of @answer. */
static void be_given(EwsBearer *self, Answer *answer, int64_t now)
{
	ews_secret_free(self->token);
	self->token = g_steal_pointer(&answer->token);
	self->expires_us = answer->expires_us;
	self->renew_us = renewal_of(answer->expires_us);
	self->got_us = now;
	self->retry_us = now + YOUNG_US;
	self->number++;
	self->failures = 0;
	self->is_second = self->asked_refused;
	self->is_refused = false;
	self->is_accepted = false;
	g_clear_error(&self->error);
}

static void be_denied(EwsBearer *self, Answer *answer, int64_t now)
{
	g_clear_error(&self->error);
	self->error = g_steal_pointer(&answer->error);
	self->retry_us = now + MIN(RETRY_MIN_US << MIN(self->failures, 8), RETRY_MAX_US);
	self->failures++;
	g_debug("no token: %s", self->error->message);
}

static EwsBearerNews take_answer(EwsBearer *self, int64_t now)
{
	Answer *answer = ews_inbox_take(self->answers, 0);
	EwsBearerNews news = EWS_BEARER_SAME;

	if (!answer)
		return news;
	self->is_asking = false;
	if (answer->token) {
		be_given(self, answer, now);
		news = EWS_BEARER_FRESH;
	} else {
		be_denied(self, answer, now);
		/* While the old one is good, nobody has to hear of it. */
		if (!ews_bearer_get(self, now))
			news = EWS_BEARER_FAILED;
	}
	free_answer(answer);
	return news;
}

static bool is_time_to_ask(const EwsBearer *self, bool is_wanted, int64_t now)
{
	if (self->is_asking)
		return false;
	if (!ews_bearer_get(self, now))
		return is_wanted;
	return g_get_real_time() >= self->renew_us && now >= self->retry_us;
}

EwsBearerNews ews_bearer_run(EwsBearer *self, bool is_wanted, int64_t now)
{
	EwsBearerNews news = take_answer(self, now);

	/* Whoever waits is told of the failure first, and asks again when it is time. */
	if (news != EWS_BEARER_FAILED && is_time_to_ask(self, is_wanted, now)) {
		self->is_asking = true;
		self->asked_refused = self->is_refused;
		post_ask(self, (Ask){.is_refused = self->is_refused});
	}
	return news;
}

int64_t ews_bearer_due(const EwsBearer *self, int64_t now)
{
	int64_t left;

	if (self->is_asking || !self->token || self->renew_us == INT64_MAX)
		return INT64_MAX;
	left = self->renew_us - g_get_real_time();
	return CLAMP(now + MAX(left, 0), self->retry_us, MAX(self->retry_us, now + LOOK_US));
}

unsigned ews_bearer_number(const EwsBearer *self)
{
	return self->number;
}

const GError *ews_bearer_error(const EwsBearer *self)
{
	return self->error;
}

void ews_bearer_accepted(EwsBearer *self, unsigned number)
{
	if (number == self->number)
		self->is_accepted = true;
}

/* A server that takes tokens now and then only must not have us ask for one after the other. */
static bool is_too_often(EwsBearer *self, int64_t now)
{
	if (self->refusals == 0 || now - self->refusals_us > REFUSALS_US) {
		self->refusals = 0;
		self->refusals_us = now;
	}
	return ++self->refusals > REFUSALS_MAX;
}

bool ews_bearer_refused(EwsBearer *self, unsigned number, int64_t now)
{
	if (number != self->number || !self->token)
		return true;
	if ((self->is_second && !self->is_accepted) || is_too_often(self, now))
		return false;
	g_clear_pointer(&self->token, ews_secret_free);
	self->is_refused = true;
	return true;
}

/* A token has an end, so one that is not taken says nothing of the account. */
bool ews_bearer_judge(const EwsSigned *how, EwsGovernor *governor, const GError *error, int64_t now)
{
	if (how->bearer && ews_bearer_refused(how->bearer, how->number, now))
		return true;
	if (how->bearer)
		ews_governor_stop(governor, error);
	else
		ews_governor_refused(governor, error, how->sent_us, now);
	return false;
}
