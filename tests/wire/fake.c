/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/fake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MAX     (64 << 20)

struct Fake {
	int listener;
	int port;
	pthread_t thread;

	pthread_mutex_t lock;
	/* guarded by lock */
	GPtrArray *answers;  /* own, of FakeAnswer */
	guint next;
	GPtrArray *found;  /* own, of FakeAnswer: autodiscover's */
	GPtrArray *sought; /* own: what that was asked */
	GPtrArray *requests; /* own */
	GPtrArray *heads;    /* own */
	int sockets[CONNECTIONS_MAX];
	pthread_t threads[CONNECTIONS_MAX];
	unsigned connections;
};

typedef struct Connection {
	Fake *fake;
	int fd;
} Connection;

static void answer_free(FakeAnswer *self)
{
	g_free(self->headers);
	g_string_free(self->body, TRUE);
	g_free(self);
}

FakeAnswer *fake_answer_new(int status, const char *body)
{
	FakeAnswer *self = g_new0(FakeAnswer, 1);

	self->status = status;
	self->body = g_string_new(body);
	self->cut = -1;
	return self;
}

static bool send_all(int fd, const char *data, gsize len)
{
	while (len > 0) {
		ssize_t done = send(fd, data, len, MSG_NOSIGNAL);

		if (done <= 0)
			return false;
		data += done;
		len -= (gsize)done;
	}
	return true;
}

static bool send_body(int fd, const FakeAnswer *answer)
{
	gsize len = answer->cut >= 0 ? MIN((gsize)answer->cut, answer->body->len)
				     : answer->body->len;
	gsize piece = answer->piece ? answer->piece : len;

	for (gsize at = 0; at < len; at += piece)
		if (!send_all(fd, answer->body->str + at, MIN(piece, len - at)))
			return false;
	return answer->cut < 0;
}

/* FALSE: the connection is to be closed. */
static bool reply(int fd, const FakeAnswer *answer)
{
	g_autofree char *head = g_strdup_printf(
		"HTTP/1.1 %d Fake\r\nContent-Type: text/xml\r\n%sContent-Length: %zu\r\n\r\n",
		answer->status, answer->headers ? answer->headers : "", answer->body->len);

	if (answer->is_mute)
		return true;
	if (answer->cut == 0)
		return false;
	return send_all(fd, head, strlen(head)) && send_body(fd, answer);
}

/* Reads one request into @buffer and cuts it off its front. */
static bool read_request(int fd, GString *buffer, char **ret_head, char **ret_body)
{
	char piece[16384];

	for (;;) {
		const char *end = strstr(buffer->str, "\r\n\r\n");
		const char *length = end ? strcasestr(buffer->str, "Content-Length: ") : NULL;
		gsize head_len = end ? (gsize)(end - buffer->str) + 4 : 0;
		gsize body_len = length ? strtoul(length + 16, NULL, 10) : 0;
		ssize_t got;

		if (end && buffer->len >= head_len + body_len) {
			*ret_head = g_strndup(buffer->str, head_len);
			*ret_body = g_strndup(buffer->str + head_len, body_len);
			g_string_erase(buffer, 0, (gssize)(head_len + body_len));
			return true;
		}
		got = recv(fd, piece, sizeof(piece), 0);
		if (got <= 0 || buffer->len > REQUEST_MAX)
			return false;
		g_string_append_len(buffer, piece, got);
	}
}

static const FakeAnswer *take_request(Fake *self, char *head, char *body)
{
	const FakeAnswer *answer;

	pthread_mutex_lock(&self->lock);
	if (g_str_has_prefix(head, "POST /autodiscover/")) {
		answer = self->found->pdata[MIN(self->sought->len, self->found->len - 1)];
		g_ptr_array_add(self->sought, g_strconcat(head, body, NULL));
		g_free(head);
		g_free(body);
	} else {
		g_ptr_array_add(self->heads, head);
		g_ptr_array_add(self->requests, body);
		answer = self->answers->pdata[MIN(self->next, self->answers->len - 1)];
		self->next++;
	}
	pthread_mutex_unlock(&self->lock);
	return answer;
}

static void *serve(void *user)
{
	Connection *connection = user;
	GString *buffer = g_string_new(NULL);
	char *head;
	char *body;

	while (read_request(connection->fd, buffer, &head, &body))
		if (!reply(connection->fd, take_request(connection->fake, head, body)))
			break;
	shutdown(connection->fd, SHUT_RDWR);
	g_string_free(buffer, TRUE);
	g_free(connection);
	return NULL;
}

static bool start_connection(Fake *self, int fd)
{
	Connection *connection = g_new0(Connection, 1);
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*connection = (Connection){ self, fd };
	pthread_mutex_lock(&self->lock);
	g_assert(self->connections < CONNECTIONS_MAX);
	self->sockets[self->connections] = fd;
	pthread_create(&self->threads[self->connections++], NULL, serve, connection);
	pthread_mutex_unlock(&self->lock);
	return true;
}

static void *listen_on(void *user)
{
	Fake *self = user;
	int fd;

	while ((fd = accept(self->listener, NULL, NULL)) >= 0)
		start_connection(self, fd);
	return NULL;
}

Fake *fake_new(void)
{
	Fake *self = g_new0(Fake, 1);
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&self->lock, NULL);
	self->answers = g_ptr_array_new_with_free_func((GDestroyNotify)answer_free);
	self->found = g_ptr_array_new_with_free_func((GDestroyNotify)answer_free);
	self->sought = g_ptr_array_new_with_free_func(g_free);
	self->requests = g_ptr_array_new_with_free_func(g_free);
	self->heads = g_ptr_array_new_with_free_func(g_free);
	self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(self->listener, (struct sockaddr *)&address, len), ==, 0);
	g_assert_cmpint(listen(self->listener, 16), ==, 0);
	getsockname(self->listener, (struct sockaddr *)&address, &len);
	self->port = ntohs(address.sin_port);
	pthread_create(&self->thread, NULL, listen_on, self);
	return self;
}

void fake_free(Fake *self)
{
	if (!self)
		return;
	shutdown(self->listener, SHUT_RDWR);
	pthread_join(self->thread, NULL);
	for (unsigned i = 0; i < self->connections; i++) {
		shutdown(self->sockets[i], SHUT_RDWR);
		pthread_join(self->threads[i], NULL);
		close(self->sockets[i]);
	}
	close(self->listener);
	g_ptr_array_unref(self->answers);
	g_ptr_array_unref(self->found);
	g_ptr_array_unref(self->sought);
	g_ptr_array_unref(self->requests);
	g_ptr_array_unref(self->heads);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void fake_add(Fake *self, FakeAnswer *answer)
{
	pthread_mutex_lock(&self->lock);
	g_ptr_array_add(self->answers, answer);
	pthread_mutex_unlock(&self->lock);
}

void fake_add_found(Fake *self, FakeAnswer *answer)
{
	pthread_mutex_lock(&self->lock);
	g_ptr_array_add(self->found, answer);
	pthread_mutex_unlock(&self->lock);
}

char *fake_url(const Fake *self)
{
	return g_strdup_printf("http://127.0.0.1:%d/EWS/Exchange.asmx", self->port);
}

static GPtrArray *copy(Fake *self, GPtrArray *strings)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);

	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < strings->len; i++)
		g_ptr_array_add(all, g_strdup(strings->pdata[i]));
	pthread_mutex_unlock(&self->lock);
	return all;
}

GPtrArray *fake_requests(Fake *self)
{
	return copy(self, self->requests);
}

GPtrArray *fake_heads(Fake *self)
{
	return copy(self, self->heads);
}

GPtrArray *fake_sought(Fake *self)
{
	return copy(self, self->sought);
}
