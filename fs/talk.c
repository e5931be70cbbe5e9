/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/address.h"
#include "fs/json.h"

#define LINE_MAX_BYTES (1 << 20)
#define POLL_MAX_MS (60 * 1000)

struct FsTalk {
	int fd;
	GString *input; /* own */
};

FsTalk *fs_talk_new(const char *path, GError **error)
{
	int fd = fs_address_connect(path);

	if (fd < 0) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST, "%s: %s", path,
			g_strerror(errno));
		return NULL;
	}
	FsTalk *self = g_new0(FsTalk, 1);
	self->fd = fd;
	self->input = g_string_new(NULL);
	return self;
}

void fs_talk_free(FsTalk *self)
{
	if (self == NULL)
		return;
	close(self->fd);
	g_string_free(self->input, TRUE);
	g_free(self);
}

bool fs_talk_say(FsTalk *self, JsonBuilder *command, GError **error)
{
	g_autofree char *line = fs_json_to_text(command, false);
	size_t len = strlen(line);

	if (send(self->fd, line, len, MSG_NOSIGNAL) == (ssize_t)len)
		return true;
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PIPE, "the mount does not listen: %s",
		g_strerror(errno));
	return false;
}

/* --- hearing ------------------------------------------------------------- */

/* More input. 0 and an errno: EPIPE at the end, EAGAIN at the deadline. */
static int receive(FsTalk *self, int64_t deadline_us)
{
	struct pollfd entry = {.fd = self->fd, .events = POLLIN};
	char data[4096];

	for (;;) {
		int64_t left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
		if (left_ms <= 0)
			return EAGAIN;
		if (poll(&entry, 1, (int)MIN(left_ms, POLL_MAX_MS)) <= 0)
			continue;
		ssize_t got = recv(self->fd, data, sizeof(data), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || self->input->len > LINE_MAX_BYTES)
			return EPIPE;
		g_string_append_len(self->input, data, got);
		return 0;
	}
}

/* The next whole line that is in, or NULL. */
static char *next_line(FsTalk *self)
{
	const char *end = memchr(self->input->str, '\n', self->input->len);

	if (end == NULL)
		return NULL;
	size_t len = (size_t)(end - self->input->str);
	char *line = g_strndup(self->input->str, len);
	g_string_erase(self->input, 0, (gssize)len + 1);
	return line;
}

static char *hear_line(FsTalk *self, int64_t deadline_us, GError **error)
{
	char *line;

	while ((line = next_line(self)) == NULL) {
		int problem = receive(self, deadline_us);
		if (problem == EAGAIN)
			g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
				"the mount does not answer");
		else if (problem != 0)
			g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PIPE,
				"the mount ended meanwhile");
		if (problem != 0)
			return NULL;
	}
	return line;
}

JsonObject *fs_talk_hear(FsTalk *self, int64_t deadline_us, FsTalkProgress progress, void *user,
	GError **error)
{
	for (;;) {
		g_autofree char *line = hear_line(self, deadline_us, error);
		if (line == NULL)
			return NULL;
		g_autoptr(JsonObject) object = fs_json_parse(line);
		if (object == NULL) {
			g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
				"the mount speaks another language: \"%s\"", line);
			return NULL;
		}
		if (!json_object_has_member(object, "progress"))
			return g_steal_pointer(&object);
		JsonObject *state = fs_json_get_object(object, "progress");
		if (progress != NULL && state != NULL)
			progress(state, user);
	}
}

bool fs_talk_await_end(FsTalk *self, int64_t deadline_us)
{
	int problem;

	while ((problem = receive(self, deadline_us)) == 0)
		g_string_truncate(self->input, 0);
	return problem == EPIPE;
}
