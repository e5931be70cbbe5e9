/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/hidden.h"

/*
 * `.text/` in the root of the mount: not listed there, but there when named. The tree once more,
 * every message as a text for people and for grep: NAME.txt for NAME.eml, NAME.ics.txt for
 * NAME.ics. It has no rows of its own: a directory is a directory's node, a text a message's, and
 * what is here is found there. What can only be here (scratch) has no text.
 *
 * Sizes are as those of messages (docs/semantics.md): exact where a text was made once; else a stat
 * makes it, waiting for the message if it must, within the budget of a walk. OPEN wants the message
 * to be here; the text is made when it is read, if the kernel does not have it.
 *
 * Everything is read-only. On a read-only mount the kernel may keep what it knows, and is told of
 * changes (fs/notify.h). On others it changes messages itself and does not know that their texts
 * change with them: it asks each time. The pages are its own in both, for other texts are other
 * node numbers.
 */

extern const FsHidden fs_text_tree;
