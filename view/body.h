/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gmime/gmime.h>
#include <stdbool.h>

#include "view/out.h"
#include "view/text.h"

/*
 * The bytes of a part, out of its transfer encoding, as they are asked for: never all of them.
 */

typedef struct ViewBody {
	GMimeStream *stream; /* borrowed: its bytes in the message; NULL: it has none */
	GMimeContentEncoding encoding;
	const char *charset; /* borrowed; NULL: it says none */
} ViewBody;

ViewBody view_body_of(GMimePart *part);

/* How many there are. */
gint64 view_body_size(GMimePart *part);

/* Nothing but blanks, as far as one looks. */
bool view_body_is_blank(GMimePart *part);

/* As text, in the charset that it says. */
void view_body_text(GMimePart *part, ViewOut *out);
void view_body_html(GMimePart *part, ViewOut *out);

/* What @stream has, which says nothing of its charset. */
void view_body_stream(GMimeStream *stream, ViewOut *out);

/* --- as files ---------------------------------------------------------------------------- */

/* Its bytes are those in the message. */
bool view_body_is_plain(GMimeContentEncoding encoding);

/* The charset of a document: as declared, else as it says itself. Owned; NULL: neither. */
char *view_body_html_charset(const ViewBody *self);

/* FALSE when it could not be read, or @write said so. */
bool view_body_write(const ViewBody *self, ViewWrite write, void *user);

/* In UTF-8, after @mark unless it begins with that; NULL: no mark. */
bool view_body_write_text(const ViewBody *self, const char *mark, ViewWrite write, void *user);
