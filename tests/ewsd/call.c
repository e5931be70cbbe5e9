/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/call.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/ewsd/clock.h"

typedef struct Call {
	/* set at start, then const */
	SoupServerMessage *message;	/* own; socket's thread only */
	Out *out;	/* own */
	GBytes *body;	/* own */
	atomic_int *running;
	Serve serve;

	atomic_int refs;
	/* socket's thread only */
	bool has_head;
	bool is_finished;
} Call;

static void call_unref(gpointer data)
{
	Call *self = data;

	if (atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	out_free(self->out);
	g_bytes_unref(self->body);
	g_object_unref(self->message);
	g_free(self);
}

static Call *call_ref(Call *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

/* A message must be let go on the socket's thread: the last reference is dropped there. */
static gboolean drop(gpointer data)
{
	return G_SOURCE_REMOVE;
}

static void shut(Call *self)
{
	GSocket *socket = self->is_finished ? NULL
		: soup_server_message_get_socket(self->message);

	if (socket)
		shutdown(g_socket_get_fd(socket), SHUT_RDWR);
}

static void write_head(Call *self)
{
	SoupMessageHeaders *headers = soup_server_message_get_response_headers(self->message);

	self->has_head = true;
	soup_server_message_set_status(self->message, self->serve.status, NULL);
	soup_message_headers_set_encoding(headers, SOUP_ENCODING_CHUNKED);
	soup_message_headers_replace(headers, "Content-Type", self->serve.content_type);
	soup_message_headers_replace(headers, "Cache-Control", "private");
	if (self->serve.location[0])
		soup_message_headers_replace(headers, "Location", self->serve.location);
	if (self->serve.retry_s >= 0) {
		char text[16];

		g_snprintf(text, sizeof(text), "%d", self->serve.retry_s);
		soup_message_headers_replace(headers, "Retry-After", text);
	}
}

static gboolean deliver(gpointer data)
{
	Call *self = data;
	bool ended;
	bool cut;
	g_autoptr(GBytes) bytes = out_take(self->out, &ended, &cut);
	SoupMessageBody *body = soup_server_message_get_response_body(self->message);

	if (self->is_finished)
		return G_SOURCE_REMOVE;
	if (!self->has_head)
		write_head(self);
	if (bytes)
		soup_message_body_append_bytes(body, bytes);
	if (ended && !cut)
		soup_message_body_complete(body);
	if (cut && !bytes && out_wrote(self->out, 0) == 0)
		shut(self);
	soup_server_message_unpause(self->message);
	return G_SOURCE_REMOVE;
}

static void wake(void *data)
{
	g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, deliver, call_ref(data), call_unref);
}

static void on_wrote_data(SoupServerMessage *message, guint size, gpointer data)
{
	Call *self = data;
	bool ended;
	bool cut;
	size_t left = out_wrote(self->out, size);
	g_autoptr(GBytes) more = out_take(self->out, &ended, &cut);

	if (more)
		soup_message_body_append_bytes(
			soup_server_message_get_response_body(message), more);
	if (cut && left == 0)
		shut(self);
}

static void on_finished(SoupServerMessage *message, gpointer data)
{
	Call *self = data;

	if (self->is_finished)
		return;
	self->is_finished = true;
	out_gone(self->out);
	/* The handlers hold the last reference but our own. */
	g_signal_handlers_disconnect_by_data(message, self);
}

static gboolean hang_up_here(gpointer data)
{
	shut(data);
	return G_SOURCE_REMOVE;
}

static void hang_up(void *data)
{
	g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, hang_up_here, call_ref(data),
		call_unref);
}

static void *work(void *data)
{
	Call *self = data;
	atomic_int *running = self->running;

	serve(&self->serve);
	g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, drop, self, call_unref);
	atomic_fetch_sub(running, 1);
	return NULL;
}

static void start_thread(Call *self)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(self->running, 1);
	if (pthread_create(&thread, &attr, work, self) != 0)
		g_error("no thread for a request");
	pthread_attr_destroy(&attr);
}

void call_start(const CallShared *shared, SoupServerMessage *message, GBytes *body,
	const char *user)
{
	Call *self = g_new0(Call, 1);
	SoupMessageHeaders *headers = soup_server_message_get_request_headers(message);

	atomic_init(&self->refs, 1);
	self->message = g_object_ref(message);
	self->body = g_bytes_ref(body);
	self->running = shared->running;
	self->out = out_new(wake, self);
	self->serve = (Serve){
		.world = shared->world, .schema = shared->schema, .out = self->out,
		.body = self->body, .user = user, .time = clock_seconds(),
		.latency_ms = atomic_load(shared->latency_ms), .hang_up = hang_up, .data = self,
		.status = 200, .content_type = "text/xml; charset=utf-8", .retry_s = -1,
		.anchor = soup_message_headers_get_one(headers, "X-AnchorMailbox"),
		.content = soup_message_headers_get_one(headers, "X-PublicFolderMailbox"),
	};
	soup_message_body_set_accumulate(soup_server_message_get_response_body(message), FALSE);
	g_signal_connect(message, "wrote-body-data", G_CALLBACK(on_wrote_data), self);
	g_signal_connect_data(message, "finished", G_CALLBACK(on_finished), call_ref(self),
		(GClosureNotify)(void (*)(void))call_unref, 0);
	g_signal_connect(message, "disconnected", G_CALLBACK(on_finished), self);
	soup_server_message_pause(message);
	start_thread(self);
}
