/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/previous.h"

#include <stdio.h>

#include "ews/error.h"
#include "fs/json.h"
#include "fs/socket.h"
#include "fs/talk.h"
#include "fs/words.h"

#define PAUSE_US (G_USEC_PER_SEC / 10)
#define ANSWER_US (2 * G_USEC_PER_SEC)
/* One that does not answer either begins (and will answer soon) or has closed its socket and ends
 * in a moment. */
#define SILENCE_US (5 * G_USEC_PER_SEC)

struct FsPrevious {
	char *socket; /* own */
	int64_t silent_until_us;
	int64_t deadline_us;
	unsigned patience_s;
	bool has_said;
};

/* What the other says of itself. */
typedef struct Other {
	bool has_answered;
	bool is_leaving;
	int64_t pid;
	int64_t waiting;
} Other;

FsPrevious *fs_previous_new(const char *state_dir, unsigned patience_s)
{
	FsPrevious *self = g_new0(FsPrevious, 1);

	self->socket = g_build_filename(state_dir, FS_SOCKET_NAME, NULL);
	self->silent_until_us = g_get_monotonic_time() + SILENCE_US;
	self->deadline_us = g_get_monotonic_time() + patience_s * (int64_t)G_USEC_PER_SEC;
	self->patience_s = patience_s;
	return self;
}

void fs_previous_free(FsPrevious *self)
{
	if (self == NULL)
		return;
	g_free(self->socket);
	g_free(self);
}

static Other ask(const FsPrevious *self)
{
	g_autoptr(FsTalk) talk = fs_talk_new(self->socket, NULL);
	g_autoptr(JsonBuilder) command = json_builder_new();

	fs_json_begin(command, NULL);
	fs_json_text(command, "command", "status");
	json_builder_end_object(command);
	if (talk == NULL || !fs_talk_say(talk, command, NULL))
		return (Other){0};
	g_autoptr(JsonObject) answer = fs_talk_hear(talk, g_get_monotonic_time() + ANSWER_US, NULL,
		NULL, NULL);
	if (answer == NULL)
		return (Other){0};
	JsonObject *queue = fs_json_get_object(answer, "queue");
	return (Other){
		.has_answered = true,
		.is_leaving = fs_json_get_flag(answer, "leaving"),
		.pid = fs_json_get_number(answer, "pid", 0),
		.waiting = queue != NULL ? fs_json_get_number(queue, "waiting", 0) : 0,
	};
}

/* Also in the background the terminal is still there: who mounts should know why it takes. */
static void say_once(FsPrevious *self, const Other *other)
{
	g_autofree char *changes =
		fs_words_count((uint64_t)other->waiting, "change", "changes");

	if (self->has_said || other->waiting == 0)
		return;
	self->has_said = true;
	fprintf(stderr, "ewsfs: waiting for the previous ewsfs (process %d) to finish sending %s\n",
		(int)other->pid, changes);
}

bool fs_previous_wait(FsPrevious *self, const GError *busy, GError **error)
{
	int64_t now_us = g_get_monotonic_time();
	const Other other = ask(self);

	if (other.is_leaving && now_us >= self->deadline_us) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_BUSY,
			"the previous ewsfs (process %d) is still sending after %u s; try again "
			"later, or end it with \"kill %d\": what it has not sent is kept, and the "
			"next mount sends it", (int)other.pid, self->patience_s, (int)other.pid);
		return false;
	}
	/* One that is mounted stays; one that says nothing is given a moment. */
	bool may_end = other.has_answered ? other.is_leaving : now_us < self->silent_until_us;
	if (!may_end) {
		g_propagate_error(error, g_error_copy(busy));
		return false;
	}
	if (other.has_answered)
		self->silent_until_us = now_us + SILENCE_US;
	say_once(self, &other);
	g_usleep(PAUSE_US);
	return true;
}
