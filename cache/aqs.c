/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/aqs.h"

#include "cache/sync.h"

#define META "aqs"

/* A server that has not answered yet is the one that it was. */
static bool is_about(const char *url, const char *version, const EwsStatus *status)
{
	return g_str_equal(url, status->url) &&
	       (status->server[0] == '\0' || g_str_equal(version, status->server));
}

/* "yes URL VERSION", in meta. */
CacheAqs cache_aqs_recall(Cache *cache)
{
	g_autofree char *text = NULL;
	EwsStatus status;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return CACHE_AQS_UNKNOWN;
	bool is_ok = cache_conn_get_meta(conn, META, &text, NULL) && text != NULL;
	cache_db_put_reader(cache->db, conn);
	g_auto(GStrv) parts = g_strsplit(is_ok ? text : "", " ", 3);
	ews_session_status(cache->session, &status);
	if (g_strv_length(parts) != 3 || !is_about(parts[1], parts[2], &status))
		return CACHE_AQS_UNKNOWN;
	return g_str_equal(parts[0], "yes") ? CACHE_AQS_YES : CACHE_AQS_NO;
}

void cache_aqs_remember(Cache *cache, CacheAqs aqs)
{
	g_autoptr(GError) error = NULL;
	EwsStatus status;
	ews_session_status(cache->session, &status);
	g_autofree char *text = g_strdup_printf("%s %s %s", aqs == CACHE_AQS_YES ? "yes" : "no",
		status.url, status.server);
	CacheConn *conn = cache_sync_begin(cache, &error);
	bool is_good = conn != NULL;
	if (is_good && cache_conn_set_meta(conn, META, text, &error))
		is_good = cache_sync_commit(cache, &error);
	else if (is_good)
		cache_sync_rollback(cache);
	if (error != NULL)
		g_warning("what the server understands is not remembered: %s", error->message);
}
