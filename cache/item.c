/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/item.h"

#include <string.h>

#include "cache/private.h"

/* So long after a write of ours the server may still be busy with it. */
#define OWN_US (60 * (int64_t)G_USEC_PER_SEC)

#define ROW_COLUMNS                                                                                \
	"item.node, item.folder, node.parent, item.run, item.received, item.created, item.print,"  \
	" node.ino, node.content, node.state, node.flags, item.flag, node.size, item.by_key,"      \
	" item.is_provisional, item.is_draft, item.is_read, node.name, item.item_id,"              \
	" item.change_key, item.item_class, item.message_id, item.round, item.written_at,"         \
	" item.key_hash, (SELECT todo << 8 | doing FROM intent WHERE intent.node = item.node)"
#define ROW_COLUMN_COUNT 26
#define ROW_FROM " FROM item JOIN node ON node.id = item.node WHERE node.state < 2 AND "

void cache_item_row_free(CacheItemRow *self)
{
	if (self == NULL)
		return;
	g_free(self->name);
	g_free(self->item_id);
	g_free(self->change_key);
	g_free(self->item_class);
	g_free(self->message_id);
	g_free(self);
}

static CacheItemRow *read_row(sqlite3_stmt *stmt)
{
	CacheItemRow *row = g_new0(CacheItemRow, 1);
	row->node = sqlite3_column_int64(stmt, 0);
	row->folder = sqlite3_column_int64(stmt, 1);
	row->dir = sqlite3_column_int64(stmt, 2);
	row->run = sqlite3_column_int64(stmt, 3);
	row->received = sqlite3_column_int64(stmt, 4);
	row->created = sqlite3_column_int64(stmt, 5);
	row->print = sqlite3_column_int64(stmt, 6);
	row->ino = (uint64_t)sqlite3_column_int64(stmt, 7);
	row->content = (uint32_t)sqlite3_column_int64(stmt, 8);
	row->state = sqlite3_column_int(stmt, 9);
	row->flags = sqlite3_column_int(stmt, 10);
	row->flag = sqlite3_column_int(stmt, 11);
	row->size = sqlite3_column_int64(stmt, 12);
	row->by_key = sqlite3_column_int(stmt, 13) != 0;
	row->is_provisional = sqlite3_column_int(stmt, 14) != 0;
	row->is_draft = sqlite3_column_int(stmt, 15) != 0;
	row->is_read = sqlite3_column_int(stmt, 16) != 0;
	row->name = cache_column_dup(stmt, 17);
	row->item_id = cache_column_dup(stmt, 18);
	row->change_key = cache_column_dup(stmt, 19);
	row->item_class = cache_column_dup(stmt, 20);
	row->message_id = cache_column_dup(stmt, 21);
	row->round = sqlite3_column_int64(stmt, 22);
	row->written_at = sqlite3_column_int64(stmt, 23);
	row->key_hash = sqlite3_column_int64(stmt, 24);
	unsigned steps = (unsigned)sqlite3_column_int(stmt, 25);
	row->todo = steps >> 8;
	row->doing = steps & 0xff;
	return row;
}

static bool read_one(CacheConn *conn, sqlite3_stmt *stmt, CacheItemRow **ret_row, GError **error)
{
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	*ret_row = has_row ? read_row(stmt) : NULL;
	sqlite3_reset(stmt);
	return true;
}

void cache_item_identify(CacheIncoming *ret_incoming, const EwsItem *item)
{
	ret_incoming->item = item;
	ret_incoming->by_key = (CacheIdent){0, ""};
	cache_ident_make(&ret_incoming->by_id, CACHE_IDENT_ITEM_ID, item->id, strlen(item->id));
	if (item->search_key != NULL)
		cache_ident_make(&ret_incoming->by_key, CACHE_IDENT_SEARCH_KEY, item->search_key,
			item->search_key_len);
}

bool cache_item_find(CacheConn *conn, const CacheIdent *ident, const char *item_id,
	CacheItemRow **ret_row, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " ROW_COLUMNS ROW_FROM "item.id_hash = ? AND item.item_id = ?", "it",
		ident->hash, item_id);
	return read_one(conn, stmt, ret_row, error);
}

bool cache_item_get(CacheConn *conn, int64_t node, CacheItemRow **ret_row, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " ROW_COLUMNS ROW_FROM "item.node = ?", "i", node);
	return read_one(conn, stmt, ret_row, error);
}

GPtrArray *cache_item_find_key(CacheConn *conn, const CacheIncoming *incoming, GError **error)
{
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_item_row_free);
	const EwsItem *item = incoming->item;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT " ROW_COLUMNS ", item.search_key = ?2" ROW_FROM
		"item.key_hash = ?1 AND item.key_hash != 0",
		"ib", incoming->by_key.hash, item->search_key, item->search_key_len);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return NULL;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return NULL;
		if (!has_row)
			break;
		CacheItemRow *row = read_row(stmt);
		row->has_same_key = sqlite3_column_int(stmt, ROW_COLUMN_COUNT) != 0;
		g_ptr_array_add(rows, row);
	}
	return g_steal_pointer(&rows);
}

bool cache_item_find_ino(CacheConn *conn, uint64_t ino, int64_t hash, int64_t *ret_node,
	GError **error)
{
	return cache_conn_int(conn, 0, ret_node, error,
		"SELECT node.id FROM (SELECT node FROM item WHERE id_hash = ?1 UNION ALL"
		" SELECT node FROM item WHERE key_hash = ?1 AND key_hash != 0 UNION ALL"
		/* 128: NODE_OLD_INO */
		" SELECT id AS node FROM node WHERE ino = ?2 AND flags & 128 != 0) AS found"
		" JOIN node ON node.id = found.node WHERE node.ino = ?2 AND node.state < 2",
		"ii", hash, (int64_t)ino);
}

const char *cache_item_class(const EwsItem *item)
{
	return item->item_class != NULL ? item->item_class : "IPM.Note";
}

int64_t cache_item_mtime(const EwsItem *item)
{
	if (item->is_draft && item->modified != EWS_TIME_NONE)
		return item->modified;
	if (item->received != EWS_TIME_NONE)
		return item->received;
	if (item->sent != EWS_TIME_NONE)
		return item->sent;
	return item->created != EWS_TIME_NONE ? item->created : 0;
}

static uint64_t print_text(uint64_t print, const char *text)
{
	/* With the NUL, so that two texts are not one; none is not the same as an empty one. */
	const char *said = text != NULL ? text : "\001";
	return cache_ident_print(print, said, strlen(said) + 1);
}

int64_t cache_item_print(const EwsItem *item)
{
	const char *texts[] = {item->item_class, item->subject, item->from_name, item->from_address,
		item->display_to, item->message_id};
	const int64_t numbers[] = {item->received, item->sent, item->size,
		(int64_t)item->importance, item->is_draft, item->has_attachments};
	uint64_t print = CACHE_PRINT_BEGIN;
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		print = print_text(print, texts[i]);
	for (char **category = item->categories; category != NULL && *category != NULL; category++)
		print = print_text(print, *category);
	print = cache_ident_print(print, numbers, sizeof numbers);
	return (int64_t)(print >> 1);
}

bool cache_item_is_just_written(const CacheItemRow *row)
{
	return g_get_real_time() - row->written_at < OWN_US;
}

/* digest and error describe the content and outlive a change of properties. */
#define ITEM_COLUMNS                                                                               \
	"folder, run, round, by_key, is_provisional, id_hash, item_id, change_key, item_class,"    \
	" subject, from_name, from_address, display_to, message_id, categories, received, sent,"   \
	" created, modified, importance, flag, is_read, is_draft, has_attachments, print,"         \
	" key_hash, search_key, is_made"
#define ITEM_VALUES "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

static const char insert_sql[] =
	"INSERT INTO item (" ITEM_COLUMNS ", node) VALUES (" ITEM_VALUES ", ?)";
static const char update_sql[] =
	"UPDATE item SET (" ITEM_COLUMNS ") = (" ITEM_VALUES ") WHERE node = ?";

bool cache_item_write(CacheConn *conn, int64_t node, const CacheItemPlace *place,
	const CacheIncoming *incoming, GError **error)
{
	const EwsItem *item = incoming->item;
	g_autofree char *categories =
		item->categories != NULL ? g_strjoinv(", ", item->categories) : NULL;
	return cache_conn_run(conn, error, place->is_new ? insert_sql : update_sql,
		"iiiiiitttttttttiiiiiiiiiiibii", place->folder, place->run, place->round,
		(int64_t)place->by_key, (int64_t)place->is_provisional, incoming->by_id.hash,
		item->id, item->change_key != NULL ? item->change_key : "", cache_item_class(item),
		item->subject, item->from_name, item->from_address, item->display_to,
		item->message_id, categories, item->received, item->sent, item->created,
		item->modified, (int64_t)item->importance, (int64_t)item->flag,
		(int64_t)item->is_read, (int64_t)item->is_draft, (int64_t)item->has_attachments,
		cache_item_print(item), incoming->by_key.hash, item->search_key,
		item->search_key_len, (int64_t)(item->guid != NULL), node);
}
