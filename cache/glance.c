/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/glance.h"

#include <string.h>

#include "cache/ident.h"
#include "cache/item.h"
#include "cache/private.h"

/* Fewer are listed by one request. */
#define LONG 512

#define HERE                                                                                       \
	"SELECT count(*) FROM item JOIN node ON node.id = item.node JOIN folder ON"                \
	" folder.id = item.folder WHERE folder.id = ?1 AND node.parent = folder.node"              \
	" AND node.state = 0 AND node.parent > 0"

bool cache_glance_may_do(CacheConn *conn, int64_t folder, bool *ret_may, GError **error)
{
	int64_t here = 0;
	int64_t is_calm = 0;
	if (!cache_conn_int(conn, 0, &is_calm, error,
		    "SELECT count(*) FROM folder JOIN node ON node.id = folder.node"
		    " WHERE folder.id = ? AND is_full = 0 AND node.flags & 1 != 0"
		    " AND commit_time >= 0 AND commit_time != synced_commit"
		    " AND deleted_count >= 0 AND deleted_count = synced_deleted"
		    " AND NOT EXISTS (SELECT 1 FROM intent)",
		    "i", folder) ||
		(is_calm > 0 && !cache_conn_int(conn, 0, &here, error, HERE, "i", folder)))
		return false;
	*ret_may = here > LONG;
	return true;
}

/* What we wrote ourselves and no page has told yet is new as well. */
static bool is_known(CacheConn *conn, int64_t folder, const EwsItem *item, bool *ret_known,
	GError **error)
{
	CacheIdent ident;
	g_autoptr(CacheItemRow) row = NULL;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, item->id, strlen(item->id));
	if (!cache_item_find(conn, &ident, item->id, &row, error))
		return false;
	*ret_known = row != NULL && row->state == NODE_LIVE && row->folder == folder &&
		     row->print != 0 && g_strcmp0(row->change_key, item->change_key) == 0;
	return true;
}

bool cache_glance_is_news(CacheConn *conn, int64_t folder, const EwsItemSync *page,
	bool *ret_is_news, GError **error)
{
	bool has_new = false;
	bool is_last_known = false;
	for (guint i = 0; i < page->changes->len; i++) {
		const EwsItemChange *change = page->changes->pdata[i];
		if (!is_known(conn, folder, change->item, &is_last_known, error))
			return false;
		has_new = has_new || !is_last_known;
	}
	*ret_is_news = has_new && is_last_known;
	return true;
}

bool cache_glance_is_all(CacheConn *conn, int64_t folder, int64_t total, bool *ret_is_all,
	GError **error)
{
	int64_t here = 0;
	if (!cache_conn_int(conn, 0, &here, error, HERE, "i", folder))
		return false;
	*ret_is_all = here == total;
	return true;
}
