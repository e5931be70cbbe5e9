/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/park.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs/budget.h"
#include "fs/err.h"

#define LOOK_INTERVAL_US (100 * 1000)

struct FsPark {
	/* set at start, then const */
	pthread_t thread;
	struct FsBudget *budget; /* borrowed: from main */

	pthread_mutex_t lock; /* taken last: never held over a reply or a call to libfuse */
	pthread_cond_t wake;
	pthread_cond_t answered;
	/* guarded by lock */
	GQueue waiting;     /* of FsParked, oldest first */
	unsigned answering; /* claimed, but the reply is not out yet */
	int64_t wake_us;    /* when the thread wakes by itself; 0: there is news for it */
	bool is_closed;
	bool is_over;
};

/* --- life ---------------------------------------------------------------- */

FsParked *fs_parked_new(FsPark *park, fuse_req_t req, fuse_ino_t ino, FsParkedReply reply)
{
	FsParked *self = g_new0(FsParked, 1);

	self->req = req;
	self->ino = ino;
	self->reply = reply;
	self->park = park;
	self->tid = fuse_req_ctx(req)->pid;
	self->link.data = self;
	atomic_init(&self->refs, 2);
	atomic_init(&self->is_answered, false);
	return self;
}

static void parked_ref(FsParked *self)
{
	atomic_fetch_add(&self->refs, 1);
}

static void parked_unref(FsParked *self)
{
	if (atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_free(self->extra);
	g_free(self);
}

/* Out of the list, with the reference it had there. Under the lock. */
static bool unlink_parked(FsParked *self)
{
	if (!self->is_waiting)
		return false;
	g_queue_unlink(&self->park->waiting, &self->link);
	self->is_waiting = false;
	return true;
}

/* --- answering ----------------------------------------------------------- */

/* TRUE for the one who may answer; he says claim_end after it. Takes the request out of everybody's
 * sight. */
static bool claim(FsParked *self)
{
	FsPark *park = self->park;

	if (atomic_exchange(&self->is_answered, true))
		return false;
	pthread_mutex_lock(&park->lock);
	park->answering++;
	bool was_waiting = unlink_parked(self);
	pthread_mutex_unlock(&park->lock);
	fuse_req_interrupt_func(self->req, NULL, NULL);
	if (self->dir != 0 && park->budget != NULL)
		fs_budget_end(park->budget, self->dir, g_get_monotonic_time());
	if (was_waiting)
		parked_unref(self);
	return true;
}

static void claim_end(FsParked *self)
{
	FsPark *park = self->park;

	pthread_mutex_lock(&park->lock);
	if (--park->answering == 0)
		pthread_cond_broadcast(&park->answered);
	pthread_mutex_unlock(&park->lock);
}

/* The caller of these two holds a reference of his own. */
static void answer(FsParked *self, FsParkedHow how, const GError *error)
{
	if (!claim(self))
		return;
	self->reply(self, how, error);
	claim_end(self);
}

static void answer_number(FsParked *self, int number)
{
	if (!claim(self))
		return;
	fuse_reply_err(self->req, number);
	claim_end(self);
}

void fs_parked_done(void *user, const GError *error)
{
	FsParked *self = user;

	answer(self, error != NULL ? FS_PARKED_FAILED : FS_PARKED_DONE, error);
	parked_unref(self);
}

/* --- interrupted callers ------------------------------------------------- */

/* The mask in hexadecimal behind "SigPnd:" or "ShdPnd:". */
static uint64_t mask_of(const char *line)
{
	return g_ascii_strtoull(line + strlen("SigPnd:"), NULL, 16);
}

static bool is_deadly(uint64_t mask)
{
	static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGKILL};

	for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++) {
		if (mask & UINT64_C(1) << (deadly[i] - 1))
			return true;
	}
	return false;
}

/* TRUE when the thread is to be let go: a signal that means "stop" waits for it, or nobody can
 * tell. */
static bool wants_out(pid_t tid)
{
	char path[64], line[256];
	uint64_t pending = 0;
	bool is_known = false;

	if (tid <= 0)
		return true;
	g_snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return true;
	while (fgets(line, sizeof(line), file) != NULL) {
		if (!g_str_has_prefix(line, "SigPnd:") && !g_str_has_prefix(line, "ShdPnd:"))
			continue;
		pending |= mask_of(line);
		is_known = true;
	}
	fclose(file);
	return !is_known || is_deadly(pending);
}

/* libfuse holds the request's lock: only mark it. */
static void note_interrupt(fuse_req_t req, void *data)
{
	FsParked *self = data;
	FsPark *park = self->park;

	pthread_mutex_lock(&park->lock);
	self->is_interrupted = true;
	park->wake_us = 0;
	pthread_cond_signal(&park->wake);
	pthread_mutex_unlock(&park->lock);
}

/* --- the thread ---------------------------------------------------------- */

/* Who is late or interrupted, with a reference each, and when to look again. */
static int64_t plan(FsPark *self, GPtrArray *turn)
{
	int64_t now_us = g_get_monotonic_time();
	int64_t next_us = INT64_MAX;

	for (GList *link = self->waiting.head; link != NULL; link = link->next) {
		FsParked *parked = link->data;
		if (parked->deadline_us != 0)
			next_us = MIN(next_us, parked->deadline_us);
		if (parked->is_interrupted)
			next_us = MIN(next_us, now_us + LOOK_INTERVAL_US);
		if (parked->is_interrupted ||
			(parked->deadline_us != 0 && parked->deadline_us <= now_us)) {
			parked_ref(parked);
			g_ptr_array_add(turn, parked);
		}
	}
	return next_us;
}

/* Without the lock. */
static void deal_with(FsParked *parked)
{
	if (parked->deadline_us != 0 && parked->deadline_us <= g_get_monotonic_time())
		answer(parked, FS_PARKED_LATE, NULL);
	else if (wants_out(parked->tid))
		answer_number(parked, EINTR);
	parked_unref(parked);
}

static void sleep_until(FsPark *self, int64_t until_us)
{
	const struct timespec until = {
		.tv_sec = until_us / G_USEC_PER_SEC,
		.tv_nsec = until_us % G_USEC_PER_SEC * 1000,
	};

	self->wake_us = until_us;
	if (until_us == INT64_MAX)
		pthread_cond_wait(&self->wake, &self->lock);
	else
		pthread_cond_timedwait(&self->wake, &self->lock, &until);
}

static void *run(void *user)
{
	FsPark *self = user;
	g_autoptr(GPtrArray) turn = g_ptr_array_new();

	pthread_mutex_lock(&self->lock);
	while (!self->is_over) {
		self->wake_us = INT64_MAX;
		int64_t next_us = plan(self, turn);
		if (turn->len > 0) {
			pthread_mutex_unlock(&self->lock);
			for (guint i = 0; i < turn->len; i++)
				deal_with(g_ptr_array_index(turn, i));
			g_ptr_array_set_size(turn, 0);
			pthread_mutex_lock(&self->lock);
		}
		/* News may have come while the lock was open. */
		if (self->wake_us != 0)
			sleep_until(self, next_us);
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

FsPark *fs_park_new(struct FsBudget *budget)
{
	FsPark *self = g_new0(FsPark, 1);
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->wake, &monotonic);
	pthread_cond_init(&self->answered, NULL);
	pthread_condattr_destroy(&monotonic);
	g_queue_init(&self->waiting);
	self->budget = budget;
	self->wake_us = INT64_MAX;
	pthread_create(&self->thread, NULL, run, self);
	return self;
}

void fs_park_free(FsPark *self)
{
	if (self == NULL)
		return;
	pthread_mutex_lock(&self->lock);
	self->is_over = true;
	self->wake_us = 0;
	pthread_cond_signal(&self->wake);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	g_assert(g_queue_is_empty(&self->waiting));
	pthread_cond_destroy(&self->wake);
	pthread_cond_destroy(&self->answered);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- coming and going ---------------------------------------------------- */

void fs_parked_enter(FsParked *self, int64_t deadline_us)
{
	FsPark *park = self->park;

	/* First, because once it is in the list the request may be answered and gone. It may call
	 * note_interrupt at once. */
	fuse_req_interrupt_func(self->req, note_interrupt, self);
	pthread_mutex_lock(&park->lock);
	bool is_closed = park->is_closed;
	self->deadline_us = deadline_us;
	g_queue_push_tail_link(&park->waiting, &self->link);
	self->is_waiting = true;
	if (self->is_interrupted || (deadline_us != 0 && deadline_us < park->wake_us)) {
		park->wake_us = 0;
		pthread_cond_signal(&park->wake);
	}
	pthread_mutex_unlock(&park->lock);
	if (is_closed)
		answer_number(self, ENOTCONN);
}

void fs_park_drain(FsPark *self)
{
	pthread_mutex_lock(&self->lock);
	self->is_closed = true;
	for (;;) {
		FsParked *parked = g_queue_peek_head(&self->waiting);
		if (parked == NULL)
			break;
		/* Out of the list here, and its reference with it: one who is just being
		 * answered by another is not met again. */
		unlink_parked(parked);
		pthread_mutex_unlock(&self->lock);
		answer_number(parked, ENOTCONN);
		parked_unref(parked);
		pthread_mutex_lock(&self->lock);
	}
	while (self->answering > 0)
		pthread_cond_wait(&self->answered, &self->lock);
	pthread_mutex_unlock(&self->lock);
}

unsigned fs_park_count(FsPark *self)
{
	pthread_mutex_lock(&self->lock);
	unsigned count = self->waiting.length;
	pthread_mutex_unlock(&self->lock);
	return count;
}
