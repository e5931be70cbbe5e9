/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * An answer through the SOAP reader alone, without a session: one op for each response message
 * that comes, all made from the same words (tests/wire/describe.h).
 */

/* How many bytes the reader is given next; 0 counts as 1. */
typedef gsize (*FeedPiece)(void *user);

/* Appends what each op was answered, then "fault CODE", then "whole" or "broken: why". */
void feed_answer(const char *words, const char *data, gsize len, FeedPiece piece, void *user,
	GString *out);

/* The same for an answer that is many documents, all for one op. */
void feed_stream(const char *words, const char *data, gsize len, FeedPiece piece, void *user,
	GString *out);
