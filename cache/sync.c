/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/sync.h"

#include <signal.h>

#include "cache/drain.h"
#include "cache/evict.h"
#include "cache/fetch.h"
#include "cache/hints.h"
#include "cache/prefetch.h"
#include "cache/refresh.h"
#include "cache/search.h"
#include "cache/wait.h"
#include "ews/error.h"

/* Tasks taken before what finished meanwhile is stored and the timers are looked at. */
#define TASKS_MAX 256

/* What was used and what is too much is looked at so often. */
#define TIDY_US (5 * (int64_t)G_USEC_PER_SEC)

typedef struct CacheTask {
	CacheTaskRun run;
	void *data;
	GDestroyNotify free;
} CacheTask;

/* An answered op on its way from the ews thread. */
typedef struct Answer {
	Cache *cache;
	EwsOp *op;            /* own */
	CacheArrived arrived; /* NULL: nothing follows */
	CacheAnswered answered;
	void *user;
	GDestroyNotify user_free; /* NULL: user is borrowed */
} Answer;

/* --- tasks ------------------------------------------------------------------------------- */

void cache_sync_post(Cache *cache, CacheTaskRun run, void *data, GDestroyNotify free)
{
	CacheTask *task = g_new(CacheTask, 1);
	task->run = run;
	task->data = data;
	task->free = free;
	ews_inbox_post(cache->inbox, task);
}

void cache_sync_task_free(void *data)
{
	CacheTask *task = data;
	if (task->free != NULL)
		task->free(task->data);
	g_free(task);
}

static void answer_free(void *data)
{
	Answer *answer = data;
	if (answer->user_free != NULL && answer->user != NULL)
		answer->user_free(answer->user);
	if (answer->op != NULL)
		ews_op_free(answer->op);
	g_free(answer);
}

static void answer_run(Cache *cache, void *data)
{
	Answer *answer = data;
	cache->answering = &answer->op;
	if (!cache->is_stopping)
		answer->answered(cache, answer->op, g_steal_pointer(&answer->user));
}

EwsOp *cache_sync_take_op(Cache *cache)
{
	return g_steal_pointer(cache->answering);
}

/* On the ews thread. */
static void op_done(EwsOp *op, void *user)
{
	Answer *answer = user;
	answer->op = op;
	if (answer->arrived != NULL)
		answer->arrived(op, answer->user);
	cache_sync_post(answer->cache, answer_run, answer, answer_free);
}

uint64_t cache_sync_submit_chained(Cache *cache, EwsOp *op, EwsPriority priority,
	CacheArrived arrived, CacheAnswered answered, void *user)
{
	Answer *answer = g_new0(Answer, 1);
	answer->cache = cache;
	answer->arrived = arrived;
	answer->answered = answered;
	answer->user = user;
	return ews_submit(cache->session, op, priority, op_done, answer);
}

static Answer *answer_new(Cache *cache, CacheAnswered answered, void *user,
	GDestroyNotify user_free)
{
	Answer *answer = g_new0(Answer, 1);
	answer->cache = cache;
	answer->answered = answered;
	answer->user = user;
	answer->user_free = user_free;
	return answer;
}

uint64_t cache_sync_submit_owned(Cache *cache, EwsOp *op, EwsPriority priority,
	CacheAnswered answered, void *user, GDestroyNotify user_free)
{
	return ews_submit(cache->session, op, priority, op_done,
		answer_new(cache, answered, user, user_free));
}

void cache_sync_submit_call(Cache *cache, EwsOp *const *ops, unsigned count, EwsPriority priority,
	CacheAnswered answered, void *const *users, GDestroyNotify user_free)
{
	g_autofree void **answers = g_new(void *, count);
	for (unsigned i = 0; i < count; i++)
		answers[i] = answer_new(cache, answered, users[i], user_free);
	ews_submit_call(cache->session, ops, count, priority, op_done, answers);
}

uint64_t cache_sync_submit(Cache *cache, EwsOp *op, EwsPriority priority, CacheAnswered answered,
	void *user)
{
	return cache_sync_submit_chained(cache, op, priority, NULL, answered, user);
}

GError *cache_sync_silence(Cache *cache, int64_t *ret_heard_us)
{
	EwsStatus status;
	ews_session_status(cache->session, &status);
	bool is_busy = status.state == EWS_STATE_BUSY;
	*ret_heard_us = is_busy ? 0 : ews_session_last_progress(cache->session);
	if (is_busy)
		return g_error_new(EWS_ERROR, EWS_ERROR_BUSY, "the server is busy: %s",
			status.error);
	return g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "the server has said nothing for %u s",
		cache->timeout_s);
}

bool cache_sync_is_passing(const GError *error)
{
	return ews_error_is_temporary(error) || ews_error_is(error, EWS_ERROR_AUTH) ||
	       ews_error_is(error, EWS_ERROR_TLS) || ews_error_is(error, EWS_ERROR_CANCELLED);
}

/* --- transactions ------------------------------------------------------------------------ */

CacheConn *cache_sync_begin(Cache *cache, GError **error)
{
	return cache_db_begin(cache->db, error);
}

bool cache_sync_commit(Cache *cache, GError **error)
{
	g_autoptr(GPtrArray) changes = cache->changes;
	cache->changes = g_ptr_array_new_with_free_func((GDestroyNotify)cache_change_free);
	if (!cache_db_commit(cache->db, error)) {
		cache_drain_keep_files(cache);
		cache_evict_doubt(cache);
		return false;
	}
	cache_drain_remove_files(cache);
	for (guint i = 0; i < changes->len && cache->listener != NULL; i++)
		cache->listener(g_steal_pointer(&changes->pdata[i]), cache->listener_user);
	return true;
}

void cache_sync_rollback(Cache *cache)
{
	g_ptr_array_set_size(cache->changes, 0);
	cache_drain_keep_files(cache);
	cache_evict_doubt(cache);
	cache_db_rollback(cache->db);
}

static CacheChange *note(Cache *cache, CacheChangeKind kind, int64_t node, int64_t parent)
{
	CacheChange *change = g_new0(CacheChange, 1);
	change->kind = kind;
	change->node = node;
	change->parent = parent;
	g_ptr_array_add(cache->changes, change);
	return change;
}

void cache_note(Cache *cache, CacheChangeKind kind, int64_t node, int64_t parent)
{
	/* A page names the same directory for each of its entries. */
	for (guint i = cache->changes->len; i > 0 && i + 4 > cache->changes->len; i--) {
		const CacheChange *last = cache->changes->pdata[i - 1];
		if (last->kind == kind && last->node == node)
			return;
	}
	note(cache, kind, node, parent);
}

void cache_note_gone(Cache *cache, int64_t parent, const char *name, int64_t node)
{
	if (parent != 0)
		note(cache, CACHE_CHANGE_GONE, node, parent)->name = g_strdup(name);
}

void cache_note_arrived(Cache *cache, int64_t parent, const char *name, int64_t node)
{
	note(cache, CACHE_CHANGE_ARRIVED, node, parent)->name = g_strdup(name);
}

void cache_note_touched(Cache *cache, int64_t node, bool is_content)
{
	note(cache, CACHE_CHANGE_TOUCHED, node, 0)->content = is_content ? 1 : 0;
}

void cache_note_content(Cache *cache, const CacheNode *old)
{
	CacheChange *change = note(cache, CACHE_CHANGE_CONTENT, old->id, old->parent);
	change->content = old->content;
	change->name = g_strdup(old->name);
}

void cache_change_free(CacheChange *self)
{
	if (self == NULL)
		return;
	g_free(self->name);
	g_free(self);
}

/* --- the thread -------------------------------------------------------------------------- */

static void stop_task(Cache *cache, void *data)
{
	cache->is_stopping = true;
}

/* Moves what was written into the database file when nothing else is to be done. TRUE: something is
 * left that only waits for programs to close it. */
static bool tidy(Cache *cache)
{
	bool is_left = cache_evict_tick(cache);
	cache_db_checkpoint(cache->db);
	return is_left;
}

static int64_t tick(Cache *cache, int64_t now)
{
	int64_t next = cache_hints_tick(cache, now);
	next = MIN(next, cache_refresh_tick(cache, now));
	next = MIN(next, cache_fetch_tick(cache, now));
	next = MIN(next, cache_wait_tick(cache, now));
	next = MIN(next, cache_search_tick(cache, now));
	next = MIN(next, cache_drain_late_tick(cache, now));
	next = MIN(next, cache_drain_tick(cache, now));
	return MIN(next, cache_prefetch_tick(cache, now));
}

static void run_tasks(Cache *cache, int64_t deadline, bool *ret_was_busy)
{
	CacheTask *task = ews_inbox_take(cache->inbox, deadline);
	*ret_was_busy = task != NULL;
	for (int i = 0; task != NULL; i++) {
		task->run(cache, task->data);
		cache_sync_task_free(task);
		task = i < TASKS_MAX && !cache->is_stopping ? ews_inbox_take(cache->inbox, 0)
							    : NULL;
	}
}

static void *sync_main(void *data)
{
	Cache *cache = data;
	int64_t tidy_us = g_get_monotonic_time() + TIDY_US;
	int64_t next_us = 0;
	bool was_busy = true;
	bool is_left = false;
	while (!cache->is_stopping) {
		int64_t now = g_get_monotonic_time();
		if (was_busy || now >= next_us)
			next_us = tick(cache, now);
		if (now >= tidy_us) {
			is_left = tidy(cache);
			tidy_us = now + TIDY_US;
		}
		/* An idle mount sleeps until a timer; one that worked tidies up once more. */
		run_tasks(cache, was_busy || is_left ? MIN(next_us, tidy_us) : next_us, &was_busy);
		cache_fetch_settle(cache);
		cache_drain_settle(cache);
	}
	cache_refresh_stop(cache);
	cache_fetch_stop(cache);
	cache_search_stop(cache);
	cache_wait_stop(cache);
	cache_drain_stop(cache);
	(void)tidy(cache);
	return NULL;
}

void cache_sync_start(Cache *cache)
{
	/* Signals are for the main thread. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int code = pthread_create(&cache->thread, NULL, sync_main, cache);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (code != 0)
		g_error("no thread: %s", g_strerror(code));
	cache->has_thread = true;
}

void cache_sync_stop(Cache *cache)
{
	if (!cache->has_thread)
		return;
	cache_sync_post(cache, stop_task, NULL, NULL);
	pthread_join(cache->thread, NULL);
	cache->has_thread = false;
}
