/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The door of view/: a message as a person reads it. Pure: bytes in, text out; knows nothing of
 * FUSE, of the cache or of servers.
 *
 *     From: Ines Müller <ines@example.org>
 *     To: ...
 *     Date: Fri, 20 Nov 2026 11:15:00 +0100 (2026-11-20T10:15:00Z)
 *     Subject: ...
 *     Message-ID: <...>
 *     Flags: unread, flagged
 *
 *     the text; of alternatives the plain one, else HTML turned to text
 *
 *     [attachment: report.pdf, application/pdf, 12345 bytes]
 *
 * UTF-8 whatever the message is in, lines that end in "\n", no control characters but that and the
 * tab. Text attachments follow their line; a message in the message follows, indented. The same
 * bytes and facts give the same text, always: what bounds it (below) are counts, never the clock.
 *
 * GMime takes messages apart and libxml2 HTML. Neither knows a bound for what strangers write, so
 * view/source.c ends a message where it stops being one, and what is after that is not read.
 * Garbage renders as far as it goes. Nothing is ever fetched, run or written elsewhere.
 *
 * Any thread, any number at once. Blocks on the disk only; holds a few buffers, no whole part.
 */

/* Changes when the same message gives another text: what is known of lengths is then outdated. */
#define VIEW_TEXT_VERSION 1

#define VIEW_TEXT_MAX (16 * 1024 * 1024) /* bytes of text out of one message; a line more says so */

/* What is not in the bytes. */
typedef struct ViewFacts {
	const char *flags;      /* "unread, flagged"; NULL: no such line */
	const char *categories; /* "a, b"; NULL: no such line */
	GTimeZone *zone;        /* borrowed; of the reader */
} ViewFacts;

/* Where the text goes, in pieces. FALSE: it went wrong, and nothing more is wanted. */
typedef bool (*ViewWrite)(void *user, const char *text, size_t len);

/* Before the first message, while there is one thread: GMime and libxml2 set themselves up. */
void view_init(void);

/* @fd is read from its beginning, and its offset left alone. FALSE when it could not be read at
 * all, or @write said so. */
bool view_text_render(int fd, const ViewFacts *facts, ViewWrite write, void *user);
