/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/address.h"
#include "fs/mountinfo.h"

/*
 * ewsfsctl: asks and steers a mounted ewsfs. Finds the mount in the mount table, reads its
 * `.ewsfs/` and talks to its socket; knows no FUSE, no cache and no server.
 */

typedef enum Exit {
	EXIT_DONE = 0,
	EXIT_NOT_DONE = 1, /* something is not as new as the call */
	EXIT_USAGE = 2,
	EXIT_NO_MOUNT = 3, /* no ewsfs there, or none that answers */
} Exit;

#define GRACE_S 10 /* beyond the time the daemon was given, before it is given up */
#define LINE_MAX_BYTES (1 << 20)

typedef struct Arguments {
	const char *path; /* or NULL */
	bool is_json;
	bool is_waiting;
	bool is_fetching;
	int64_t seconds;
} Arguments;

/* Where the mount is, and what of the path lies below it. */
typedef struct Target {
	char *mountpoint; /* own */
	char *below;      /* own */
} Target;

static const char usage[] =
	"Usage: ewsfsctl status [--json] [PATH]\n"
	"       ewsfsctl sync --wait[=SECONDS] [--fetch] [PATH]\n"
	"\n"
	"PATH is the mount point or anything below it; without it, the current directory.\n"
	"\n"
	"  status   what the mount is doing; --json for programs\n"
	"  sync     bring all below PATH up to date with the server, and with --fetch every\n"
	"           message's bytes too; exit status 0 when, and only when, all of it is done\n";

G_GNUC_PRINTF(2, 3)
static Exit say(Exit status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	fprintf(stderr, "ewsfsctl: %s\n", text);
	return status;
}

/* --- the mount ----------------------------------------------------------- */

static void target_clear(Target *self)
{
	g_free(self->mountpoint);
	g_free(self->below);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

/* Without links where that can be found out; of a dead mount it cannot. */
static char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	if (real == NULL)
		return g_canonicalize_filename(path, NULL);
	char *copy = g_strdup(real);
	free(real);
	return copy;
}

/* When no path was given and we stand in no mailbox: the one that is mounted, if it is one. */
static Exit find_only(GPtrArray *mounts, Target *ret_target)
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
		return say(EXIT_NO_MOUNT, "no mailbox is mounted");
	if (count > 1)
		return say(EXIT_USAGE, "%u mailboxes are mounted: say which, by a path in it",
			count);
	ret_target->mountpoint = g_strdup(only->path);
	ret_target->below = g_strdup("");
	return EXIT_DONE;
}

static Exit find_mount(const char *path, Target *ret_target)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) mounts = fs_mountinfo_read(&error);
	g_autofree char *place = absolute(path != NULL ? path : ".");

	if (mounts == NULL)
		return say(EXIT_NO_MOUNT, "%s", error->message);
	const FsMountEntry *entry = fs_mountinfo_above(mounts, place);
	if (fs_mountinfo_is_ours(entry)) {
		ret_target->mountpoint = g_strdup(entry->path);
		ret_target->below = g_strdup(fs_mountinfo_below(entry->path, place));
		return EXIT_DONE;
	}
	if (path == NULL)
		return find_only(mounts, ret_target);
	return say(EXIT_NO_MOUNT, "%s is not in a mounted mailbox", path);
}

/* --- status -------------------------------------------------------------- */

static Exit read_control_file(const Target *target, const char *name, char **ret_text)
{
	g_autofree char *path = g_build_filename(target->mountpoint, ".ewsfs", name, NULL);
	g_autoptr(GError) error = NULL;

	if (g_file_get_contents(path, ret_text, NULL, &error))
		return EXIT_DONE;
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
		return say(EXIT_NO_MOUNT, "the mount at %s belongs to somebody else",
			target->mountpoint);
	return say(EXIT_NO_MOUNT, "the mount at %s is dead (%s): unmount it with "
		"\"fusermount3 -uz %s\"", target->mountpoint, error->message, target->mountpoint);
}

static Exit do_status(const Arguments *arguments)
{
	g_auto(Target) target = {0};
	g_autofree char *text = NULL;
	Exit status = find_mount(arguments->path, &target);

	if (status == EXIT_DONE)
		status = read_control_file(&target, arguments->is_json ? "status.json" : "status",
			&text);
	if (status == EXIT_DONE && (fputs(text, stdout) < 0 || fflush(stdout) != 0))
		status = say(EXIT_NOT_DONE, "%s", g_strerror(errno));
	return status;
}

/* --- sync ---------------------------------------------------------------- */

/* A member of an object in a line that may hold anything. */
static JsonObject *parse_object(JsonParser *parser, const char *line)
{
	if (!json_parser_load_from_data(parser, line, -1, NULL))
		return NULL;
	JsonNode *root = json_parser_get_root(parser);
	return root != NULL && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

static Exit connect_to(const Target *target, int *ret_fd)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	g_autofree char *text = NULL;
	Exit status = read_control_file(target, "status.json", &text);

	if (status != EXIT_DONE)
		return status;
	JsonObject *object = parse_object(parser, text);
	const char *path = object != NULL
		? json_object_get_string_member_with_default(object, "socket", NULL) : NULL;
	if (path == NULL)
		return say(EXIT_NO_MOUNT, "the mount at %s has no socket", target->mountpoint);
	*ret_fd = fs_address_connect(path);
	if (*ret_fd < 0)
		return say(EXIT_NO_MOUNT, "%s: %s", path, g_strerror(errno));
	return EXIT_DONE;
}

static bool send_request(int fd, const Target *target, const Arguments *arguments)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_object(json);
	json_builder_set_member_name(json, "command");
	json_builder_add_string_value(json, "sync");
	json_builder_set_member_name(json, "path");
	json_builder_add_string_value(json, target->below);
	json_builder_set_member_name(json, "fetch");
	json_builder_add_boolean_value(json, arguments->is_fetching);
	json_builder_set_member_name(json, "seconds");
	json_builder_add_int_value(json, arguments->seconds);
	json_builder_end_object(json);
	g_autoptr(JsonNode) root = json_builder_get_root(json);
	g_autofree char *text = json_to_string(root, FALSE);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	size_t len = strlen(line);
	return send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void show_progress(JsonObject *progress)
{
	int64_t here = json_object_get_int_member_with_default(progress, "items_here", 0);
	int64_t items = json_object_get_int_member_with_default(progress, "items", 0);
	int64_t done = json_object_get_int_member_with_default(progress, "folders_listed", 0);
	int64_t folders = json_object_get_int_member_with_default(progress, "folders", 0);
	int64_t left = json_object_get_int_member_with_default(progress, "seconds_left", -1);
	const char *server = json_object_get_string_member_with_default(progress, "server", NULL);

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr,
		"\r\033[K%s: folders %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT
		", messages here %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
		server != NULL ? server : "?", done, folders, here, items);
	if (left >= 0)
		fprintf(stderr, ", %" G_GINT64_FORMAT " s left", left);
	fflush(stderr);
}

/* One line of the daemon's. TRUE when it was the last. */
static bool take_line(const char *line, Exit *ret_status)
{
	g_autoptr(JsonParser) parser = json_parser_new();
	JsonObject *object = parse_object(parser, line);

	if (object == NULL) {
		*ret_status = say(EXIT_NOT_DONE, "the mount speaks another language: \"%s\"", line);
		return true;
	}
	if (json_object_has_member(object, "progress")) {
		JsonNode *node = json_object_get_member(object, "progress");
		if (JSON_NODE_HOLDS_OBJECT(node))
			show_progress(json_node_get_object(node));
		return false;
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (json_object_get_boolean_member_with_default(object, "done", FALSE))
		*ret_status = EXIT_DONE;
	else
		*ret_status = say(EXIT_NOT_DONE, "not all is up to date: %s",
			json_object_get_string_member_with_default(object, "error",
				"no reason given"));
	return true;
}

/* All whole lines that are in. */
static bool take_lines(GString *input, Exit *ret_status)
{
	for (char *end; (end = memchr(input->str, '\n', input->len)) != NULL;) {
		size_t len = (size_t)(end - input->str);
		g_autofree char *line = g_strndup(input->str, len);
		g_string_erase(input, 0, (gssize)len + 1);
		if (take_line(line, ret_status))
			return true;
	}
	return false;
}

static Exit wait_for_outcome(int fd, int64_t seconds)
{
	g_autoptr(GString) input = g_string_new(NULL);
	int64_t deadline_us = seconds > 0
		? g_get_monotonic_time() + (seconds + GRACE_S) * G_USEC_PER_SEC : INT64_MAX;
	char data[4096];
	Exit status = EXIT_NOT_DONE;

	while (!take_lines(input, &status)) {
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		int64_t left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
		if (left_ms <= 0)
			return say(EXIT_NOT_DONE, "the mount does not answer");
		if (poll(&entry, 1, (int)MIN(left_ms, 60 * 1000)) <= 0)
			continue;
		ssize_t got = recv(fd, data, sizeof(data), 0);
		if (got <= 0 || input->len > LINE_MAX_BYTES)
			return say(EXIT_NOT_DONE, "the mount ended meanwhile");
		g_string_append_len(input, data, got);
	}
	return status;
}

static Exit do_sync(const Arguments *arguments)
{
	g_auto(Target) target = {0};
	int fd = -1;

	if (!arguments->is_waiting)
		return say(EXIT_USAGE, "sync needs --wait[=SECONDS]");
	Exit status = find_mount(arguments->path, &target);
	if (status == EXIT_DONE)
		status = connect_to(&target, &fd);
	if (status != EXIT_DONE)
		return status;
	if (send_request(fd, &target, arguments))
		status = wait_for_outcome(fd, arguments->seconds);
	else
		status = say(EXIT_NO_MOUNT, "the mount does not listen: %s", g_strerror(errno));
	close(fd);
	return status;
}

/* --- the command line ---------------------------------------------------- */

typedef struct Command {
	const char *name;
	Exit (*run)(const Arguments *arguments);
	const struct option *options;
} Command;

static const struct option status_options[] = {
	{"json", no_argument, NULL, 'j'},
	{0},
};

static const struct option sync_options[] = {
	{"wait", optional_argument, NULL, 'w'},
	{"fetch", no_argument, NULL, 'f'},
	{0},
};

static const Command commands[] = {
	{"status", do_status, status_options},
	{"sync", do_sync, sync_options},
};

static bool take_switch(Arguments *arguments, int letter)
{
	guint64 seconds = 0;

	switch (letter) {
	case 'j':
		arguments->is_json = true;
		return true;
	case 'f':
		arguments->is_fetching = true;
		return true;
	case 'w':
		arguments->is_waiting = true;
		if (optarg != NULL &&
			!g_ascii_string_to_unsigned(optarg, 10, 1, G_MAXINT, &seconds, NULL))
			return false;
		arguments->seconds = (int64_t)seconds;
		return true;
	default:
		return false;
	}
}

/* argv[0] is the command. */
static Exit run_command(const Command *command, int argc, char **argv)
{
	Arguments arguments = {0};
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", command->options, NULL)) != -1) {
		if (!take_switch(&arguments, letter)) {
			fputs(usage, stderr);
			return say(EXIT_USAGE, "%s: \"%s\" is not understood", command->name,
				argv[optind - 1]);
		}
	}
	if (argc - optind > 1)
		return say(EXIT_USAGE, "%s: one PATH at most", command->name);
	arguments.path = argv[optind];
	return command->run(&arguments);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (g_str_equal(name, "-h") || g_str_equal(name, "--help")) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (g_str_equal(name, "-V") || g_str_equal(name, "--version")) {
		puts("ewsfsctl " EWSFS_VERSION);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (g_str_equal(commands[i].name, name))
			return (int)run_command(&commands[i], argc - 1, argv + 1);
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
