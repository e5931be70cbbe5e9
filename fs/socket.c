/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/address.h"
#include "fs/command.h"
#include "fs/json.h"
#include "fs/status.h"
#include "fs/watch.h"

#define LINE_MAX_BYTES 16384
#define CLIENTS_MAX 32
#define PROGRESS_MS 500
#define FIXED 3 /* descriptors that are polled besides the clients' */

/* A command under way for a client, who may be gone when it ends. */
typedef struct Job {
	atomic_int refs;
	FsSocket *socket; /* borrowed: freed after cache_stop, hence after every job */
	/* guarded by the socket's lock */
	bool is_done;
	char *error; /* own; NULL: all went well */
} Job;

typedef struct Client {
	int fd;
	GString *input; /* own */
	Job *job;       /* own, or NULL */
	FsWatcher *watcher; /* own, or NULL */
	bool is_gone;
} Client;

struct FsSocket {
	/* set at start, then const */
	const Fs *fs;
	char *path; /* own */
	int listener;
	int wake; /* eventfd: a job is done, or the end */
	pthread_t thread;
	bool is_running;

	atomic_bool is_over;
	atomic_bool is_leaving;
	GPtrArray *clients; /* socket thread only */
	int watch_ms; /* socket thread only; until there are events, -1: there are none */
	pthread_mutex_t lock;
};

/* --- jobs ---------------------------------------------------------------- */

static void job_unref(Job *job)
{
	if (job == NULL || atomic_fetch_sub(&job->refs, 1) != 1)
		return;
	g_free(job->error);
	g_free(job);
}

static void wake(FsSocket *self)
{
	uint64_t one = 1;

	if (write(self->wake, &one, sizeof(one)) < 0)
		g_debug("eventfd: %s", g_strerror(errno));
}

/* On the sync thread, or at once on our own. */
static void job_done(void *user, const GError *error)
{
	Job *job = user;
	FsSocket *self = job->socket;

	pthread_mutex_lock(&self->lock);
	job->is_done = true;
	job->error = error != NULL ? g_strdup(error->message) : NULL;
	pthread_mutex_unlock(&self->lock);
	wake(self);
	job_unref(job);
}

/* --- talking ------------------------------------------------------------- */

/* A client that does not read is not waited for. */
static void send_line(Client *client, const char *line)
{
	size_t len = strlen(line);

	if (send(client->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
		client->is_gone = true;
}

static void send_outcome(FsSocket *self, Client *client, const char *error)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	fs_json_begin(json, NULL);
	fs_json_flag(json, "done", error == NULL);
	if (error != NULL)
		fs_json_text(json, "error", error);
	fs_json_number(json, "pid", getpid());
	fs_json_flag(json, "leaving", atomic_load(&self->is_leaving));
	fs_status_put_queue(json, self->fs);
	json_builder_end_object(json);
	g_autofree char *line = fs_json_to_text(json, false);
	send_line(client, line);
}

static void start_job(FsSocket *self, Client *client, JsonObject *request)
{
	Job *job = g_new0(Job, 1);

	atomic_init(&job->refs, 2);
	job->socket = self;
	client->job = job;
	fs_command_run(self->fs, request, job_done, job);
}

/* Until he hangs up; there is no outcome. */
static void start_watching(FsSocket *self, Client *client, JsonObject *request)
{
	client->watcher = fs_watcher_new(self->fs->watch,
		fs_json_get_text(request, "path", ""));
}

static bool is_watch(JsonObject *request)
{
	return g_str_equal(fs_json_get_text(request, "command", ""), "watch");
}

static void obey(FsSocket *self, Client *client, const char *line)
{
	g_autoptr(JsonObject) request = fs_json_parse(line);

	if (request == NULL)
		send_outcome(self, client, "that is no JSON object");
	else if (client->job != NULL || client->watcher != NULL)
		send_outcome(self, client, "one thing at a time");
	else if (is_watch(request))
		start_watching(self, client, request);
	else
		start_job(self, client, request);
}

/* --- clients ------------------------------------------------------------- */

static void client_free(void *user)
{
	Client *client = user;

	close(client->fd);
	g_string_free(client->input, TRUE);
	job_unref(client->job);
	fs_watcher_free(client->watcher);
	g_free(client);
}

static void read_client(FsSocket *self, Client *client)
{
	char data[4096];
	ssize_t got = recv(client->fd, data, sizeof(data), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || client->input->len + (size_t)got > LINE_MAX_BYTES) {
		client->is_gone = true;
		return;
	}
	g_string_append_len(client->input, data, got);
	for (char *end; (end = memchr(client->input->str, '\n', client->input->len)) != NULL;) {
		size_t len = (size_t)(end - client->input->str);
		g_autofree char *line = g_strndup(client->input->str, len);
		g_string_erase(client->input, 0, (gssize)len + 1);
		obey(self, client, line);
	}
}

/* Tells the outcome of a job that is done. */
static void look_at_job(FsSocket *self, Client *client)
{
	if (client->job == NULL)
		return;
	pthread_mutex_lock(&self->lock);
	bool is_done = client->job->is_done;
	pthread_mutex_unlock(&self->lock);
	if (!is_done)
		return;
	send_outcome(self, client, client->job->error);
	job_unref(client->job);
	client->job = NULL;
}

static void accept_client(FsSocket *self)
{
	int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (self->clients->len >= CLIENTS_MAX) {
		close(fd);
		return;
	}
	Client *client = g_new0(Client, 1);
	client->fd = fd;
	client->input = g_string_new(NULL);
	g_ptr_array_add(self->clients, client);
}

/* --- the thread ---------------------------------------------------------- */

static bool has_jobs(FsSocket *self)
{
	for (guint i = 0; i < self->clients->len; i++) {
		const Client *client = g_ptr_array_index(self->clients, i);
		if (client->job != NULL)
			return true;
	}
	return false;
}

static void tell_progress(FsSocket *self)
{
	g_autofree char *line = fs_status_progress(self->fs);

	for (guint i = 0; i < self->clients->len; i++) {
		Client *client = g_ptr_array_index(self->clients, i);
		if (client->job != NULL)
			send_line(client, line);
	}
}

static void drop_gone(FsSocket *self)
{
	for (guint i = self->clients->len; i > 0; i--) {
		const Client *client = g_ptr_array_index(self->clients, i - 1);
		if (client->is_gone)
			g_ptr_array_remove_index_fast(self->clients, i - 1);
	}
}

/* The shorter of the time to the next progress line and that to the next events. */
static int patience_ms(FsSocket *self)
{
	int progress_ms = has_jobs(self) ? PROGRESS_MS : -1;

	if (progress_ms < 0 || self->watch_ms < 0)
		return MAX(progress_ms, self->watch_ms);
	return MIN(progress_ms, self->watch_ms);
}

/* Waits for something to do; FALSE when nothing came in time. */
static bool wait_for_news(FsSocket *self, GArray *polls)
{
	struct pollfd fixed[FIXED] = {
		{.fd = self->listener, .events = POLLIN},
		{.fd = self->wake, .events = POLLIN},
		{.fd = fs_watch_fd(self->fs->watch), .events = POLLIN},
	};

	g_array_set_size(polls, 0);
	g_array_append_vals(polls, fixed, G_N_ELEMENTS(fixed));
	for (guint i = 0; i < self->clients->len; i++) {
		const Client *client = g_ptr_array_index(self->clients, i);
		struct pollfd entry = {.fd = client->fd, .events = POLLIN};
		if (client->watcher != NULL && fs_watcher_has_output(client->watcher))
			entry.events |= POLLOUT;
		g_array_append_val(polls, entry);
	}
	return poll((struct pollfd *)(void *)polls->data, polls->len,
		patience_ms(self)) != 0;
}

static void serve(FsSocket *self, const struct pollfd *polls, guint count)
{
	uint64_t drained;

	if (polls[1].revents != 0 && read(self->wake, &drained, sizeof(drained)) < 0)
		g_debug("eventfd: %s", g_strerror(errno));
	for (guint i = FIXED; i < count; i++) {
		if ((polls[i].revents & ~POLLOUT) != 0)
			read_client(self, g_ptr_array_index(self->clients, i - FIXED));
	}
	for (guint i = 0; i < self->clients->len; i++)
		look_at_job(self, g_ptr_array_index(self->clients, i));
	if (polls[0].revents != 0)
		accept_client(self);
	drop_gone(self);
}

static void serve_watchers(FsSocket *self)
{
	self->watch_ms = fs_watch_deliver(self->fs->watch);
	for (guint i = 0; i < self->clients->len; i++) {
		Client *client = g_ptr_array_index(self->clients, i);
		if (client->watcher != NULL && !fs_watcher_write(client->watcher, client->fd))
			client->is_gone = true;
	}
}

static void *run(void *user)
{
	FsSocket *self = user;
	g_autoptr(GArray) polls = g_array_new(FALSE, FALSE, sizeof(struct pollfd));

	while (!atomic_load(&self->is_over)) {
		if (wait_for_news(self, polls))
			serve(self, (const struct pollfd *)(const void *)polls->data, polls->len);
		else
			tell_progress(self);
		serve_watchers(self);
		drop_gone(self);
	}
	g_ptr_array_set_size(self->clients, 0);
	return NULL;
}

/* --- life ---------------------------------------------------------------- */

FsSocket *fs_socket_new(const Fs *fs, const char *directory, GError **error)
{
	g_autofree char *path = g_build_filename(directory, FS_SOCKET_NAME, NULL);
	int listener = fs_address_listen(path);
	int wake_fd = listener >= 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;

	if (wake_fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "socket %s", path));
		if (listener >= 0)
			close(listener);
		return NULL;
	}
	FsSocket *self = g_new0(FsSocket, 1);
	self->fs = fs;
	self->path = g_steal_pointer(&path);
	self->listener = listener;
	self->wake = wake_fd;
	self->watch_ms = -1;
	self->clients = g_ptr_array_new_with_free_func(client_free);
	atomic_init(&self->is_over, false);
	atomic_init(&self->is_leaving, false);
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

const char *fs_socket_path(FsSocket *self)
{
	return self->path;
}

void fs_socket_start(FsSocket *self)
{
	self->is_running = pthread_create(&self->thread, NULL, run, self) == 0;
}

void fs_socket_leave(FsSocket *self)
{
	atomic_store(&self->is_leaving, true);
}

void fs_socket_stop(FsSocket *self)
{
	if (self->is_running) {
		atomic_store(&self->is_over, true);
		wake(self);
		pthread_join(self->thread, NULL);
		self->is_running = false;
	}
	unlink(self->path);
}

void fs_socket_free(FsSocket *self)
{
	if (self == NULL)
		return;
	close(self->listener);
	close(self->wake);
	g_ptr_array_unref(self->clients);
	pthread_mutex_destroy(&self->lock);
	g_free(self->path);
	g_free(self);
}
