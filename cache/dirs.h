/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * The tree where it is shown flat (CacheConfig.is_flat): every folder, however deep, is an entry
 * of the root, and the root's own messages are the Inbox's. So which folder that is must be known
 * before there is a tree; it is asked for once for an index. cache_inbox and cache_list_dirs, for
 * any thread, are here too.
 */

/* Sync thread. FALSE until the server has told, where that is wanted. */
bool cache_dirs_know_inbox(Cache *cache, bool *ret_known, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sync thread: the answer to the question which folder is called "inbox". What is an error here
 * passes; a mailbox that has none, or none for us, is no error. */
bool cache_dirs_take_inbox(Cache *cache, EwsOp *op, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A directory came, went, or is called otherwise: that moves the root's time. Any thread, inside a
 * transaction. */
bool cache_dirs_touch_root(Cache *cache, CacheConn *conn, GError **error) G_GNUC_WARN_UNUSED_RESULT;
