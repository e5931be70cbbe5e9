/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The request log (one JSON object per line, flushed at once) and the counts that tests ask
 * for. Any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Log Log;

typedef struct LogLine {
	double time;	/* when the request came */
	const char *op;
	unsigned items;
	uint64_t in;
	uint64_t out;
	unsigned status;
	const char *codes;	/* the inside of a JSON list */
	const char *end;	/* "lost", "cut", "late", "gone" or NULL */
	const char *schema_error;	/* or NULL */
	const char *anchor;	/* X-AnchorMailbox, or NULL */
	const char *content;	/* X-PublicFolderMailbox, or NULL */
	double took;
} LogLine;

/* `path` may be NULL: counts only. */
Log *log_open(const char *path, GError **error);
void log_close(Log *self);
void log_request(Log *self, const LogLine *line);
void log_mark(Log *self, const char *text);
void log_count_sent(Log *self, unsigned mails);
void log_count_receipt(Log *self);
void log_count_stream(Log *self, int step);
/* The counts as a JSON object. */
char *log_stats(Log *self);
