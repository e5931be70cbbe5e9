/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/hidden.h"

/*
 * .search/, hidden as .ewsfs/ is: a directory for any query that is named in it, with symbolic
 * links to the messages that the server finds.
 *
 *     .search/             nothing is listed
 *     .search/QUERY/       every folder that is shown
 *     .search/in:A%2FB/    the folder A/B and what is below it; nothing is listed
 *
 * Only OPENDIR asks the server (fs/searches.h); a LOOKUP of a link where nothing was asked yet
 * waits a little for it. A link's number is its message's node and how deep it stands, so nothing
 * is remembered for it, and where it leads to is looked up when it is read.
 *
 * Any thread.
 */
extern const FsHidden fs_search_tree;
