/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The sync thread: an inbox, timers, and the only place from which the index is changed and the
 * server is asked. It never waits but in its inbox; a step that needs the server submits an op
 * and goes on when the answer comes back as a task.
 */

typedef void (*CacheTaskRun)(Cache *cache, void *data);

/* Any thread: @run is called on the sync thread with @data, which @free frees after (also when
 * the thread ends first). */
void cache_sync_post(Cache *cache, CacheTaskRun run, void *data, GDestroyNotify free);

/* Sync thread: takes and submits @op; @answered gets it back, borrowed, on the sync thread. It is
 * not called any more once the thread ends. */
typedef void (*CacheAnswered)(Cache *cache, EwsOp *op, void *user);
uint64_t cache_sync_submit(Cache *cache, EwsOp *op, EwsPriority priority, CacheAnswered answered,
	void *user);

/* The same, where @user is owned: @user_free frees it if @answered, who takes it, is never
 * called. */
uint64_t cache_sync_submit_owned(Cache *cache, EwsOp *op, EwsPriority priority,
	CacheAnswered answered, void *user, GDestroyNotify user_free);

/* A call that changes the mailbox: takes the ops and @users, of which there are as many. */
void cache_sync_submit_call(Cache *cache, EwsOp *const *ops, unsigned count, EwsPriority priority,
	CacheAnswered answered, void *const *users, GDestroyNotify user_free);

/* Inside an answered call: the op is the caller's from now on. */
EwsOp *cache_sync_take_op(Cache *cache) G_GNUC_WARN_UNUSED_RESULT;

/* As submit, from any thread; @arrived (may be NULL) is called first, on the ews thread, to ask for
 * what follows without waiting until the sync thread has time. It may do nothing else. */
typedef void (*CacheArrived)(EwsOp *op, void *user);
uint64_t cache_sync_submit_chained(Cache *cache, EwsOp *op, EwsPriority priority,
	CacheArrived arrived, CacheAnswered answered, void *user);

/* For the inbox: a task that is not run any more. */
void cache_sync_task_free(void *task);

void cache_sync_start(Cache *cache);
void cache_sync_stop(Cache *cache);

/* When the server last said something that helps (monotonic): a busy server's refusals do not.
 * The answer for who has waited too long since; owned. */
GError *cache_sync_silence(Cache *cache, int64_t *ret_heard_us);

/* An error of the server, the account or the way there: it says nothing about what was asked for,
 * which can be asked again when that has passed. Pure. */
bool cache_sync_is_passing(const GError *error);

/* A transaction on the sync thread. What is noted in it is announced to the listener after the
 * commit, and forgotten with a rollback. */
CacheConn *cache_sync_begin(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_sync_commit(Cache *cache, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_sync_rollback(Cache *cache);

void cache_note(Cache *cache, CacheChangeKind kind, int64_t node, int64_t parent);
void cache_note_gone(Cache *cache, int64_t parent, const char *name, int64_t node);
void cache_note_content(Cache *cache, const CacheNode *old);
void cache_note_arrived(Cache *cache, int64_t parent, const char *name, int64_t node);
void cache_note_touched(Cache *cache, int64_t node, bool is_content);
