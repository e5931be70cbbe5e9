/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/moved.h"

#include <pthread.h>

#include "ews/ews.h"
#include "fs/config.h"
#include "fs/discover.h"

#define PATIENCE 5 /* times refresh= */
#define AGAIN_US (3600 * (int64_t)G_USEC_PER_SEC)

struct FsMoved {
	const FsConfig *config; /* borrowed */
	EwsSession *session;    /* borrowed */
	pthread_t thread;

	pthread_mutex_t lock; /* a leaf */
	pthread_cond_t stirred;
	/* guarded by lock; monotonic, in microseconds */
	int64_t away_us; /* since when it is not itself; 0: it is */
	int64_t next_us; /* not looked for before */
	bool is_over;
};

/* --- what the session tells ---------------------------------------------- */

/* On the ews thread. A sign-in that was refused is no matter of places. */
static void on_state(EwsState state, void *user)
{
	FsMoved *self = user;
	bool is_away = state == EWS_STATE_OFFLINE || state == EWS_STATE_BUSY;

	pthread_mutex_lock(&self->lock);
	if (!is_away)
		self->away_us = 0;
	else if (self->away_us == 0)
		self->away_us = g_get_monotonic_time();
	pthread_cond_signal(&self->stirred);
	pthread_mutex_unlock(&self->lock);
}

/* --- the thread ---------------------------------------------------------- */

static bool is_over(void *user)
{
	FsMoved *self = user;

	pthread_mutex_lock(&self->lock);
	bool is_over = self->is_over;
	pthread_mutex_unlock(&self->lock);
	return is_over;
}

static void look(FsMoved *self)
{
	EwsStatus status;
	g_autoptr(GError) error = NULL;
	g_autofree char *url = NULL;

	ews_session_status(self->session, &status);
	const FsDiscoverAgain again = {.is_over = is_over, .user = self};
	if (!fs_discover_again(self->config, &again, &url, &error))
		g_message("the server is looked for anew: %s", error->message);
	else if (url != NULL && ews_session_move(self->session, url, &error))
		g_message("the mailbox has moved from %s to %s", status.url, url);
	else if (error != NULL)
		g_warning("the mailbox has moved, but not to where one may follow: %s",
			error->message);
}

/* With the lock. FALSE: not yet. */
static bool is_due(FsMoved *self)
{
	int64_t patience_us = PATIENCE * (int64_t)self->config->refresh_s * G_USEC_PER_SEC;
	int64_t due_us = MAX(self->away_us + patience_us, self->next_us);

	if (self->away_us == 0) {
		pthread_cond_wait(&self->stirred, &self->lock);
		return false;
	}
	if (g_get_monotonic_time() >= due_us)
		return true;
	const struct timespec until = {
		.tv_sec = due_us / G_USEC_PER_SEC,
		.tv_nsec = due_us % G_USEC_PER_SEC * 1000,
	};
	pthread_cond_timedwait(&self->stirred, &self->lock, &until);
	return false;
}

static void *run(void *user)
{
	FsMoved *self = user;

	pthread_setname_np(pthread_self(), "ewsfs-moved");
	pthread_mutex_lock(&self->lock);
	while (!self->is_over) {
		if (!is_due(self))
			continue;
		self->next_us = g_get_monotonic_time() + AGAIN_US;
		pthread_mutex_unlock(&self->lock);
		look(self);
		pthread_mutex_lock(&self->lock);
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

/* --- from outside -------------------------------------------------------- */

FsMoved *fs_moved_new(const FsConfig *config, EwsSession *session)
{
	pthread_condattr_t clock;

	if (config->address == NULL)
		return NULL;
	FsMoved *self = g_new0(FsMoved, 1);
	self->config = config;
	self->session = session;
	pthread_mutex_init(&self->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&self->stirred, &clock);
	pthread_condattr_destroy(&clock);
	ews_session_listen(session, on_state, self);
	int failed = pthread_create(&self->thread, NULL, run, self);
	if (failed != 0)
		g_error("no thread: %s", g_strerror(failed));
	return self;
}

void fs_moved_stop(FsMoved *self)
{
	if (self == NULL)
		return;
	pthread_mutex_lock(&self->lock);
	self->is_over = true;
	pthread_cond_signal(&self->stirred);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
}

void fs_moved_free(FsMoved *self)
{
	if (self == NULL)
		return;
	pthread_cond_destroy(&self->stirred);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}
