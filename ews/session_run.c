/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op/events.h"
#include "ews/session.h"

/* Somebody asked for something so recently that the background keeps low. */
#define FOREGROUND_US G_USEC_PER_SEC
/* So long may the end of a subscription hold up the end of the session. */
#define FAREWELL_US G_USEC_PER_SEC
#define FOR_EVER_US (INT64_MAX / 2)

static void publish_call_sizes(EwsSession *self)
{
	for (int i = 0; i < EWS_CHANGE_COUNT; i++)
		atomic_store_explicit(&self->call_sizes[i],
			ews_governor_call_size(&self->governor, (EwsChange)i),
			memory_order_relaxed);
}

static void publish(EwsSession *self)
{
	const EwsHttpCounts *counts = ews_http_counts(self->http);
	const EwsGovernor *governor = &self->governor;
	EwsStatus status = {
		.state = governor->state,
		.requests = counts->requests,
		.bytes_in = counts->bytes_in,
		.bytes_out = counts->bytes_out,
		.in_flight = self->batches->len,
		.conns = governor->conns,
		.page = ews_governor_page(governor, EWS_KIND_SYNC_FOLDER_ITEMS, EWS_SYNC_PAGE_MAX),
		.queued = ews_queue_count(self->queue),
		.resume_us = governor->resume_us,
		.is_signing_in = governor->is_signing_in && governor->state != EWS_STATE_STOPPED,
		.push = self->watch ? ews_watch_push(self->watch) : EWS_PUSH_NONE,
		.is_listening = self->watch && ews_watch_is_listening(self->watch),
	};

	publish_call_sizes(self);
	g_strlcpy(status.error, governor->error ? governor->error->message : "",
		sizeof(status.error));
	ews_board_put(&self->board, &status);

	if (governor->state == self->announced)
		return;
	if (self->announced == EWS_STATE_OFFLINE)
		ews_contents_forgive(self->contents);
	self->announced = governor->state;
	g_debug("state %d: %s", governor->state, governor->error ? governor->error->message : "");
	if (self->changed)
		self->changed(governor->state, self->changed_user);
}

static void on_server(void *user, const char *server)
{
	EwsSession *self = user;

	ews_board_set_server(&self->board, server);
}

/* Whoever gets an op back finds the status that goes with it. */
static void on_batch_judged(void *user)
{
	publish(user);
}

static void on_batch_ended(void *user, EwsBatch *batch)
{
	EwsSession *self = user;

	g_ptr_array_remove_fast(self->batches, batch);
}

static void note_urgency(EwsSession *self, EwsPriority priority)
{
	if (priority != EWS_PRIORITY_BACKGROUND)
		self->foreground_us = g_get_monotonic_time();
}

/* Known offline, one op (or call) at a time is let in, when a probe is due. */
static GError *refusal(EwsSession *self)
{
	const EwsGovernor *governor = &self->governor;
	GError *error = ews_governor_refusal(governor, g_get_monotonic_time());

	if (!error && governor->state == EWS_STATE_OFFLINE &&
		(self->batches->len > 0 || ews_queue_count(self->queue) > 0))
		error = g_error_copy(governor->error);
	return error;
}

static GError *change_refusal(EwsSession *self)
{
	const EwsGovernor *governor = &self->governor;

	if (governor->state == EWS_STATE_OFFLINE && governor->is_only_slow)
		return ews_governor_change_refusal(governor, g_get_monotonic_time());
	return refusal(self);
}

/* Gives back with @error (or its own flaw) what cannot leave; returns how many stay. */
static unsigned sieve(EwsCall *call, const GError *error)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < call->count; i++) {
		EwsOp *op = call->ops[i];
		const GError *flaw = error;

		if (!flaw && op->kind->flaw)
			flaw = op->kind->flaw(op);
		if (flaw)
			ews_op_done(op, g_error_copy(flaw));
		else
			call->ops[kept++] = op;
	}
	call->count = kept;
	return kept;
}

/* Which of the mailboxes with content it is for. */
static void lead(EwsSession *self, EwsOp *op)
{
	if (op->guid)
		op->content = ews_contents_get(self->contents, op->guid, g_get_monotonic_time());
}

static void submit_call(EwsSession *self, EwsCall *call)
{
	g_autoptr(GError) error = change_refusal(self);

	note_urgency(self, call->priority);
	if (sieve(call, error) == 0) {
		g_free(call);
		return;
	}
	for (unsigned i = 0; i < call->count; i++)
		lead(self, call->ops[i]);
	ews_queue_push_call(self->queue, call);
}

static void submit(EwsSession *self, EwsOp *op)
{
	GError *error = refusal(self);

	note_urgency(self, op->priority);
	if (!error)
		lead(self, op);
	if (error)
		ews_op_done(op, error);
	else if (!ews_ahead_claim(self->ahead, op))
		ews_queue_push(self->queue, op);
}

static void raise_op(EwsSession *self, uint64_t serial, EwsPriority priority)
{
	note_urgency(self, priority);
	ews_queue_raise(self->queue, serial, priority);
	ews_ahead_raise(self->ahead, serial, priority);
}

static void cancel(EwsSession *self, uint64_t serial)
{
	EwsOp *op = ews_queue_remove(self->queue, serial);

	if (op)
		ews_op_done(op, g_error_new(EWS_ERROR, EWS_ERROR_CANCELLED, "given up"));
}

uint64_t ews_session_next_serial(void *user)
{
	EwsSession *self = user;

	return atomic_fetch_add_explicit(&self->serial, 1, memory_order_relaxed) + 1;
}

static uint64_t send_for_watch(void *user, EwsOp *op, EwsOpDone done, EwsWatch *watch)
{
	EwsSession *self = user;

	op->serial = ews_session_next_serial(self);
	op->priority = EWS_PRIORITY_BACKGROUND;
	op->done = done;
	op->user = watch;
	ews_queue_push(self->queue, op);
	return op->serial;
}

static void withdraw_for_watch(void *user, uint64_t serial)
{
	cancel(user, serial);
}

static void on_watch_changed(void *user)
{
	publish(user);
}

/* Takes @setup. */
static void begin_watch(EwsSession *self, EwsWatchSetup *setup)
{
	EwsWatchOut out = {
		.send = send_for_watch,
		.withdraw = withdraw_for_watch,
		.changed = on_watch_changed,
		.http = self->http,
		.governor = &self->governor,
		.bearer = self->bearer,
		.timeout_s = self->timeout_s,
		.user = self,
	};

	g_assert(!self->watch);
	self->watch = ews_watch_new(setup, &out);
	g_free(setup);
}

/* What was connected is dead, what was known is old. */
static void begin_anew(EwsSession *self, int64_t slept_us)
{
	int64_t now = g_get_monotonic_time();

	ews_http_renew(self->http);
	ews_governor_woke(&self->governor, slept_us, now);
	ews_contents_forgive(self->contents);
	if (self->watch)
		ews_watch_woke(self->watch, now);
	publish(self);
	ews_board_woke(&self->board);
}

/* Of a server that is left behind no pause counts, as if all had been slept through. */
static void move(EwsSession *self, const char *url)
{
	ews_http_move(self->http, url);
	ews_contents_forget(self->contents);
	ews_board_set_url(&self->board, url);
	begin_anew(self, FOR_EVER_US);
}

static void obey(EwsSession *self, Command *command)
{
	switch (command->kind) {
	case COMMAND_SUBMIT:
		submit(self, command->op);
		break;
	case COMMAND_CALL:
		submit_call(self, command->call);
		break;
	case COMMAND_RAISE:
		raise_op(self, command->serial, command->priority);
		break;
	case COMMAND_CANCEL:
		cancel(self, command->serial);
		break;
	case COMMAND_WATCH:
		begin_watch(self, command->setup);
		break;
	case COMMAND_FOLDERS:
		if (self->watch)
			ews_watch_choose(self->watch, g_steal_pointer(&command->folders));
		break;
	case COMMAND_MOVE:
		move(self, command->address);
		break;
	case COMMAND_MAILBOX:
		ews_http_set_mailbox(self->http, command->address);
		break;
	case COMMAND_STOP:
		self->is_stopping = true;
		break;
	}
	g_strfreev(command->folders);
	g_free(command->address);
	g_free(command);
}

static void take_commands(EwsSession *self)
{
	Command *command;

	if (atomic_load(&self->holds) > 0)
		return;
	while ((command = ews_inbox_take(self->inbox, 0)))
		obey(self, command);
}

/* Without a token nothing leaves, and who gives tokens may be away as a server may. */
static void sign_in(EwsSession *self)
{
	int64_t now = g_get_monotonic_time();
	EwsGovernor *governor = &self->governor;
	const GError *error;

	switch (ews_bearer_run(self->bearer, ews_queue_count(self->queue) > 0, now)) {
	case EWS_BEARER_FRESH:
		ews_http_set_token(self->http, ews_bearer_get(self->bearer, now),
			ews_bearer_number(self->bearer));
		break;
	case EWS_BEARER_FAILED:
		error = ews_bearer_error(self->bearer);
		if (ews_error_is(error, EWS_ERROR_AUTH))
			ews_governor_stop(governor, error);
		else
			ews_governor_unreached(governor, error, now);
		/* Before anybody is refused, who may ask why. */
		publish(self);
		break;
	case EWS_BEARER_SAME:
		break;
	}
	governor->is_signing_in = !ews_bearer_get(self->bearer, now);
}

/* Nobody waits for a server that is known to be away. */
static void refuse_queued(EwsSession *self)
{
	int64_t now = g_get_monotonic_time();
	g_autoptr(GError) error = ews_governor_refusal(&self->governor, now);
	g_autoptr(GError) change_error = ews_governor_change_refusal(&self->governor, now);
	EwsOp *op;

	while (error && (op = ews_queue_pop(self->queue)))
		ews_op_done(op, g_error_copy(error));
	while (change_error && (op = ews_queue_pop_call(self->queue)))
		ews_op_done(op, g_error_copy(change_error));
}

static EwsTraffic traffic(const EwsSession *self, int64_t now)
{
	EwsTraffic now_on = {
		.in_flight = self->batches->len,
		.has_foreground =
			self->foreground_us > 0 && now - self->foreground_us < FOREGROUND_US,
	};

	for (guint i = 0; i < self->batches->len; i++) {
		const EwsBatch *batch = self->batches->pdata[i];
		EwsKindId kind = ews_batch_kind(batch);

		now_on.background += ews_batch_priority(batch) == EWS_PRIORITY_BACKGROUND;
		now_on.syncs += kind == EWS_KIND_SYNC_FOLDER_ITEMS ||
				kind == EWS_KIND_SYNC_FOLDER_HIERARCHY;
	}
	return now_on;
}

/* Sends a call of this urgency, if there is one whose turn it is and it may leave. */
static bool send_call(EwsSession *self, EwsPriority priority)
{
	int64_t now = g_get_monotonic_time();
	EwsTraffic now_on = traffic(self, now);
	EwsCall *call;

	if (!ews_governor_may_send_change(&self->governor, priority, &now_on, now))
		return false;
	call = ews_queue_take_call(self->queue, priority, ews_governor_barred(&now_on));
	if (!call)
		return false;
	g_ptr_array_add(self->batches, ews_batch_send(&self->shared, call->ops, call->count));
	g_free(call);
	return true;
}

/* Sends one batch of this urgency, if one may leave. */
static bool send_one(EwsSession *self, EwsPriority priority)
{
	int64_t now = g_get_monotonic_time();
	EwsTraffic now_on = traffic(self, now);
	const EwsOpKind *kind = ews_queue_next(self->queue, priority, ews_governor_barred(&now_on));
	EwsOp *ops[EWS_QUEUE_BATCH_MAX];
	unsigned count;

	if (!kind || !ews_governor_may_send(&self->governor, priority, &now_on, now))
		return false;
	count = ews_queue_take(self->queue, priority, kind,
		ews_governor_size(&self->governor, kind), ops);
	g_ptr_array_add(self->batches, ews_batch_send(&self->shared, ops, count));
	return true;
}

static void send_all(EwsSession *self)
{
	for (int priority = 0; priority < EWS_PRIORITY_COUNT; priority++)
		while (send_call(self, (EwsPriority)priority) ||
			send_one(self, (EwsPriority)priority))
			;
}

/* How long the thread may sleep: while ops wait for a time to come, until then. */
static int sleep_ms(const EwsSession *self)
{
	int64_t now = g_get_monotonic_time();
	int64_t until = now + 60 * G_USEC_PER_SEC;

	if (self->bearer)
		until = CLAMP(ews_bearer_due(self->bearer, now), now, until);
	if (self->watch)
		until = CLAMP(ews_watch_due(self->watch), now, until);
	if (ews_queue_count(self->queue) > 0) {
		if (self->governor.resume_us > now)
			until = MIN(until, self->governor.resume_us);
		/* The background may come forward again. */
		if (self->foreground_us + FOREGROUND_US > now)
			until = MIN(until, self->foreground_us + FOREGROUND_US);
	}
	return (int)((until - now) / 1000) + 1;
}

static void answer_everything(EwsSession *self)
{
	EwsOp *op;

	g_ptr_array_set_size(self->batches, 0);
	while ((op = ews_queue_pop(self->queue)) || (op = ews_queue_pop_call(self->queue)))
		ews_op_done(op, g_error_new(EWS_ERROR, EWS_ERROR_CANCELLED, "the session is over"));
}

static void on_farewell(EwsOp *op, void *user)
{
	bool *is_over = user;

	*is_over = true;
	ews_op_free(op);
}

/* Servers allow few subscriptions, and remember them for half an hour. */
static void end_watch(EwsSession *self)
{
	EwsOp *op = self->watch ? ews_watch_stop(self->watch) : NULL;
	int64_t until = g_get_monotonic_time() + FAREWELL_US;
	bool is_over = false;
	int64_t now;

	answer_everything(self);
	if (op && self->governor.is_signing_in)
		g_clear_pointer(&op, ews_op_free);
	if (!op)
		return;
	op->done = on_farewell;
	op->user = &is_over;
	g_ptr_array_add(self->batches, ews_batch_send(&self->shared, &op, 1));
	while (!is_over && (now = g_get_monotonic_time()) < until &&
		ews_queue_count(self->queue) == 0)
		ews_http_run(self->http, (int)((until - now) / 1000) + 1);
	answer_everything(self);
}

static void look_at_clocks(EwsSession *self)
{
	int64_t slept_us = ews_slept_look(self->slept);

	if (slept_us <= 0)
		return;
	g_debug("the machine has slept for %d s", (int)(slept_us / G_USEC_PER_SEC));
	begin_anew(self, slept_us);
}

/* --- what ews/ahead.c wants -------------------------------------------------------------- */

static void send_ahead(void *user, EwsOp *op)
{
	EwsSession *self = user;

	ews_queue_push(self->queue, op);
	ews_http_hurry(self->http);
}

static void raise_ahead(void *user, uint64_t serial, EwsPriority priority)
{
	EwsSession *self = user;

	ews_queue_raise(self->queue, serial, priority);
}

static void on_foreseen(void *user, EwsOp *op)
{
	EwsSession *self = user;

	ews_ahead_foresee(self->ahead, op);
}

/* --- life -------------------------------------------------------------------------------- */

void ews_session_prepare(EwsSession *self)
{
	self->queue = ews_queue_new();
	self->ahead = ews_ahead_new(&(EwsAheadOut){
		.send = send_ahead,
		.raise = raise_ahead,
		.serial = ews_session_next_serial,
		.user = self,
	});
	self->batches = g_ptr_array_new_with_free_func((GDestroyNotify)ews_batch_free);
	ews_governor_init(&self->governor, self->max_conns);
	publish_call_sizes(self);
	self->shared = (EwsBatchShared){
		.http = self->http,
		.queue = self->queue,
		.governor = &self->governor,
		.foreseen = on_foreseen,
		.judged = on_batch_judged,
		.ended = on_batch_ended,
		.server = on_server,
		.user = self,
	};
}

void *ews_session_run(void *user)
{
	EwsSession *self = user;

	pthread_setname_np(pthread_self(), "ewsfs-ews");
	for (;;) {
		look_at_clocks(self);
		take_commands(self);
		if (self->is_stopping)
			break;
		if (self->bearer)
			sign_in(self);
		ews_contents_run(self->contents, self->http, !self->governor.is_signing_in,
			g_get_monotonic_time());
		refuse_queued(self);
		if (self->watch)
			ews_watch_run(self->watch, g_get_monotonic_time());
		send_all(self);
		publish(self);
		ews_http_run(self->http, sleep_ms(self));
	}
	end_watch(self);
	return NULL;
}
