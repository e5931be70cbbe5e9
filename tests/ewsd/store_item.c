/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Items of the mailbox. Columns and members of `Item` go in the same order through the two
 * tables below, so that reading and writing a row are loops. Bodies are shared by copies and
 * never change: other bytes are another body.
 */
#include "tests/ewsd/store.h"

#include <string.h>

#include "tests/ewsd/clock.h"

const char *const ITEM_COLUMNS =
	"id, folder, seq, cseq, useq, received, sent, created, modified, size, body, seed,"
	" seed_bytes, state, assoc, is_read, is_draft, has_attach, importance, sensitivity, flag,"
	" wants_receipt, class, subject, from_name, from_addr, rcpt_to, rcpt_cc, rcpt_bcc,"
	" reply_to, display_to, display_cc, msgid, in_reply_to, refs, categories, search_key,"
	" author";

static const size_t NUMBERS[] = {
	offsetof(Item, id), offsetof(Item, folder), offsetof(Item, seq), offsetof(Item, cseq),
	offsetof(Item, useq), offsetof(Item, received), offsetof(Item, sent),
	offsetof(Item, created), offsetof(Item, modified), offsetof(Item, size),
	offsetof(Item, body), offsetof(Item, seed), offsetof(Item, seed_bytes),
	offsetof(Item, state), offsetof(Item, assoc), offsetof(Item, is_read),
	offsetof(Item, is_draft), offsetof(Item, has_attach), offsetof(Item, importance),
	offsetof(Item, sensitivity), offsetof(Item, flag), offsetof(Item, wants_receipt),
};

static const size_t STRINGS[] = {
	offsetof(Item, class), offsetof(Item, subject), offsetof(Item, from_name),
	offsetof(Item, from_addr), offsetof(Item, to), offsetof(Item, cc), offsetof(Item, bcc),
	offsetof(Item, reply_to), offsetof(Item, display_to), offsetof(Item, display_cc),
	offsetof(Item, msgid), offsetof(Item, in_reply_to), offsetof(Item, refs),
	offsetof(Item, categories), offsetof(Item, search_key), offsetof(Item, author),
};

enum { N_NUMBERS = G_N_ELEMENTS(NUMBERS), N_STRINGS = G_N_ELEMENTS(STRINGS) };

static int64_t *number(Item *self, int i)
{
	return (int64_t *)(void *)((char *)self + NUMBERS[i]);
}

static char **string(Item *self, int i)
{
	return (char **)(void *)((char *)self + STRINGS[i]);
}

Item *item_new(void)
{
	Item *self = g_new0(Item, 1);

	self->importance = 1;
	return self;
}

void item_free(Item *self)
{
	if (!self)
		return;
	for (int i = 0; i < N_STRINGS; i++)
		g_free(*string(self, i));
	g_free(self);
}

Item *item_from_row(sqlite3_stmt *row)
{
	Item *self = g_new0(Item, 1);

	for (int i = 0; i < N_NUMBERS; i++)
		*number(self, i) = sqlite3_column_int64(row, i);
	for (int i = 0; i < N_STRINGS; i++)
		*string(self, i) = g_strdup((const char *)sqlite3_column_text(row, N_NUMBERS + i));
	return self;
}

Item *item_get(Store *store, int64_t id)
{
	static const char *sql;
	sqlite3_stmt *stmt;
	Item *item;

	if (!sql)
		sql = g_strdup_printf("SELECT %s FROM items WHERE id = ?", ITEM_COLUMNS);
	stmt = store_sql(store, sql);
	sqlite3_bind_int64(stmt, 1, id);
	item = store_step(store, stmt) ? item_from_row(stmt) : NULL;
	sqlite3_reset(stmt);
	return item;
}

static const char *write_sql(void)
{
	static char *sql;

	if (!sql) {
		g_autoptr(GString) text = g_string_new("INSERT INTO items(");

		g_string_append_printf(text, "%s) VALUES(?", ITEM_COLUMNS);
		for (int i = 1; i < N_NUMBERS + N_STRINGS; i++)
			g_string_append(text, ",?");
		g_string_append_c(text, ')');
		sql = g_strdup(text->str);
	}
	return sql;
}

static const char *update_sql(void)
{
	static char *sql;

	if (!sql) {
		g_auto(GStrv) columns = g_strsplit(ITEM_COLUMNS, ", ", -1);
		g_autofree char *list = g_strjoinv(" = ?, ", columns);

		sql = g_strdup_printf("UPDATE items SET %s = ? WHERE id = ?", list);
	}
	return sql;
}

static void bind(sqlite3_stmt *stmt, const Item *item)
{
	Item *self = (Item *)item;

	for (int i = 0; i < N_NUMBERS; i++)
		sqlite3_bind_int64(stmt, i + 1, *number(self, i));
	for (int i = 0; i < N_STRINGS; i++)
		sqlite3_bind_text(stmt, N_NUMBERS + i + 1, *string(self, i), -1, SQLITE_STATIC);
}

static void tell(Store *store, StoreEvent event, const Item *item)
{
	StoreNews news = {event, false, item->id, item->folder, 0, 0};

	if (!item->assoc)
		store_tell(store, &news);
}

static char *new_search_key(const Store *store, int64_t id)
{
	uint8_t raw[ITEM_SEARCH_KEY];

	memcpy(raw, store_key(store)->guid, sizeof(raw));
	for (int i = 0; i < 8; i++)
		raw[ITEM_SEARCH_KEY - 1 - i] = (uint8_t)((uint64_t)id >> (8 * i));
	return g_base64_encode(raw, sizeof(raw));
}

void item_insert(Store *store, Item *item)
{
	sqlite3_stmt *stmt = store_sql(store, write_sql());

	item->id = item->seq = item->cseq = item->useq = store_next(store);
	if (!item->search_key)
		item->search_key = new_search_key(store, item->id);
	bind(stmt, item);
	store_step(store, stmt);
	folder_touch(store, item->folder, 0);
	tell(store, STORE_CREATED, item);
}

static void update_row(Store *store, const Item *item, int64_t old_id)
{
	sqlite3_stmt *stmt = store_sql(store, update_sql());

	bind(stmt, item);
	sqlite3_bind_int64(stmt, N_NUMBERS + N_STRINGS + 1, old_id);
	store_step(store, stmt);
}

static void drop_body(Store *store, int64_t body)
{
	if (body > 0)
		store_run(store, "DELETE FROM bodies WHERE id = ?1 AND NOT EXISTS"
			" (SELECT 1 FROM items WHERE body = ?1)", body, 0);
}

void item_save(Store *store, Item *item, ItemChange change)
{
	int64_t body = store_number(store, "SELECT body FROM items WHERE id = ?", item->id, 0);

	item->seq = store_next(store);
	if (change == ITEM_CHANGE_ANY)
		item->useq = item->seq;
	item->modified = clock_now();
	update_row(store, item, item->id);
	if (body != item->body)
		drop_body(store, body);
	folder_touch(store, item->folder, 0);
	tell(store, STORE_MODIFIED, item);
}

static void bury(Store *store, const Item *item)
{
	sqlite3_stmt *stmt = store_sql(store, "INSERT INTO gone VALUES(?, ?, ?, ?)");

	sqlite3_bind_int64(stmt, 1, item->folder);
	sqlite3_bind_int64(stmt, 2, store_next(store));
	sqlite3_bind_int64(stmt, 3, item->id);
	sqlite3_bind_int64(stmt, 4, item->cseq);
	store_step(store, stmt);
	folder_touch(store, item->folder, 1);
}

void item_move(Store *store, Item *item, int64_t folder, ItemState state)
{
	StoreNews news = {STORE_MOVED, false, 0, folder, item->id, item->folder};
	int64_t old = item->id;

	bury(store, item);
	item->id = item->seq = item->cseq = item->useq = store_next(store);
	item->folder = folder;
	item->state = state;
	item->modified = clock_now();
	update_row(store, item, old);
	store_run(store, "UPDATE props SET item = ?1 WHERE item = ?2", item->id, old);
	folder_touch(store, folder, 0);
	news.id = item->id;
	if (state == ITEM_SOFT_DELETED) {
		news.event = STORE_DELETED;
		news.id = old;
		news.parent = news.old_parent;
	}
	store_tell(store, &news);
}

int64_t item_copy(Store *store, const Item *item, int64_t folder)
{
	StoreNews news = {STORE_COPIED, false, 0, folder, item->id, item->folder};
	sqlite3_stmt *stmt = store_sql(store, write_sql());
	Item copy = *item;

	copy.id = copy.seq = copy.cseq = copy.useq = store_next(store);
	copy.folder = folder;
	copy.created = copy.modified = clock_now();
	bind(stmt, &copy);
	store_step(store, stmt);
	store_run(store, "INSERT INTO props SELECT ?1, key, value FROM props WHERE item = ?2",
		copy.id, item->id);
	folder_touch(store, folder, 0);
	news.id = copy.id;
	store_tell(store, &news);
	return copy.id;
}

void item_remove(Store *store, const Item *item)
{
	store_run(store, "DELETE FROM items WHERE id = ?", item->id, 0);
	store_run(store, "DELETE FROM props WHERE item = ?", item->id, 0);
	drop_body(store, item->body);
	if (item->state != ITEM_NORMAL)
		return;
	bury(store, item);
	tell(store, STORE_DELETED, item);
}

int64_t item_body_add(Store *store, GBytes *mime)
{
	sqlite3_stmt *stmt = store_sql(store, "INSERT INTO bodies VALUES(?, ?)");
	int64_t id = store_next(store);
	gsize length;
	const void *data = g_bytes_get_data(mime, &length);

	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_blob64(stmt, 2, data ? data : "", length, SQLITE_STATIC);
	store_step(store, stmt);
	sqlite3_clear_bindings(stmt);
	return id;
}

GBytes *item_body(Store *store, int64_t body)
{
	sqlite3_stmt *stmt = store_sql(store, "SELECT mime FROM bodies WHERE id = ?");
	GBytes *bytes = NULL;

	sqlite3_bind_int64(stmt, 1, body);
	if (store_step(store, stmt))
		bytes = g_bytes_new(sqlite3_column_blob(stmt, 0),
			(gsize)sqlite3_column_bytes(stmt, 0));
	sqlite3_reset(stmt);
	return bytes;
}

static void prop_set(Store *store, const char *sql, int64_t owner, const char *key,
	const char *value)
{
	sqlite3_stmt *stmt = store_sql(store, sql);

	sqlite3_bind_int64(stmt, 1, owner);
	sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
	if (value)
		sqlite3_bind_text(stmt, 3, value, -1, SQLITE_STATIC);
	store_step(store, stmt);
}

static char *prop_get(Store *store, const char *sql, int64_t owner, const char *key)
{
	sqlite3_stmt *stmt = store_sql(store, sql);
	char *value = NULL;

	sqlite3_bind_int64(stmt, 1, owner);
	sqlite3_bind_text(stmt, 2, key, -1, SQLITE_STATIC);
	if (store_step(store, stmt))
		value = g_strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_reset(stmt);
	return value;
}

void item_prop_set(Store *store, int64_t item, const char *key, const char *value)
{
	prop_set(store, value ? "INSERT OR REPLACE INTO props VALUES(?, ?, ?)"
		: "DELETE FROM props WHERE item = ? AND key = ?", item, key, value);
}

char *item_prop(Store *store, int64_t item, const char *key)
{
	return prop_get(store, "SELECT value FROM props WHERE item = ? AND key = ?", item, key);
}

void folder_prop_set(Store *store, int64_t folder, const char *key, const char *value)
{
	prop_set(store, value ? "INSERT OR REPLACE INTO folder_props VALUES(?, ?, ?)"
		: "DELETE FROM folder_props WHERE folder = ? AND key = ?", folder, key, value);
}

char *folder_prop(Store *store, int64_t folder, const char *key)
{
	return prop_get(store, "SELECT value FROM folder_props WHERE folder = ? AND key = ?",
		folder, key);
}
