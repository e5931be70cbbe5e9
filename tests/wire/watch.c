/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session that watches, told what to do and saying what it hears:
 *
 *     watch [OPTION...] URL USER PASSWORD
 *
 * On stdin, a line each: "ask" (an op like any other, so that the watch begins), "status", "end".
 * On stdout, a line each: "listening", "deaf", "found 0", "hint ID", "asked ok", "asked CODE",
 * "status STATE PUSH IS_LISTENING IN_FLIGHT", "ended MILLISECONDS".
 */
#include <stdio.h>
#include <string.h>

#include "ews/error.h"
#include "ews/ews.h"

static void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* From both threads: one write a line. */
static void say(const char *format, ...)
{
	g_autoptr(GString) line = g_string_new(NULL);
	va_list args;

	va_start(args, format);
	g_string_vprintf(line, format, args);
	va_end(args);
	g_string_append_c(line, '\n');
	fwrite(line->str, 1, line->len, stdout);
	fflush(stdout);
}

static void on_hint(void *user, const char *folder_id)
{
	say("hint %s", folder_id ? folder_id : "-");
}

static void on_listening(void *user)
{
	say("listening");
}

static void on_deaf(void *user)
{
	say("deaf");
}

static void on_found(void *user, EwsPush push)
{
	say("found %d", push);
}

static void on_asked(EwsOp *op, void *user)
{
	const GError *error = ews_op_error(op);

	if (error)
		say("asked %d", error->code);
	else
		say("asked ok");
	ews_op_free(op);
}

static void say_status(EwsSession *session)
{
	EwsStatus status;

	ews_session_status(session, &status);
	say("status %d %d %d %u", status.state, status.push, status.is_listening, status.in_flight);
}

static void obey(EwsSession *session, const char *word)
{
	if (strcmp(word, "ask") == 0)
		ews_submit(session, ews_get_distinguished_folder_new("msgfolderroot"),
			EWS_PRIORITY_SCAN, on_asked, NULL);
	else if (strcmp(word, "status") == 0)
		say_status(session);
}

int main(int argc, char **argv)
{
	int conns = 4, timeout_s = 30, first = EWS_PUSH_STREAM, pull_s = 30;
	const GOptionEntry entries[] = {
		{"conns", 0, 0, G_OPTION_ARG_INT, &conns, "requests in flight", "N"},
		{"timeout", 0, 0, G_OPTION_ARG_INT, &timeout_s, "of silence", "S"},
		{"first", 0, 0, G_OPTION_ARG_INT, &first, "EwsPush", "N"},
		{"pull", 0, 0, G_OPTION_ARG_INT, &pull_s, "between two GetEvents", "S"},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};
	const EwsNews news = {on_hint, on_listening, on_deaf, on_found, NULL};
	g_autoptr(GOptionContext) context = g_option_context_new("URL USER PASSWORD");
	EwsSession *session;
	char line[64];
	int64_t start;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, NULL) || argc < 4)
		return 2;
	session = ews_session_start(&(EwsConfig){.url = argv[1],
					    .user = argv[2],
					    .password = argv[3],
					    .max_conns = (unsigned)conns,
					    .timeout_s = (unsigned)timeout_s},
		NULL);
	if (!session)
		return 1;
	ews_watch(session, (EwsPush)first, (unsigned)pull_s, &news);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n") != 0)
		obey(session, g_strchomp(line));
	start = g_get_monotonic_time();
	ews_session_stop(session);
	say("ended %d", (int)((g_get_monotonic_time() - start) / 1000));
	return 0;
}
