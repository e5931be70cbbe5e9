/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ctl/target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/json.h"
#include "fs/mountinfo.h"

#define GRACE_S 10 /* beyond the time the daemon was given, before it is given up */

void ctl_target_clear(CtlTarget *self)
{
	g_free(self->mountpoint);
	g_free(self->below);
}

/* --- which mount --------------------------------------------------------- */

static char *real_path(const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = g_strdup(real);

	free(real);
	return copy;
}

char *ctl_target_absolute(const char *path)
{
	g_autofree char *plain = g_canonicalize_filename(path, NULL);
	g_autofree char *above = g_path_get_dirname(plain);
	g_autofree char *name = g_path_get_basename(plain);
	char *real = real_path(path);

	if (real != NULL)
		return real;
	g_autofree char *parent = real_path(above);
	return parent != NULL ? g_build_filename(parent, name, NULL) : g_steal_pointer(&plain);
}

/* When no path was given and we stand in no mailbox: the one that is mounted, if it is one. */
static CtlExit find_only(GPtrArray *mounts, CtlTarget *ret_target)
{
	const FsMountEntry *only = NULL;
	guint count = 0;

	for (guint i = 0; i < mounts->len; i++) {
		const FsMountEntry *entry = g_ptr_array_index(mounts, i);
		if (!fs_mountinfo_is_ours(entry))
			continue;
		only = entry;
		count++;
	}
	if (count == 0)
		return ctl_say(CTL_EXIT_NO_MOUNT, "no mailbox is mounted");
	if (count > 1)
		return ctl_say(CTL_EXIT_USAGE,
			"%u mailboxes are mounted: say which, by a path in it", count);
	ret_target->mountpoint = g_strdup(only->path);
	ret_target->below = g_strdup("");
	return CTL_EXIT_DONE;
}

CtlExit ctl_target_find(const char *path, CtlTarget *ret_target)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) mounts = fs_mountinfo_read(&error);
	g_autofree char *place = ctl_target_absolute(path != NULL ? path : ".");

	if (mounts == NULL)
		return ctl_say(CTL_EXIT_NO_MOUNT, "%s", error->message);
	const FsMountEntry *entry = fs_mountinfo_above(mounts, place);
	if (fs_mountinfo_is_ours(entry)) {
		ret_target->mountpoint = g_strdup(entry->path);
		ret_target->below = g_strdup(fs_mountinfo_below(entry->path, place));
		return CTL_EXIT_DONE;
	}
	if (path == NULL)
		return find_only(mounts, ret_target);
	return ctl_say(CTL_EXIT_NO_MOUNT, "%s is not in a mounted mailbox", path);
}

CtlExit ctl_target_choose(const char *mount, CtlTarget *ret_target)
{
	const char *usual = g_getenv("EWSFS_MOUNT");

	if (mount == NULL && usual != NULL && *usual != '\0')
		mount = usual;
	return ctl_target_find(mount, ret_target);
}

CtlExit ctl_target_meant(const CtlArguments *arguments, CtlTarget *ret_target)
{
	return arguments->operands[0] != NULL
		? ctl_target_find(arguments->operands[0], ret_target)
		: ctl_target_choose(arguments->mount, ret_target);
}

/* --- asking it ----------------------------------------------------------- */

CtlExit ctl_target_read(const CtlTarget *self, const char *name, char **ret_text)
{
	g_autofree char *path = g_build_filename(self->mountpoint, ".ewsfs", name, NULL);
	g_autoptr(GError) error = NULL;

	if (g_file_get_contents(path, ret_text, NULL, &error))
		return CTL_EXIT_DONE;
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
		return ctl_say(CTL_EXIT_NO_MOUNT, "the mount at %s belongs to somebody else",
			self->mountpoint);
	return ctl_say(CTL_EXIT_NO_MOUNT,
		"the mount at %s is dead (%s): unmount it with \"fusermount3 -uz %s\"",
		self->mountpoint, error->message, self->mountpoint);
}

CtlExit ctl_target_read_json(const CtlTarget *self, const char *name, JsonObject **ret_object)
{
	g_autofree char *text = NULL;
	CtlExit status = ctl_target_read(self, name, &text);

	if (status != CTL_EXIT_DONE)
		return status;
	JsonObject *object = fs_json_parse(text);
	if (object == NULL)
		return ctl_say(CTL_EXIT_NO_MOUNT, "%s/.ewsfs/%s makes no sense", self->mountpoint,
			name);
	*ret_object = object;
	return CTL_EXIT_DONE;
}

CtlExit ctl_target_talk(const CtlTarget *self, FsTalk **ret_talk)
{
	g_autoptr(JsonObject) state = NULL;
	g_autoptr(GError) error = NULL;
	CtlExit status = ctl_target_read_json(self, "status.json", &state);

	if (status != CTL_EXIT_DONE)
		return status;
	const char *path = fs_json_get_text(state, "socket", NULL);
	if (path == NULL)
		return ctl_say(CTL_EXIT_NO_MOUNT, "the mount at %s has no socket",
			self->mountpoint);
	*ret_talk = fs_talk_new(path, &error);
	if (*ret_talk == NULL)
		return ctl_say(CTL_EXIT_NO_MOUNT, "%s", error->message);
	return CTL_EXIT_DONE;
}

CtlExit ctl_talk_ask(FsTalk *talk, const CtlAsk *ask, JsonObject **ret_answer)
{
	int64_t deadline_us = ask->seconds >= 0
		? g_get_monotonic_time() + (ask->seconds + GRACE_S) * G_USEC_PER_SEC : INT64_MAX;
	g_autoptr(GError) error = NULL;

	if (!fs_talk_say(talk, ask->command, &error))
		return ctl_say(CTL_EXIT_NO_MOUNT, "%s", error->message);
	JsonObject *answer = fs_talk_hear(talk, deadline_us, ask->progress, NULL, &error);
	ctl_show(NULL);
	if (answer == NULL)
		return ctl_say(CTL_EXIT_NOT_DONE, "%s", error->message);
	*ret_answer = answer;
	return CTL_EXIT_DONE;
}

JsonBuilder *ctl_command_new(const char *name)
{
	JsonBuilder *command = json_builder_new();

	fs_json_begin(command, NULL);
	fs_json_text(command, "command", name);
	return command;
}

/* --- what is left -------------------------------------------------------- */

static void add_count(GString *text, JsonObject *queue, const char *name, const char *what)
{
	int64_t count = fs_json_get_number(queue, name, 0);

	if (count > 0)
		g_string_append_printf(text, "%s%" G_GINT64_FORMAT " %s",
			text->len > 0 ? ", " : "", count, what);
}

char *ctl_left(JsonObject *answer)
{
	JsonObject *queue = fs_json_get_object(answer, "queue");
	g_autoptr(GString) text = g_string_new(NULL);

	if (queue == NULL)
		return NULL;
	add_count(text, queue, "waiting", "to be sent");
	add_count(text, queue, "held", "held");
	add_count(text, queue, "failed", "failed");
	return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
