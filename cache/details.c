/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/db.h"
#include "cache/item.h"
#include "cache/private.h"
#include "ews/error.h"

/*
 * What is known of an item beyond its node; and the sums for statfs. Any thread.
 */

static char *party(sqlite3_stmt *stmt, int name_column, int address_column)
{
	const char *name = (const char *)sqlite3_column_text(stmt, name_column);
	const char *address = (const char *)sqlite3_column_text(stmt, address_column);
	if (name != NULL && address != NULL)
		return g_strdup_printf("%s <%s>", name, address);
	return g_strdup(name != NULL ? name : address);
}

static CacheDetails *read_details(sqlite3_stmt *stmt)
{
	CacheDetails *self = g_new0(CacheDetails, 1);
	self->item_id = cache_column_dup(stmt, 0);
	/* Our own word for what the server does not know yet. */
	if (g_str_has_prefix(self->item_id, CACHE_ITEM_NEW))
		g_clear_pointer(&self->item_id, g_free);
	self->change_key = cache_column_dup(stmt, 1);
	self->item_class = cache_column_dup(stmt, 2);
	self->subject = cache_column_dup(stmt, 3);
	self->from = party(stmt, 4, 5);
	self->to = cache_column_dup(stmt, 6);
	self->message_id = cache_column_dup(stmt, 7);
	self->categories = cache_column_dup(stmt, 8);
	self->error = cache_column_dup(stmt, 9);
	self->received = sqlite3_column_int64(stmt, 10);
	self->sent = sqlite3_column_int64(stmt, 11);
	self->created = sqlite3_column_int64(stmt, 12);
	self->modified = sqlite3_column_int64(stmt, 13);
	self->importance = sqlite3_column_int(stmt, 14);
	self->flag = sqlite3_column_int(stmt, 15);
	self->is_read = sqlite3_column_int(stmt, 16) != 0;
	self->has_attachments = sqlite3_column_int(stmt, 17) != 0;
	return self;
}

CacheDetails *cache_details(Cache *cache, int64_t id, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return NULL;
	CacheDetails *details = NULL;
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT item_id, change_key, item_class, subject, from_name, from_address, "
		"display_to,"
		" message_id, categories, coalesce((SELECT intent.error FROM intent WHERE"
		" intent.node = item.node AND intent.state IN (4, 6)), (SELECT local.error FROM"
		" local WHERE local.node = item.node), error),"
		" received, sent, created, modified, importance, "
		"flag,"
		" is_read, has_attachments FROM item WHERE node = ?",
		"i", id);
	if (stmt != NULL && cache_conn_step(conn, stmt, &has_row, error)) {
		if (has_row)
			details = read_details(stmt);
		else
			g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such item");
		sqlite3_reset(stmt);
	}
	cache_db_put_reader(cache->db, conn);
	return details;
}

void cache_details_free(CacheDetails *self)
{
	if (self == NULL)
		return;
	g_free(self->item_id);
	g_free(self->change_key);
	g_free(self->item_class);
	g_free(self->subject);
	g_free(self->from);
	g_free(self->to);
	g_free(self->message_id);
	g_free(self->categories);
	g_free(self->error);
	g_free(self);
}

bool cache_usage(Cache *cache, CacheUsage *ret_usage, GError **error)
{
	int64_t bytes = 0;
	int64_t items = 0;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	bool is_ok =
		cache_conn_int(conn, 0, &bytes, error,
			"SELECT sum(max(size, 0)) FROM folder WHERE node IS NOT NULL", "") &&
		cache_conn_int(conn, 0, &items, error,
			"SELECT sum(max(total_count, 0)) FROM folder WHERE node IS NOT NULL", "");
	cache_db_put_reader(cache->db, conn);
	if (!is_ok)
		return false;
	ret_usage->bytes = (uint64_t)bytes;
	ret_usage->items = (uint64_t)items;
	ret_usage->quota = -1;
	return true;
}
