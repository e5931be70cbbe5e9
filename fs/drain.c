/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/drain.h"

#include <pthread.h>

#include "fs/queue.h"
#include "fs/words.h"

/* Beyond the deadline, for a cache that answers late. */
#define GRACE_US G_USEC_PER_SEC

struct FsDrain {
	/* set at start, then const */
	const Fs *fs;

	pthread_mutex_t lock;
	/* guarded by lock */
	int64_t deadline_us; /* 0: never begun */
	bool is_asked;       /* the cache owes an answer */
	bool is_given_up;
};

FsDrain *fs_drain_new(const Fs *fs)
{
	FsDrain *self = g_new0(FsDrain, 1);

	self->fs = fs;
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void fs_drain_free(FsDrain *self)
{
	if (self == NULL)
		return;
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

unsigned fs_drain_left(const FsDrain *self)
{
	CacheQueueCounts counts;

	cache_queue_counts(self->fs->cache, &counts);
	return counts.waiting;
}

static bool is_away(const Fs *fs)
{
	FsServer server = {0};

	if (fs->look != NULL)
		fs->look(&server, fs->look_user);
	return server.is_away;
}

/* On the sync thread. The outcome is of no interest: what is left is counted. */
static void drained(void *user, const GError *error)
{
	FsDrain *self = user;

	pthread_mutex_lock(&self->lock);
	self->is_asked = false;
	pthread_mutex_unlock(&self->lock);
}

/* TRUE for the one who asks the cache. */
static bool take_turn(FsDrain *self, int64_t *ret_deadline_us)
{
	int64_t now_us = g_get_monotonic_time();

	pthread_mutex_lock(&self->lock);
	if (self->deadline_us == 0)
		self->deadline_us =
			now_us + self->fs->config->flush_timeout_s * (int64_t)G_USEC_PER_SEC;
	*ret_deadline_us = self->deadline_us;
	bool is_mine = !self->is_asked && !self->is_given_up && now_us < self->deadline_us;
	self->is_asked |= is_mine;
	pthread_mutex_unlock(&self->lock);
	return is_mine;
}

bool fs_drain_begin(FsDrain *self)
{
	int64_t deadline_us;

	if (self->fs->config->is_read_only || fs_drain_left(self) == 0)
		return false;
	if (!is_away(self->fs) && take_turn(self, &deadline_us))
		cache_drain(self->fs->cache, deadline_us, drained, self);
	return !fs_drain_is_over(self);
}

bool fs_drain_is_over(FsDrain *self)
{
	bool is_hopeless = is_away(self->fs);

	pthread_mutex_lock(&self->lock);
	self->is_given_up |= is_hopeless;
	bool is_over = !self->is_asked || self->is_given_up ||
		g_get_monotonic_time() > self->deadline_us + GRACE_US;
	pthread_mutex_unlock(&self->lock);
	return is_over;
}

void fs_drain_give_up(FsDrain *self)
{
	pthread_mutex_lock(&self->lock);
	self->is_given_up = true;
	pthread_mutex_unlock(&self->lock);
}

void fs_drain_report(const FsDrain *self)
{
	CacheQueueCounts counts;

	cache_queue_counts(self->fs->cache, &counts);
	g_autofree char *waiting = fs_words_count(counts.waiting, "change waits", "changes wait");
	g_autofree char *others = fs_words_count(counts.held + counts.failed, "change needs",
		"changes need");
	if (counts.waiting > 0)
		g_message("%s to be sent: kept in %s, the next mount%s sends them", waiting,
			self->fs->config->state_dir,
			self->fs->config->is_read_only ? " that is not read-only" : "");
	if (counts.held + counts.failed > 0)
		g_message("%s a decision: see \"ewsfsctl queue\" in the next mount", others);
	g_autoptr(GPtrArray) queue = counts.scratch > 0 ? cache_queue(self->fs->cache, NULL) : NULL;
	g_autofree char *scratch = queue != NULL ? fs_queue_scratch(queue) : NULL;
	if (scratch != NULL)
		g_message("%s", scratch);
}
