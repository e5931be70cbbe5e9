/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gmime/gmime.h>
#include <stdbool.h>

/*
 * A message taken apart by GMime, as far as that is harmless.
 *
 * GMime keeps every header and an object for every part in memory, and looks at each line that may
 * be a boundary once for each multipart around it. Nobody's message is so large in that way, but
 * one that was made to be could take gigabytes and hours. So a message ends, for us, before
 *
 *   a line that begins with "--" beyond SOURCE_DASHES_MAX (each may be a part),
 *   a line that may be a header and is longer than SOURCE_LINE_MAX with those that continue it,
 *   or one that GMime keeps until it knows that it is none, and is longer than SOURCE_ODD_LINE_MAX,
 *   one with more than SOURCE_COLONS_MAX colons (each may open a group of addresses, for which
 *   GMime calls itself),
 *   what follows SOURCE_HEADERS_MAX headers, or SOURCE_HEADER_BYTES_MAX bytes of them.
 *
 * The bytes of parts stay in the file.
 */
#define SOURCE_DASHES_MAX 16384
#define SOURCE_LINE_MAX (512 * 1024)
#define SOURCE_ODD_LINE_MAX (8 * 1024 * 1024)
#define SOURCE_COLONS_MAX 2000
#define SOURCE_HEADERS_MAX 10000
#define SOURCE_HEADER_BYTES_MAX (1024 * 1024)

/* What is in headers without saying how, is UTF-8, else windows-1252. Owned. */
GMimeParserOptions *view_source_options(void);

typedef struct ViewSource {
	GMimeMessage *message; /* own; NULL: there is none in it */
	GMimeStream *stream;   /* own */
	gint64 length;
	gint64 end;            /* what comes after is not looked at */
	bool is_cut;           /* ... and there is something */
} ViewSource;

/* Reads @fd from its beginning, through a descriptor of its own: the offset of @fd stays. FALSE
 * when that cannot be had. */
bool view_source_open(ViewSource *self, int fd);
void view_source_parse(ViewSource *self);
void view_source_close(ViewSource *self);

/* All of @fd, through a descriptor of its own: for those who know where in it they want to read.
 * Owned; NULL when it cannot be had. */
GMimeStream *view_source_file(int fd);

/* ... with the line ends that the parser saw, and the same length. */
GMimeStream *view_source_lines(int fd);
