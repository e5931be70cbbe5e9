/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>

#include "fs/ctl/ctl.h"
#include "fs/ctl/flush.h"
#include "fs/ctl/target.h"
#include "fs/json.h"

/* status, sync and flush: how it stands, and until it stands otherwise. */

CtlExit ctl_do_status(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autofree char *text = NULL;
	CtlExit status = ctl_target_meant(arguments, &target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_read(&target, arguments->is_json ? "status.json" : "status",
			&text);
	if (status == CTL_EXIT_DONE && (fputs(text, stdout) < 0 || fflush(stdout) != 0))
		status = ctl_say(CTL_EXIT_NOT_DONE, "%s", g_strerror(errno));
	return status;
}

/* --- sync ---------------------------------------------------------------- */

static void show_sync(JsonObject *progress, void *user)
{
	g_autoptr(GString) line = g_string_new(NULL);
	int64_t left = fs_json_get_number(progress, "seconds_left", -1);

	g_string_printf(line,
		"%s: folders %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT
		", messages here %" G_GINT64_FORMAT "/%" G_GINT64_FORMAT,
		fs_json_get_text(progress, "server", "?"),
		fs_json_get_number(progress, "folders_listed", 0),
		fs_json_get_number(progress, "folders", 0),
		fs_json_get_number(progress, "items_here", 0),
		fs_json_get_number(progress, "items", 0));
	if (left >= 0)
		g_string_append_printf(line, ", %" G_GINT64_FORMAT " s left", left);
	ctl_show(line->str);
}

CtlExit ctl_do_sync(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autoptr(FsTalk) talk = NULL;
	g_autoptr(JsonObject) answer = NULL;

	if (!arguments->is_waiting)
		return ctl_say(CTL_EXIT_USAGE, "sync needs --wait[=SECONDS]");
	CtlExit status = ctl_target_meant(arguments, &target);
	if (status == CTL_EXIT_DONE)
		status = ctl_target_talk(&target, &talk);
	if (status != CTL_EXIT_DONE)
		return status;
	g_autoptr(JsonBuilder) command = ctl_command_new("sync");
	fs_json_text(command, "path", target.below);
	fs_json_flag(command, "fetch", arguments->is_fetching);
	fs_json_number(command, "seconds", MAX(arguments->seconds, 0));
	json_builder_end_object(command);
	const CtlAsk ask = {command, arguments->seconds > 0 ? arguments->seconds : -1, show_sync};
	status = ctl_talk_ask(talk, &ask, &answer);
	if (status == CTL_EXIT_DONE && !fs_json_get_flag(answer, "done"))
		status = ctl_say(CTL_EXIT_NOT_DONE, "not all is up to date: %s",
			fs_json_get_text(answer, "error", "no reason given"));
	return status;
}

/* --- flush --------------------------------------------------------------- */

static void show_flush(JsonObject *progress, void *user)
{
	JsonObject *queue = fs_json_get_object(progress, "queue");
	int64_t waiting = queue != NULL ? fs_json_get_number(queue, "waiting", 0) : 0;
	g_autofree char *line = g_strdup_printf("%s: %" G_GINT64_FORMAT " to be sent",
		fs_json_get_text(progress, "server", "?"), waiting);

	ctl_show(line);
}

CtlExit ctl_flush(FsTalk *talk, int64_t seconds, JsonObject **ret_answer)
{
	g_autoptr(JsonBuilder) command = ctl_command_new("flush");

	if (seconds >= 0)
		fs_json_number(command, "seconds", seconds);
	json_builder_end_object(command);
	const CtlAsk ask = {command, seconds, show_flush};
	return ctl_talk_ask(talk, &ask, ret_answer);
}

CtlExit ctl_do_flush(const CtlArguments *arguments)
{
	g_auto(CtlTarget) target = {0};
	g_autoptr(FsTalk) talk = NULL;
	g_autoptr(JsonObject) answer = NULL;
	CtlExit status = ctl_target_meant(arguments, &target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_talk(&target, &talk);
	if (status == CTL_EXIT_DONE)
		status = ctl_flush(talk, arguments->seconds, &answer);
	if (status != CTL_EXIT_DONE)
		return status;
	g_autofree char *left = ctl_left(answer);
	const char *reason = fs_json_get_text(answer, "error", NULL);
	if (left == NULL && fs_json_get_flag(answer, "done"))
		return CTL_EXIT_DONE;
	return ctl_say(CTL_EXIT_NOT_DONE, "not all is on the server: %s%s%s",
		left != NULL ? left : "", left != NULL && reason != NULL ? "; " : "",
		reason != NULL ? reason : "; see \"ewsfsctl queue\"");
}
