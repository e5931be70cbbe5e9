/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/signals.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "fs/exit.h"

#define POKE_MAIN SIGUSR1   /* breaks libfuse's sem_wait */
#define POKE_THREAD SIGUSR2 /* says: look at the flags again */
#define POKE_INTERVAL_NS (50 * 1000 * 1000)

struct FsSignals {
	/* set at start, then const */
	pthread_t main;
	pthread_t thread;
	sigset_t taken;

	pthread_mutex_t lock;
	/* guarded by lock */
	struct fuse_session *session; /* borrowed: from the mount, between attach and ending */
	FsSignalsHooks hooks;
	bool is_attached;    /* hooks are there; also after ending */
	bool is_ending;      /* the first signal came */
	int64_t deadline_us; /* of the watchdog; 0: it sleeps */
	bool is_over;
};

static void do_nothing(int signal)
{
}

/* What a signal means before there is a mount to end. */
static G_GNUC_NORETURN void leave_now(int signal)
{
	_exit(128 + signal);
}

/* Under the lock. */
static void start_watchdog(FsSignals *self, unsigned extra_s)
{
	self->deadline_us = g_get_monotonic_time() +
		(FS_SIGNALS_PATIENCE_S + (int64_t)extra_s) * G_USEC_PER_SEC;
}

/* The first one begins the end, every other one hurries it. */
static void take_signal(FsSignals *self, int signal)
{
	pthread_mutex_lock(&self->lock);
	bool is_first = !self->is_ending && self->deadline_us == 0;
	bool is_attached = self->is_attached;
	const FsSignalsHooks hooks = self->hooks;
	self->is_ending = is_attached;
	pthread_mutex_unlock(&self->lock);

	if (!is_attached)
		leave_now(signal);
	if (!is_first) {
		g_info("%s: hurrying", strsignal(signal));
		hooks.hurry(hooks.user);
		return;
	}
	g_info("ended by %s", strsignal(signal));
	hooks.begin(hooks.user);
}

/* Nothing more to wait for: the session is to leave its loop. */
static void end_session(FsSignals *self)
{
	self->hooks.before(self->hooks.user);
	pthread_mutex_lock(&self->lock);
	if (self->session != NULL) {
		start_watchdog(self, 0);
		fuse_session_exit(self->session);
	}
	pthread_mutex_unlock(&self->lock);
}

/* FALSE when the thread is done. Pokes main while it may still sleep in libfuse's loop: a single
 * poke could come just before it falls asleep. */
static bool look_around(FsSignals *self)
{
	pthread_mutex_lock(&self->lock);
	bool is_over = self->is_over;
	bool is_serving = self->session != NULL;
	bool is_watched = self->deadline_us != 0;
	bool is_waiting = self->is_ending && is_serving && !is_watched;
	bool is_late = is_watched && g_get_monotonic_time() > self->deadline_us;
	pthread_mutex_unlock(&self->lock);

	if (is_over)
		return false;
	if (is_late) {
		g_critical("not ended after %d s: giving up", FS_SIGNALS_PATIENCE_S);
		_exit(FS_EXIT_LOCAL);
	}
	if (is_waiting && self->hooks.is_ready(self->hooks.user))
		end_session(self);
	if (is_serving && is_watched)
		pthread_kill(self->main, POKE_MAIN);
	return true;
}

static bool is_ending(FsSignals *self)
{
	pthread_mutex_lock(&self->lock);
	bool is_ending = self->is_ending || self->deadline_us != 0;
	pthread_mutex_unlock(&self->lock);
	return is_ending;
}

static void *run(void *user)
{
	const struct timespec interval = {.tv_nsec = POKE_INTERVAL_NS};
	FsSignals *self = user;

	while (look_around(self)) {
		int signal = is_ending(self) ? sigtimedwait(&self->taken, NULL, &interval)
			: sigwaitinfo(&self->taken, NULL);
		if (signal > 0 && signal != POKE_THREAD)
			take_signal(self, signal);
	}
	return NULL;
}

FsSignals *fs_signals_new(void)
{
	FsSignals *self = g_new0(FsSignals, 1);
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct sigaction poke = {.sa_handler = do_nothing};
	sigset_t main_only;

	pthread_mutex_init(&self->lock, NULL);
	self->main = pthread_self();
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(POKE_MAIN, &poke, NULL);
	sigemptyset(&self->taken);
	sigaddset(&self->taken, SIGINT);
	sigaddset(&self->taken, SIGTERM);
	sigaddset(&self->taken, SIGHUP);
	sigaddset(&self->taken, POKE_THREAD);
	pthread_sigmask(SIG_BLOCK, &self->taken, NULL);
	pthread_create(&self->thread, NULL, run, self);
	/* In every thread that starts from here on; fs_signals_attach unblocks it in main. */
	sigemptyset(&main_only);
	sigaddset(&main_only, POKE_MAIN);
	pthread_sigmask(SIG_BLOCK, &main_only, NULL);
	return self;
}

void fs_signals_attach(FsSignals *self, struct fuse_session *session, const FsSignalsHooks *hooks)
{
	sigset_t main_only;

	pthread_mutex_lock(&self->lock);
	self->session = session;
	self->hooks = *hooks;
	self->is_attached = true;
	pthread_mutex_unlock(&self->lock);
	sigemptyset(&main_only);
	sigaddset(&main_only, POKE_MAIN);
	pthread_sigmask(SIG_UNBLOCK, &main_only, NULL);
}

void fs_signals_ending(FsSignals *self)
{
	pthread_mutex_lock(&self->lock);
	self->session = NULL;
	start_watchdog(self, 0);
	pthread_mutex_unlock(&self->lock);
	pthread_kill(self->thread, POKE_THREAD);
}

void fs_signals_allow(FsSignals *self, unsigned extra_s)
{
	pthread_mutex_lock(&self->lock);
	start_watchdog(self, extra_s);
	pthread_mutex_unlock(&self->lock);
}

void fs_signals_free(FsSignals *self)
{
	if (self == NULL)
		return;
	pthread_mutex_lock(&self->lock);
	self->is_over = true;
	pthread_mutex_unlock(&self->lock);
	pthread_kill(self->thread, POKE_THREAD);
	pthread_join(self->thread, NULL);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}
