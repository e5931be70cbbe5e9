/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/hidden.h"
#include "fs/shape.h"

/*
 * `.text/` in the root of the mount: not listed there, but there when named. The tree once more
 * (fs/shape.h), every message as a text for people and for grep: NAME.txt for NAME.eml,
 * NAME.ics.txt for NAME.ics.
 *
 * Sizes are as those of messages (docs/semantics.md): exact where a text was made once; else a stat
 * makes it, waiting for the message if it must, within the budget of a walk. OPEN wants the message
 * to be here; the text is made when it is read, if the kernel does not have it.
 *
 * Everything is read-only. The pages are the kernel's own, for other texts are other node numbers.
 */

extern const FsHidden fs_text_tree;
extern const FsShape fs_text_shape;
