/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/log.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "ews/redact.h"

/* Set at start, then const. */
static GLogLevelFlags wanted;
static bool has_stderr;
static bool has_journal;

typedef struct Level {
	GLogLevelFlags flag;
	int priority;
	const char *word;
} Level;

static const Level levels[] = {
	{G_LOG_LEVEL_ERROR, LOG_CRIT, "fatal: "},
	{G_LOG_LEVEL_CRITICAL, LOG_ERR, "error: "},
	{G_LOG_LEVEL_WARNING, LOG_WARNING, "warning: "},
	{G_LOG_LEVEL_MESSAGE, LOG_NOTICE, ""},
	{G_LOG_LEVEL_INFO, LOG_INFO, ""},
	{G_LOG_LEVEL_DEBUG, LOG_DEBUG, "debug: "},
};

static const Level *find_level(GLogLevelFlags flags)
{
	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++) {
		if (flags & levels[i].flag)
			return &levels[i];
	}
	return &levels[G_N_ELEMENTS(levels) - 1];
}

static const GLogField *find_field(const GLogField *fields, gsize count, const char *key)
{
	for (gsize i = 0; i < count; i++) {
		if (g_str_equal(fields[i].key, key))
			return &fields[i];
	}
	return NULL;
}

static void write_line(const Level *level, const char *text)
{
	if (has_stderr)
		fprintf(stderr, "ewsfs: %s%s\n", level->word, text);
	else
		syslog(level->priority, "%s%s", level->word, text);
}

/* The same fields, but for the message. */
static bool write_journal(GLogLevelFlags flags, const char *text, const GLogField *fields,
	gsize count)
{
	g_autofree GLogField *all = g_memdup2(fields, count * sizeof(*fields));

	for (gsize i = 0; i < count; i++) {
		if (g_str_equal(all[i].key, "MESSAGE"))
			all[i] = (GLogField){.key = "MESSAGE", .value = text, .length = -1};
	}
	return g_log_writer_journald(flags, all, count, NULL) == G_LOG_WRITER_HANDLED;
}

static GLogWriterOutput write_log(GLogLevelFlags flags, const GLogField *fields, gsize count,
	gpointer user)
{
	const GLogField *message = find_field(fields, count, "MESSAGE");

	if (!(flags & wanted) || message == NULL)
		return G_LOG_WRITER_HANDLED;
	gssize len = message->length < 0 ? (gssize)strlen(message->value) : message->length;
	g_autofree char *said = g_strndup(message->value, (gsize)len);
	g_autofree char *text = ews_redact(said);
	if (!has_journal || !write_journal(flags, text, fields, count))
		write_line(find_level(flags), text);
	return G_LOG_WRITER_HANDLED;
}

void fs_log_start(FsLogLevel level, bool is_foreground)
{
	GLogLevelFlags flags = G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL;

	if (level >= FS_LOG_WARNING)
		flags |= G_LOG_LEVEL_WARNING;
	if (level >= FS_LOG_INFO)
		flags |= G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO;
	if (level >= FS_LOG_DEBUG)
		flags |= G_LOG_LEVEL_DEBUG;
	wanted = flags;
	has_stderr = is_foreground;
	has_journal = is_foreground && g_log_writer_is_journald(STDERR_FILENO);
	if (!is_foreground)
		openlog("ewsfs", LOG_PID, LOG_USER);
	g_log_set_writer_func(write_log, NULL, NULL);
}
