/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gmime/gmime.h>
#include <stdbool.h>

#include "view/out.h"

/*
 * The bytes of a part, out of its transfer encoding, as they are asked for: never all of them.
 */

/* How many there are. */
gint64 view_body_size(GMimePart *part);

/* Nothing but blanks, as far as one looks. */
bool view_body_is_blank(GMimePart *part);

/* As text, in the charset that it says. */
void view_body_text(GMimePart *part, ViewOut *out);
void view_body_html(GMimePart *part, ViewOut *out);

/* What @stream has, which says nothing of its charset. */
void view_body_stream(GMimeStream *stream, ViewOut *out);
