/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may go wrong with the fake, as a test asks for it; fake-ews.c does it.
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/fake-ews-private.h"
#include "tests/unit/test-cache-kit.h"

static void add_trouble(EwsSession *self, const char *prefix, Trouble trouble)
{
	trouble.prefix = g_strdup(prefix);
	pthread_mutex_lock(&self->lock);
	g_ptr_array_insert(self->troubles, 0, g_memdup2(&trouble, sizeof(trouble)));
	pthread_mutex_unlock(&self->lock);
}

void fake_fail(EwsSession *self, const char *prefix, EwsErrorCode code, int times)
{
	add_trouble(self, prefix, (Trouble){.code = code, .times = times});
}

void fake_refuse(EwsSession *self, const char *prefix, EwsErrorCode code, const char *words,
	int times)
{
	add_trouble(self, prefix,
		(Trouble){.code = code, .words = g_strdup(words), .times = times});
}

void fake_lose(EwsSession *self, const char *prefix, bool is_done, int times)
{
	add_trouble(self, prefix,
		(Trouble){.code = EWS_ERROR_OFFLINE,
			.is_lost = true,
			.is_done = is_done,
			.times = times});
}

static int compare_urgency(gconstpointer a, gconstpointer b)
{
	const EwsOp *x = *(EwsOp *const *)a;
	const EwsOp *y = *(EwsOp *const *)b;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->serial < y->serial ? -1 : 1;
}

static void hold(EwsSession *self, const char *prefix, bool holds_answers)
{
	pthread_mutex_lock(&self->lock);
	g_free(self->hold_prefix);
	self->hold_prefix = g_strdup(prefix);
	self->holds_answers = holds_answers;
	if (prefix == NULL) {
		g_ptr_array_sort(self->held, compare_urgency);
		for (guint i = 0; i < self->held->len; i++)
			g_queue_push_tail(&self->ops, self->held->pdata[i]);
		g_ptr_array_set_size(self->held, 0);
	}
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

void fake_hold(EwsSession *self, const char *prefix)
{
	hold(self, prefix, false);
}

void fake_hold_answers(EwsSession *self, const char *prefix)
{
	hold(self, prefix, true);
}

void fake_await_held(EwsSession *self, unsigned count)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&self->lock);
	while (self->held->len < count)
		g_assert_cmpint(pthread_cond_timedwait(&self->changed, &self->lock, &until), !=,
			ETIMEDOUT);
	pthread_mutex_unlock(&self->lock);
}

void fake_be_silent(EwsSession *self, bool is_silent)
{
	pthread_mutex_lock(&self->lock);
	self->is_silent = is_silent;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}
