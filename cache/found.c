/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/found.h"

#include <string.h>

#include "ews/types.h"

char *cache_found_print(const GPtrArray *found, unsigned top_rights)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < found->len; i++) {
		const EwsFolder *folder = found->pdata[i];
		const char *parts[] = {folder->id, folder->parent_id, folder->display_name,
			folder->folder_class};
		for (size_t k = 0; k < G_N_ELEMENTS(parts); k++)
			g_checksum_update(sum, (const guchar *)(parts[k] != NULL ? parts[k] : ""),
				parts[k] != NULL ? (gssize)strlen(parts[k]) + 1 : 1);
		unsigned rest[] = {folder->rights, folder->is_hidden, folder->is_search};
		g_checksum_update(sum, (const guchar *)rest, sizeof rest);
	}
	if (top_rights != EWS_RIGHTS_ALL)
		g_checksum_update(sum, (const guchar *)&top_rights, sizeof top_rights);
	return g_strdup(g_checksum_get_string(sum));
}

bool cache_found_is_here(const GPtrArray *found, CacheConn *conn, bool *ret_same,
	GError **error)
{
	int64_t count = 0;
	*ret_same = true;
	if (!cache_conn_int(conn, 0, &count, error, "SELECT count(*) FROM intent", ""))
		return false;
	if (count > 0)
		return true;
	for (guint i = 0; i < found->len && *ret_same; i++) {
		const EwsFolder *folder = found->pdata[i];
		if (!cache_conn_int(conn, 0, &count, error,
			    "SELECT count(*) FROM folder WHERE folder_id = ?1"
			    " AND display_name = ?2 AND parent_id = ?3",
			    "ttt", folder->id,
			    folder->display_name != NULL ? folder->display_name : "",
			    folder->parent_id != NULL ? folder->parent_id : ""))
			return false;
		*ret_same = count == 1;
	}
	return true;
}
