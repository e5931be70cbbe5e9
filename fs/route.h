/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/signin.h"

/*
 * The way to the public folders (ews/route.h), for a mount of them: asked for at the start, and
 * remembered for a week in state_dir/route; however old it is, where nobody can be asked. Without
 * one requests say nothing of it, and the server finds its way or does not.
 *
 * Blocks for some seconds at most. Before there is a session.
 */
struct FsConfig;
struct EwsContentMemory;
struct EwsRoute;

/* NULL: not known, or not wanted. Owned. */
struct EwsRoute *fs_route_find(const struct FsConfig *config, const FsSignin *signin);

/* What is remembered of the mailboxes beyond, in the same file and for as long: fills in
 * @ret_memory, which borrows @config. */
void fs_route_memory(const struct FsConfig *config, struct EwsContentMemory *ret_memory);
