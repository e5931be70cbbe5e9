/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/listener.h"

#include "ews/error.h"
#include "ews/stream.h"

/* The longest that servers allow; they close before. */
#define STREAM_MIN 30

struct EwsListener {
	EwsListenerEvents events;
	EwsOp *op;          /* own */
	EwsStream *stream;  /* own */
	EwsHttpPost *post;  /* borrowed: from http, until it ends */
	EwsListenerEnd end; /* as far as it is known */
	char *code;         /* own: for end */
	GError *error;      /* own: for end */
	size_t ignored;     /* bytes of what is no stream */
	bool is_over;       /* nothing that comes now is wanted */
};

static void note(EwsListener *self, const char *code, bool is_busy, int64_t backoff_ms,
	GError *error)
{
	self->is_over = true;
	g_free(self->code);
	self->code = g_strdup(code);
	g_clear_error(&self->error);
	self->error = error;
	self->end.is_busy = is_busy;
	self->end.backoff_ms = backoff_ms;
}

static void on_told(void *user, EwsOp *op, EwsMessage *message)
{
	EwsListener *self = user;
	const EwsEvents *told = ews_get_streaming_events_told(op);

	if (self->is_over)
		return;
	if (message->error) {
		note(self, message->code, message->is_busy, message->backoff_ms,
			g_steal_pointer(&message->error));
		return;
	}
	self->end.is_lost = told->is_lost;
	self->end.is_closed = told->is_closed;
	self->is_over = told->is_lost || told->is_closed;
	self->events.told(self->events.user, told);
}

static void on_fault(void *user, const EwsFault *fault)
{
	EwsListener *self = user;

	if (!self->is_over)
		note(self, fault->code, fault->is_busy, fault->backoff_ms,
			ews_error_from_response(fault->code ? fault->code : "fault", fault->text,
				TRUE));
}

static bool on_data(void *user, const char *data, size_t len)
{
	EwsListener *self = user;
	bool is_good = ews_stream_feed(self->stream, data, len);

	self->events.alive(self->events.user);
	/* One server keeps the connection open long after it has said Closed. */
	if (is_good || self->is_over || ews_stream_count(self->stream) > 0)
		return is_good && !self->is_over;
	/* A page of some kind: what it is, its status says at its end. */
	self->ignored += len;
	return self->ignored < EWS_CAP_HEADERS;
}

static void on_end(void *user, const EwsHttpEnd *end)
{
	EwsListener *self = user;
	GError *broken = NULL;

	self->post = NULL;
	if (end->error && !self->is_over)
		note(self, NULL, ews_error_is(end->error, EWS_ERROR_BUSY),
			end->retry_after_s > 0 ? end->retry_after_s * 1000 : -1,
			g_error_copy(end->error));
	if (!ews_stream_finish(self->stream, &broken) && !self->is_over)
		note(self, NULL, false, -1, g_steal_pointer(&broken));
	g_clear_error(&broken);
	self->end.status = end->status;
	self->end.token = end->token;
	self->end.code = self->code;
	self->end.error = self->error;
	self->events.end(self->events.user, &self->end);
}

EwsListener *ews_listener_open(EwsHttp *http, const char *subscription_id,
	const EwsListenerEvents *events)
{
	EwsListener *self = g_new0(EwsListener, 1);
	EwsStreamEvents stream = {.told = on_told, .fault = on_fault, .user = self};
	EwsHttpEvents post = {on_data, on_end, self};

	self->events = *events;
	self->end.backoff_ms = -1;
	self->op = ews_get_streaming_events_new(subscription_id, STREAM_MIN);
	stream.op = self->op;
	self->stream = ews_stream_new(&stream);
	self->post = ews_http_stream(http,
		ews_op_write_call(&self->op, 1, ews_http_whose(http)), &post);
	return self;
}

void ews_listener_close(EwsListener *self)
{
	if (!self)
		return;
	if (self->post)
		ews_http_cancel(self->post);
	ews_stream_free(self->stream);
	ews_op_free(self->op);
	g_free(self->code);
	g_clear_error(&self->error);
	g_free(self);
}
