/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/session.h"

#include <libxml/parser.h>

#include "ews/auth.h"
#include "ews/easy.h"
#include "ews/error.h"

static void wake(void *user)
{
	EwsSession *self = user;

	ews_http_wake(self->http);
}

static void post(EwsSession *self, Command command)
{
	ews_inbox_post(self->inbox, g_memdup2(&command, sizeof(command)));
}

static void free_session(EwsSession *self)
{
	/* First: their threads wake the others. */
	ews_bearer_free(self->bearer);
	ews_contents_free(self->contents);
	ews_watch_free(self->watch);
	ews_slept_free(self->slept);
	ews_inbox_free(self->inbox, g_free);
	g_ptr_array_unref(self->batches);
	ews_ahead_free(self->ahead);
	ews_queue_free(self->queue);
	ews_governor_clear(&self->governor);
	ews_http_free(self->http);
	ews_board_clear(&self->board);
	g_free(self);
}

EwsSession *ews_session_start(const EwsConfig *config, GError **error)
{
	EwsSession *self;
	int failed;

	if (!ews_easy_check(config->url, config->insecure_http, error) ||
		!ews_auth_check(config->auth, error))
		return NULL;
	xmlInitParser();
	self = g_new0(EwsSession, 1);
	ews_board_init(&self->board, config->url);
	self->max_conns = MAX(config->max_conns, 1);
	self->timeout_s = config->timeout_s;
	self->insecure_http = config->insecure_http;
	self->http = ews_http_new(config);
	self->contents = ews_contents_new(config, wake, self);
	self->slept = ews_slept_new();
	ews_http_heed(self->http, ews_slept_fd(self->slept));
	self->inbox = ews_inbox_new(wake, self);
	ews_session_prepare(self);
	if (config->auth == EWS_AUTH_BEARER) {
		self->bearer = ews_bearer_new(&config->token, wake, self, error);
		if (!self->bearer) {
			free_session(self);
			return NULL;
		}
	}
	self->governor.is_signing_in = self->bearer != NULL;
	self->shared.bearer = self->bearer;
	failed = pthread_create(&self->thread, NULL, ews_session_run, self);
	if (failed == 0)
		return self;
	g_propagate_error(error, ews_error_from_errno(failed, "start the ews thread"));
	free_session(self);
	return NULL;
}

void ews_session_stop(EwsSession *self)
{
	if (!self)
		return;
	post(self, (Command){.kind = COMMAND_STOP});
	pthread_join(self->thread, NULL);
	free_session(self);
}

bool ews_session_move(EwsSession *self, const char *url, GError **error)
{
	if (!ews_easy_check(url, self->insecure_http, error))
		return false;
	post(self, (Command){.kind = COMMAND_MOVE, .address = g_strdup(url)});
	return true;
}

void ews_session_status(EwsSession *self, EwsStatus *ret_status)
{
	ews_board_get(&self->board, ret_status);
}

int64_t ews_session_last_progress(EwsSession *self)
{
	return ews_http_last_progress(self->http);
}

int64_t ews_session_last_change(EwsSession *self)
{
	return ews_http_last_change(self->http);
}

void ews_session_listen(EwsSession *self, EwsStateChanged changed, void *user)
{
	self->changed = changed;
	self->changed_user = user;
}

void ews_session_on_wake(EwsSession *self, EwsWoke woke, void *user)
{
	ews_board_on_wake(&self->board, woke, user);
}

uint64_t ews_submit(EwsSession *self, EwsOp *op, EwsPriority priority, EwsOpDone done, void *user)
{
	/* The op is gone with the post: what is returned is remembered before. */
	uint64_t serial = ews_session_next_serial(self);

	op->serial = serial;
	op->priority = priority;
	op->done = done;
	op->user = user;
	post(self, (Command){.kind = COMMAND_SUBMIT, .op = op});
	return serial;
}

void ews_submit_call(EwsSession *self, EwsOp *const *ops, unsigned count, EwsPriority priority,
	EwsOpDone done, void *const *users)
{
	EwsCall *call = g_malloc(sizeof(*call) + count * sizeof(EwsOp *));

	*call = (EwsCall){.serial = ews_session_next_serial(self),
		.priority = priority,
		.count = count};
	for (unsigned i = 0; i < count; i++) {
		EwsOp *op = ops[i];

		g_assert(ews_op_kind_is_change(op->kind) && op->kind == ops[0]->kind);
		op->priority = priority;
		op->done = done;
		op->user = users ? users[i] : NULL;
		call->ops[i] = op;
	}
	post(self, (Command){.kind = COMMAND_CALL, .call = call});
}

unsigned ews_call_size(EwsSession *self, EwsChange change)
{
	return atomic_load_explicit(&self->call_sizes[change], memory_order_relaxed);
}

void ews_hold(EwsSession *self)
{
	atomic_fetch_add(&self->holds, 1);
}

void ews_release(EwsSession *self)
{
	if (atomic_fetch_sub(&self->holds, 1) == 1)
		wake(self);
}

void ews_raise(EwsSession *self, uint64_t serial, EwsPriority priority)
{
	post(self, (Command){.kind = COMMAND_RAISE, .serial = serial, .priority = priority});
}

void ews_cancel(EwsSession *self, uint64_t serial)
{
	post(self, (Command){.kind = COMMAND_CANCEL, .serial = serial});
}

void ews_session_set_mailbox(EwsSession *self, const char *address)
{
	post(self, (Command){.kind = COMMAND_MAILBOX, .address = g_strdup(address)});
}

void ews_watch(EwsSession *self, EwsPush first, unsigned pull_s, const EwsNews *news)
{
	EwsWatchSetup setup = {.first = first, .pull_s = pull_s, .news = *news};

	post(self, (Command){
			   .kind = COMMAND_WATCH,
			   .setup = g_memdup2(&setup, sizeof(setup)),
		   });
}

void ews_watch_folders(EwsSession *self, const char *const *ids)
{
	post(self, (Command){.kind = COMMAND_FOLDERS, .folders = g_strdupv((char **)ids)});
}
