/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/loop.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* So many times in a row is one socket served (curl reads a buffer each time) before the others
 * get their turn. */
#define QUANTUM 8

/* From here on the sockets are curl's. */
#define FIRST 2

struct EwsLoop {
	CURLM *multi; /* borrowed: from http */
	int wake_fd;  /* own; any thread writes to it */

	/* ews thread only */
	GArray *sockets;  /* own, of struct pollfd; the first is wake_fd, the second heeded */
	guint turn;       /* where the last round ended */
	int64_t timer_us; /* when curl wants to be called; -1: not */
	int running;
	bool is_hurried;
};

/* --- what curl tells us ------------------------------------------------------------------ */

static struct pollfd *find(EwsLoop *self, int fd)
{
	for (guint i = FIRST; i < self->sockets->len; i++) {
		struct pollfd *socket = &g_array_index(self->sockets, struct pollfd, i);

		if (socket->fd == fd)
			return socket;
	}
	return NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
	EwsLoop *self = user;
	struct pollfd *socket = find(self, fd);
	struct pollfd added = { .fd = fd };

	if (what == CURL_POLL_REMOVE) {
		if (socket)
			g_array_remove_index_fast(self->sockets,
				(guint)(socket - (struct pollfd *)(void *)self->sockets->data));
		return 0;
	}
	if (!socket) {
		g_array_append_val(self->sockets, added);
		socket = find(self, fd);
	}
	socket->events = (short)((what & CURL_POLL_IN ? POLLIN : 0) |
		(what & CURL_POLL_OUT ? POLLOUT : 0));
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
	EwsLoop *self = user;

	self->timer_us = timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * 1000;
	return 0;
}

EwsLoop *ews_loop_new(CURLM *multi)
{
	EwsLoop *self = g_new0(EwsLoop, 1);
	struct pollfd wake = { .events = POLLIN };
	struct pollfd heeded = { .fd = -1, .events = POLLIN };

	self->multi = multi;
	self->timer_us = -1;
	self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (self->wake_fd < 0)
		g_error("eventfd: %s", g_strerror(errno));
	wake.fd = self->wake_fd;
	self->sockets = g_array_new(FALSE, TRUE, sizeof(struct pollfd));
	g_array_append_val(self->sockets, wake);
	g_array_append_val(self->sockets, heeded);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, self);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, self);
	return self;
}

void ews_loop_free(EwsLoop *self)
{
	if (!self)
		return;
	curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, NULL);
	curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, NULL);
	close(self->wake_fd);
	g_array_unref(self->sockets);
	g_free(self);
}

void ews_loop_hurry(EwsLoop *self)
{
	self->is_hurried = true;
}

void ews_loop_heed(EwsLoop *self, int fd)
{
	g_array_index(self->sockets, struct pollfd, 1).fd = fd;
}

void ews_loop_wake(EwsLoop *self)
{
	uint64_t one = 1;

	/* A full counter wakes as well. */
	if (write(self->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* --- one round --------------------------------------------------------------------------- */

/* TRUE when a transfer began or ended, or somebody hurries. */
static bool act(EwsLoop *self, curl_socket_t fd, int events)
{
	int running = self->running;

	self->is_hurried = false;
	curl_multi_socket_action(self->multi, fd, events, &self->running);
	return self->running != running || self->is_hurried;
}

/* TRUE when it was due; a transfer may then have begun, ended, or both. */
static bool run_timer(EwsLoop *self)
{
	if (self->timer_us < 0 || g_get_monotonic_time() < self->timer_us)
		return false;
	self->timer_us = -1;
	act(self, CURL_SOCKET_TIMEOUT, 0);
	return true;
}

static int wait_ms(const EwsLoop *self, int timeout_ms)
{
	int64_t left;

	if (self->timer_us < 0)
		return timeout_ms;
	left = self->timer_us - g_get_monotonic_time();
	return (int)CLAMP((left + 999) / 1000, 0, timeout_ms);
}

static int events_of(const struct pollfd *socket)
{
	return (socket->revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
		(socket->revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		(socket->revents & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
}

/* Serves one socket while it has something. TRUE when it is time to return. */
static bool serve(EwsLoop *self, struct pollfd ready)
{
	for (int i = 0; i < QUANTUM && events_of(&ready) != 0; i++) {
		const struct pollfd *socket;

		if (act(self, ready.fd, events_of(&ready)))
			return true;
		socket = find(self, ready.fd);
		if (!socket)
			return false;
		ready = *socket;
		ready.revents = 0;
		if (poll(&ready, 1, 0) < 0)
			return false;
	}
	return false;
}

static void drain_wake(EwsLoop *self)
{
	uint64_t count;

	if (read(self->wake_fd, &count, sizeof(count)) < 0)
		return;
}

/* Serving changes the list: what was ready is remembered apart. */
static void serve_ready(EwsLoop *self)
{
	g_autofree struct pollfd *ready =
		g_memdup2(self->sockets->data, self->sockets->len * sizeof(struct pollfd));
	guint count = self->sockets->len;

	if (ready[0].revents)
		drain_wake(self);
	for (guint i = FIRST; i < count; i++) {
		guint index = FIRST + (self->turn + i) % (count - FIRST);

		if (!ready[index].revents || !find(self, ready[index].fd))
			continue;
		if (serve(self, ready[index])) {
			self->turn = index;
			return;
		}
	}
}

void ews_loop_run(EwsLoop *self, int timeout_ms)
{
	/* What was just handed to curl leaves first. */
	if (run_timer(self))
		timeout_ms = 0;
	if (poll((struct pollfd *)(void *)self->sockets->data, self->sockets->len,
		    wait_ms(self, timeout_ms)) > 0)
		serve_ready(self);
	run_timer(self);
}
