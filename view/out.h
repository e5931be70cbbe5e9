/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "view/text.h"

/*
 * Text on its way out: in lines, indented, without control characters, and no more of it than
 * VIEW_TEXT_MAX. One rendering's own. What is given is UTF-8, in pieces that end between two
 * characters.
 */
typedef struct ViewOut ViewOut;

ViewOut *view_out_new(ViewWrite write, void *user);
void view_out_free(ViewOut *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewOut, view_out_free)

/* Nothing more is taken: it is full, or could not be written. Who reads on for it may stop. */
bool view_out_is_closed(const ViewOut *self);

/* Something was left out: the last line will say so. */
void view_out_cut(ViewOut *self);

/* Every line until view_out_outdent begins with @prefix too. At the beginning of a line. */
void view_out_indent(ViewOut *self, const char *prefix);
void view_out_outdent(ViewOut *self);

void view_out_text(ViewOut *self, const char *text, size_t len);

/* All on one line: line ends in it are blanks. */
void view_out_words(ViewOut *self, const char *text);

/* Goes to the beginning of a line. */
void view_out_fresh(ViewOut *self);

/* ... with an empty line before it, unless it is the first. */
void view_out_gap(ViewOut *self);

/* Writes what is left. FALSE when not all could be written. */
bool view_out_end(ViewOut *self);
