/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/pim.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cache/name.h"
#include "ews/error.h"
#include "view/pim.h"

/* How much of a content shows what it is. */
#define START_BYTES 32

/* What the index says of the item. */
typedef struct Item {
	char *class; /* own, as all */
	char *item_id;
	char *name;
	uint64_t ino;
} Item;

static void item_clear(Item *self)
{
	g_free(self->class);
	g_free(self->item_id);
	g_free(self->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Item, item_clear)

static EwsItemKind kind_of(const char *class)
{
	const char *extension = cache_name_extension(class);
	if (strcmp(extension, ".vcf") == 0)
		return EWS_ITEM_CONTACT;
	if (strcmp(extension, ".ics") != 0)
		return EWS_ITEM_MESSAGE;
	return g_ascii_strncasecmp(class, "IPM.Task", strlen("IPM.Task")) == 0 ? EWS_ITEM_TASK
									       : EWS_ITEM_CALENDAR;
}

static bool load(Cache *cache, int64_t node, Item *ret_item)
{
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL,
		"SELECT item.item_class, item.item_id, node.name, node.ino FROM node"
		" JOIN item ON item.node = node.id WHERE node.id = ?",
		"i", node);
	bool has_row = false;
	if (stmt != NULL && cache_conn_step(conn, stmt, &has_row, NULL) && has_row) {
		ret_item->class = cache_column_dup(stmt, 0);
		ret_item->item_id = cache_column_dup(stmt, 1);
		ret_item->name = cache_column_dup(stmt, 2);
		ret_item->ino = (uint64_t)sqlite3_column_int64(stmt, 3);
		sqlite3_reset(stmt);
	}
	cache_db_put_reader(cache->db, conn);
	return has_row && ret_item->class != NULL && ret_item->item_id != NULL &&
	       ret_item->name != NULL;
}

/* A name that somebody gave, against what the item is, promises nothing. */
static bool is_promised(const Item *item)
{
	g_autofree char *low = g_ascii_strdown(item->name, -1);
	return g_str_has_suffix(low, cache_name_extension(item->class));
}

/* No MIME of this item, ever, but perhaps properties. */
static bool is_without_mime(const EwsOp *op)
{
	const char *code = ews_op_response_code(op);
	if (code == NULL)
		return ews_error_is(ews_op_error(op), EWS_ERROR_CORRUPT);
	return strcmp(code, "ErrorUnsupportedMimeConversion") == 0 ||
	       strcmp(code, "ErrorMimeContentConversionFailed") == 0 ||
	       strcmp(code, "ErrorContentConversionFailed") == 0;
}

static bool is_as_it_should(const CacheDownload *download, EwsItemKind kind)
{
	char start[START_BYTES];
	size_t len = cache_download_start(download, start, sizeof start);
	return kind == EWS_ITEM_CONTACT ? view_pim_is_card(start, len)
					: view_pim_is_calendar(start, len);
}

/* TRUE: there was a calendar in the message, and now it is the content. */
static bool take_part(CacheDownload *download)
{
	g_autoptr(GError) error = NULL;
	int fd = cache_download_open(download, &error);
	g_autoptr(GBytes) calendar = fd >= 0 ? view_pim_calendar_in(fd) : NULL;
	if (fd >= 0)
		close(fd);
	if (calendar != NULL && cache_download_replace(download, calendar, &error))
		return true;
	if (error != NULL)
		g_debug("a calendar in its message: %s", error->message);
	return false;
}

/* What is to be asked for what came, which is not as it should be. */
static CachePimNext look_at_message(CacheDownload *download, EwsItemKind kind)
{
	if (kind == EWS_ITEM_CONTACT)
		return CACHE_PIM_DETAILS;
	if (!cache_download_is_whole(download))
		return CACHE_PIM_HOLD;
	return take_part(download) ? CACHE_PIM_DONE : CACHE_PIM_DETAILS;
}

CachePimNext cache_pim_look(Cache *cache, EwsOp *op, CacheDownload *download, EwsOp **ret_details,
	char **ret_item_id)
{
	const GError *refused = ews_op_error(op);
	g_autoptr(EwsItem) came = ews_get_item_take(op);
	g_auto(Item) item = {0};
	/* Nearly all is mail, and known to be by what the answer says. */
	if (refused != NULL ? !is_without_mime(op)
			    : came == NULL || kind_of(came->item_class) == EWS_ITEM_MESSAGE)
		return CACHE_PIM_DONE;
	if (!load(cache, ews_op_tag(op), &item))
		return CACHE_PIM_DONE;
	EwsItemKind kind = kind_of(item.class);
	if (kind == EWS_ITEM_MESSAGE || !is_promised(&item) ||
		(refused == NULL && is_as_it_should(download, kind)))
		return CACHE_PIM_DONE;
	CachePimNext next = refused != NULL ? CACHE_PIM_DETAILS : look_at_message(download, kind);
	if (next == CACHE_PIM_HOLD)
		*ret_item_id = g_steal_pointer(&item.item_id);
	if (next == CACHE_PIM_DETAILS)
		*ret_details = ews_get_details_new(item.item_id, kind);
	return next;
}

static GBytes *make(EwsItemKind kind, char **said, const char *uid)
{
	const char *const *pairs = (const char *const *)said;
	if (kind == EWS_ITEM_CONTACT)
		return view_pim_card(pairs, uid);
	return kind == EWS_ITEM_TASK ? view_pim_task(pairs, uid) : view_pim_event(pairs, uid);
}

bool cache_pim_make(Cache *cache, EwsOp *op, CacheDownload *download, GError **error)
{
	g_auto(GStrv) said = ews_get_details_take(op);
	g_auto(Item) item = {0};
	if (said == NULL) {
		g_propagate_error(error, g_error_copy(ews_op_error(op)));
		return false;
	}
	if (!load(cache, ews_op_tag(op), &item)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such message");
		return false;
	}
	/* The number of the file is the item's own, and the same on every machine. */
	g_autofree char *uid = g_strdup_printf("%016" PRIx64 "@ewsfs", item.ino);
	g_autoptr(GBytes) bytes = make(kind_of(item.class), said, uid);
	if (bytes == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CORRUPT,
			"the server says too little of this item");
		return false;
	}
	return cache_download_replace(download, bytes, error);
}
