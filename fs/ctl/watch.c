/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/ctl/ctl.h"
#include "fs/ctl/target.h"
#include "fs/json.h"
#include "fs/words.h"

/* watch: what others change, a line each, as it is seen. */

static void print_words(JsonObject *event)
{
	const char *path = fs_json_get_text(event, "path", NULL);
	const char *old_path = fs_json_get_text(event, "old_path", NULL);
	g_autofree char *name = path != NULL ? fs_words_line(path) : NULL;
	g_autofree char *old = old_path != NULL ? fs_words_line(old_path) : NULL;

	fputs(fs_json_get_text(event, "event", "?"), stdout);
	if (old != NULL)
		printf(" %s ->", old);
	if (name != NULL)
		printf(" %s", name);
	putchar('\n');
}

static void print_json(JsonObject *event)
{
	g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), event);
	g_autofree char *line = json_to_string(node, FALSE);

	puts(line);
}

/* Whoever reads wants each line when it comes; when nobody does, there is nothing left to do. */
static void show(JsonObject *event, void *user)
{
	const CtlArguments *arguments = user;

	if (arguments->is_json)
		print_json(event);
	else
		print_words(event);
	if (fflush(stdout) != 0)
		exit(ctl_say(CTL_EXIT_NOT_DONE, "%s", g_strerror(errno)));
}

CtlExit ctl_do_watch(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autoptr(FsTalk) talk = NULL;
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(GError) error = NULL;
	CtlExit status = ctl_target_meant(arguments, &target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_talk(&target, &talk);
	if (status != CTL_EXIT_DONE)
		return status;
	g_autoptr(JsonBuilder) command = ctl_command_new("watch");
	fs_json_text(command, "path", target.below);
	json_builder_end_object(command);
	if (fs_talk_say(talk, command, &error))
		answer = fs_talk_hear(talk, INT64_MAX, show, (void *)arguments, &error);
	/* A mount that has ended has nothing more to say. */
	if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
		return CTL_EXIT_DONE;
	return ctl_say(CTL_EXIT_NOT_DONE, "%s",
		error != NULL ? error->message
			      : fs_json_get_text(answer, "error",
					"the mount does not want to be watched"));
}
