/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/hidden.h"
#include "fs/shape.h"

/*
 * `.parts/` in the root of the mount: not listed there, but there when named. The tree once more
 * (fs/shape.h), every message as a directory of what is in it (view/parts.h): NAME/ for NAME.eml,
 * NAME.ics/ for NAME.ics.
 *
 * A listing of messages fetches nothing, since they are directories. What is in one is not known
 * before its bytes are here: all that asks for it waits for them, LOOKUP and READDIR too. They hold
 * that message's directory only, of which the kernel is never told anything: its node number is of
 * one content, and so are those in it, which never change.
 *
 * Sizes are exact. Everything is read-only.
 */

extern const FsHidden fs_parts_tree;
extern const FsShape fs_parts_shape;
