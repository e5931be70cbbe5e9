/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/private.h"

/*
 * In which of the server's mailboxes the content of a public folder is (folder.content: a GUID, as
 * FindFolder told it last): what is asked about it is led there (ews_op_set_content). Of a folder
 * that does not tell, and of any that is not public, nothing is said, and nothing looked up.
 *
 * Which mailbox has a folder that was made here, the server chooses, and FindFolder tells: until
 * then ("") what is to be put into it waits (cache/plan.c), where the others tell.
 *
 * Any thread that may read the index.
 */

/* The mailbox with what is in this folder, by folder.id; owned; NULL: it is not told. */
char *cache_content_of(Cache *cache, int64_t folder);

/* Leads @op, which is about this folder, by its FolderId. */
void cache_content_lead_folder(Cache *cache, EwsOp *op, const char *folder_id);
/* Leads @op, which is about the item of this node. */
void cache_content_lead_node(Cache *cache, EwsOp *op, int64_t node);

/* Sync thread, in a transaction: the folder was made, and a refresh is asked for. */
bool cache_content_await(Cache *cache, CacheConn *conn, const char *folder_id,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Something may wait for a folder to be told of. */
bool cache_content_is_awaited(Cache *cache, CacheConn *conn, bool *ret_is_awaited,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
