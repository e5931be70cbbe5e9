/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "view/out.h"

/*
 * HTML → text, as it is read. Paragraphs, lists, table rows, quotes ("> ") and preformatted text
 * keep their lines; a link is followed by its address, a picture is its description. What is not
 * for reading is left out: scripts, styles, what is hidden, the addresses of pictures (with which
 * senders learn who reads).
 *
 * libxml2's parser takes it apart and calls back; no tree is made. Its work grows with the depth of
 * what is nested, so what is deeper than HTML_DEPTH_MAX, or longer than HTML_BYTES_MAX, is cut; and
 * with the square of the attributes of one element. How many there are is only known after it was
 * done, so what may be some is counted as it is read: HTML_SPLITS_MAX in one element, and their
 * squares in all that is no comment up to HTML_SQUARES_MAX.
 */
#define HTML_DEPTH_MAX 400
#define HTML_BYTES_MAX (4 * 1024 * 1024)
#define HTML_SPLITS_MAX 30000
#define HTML_SQUARES_MAX 1000000000

/* Appends what comes next to @text, in UTF-8, whole characters; FALSE: that was all. */
typedef bool (*ViewRead)(void *user, GString *text);

/* All that @read gives, as far as it is wanted. */
void view_html_write(ViewOut *out, ViewRead read, void *user);
