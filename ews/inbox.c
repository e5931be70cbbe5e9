/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/inbox.h"

#include <pthread.h>
#include <time.h>

/*
 * A list under a lock, with a condition for those who sleep here and a hook for those who sleep
 * elsewhere. The condition runs on the monotonic clock, as g_get_monotonic_time() does, so that
 * setting the wall clock neither hurries nor holds up a deadline.
 */

struct EwsInbox {
	/* set at start, then const */
	EwsInboxWake wake;
	void *user; /* borrowed: from the owner, for wake */

	pthread_mutex_t lock; /* a leaf: nothing else is locked under it */
	pthread_cond_t filled;
	/* guarded by lock */
	GQueue messages; /* own */
};

EwsInbox *ews_inbox_new(EwsInboxWake wake, void *user)
{
	EwsInbox *self = g_new0(EwsInbox, 1);
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&self->filled, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->messages);
	self->wake = wake;
	self->user = user;
	return self;
}

void ews_inbox_free(EwsInbox *self, GDestroyNotify free_message)
{
	if (!self)
		return;
	if (free_message)
		g_queue_clear_full(&self->messages, free_message);
	else
		g_queue_clear(&self->messages);
	pthread_cond_destroy(&self->filled);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void ews_inbox_post(EwsInbox *self, void *message)
{
	bool was_empty;

	pthread_mutex_lock(&self->lock);
	was_empty = g_queue_is_empty(&self->messages);
	g_queue_push_tail(&self->messages, message);
	if (was_empty)
		pthread_cond_signal(&self->filled);
	pthread_mutex_unlock(&self->lock);
	if (was_empty && self->wake)
		self->wake(self->user);
}

/* Sleeps until something is posted or the deadline passes; FALSE when it passed. */
static bool wait_until(EwsInbox *self, int64_t deadline_us)
{
	struct timespec until = {
		.tv_sec = deadline_us / G_USEC_PER_SEC,
		.tv_nsec = (deadline_us % G_USEC_PER_SEC) * 1000,
	};

	if (deadline_us == INT64_MAX)
		return pthread_cond_wait(&self->filled, &self->lock) == 0;
	if (deadline_us <= 0)
		return false;
	return pthread_cond_timedwait(&self->filled, &self->lock, &until) == 0;
}

void *ews_inbox_take(EwsInbox *self, int64_t deadline_us)
{
	void *message;

	pthread_mutex_lock(&self->lock);
	while (g_queue_is_empty(&self->messages) && wait_until(self, deadline_us))
		;
	message = g_queue_pop_head(&self->messages);
	pthread_mutex_unlock(&self->lock);
	return message;
}
