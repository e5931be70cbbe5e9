/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/fields.h"

#include <string.h>

#include "cache/change.h"
#include "cache/item.h"
#include "cache/local.h"
#include "cache/node.h"
#include "cache/written.h"
#include "ews/error.h"

bool cache_fields_inherit(CacheConn *conn, int64_t to, int64_t from, unsigned set, GError **error)
{
	return cache_conn_run(conn, error,
		       "UPDATE item SET is_read = CASE WHEN ?3 THEN item.is_read ELSE o.is_read "
		       "END,"
		       " importance = CASE WHEN ?4 THEN item.importance ELSE o.importance END,"
		       " categories = CASE WHEN ?5 THEN item.categories ELSE o.categories END,"
		       " flag = CASE WHEN ?6 THEN item.flag ELSE o.flag END,"
		       " received = CASE WHEN ?7 THEN item.received ELSE o.received END"
		       " FROM (SELECT * FROM item WHERE node = ?2) AS o WHERE item.node = ?1",
		       "iiiiiii", to, from, (int64_t)(set & CACHE_FIELD_IS_READ),
		       (int64_t)(set & CACHE_FIELD_IMPORTANCE),
		       (int64_t)(set & CACHE_FIELD_CATEGORIES), (int64_t)(set & CACHE_FIELD_FLAG),
		       (int64_t)(set & CACHE_FIELD_RECEIVED)) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET mtime = (SELECT received FROM item WHERE node = ?1)"
		       " WHERE id = ?1 AND ?2 = 0 AND EXISTS (SELECT 1 FROM item WHERE node = ?3)",
		       "iii", to, (int64_t)(set & CACHE_FIELD_RECEIVED), from);
}

/* --- what is pending wins ----------------------------------------------------------------- */

static void lay_over(EwsItem *item, unsigned pending, sqlite3_stmt *stmt)
{
	if (pending & CACHE_FIELD_SUBJECT) {
		g_free(item->subject);
		item->subject = cache_column_dup(stmt, 1);
	}
	if (pending & CACHE_FIELD_CATEGORIES) {
		g_autofree char *text = cache_column_dup(stmt, 2);
		g_strfreev(item->categories);
		item->categories = text != NULL ? g_strsplit(text, ", ", -1) : NULL;
	}
	if (pending & CACHE_FIELD_IMPORTANCE)
		item->importance = (EwsImportance)sqlite3_column_int(stmt, 3);
	if (pending & CACHE_FIELD_FLAG)
		item->flag = (EwsFlag)sqlite3_column_int(stmt, 4);
	if (pending & CACHE_FIELD_IS_READ)
		item->is_read = sqlite3_column_int(stmt, 5) != 0;
	if (pending & CACHE_FIELD_RECEIVED)
		item->received = sqlite3_column_int64(stmt, 6);
}

bool cache_fields_overlay(CacheConn *conn, int64_t node, EwsItem *item, GError **error)
{
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT intent.fields | intent.sent_fields, subject, categories, importance, flag,"
		" is_read, received FROM intent JOIN item ON item.node = intent.node"
		" WHERE intent.node = ?",
		"i", node);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (has_row)
		lay_over(item, (unsigned)sqlite3_column_int(stmt, 0), stmt);
	sqlite3_reset(stmt);
	return true;
}

/* --- setting ------------------------------------------------------------------------------ */

static bool write_fields(CacheConn *conn, const CacheNode *node, const CacheFields *fields,
	GError **error)
{
	const char *categories = fields->categories;
	if (categories != NULL && *categories == '\0')
		categories = NULL;
	return cache_conn_run(conn, error,
		"UPDATE item SET"
		" subject = CASE WHEN ?2 THEN ?3 ELSE subject END,"
		" is_read = CASE WHEN ?4 THEN ?5 ELSE is_read END,"
		" importance = CASE WHEN ?6 THEN ?7 ELSE importance END,"
		" categories = CASE WHEN ?8 THEN ?9 ELSE categories END,"
		" flag = CASE WHEN ?10 THEN ?11 ELSE flag END,"
		" received = CASE WHEN ?12 THEN ?13 ELSE received END,"
		" sent = CASE WHEN ?14 THEN ?15 ELSE sent END WHERE node = ?1",
		"iitiiiiitiiiiii", node->id, (int64_t)(fields->set & CACHE_FIELD_SUBJECT),
		fields->subject, (int64_t)(fields->set & CACHE_FIELD_IS_READ),
		(int64_t)fields->is_read, (int64_t)(fields->set & CACHE_FIELD_IMPORTANCE),
		(int64_t)fields->importance, (int64_t)(fields->set & CACHE_FIELD_CATEGORIES),
		categories, (int64_t)(fields->set & CACHE_FIELD_FLAG), (int64_t)fields->flag,
		(int64_t)(fields->set & CACHE_FIELD_RECEIVED),
		cache_change_time(fields->received, false),
		(int64_t)(fields->set & CACHE_FIELD_SENT), fields->sent);
}

static bool set_time(Cache *cache, CacheConn *conn, const CacheNode *node,
	const CacheFields *fields, GError **error)
{
	if ((fields->set & CACHE_FIELD_RECEIVED) == 0)
		return true;
	int64_t time = cache_change_time(fields->received, node->is_scratch);
	cache_local_set_time(cache->locals, node->id, time);
	return cache_conn_run(conn, error, "UPDATE node SET mtime = ?, ctime = ? WHERE id = ?",
		"iii", time, g_get_real_time(), node->id);
}

/* A scratch file has no intent yet; what was set on it is found when it becomes a message. */
static bool remember(CacheConn *conn, const CacheNode *node, unsigned set, GError **error)
{
	return cache_conn_run(conn, error, "UPDATE local SET fields = fields | ? WHERE node = ?",
		"ii", (int64_t)set, node->id);
}

static bool ask(CacheConn *conn, const CacheNode *node, unsigned set, GError **error)
{
	g_autoptr(CacheItemRow) row = NULL;
	if (!cache_item_get(conn, node->id, &row, error))
		return false;
	bool is_known = row != NULL && row->folder != 0;
	/* The server's clock says when a draft was changed, and a sent date stays. */
	if (is_known)
		set &= ~(unsigned)CACHE_FIELD_SENT;
	if (is_known && row->is_draft)
		set &= ~(unsigned)CACHE_FIELD_RECEIVED;
	if (set == 0)
		return true;
	if (node->is_scratch)
		return remember(conn, node, set, error);
	g_autoptr(CacheIntent) intent = cache_intent_take(conn, node->id, error);
	if (intent == NULL)
		return false;
	bool is_open = intent->state == CACHE_INTENT_OPEN;
	cache_intent_ask_fields(intent, set);
	if (is_open)
		intent->state = CACHE_INTENT_OPEN;
	return cache_intent_put(conn, intent, true, error);
}

/* What it has already need not be said again: a restore says everything. */
static bool drop_same(CacheConn *conn, const CacheNode *node, CacheFields *fields, GError **error)
{
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT 0, subject, categories, importance, flag, is_read, received, sent"
		" FROM item WHERE node = ? AND folder > 0",
		"i", node->id);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row)
		return true;
	const char *subject = (const char *)sqlite3_column_text(stmt, 1);
	const char *categories = (const char *)sqlite3_column_text(stmt, 2);
	const char *wanted = fields->categories != NULL ? fields->categories : "";
	unsigned same = 0;
	same |= g_strcmp0(subject, fields->subject) == 0 ? CACHE_FIELD_SUBJECT : 0;
	same |= strcmp(categories != NULL ? categories : "", wanted) == 0 ? CACHE_FIELD_CATEGORIES
									  : 0;
	same |= sqlite3_column_int(stmt, 3) == fields->importance ? CACHE_FIELD_IMPORTANCE : 0;
	same |= sqlite3_column_int(stmt, 4) == fields->flag ? CACHE_FIELD_FLAG : 0;
	same |= (sqlite3_column_int(stmt, 5) != 0) == fields->is_read ? CACHE_FIELD_IS_READ : 0;
	same |= sqlite3_column_int64(stmt, 6) == cache_change_time(fields->received, false)
			? CACHE_FIELD_RECEIVED
			: 0;
	same |= sqlite3_column_int64(stmt, 7) == fields->sent ? CACHE_FIELD_SENT : 0;
	sqlite3_reset(stmt);
	fields->set &= ~same;
	return true;
}

/* touch(1) on a directory: its time is that of its entries. */
static bool set_of_node(Cache *cache, CacheConn *conn, const CacheNode *node,
	const CacheFields *fields, GError **error)
{
	if (node->kind == CACHE_KIND_DIR)
		return true;
	return cache_change_may(node, EWS_RIGHT_MODIFY, error) &&
	       write_fields(conn, node, fields, error) &&
	       set_time(cache, conn, node, fields, error) && ask(conn, node, fields->set, error);
}

bool cache_fields_set(Cache *cache, CacheConn *conn, const CacheNode *node,
	const CacheFields *fields, GError **error)
{
	CacheFields news = *fields;
	return drop_same(conn, node, &news, error) &&
	       (news.set == 0 || set_of_node(cache, conn, node, &news, error));
}

/* Where names tell marks, one of these may have got another name. */
static bool touch_dir(Cache *cache, CacheConn *conn, const CacheNode *node, unsigned set,
	GError **error)
{
	bool is_named = cache->layout != NULL && node->parent > 0 &&
			(set & (CACHE_FIELD_IS_READ | CACHE_FIELD_FLAG)) != 0;
	return !is_named || cache_change_touch(conn, node->parent, 0, error);
}

bool cache_set_fields(Cache *cache, int64_t id, const CacheFields *fields, GError **error)
{
	CacheConn *conn = cache_change_begin(cache, error);
	if (conn == NULL)
		return false;
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	bool is_good = node != NULL && cache_fields_set(cache, conn, node, fields, error) &&
		       touch_dir(cache, conn, node, fields->set, error);
	return cache_change_end(cache, is_good, error);
}
