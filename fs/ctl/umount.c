/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fs/ctl/ctl.h"
#include "fs/ctl/flush.h"
#include "fs/ctl/target.h"
#include "fs/json.h"
#include "fs/mountinfo.h"
#include "fs/words.h"

/*
 * Unmounting, when and only when all is on the server.
 *
 * umount and fusermount3 can neither wait nor fail for what is not sent (the daemon sends it
 * behind them), so this asks the daemon first. It is also umount.fuse.ewsfs, which umount(8) runs
 * for mounts of our type: therefore it never runs umount(8) without -i, which would run it again.
 */

#define END_S 15 /* for the daemon to end after the unmount */
#define NAMED_MAX 10

/* Of umount(8). */
enum {
	UMOUNT_DONE = 0,
	UMOUNT_USAGE = 1,
	UMOUNT_FAILED = 32,
};

typedef struct Unmount {
	CtlTarget target;
	FsTalk *talk;    /* own; NULL when the daemon cannot be asked */
	int64_t seconds; /* -1: flush_timeout= */
	bool is_forced;
	bool is_lazy; /* at once, without asking */
	bool is_left; /* something was left, and is known to be */
} Unmount;

/* --- what is there ------------------------------------------------------- */

static CtlExit find_mountpoint(const char *path, CtlTarget *ret_target)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) mounts = fs_mountinfo_read(&error);
	g_autofree char *place = ctl_target_absolute(path);

	if (mounts == NULL)
		return ctl_say(CTL_EXIT_NO_MOUNT, "%s", error->message);
	if (!fs_mountinfo_is_ours(fs_mountinfo_at(mounts, place)))
		return ctl_say(CTL_EXIT_NO_MOUNT, "no mailbox is mounted at %s", path);
	ret_target->mountpoint = g_steal_pointer(&place);
	ret_target->below = g_strdup("");
	return CTL_EXIT_DONE;
}

/* Whether there is a daemon that we may ask. A dead one sends nothing any more, and one of
 * somebody else's says nothing: both are unmounted as any mount is. */
static bool can_ask(const CtlTarget *target)
{
	g_autofree char *path = g_build_filename(target->mountpoint, ".ewsfs", "status.json", NULL);
	struct statvfs space;

	if (statvfs(target->mountpoint, &space) < 0 && (errno == ENOTCONN || errno == ECONNABORTED))
		return false;
	return access(path, R_OK) == 0;
}

/* --- asking first -------------------------------------------------------- */

static void name_scratch(const CtlTarget *target)
{
	g_autoptr(JsonObject) file = NULL;
	unsigned count = 0;

	if (ctl_target_read_json(target, "queue.json", &file) != CTL_EXIT_DONE)
		return;
	JsonNode *node = json_object_get_member(file, "queue");
	JsonArray *queue = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node)
		: NULL;
	for (guint i = 0; queue != NULL && i < json_array_get_length(queue); i++) {
		JsonObject *entry = json_array_get_object_element(queue, i);
		if (!g_str_equal(fs_json_get_text(entry, "state", ""), "scratch"))
			continue;
		g_autofree char *path = fs_words_line(fs_json_get_text(entry, "path", "?"));
		if (count++ < NAMED_MAX)
			ctl_say(CTL_EXIT_DONE, "kept here, not on the server: %s", path);
	}
	if (count > NAMED_MAX)
		ctl_say(CTL_EXIT_DONE, "... and %u more", count - NAMED_MAX);
}

/* Sends what waits; says what is left. */
static CtlExit send_first(Unmount *self)
{
	g_autoptr(JsonObject) state = NULL;
	g_autoptr(JsonObject) answer = NULL;
	CtlExit status = ctl_target_read_json(&self->target, "status.json", &state);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_talk(&self->target, &self->talk);
	/* A read-only mount sends nothing, and what an earlier one left keeps it from nothing. */
	if (status != CTL_EXIT_DONE || !fs_json_get_flag(state, "writable"))
		return status;
	status = ctl_flush(self->talk, self->seconds, &answer);
	if (status != CTL_EXIT_DONE)
		return status;
	g_autofree char *left = ctl_left(answer);
	const char *reason = fs_json_get_text(answer, "error", NULL);
	self->is_left = left != NULL;
	if (!self->is_left || self->is_forced)
		name_scratch(&self->target);
	if (!self->is_left)
		return CTL_EXIT_DONE;
	if (self->is_forced)
		return ctl_say(CTL_EXIT_DONE, "unmounted with changes left: %s; kept here, the "
			"next mount goes on with them", left);
	return ctl_say(CTL_EXIT_NOT_DONE, "%s is still mounted, since not all is on the server: "
		"%s%s%s; see \"ewsfsctl queue\"; -f unmounts all the same and keeps them here",
		self->target.mountpoint, left, reason != NULL ? "; " : "",
		reason != NULL ? reason : "");
}

/* --- and then ------------------------------------------------------------ */

/* umount and fusermount3 say themselves what is wrong. */
static CtlExit take_away(const Unmount *self)
{
	const char *path = self->target.mountpoint;
	const char *as_root[] = {"umount", "-i", self->is_lazy ? "-l" : path,
		self->is_lazy ? path : NULL, NULL};
	const char *as_user[] = {"fusermount3", "-u", self->is_lazy ? "-z" : "--",
		self->is_lazy ? "--" : path, self->is_lazy ? path : NULL, NULL};
	const char **words = geteuid() == 0 ? as_root : as_user;
	g_autoptr(GError) error = NULL;
	int status = -1;

	/* Not from inside: that would keep it busy. */
	if (chdir("/") < 0)
		return ctl_say(CTL_EXIT_NOT_DONE, "/: %s", g_strerror(errno));
	if (!g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
		&status, &error))
		return ctl_say(CTL_EXIT_NOT_DONE, "%s", error->message);
	return g_spawn_check_wait_status(status, NULL) ? CTL_EXIT_DONE : CTL_EXIT_NOT_DONE;
}

/* So that who mounts again next need not wait, and a machine may go down. */
static void await_end(const Unmount *self)
{
	if (self->talk == NULL || self->is_left || self->is_lazy)
		return;
	if (!fs_talk_await_end(self->talk, g_get_monotonic_time() + END_S * G_USEC_PER_SEC))
		ctl_say(CTL_EXIT_DONE, "unmounted, but ewsfs has not ended yet");
}

static CtlExit unmount(Unmount *self, const char *path)
{
	CtlExit status = find_mountpoint(path, &self->target);

	if (status == CTL_EXIT_DONE && !self->is_lazy && can_ask(&self->target))
		status = send_first(self);
	if (status == CTL_EXIT_DONE)
		status = take_away(self);
	if (status == CTL_EXIT_DONE)
		await_end(self);
	fs_talk_free(self->talk);
	ctl_target_clear(&self->target);
	return status;
}

CtlExit ctl_do_umount(const CtlArguments *arguments)
{
	Unmount self = {.seconds = arguments->seconds, .is_forced = arguments->is_forced};

	if (arguments->operands[0] == NULL)
		return ctl_say(CTL_EXIT_USAGE, "umount: which directory?");
	return unmount(&self, arguments->operands[0]);
}

/* --- for umount(8) ------------------------------------------------------- */

static bool enter_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_in = fd >= 0 && setns(fd, CLONE_NEWNS) == 0;

	if (!is_in)
		ctl_say(CTL_EXIT_USAGE, "-N %s: %s", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return is_in;
}

/* umount.fuse.ewsfs DIR [-fnlrv] [-N NAMESPACE] [-t TYPE] */
int ctl_umount_helper(int argc, char **argv)
{
	Unmount self = {.seconds = -1};
	int letter;

	while ((letter = getopt(argc, argv, "flnrvN:t:")) != -1) {
		switch (letter) {
		case 'f':
			self.is_forced = true;
			break;
		case 'l':
			self.is_lazy = true;
			break;
		case 'N':
			if (!enter_namespace(optarg))
				return UMOUNT_FAILED;
			break;
		case 'n':
		case 'r':
		case 'v':
		case 't':
			break;
		default:
			return UMOUNT_USAGE;
		}
	}
	if (argc - optind != 1) {
		ctl_say(CTL_EXIT_USAGE, "usage: %s DIRECTORY [-fl]", argv[0]);
		return UMOUNT_USAGE;
	}
	return unmount(&self, argv[optind]) == CTL_EXIT_DONE ? UMOUNT_DONE : UMOUNT_FAILED;
}
