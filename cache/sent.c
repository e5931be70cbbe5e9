/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/sent.h"

#include "cache/distinguished.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "ews/error.h"

/* One that is on its way out, or that could not be asked for, is looked for again after so long. */
#define AGAIN_US (60 * (int64_t)G_USEC_PER_SEC)

/* What says for so long that it is on its way is left alone. */
#define GIVE_UP_US (24 * 3600 * (int64_t)G_USEC_PER_SEC)

#define AT_ONCE 50

struct CacheSentMail {
	int64_t next_us;
	unsigned asked; /* not answered yet */
};

CacheSentMail *cache_sent_mail_new(void)
{
	return g_new0(CacheSentMail, 1);
}

void cache_sent_mail_free(CacheSentMail *self)
{
	g_free(self);
}

bool cache_sent_mail_note(Cache *cache, CacheConn *conn, const char *item_id, GError **error)
{
	int64_t now = g_get_real_time();
	cache->sent_mail->next_us = 0;
	return cache_conn_run(conn, error,
		"INSERT OR REPLACE INTO sent (item_id, since, look_at) VALUES (?, ?, ?)", "tii",
		item_id, now, now + cache->settle_us);
}

/* --- what becomes of one ------------------------------------------------------------------ */

static bool look_again(CacheConn *conn, const char *id, GError **error)
{
	return cache_conn_run(conn, error, "UPDATE sent SET look_at = ? WHERE item_id = ?", "it",
		g_get_real_time() + AGAIN_US, id);
}

static bool forget(CacheConn *conn, const char *id, GError **error)
{
	return cache_conn_run(conn, error, "DELETE FROM sent WHERE item_id = ?", "t", id);
}

/* It stays where it is, and is shown there. */
static bool give_up(CacheConn *conn, const char *id, GError **error)
{
	g_message("a mail that was sent stays in Drafts: it cannot be moved to Sent Items");
	return forget(conn, id, error) &&
	       cache_conn_run(conn, error,
		       "UPDATE folder SET sync_state = NULL WHERE folder_id ="
		       " (SELECT folder_id FROM distinguished WHERE name = 'drafts')",
		       "");
}

/* A transaction for what was answered; NULL, when it cannot be begun: then the answer is over. */
static CacheConn *begin(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn != NULL)
		return conn;
	g_warning("journal: %s", error->message);
	cache->sent_mail->asked--;
	return NULL;
}

static void finish(Cache *cache, bool is_good, GError *error)
{
	if (is_good)
		is_good = cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
	if (!is_good)
		g_warning("journal: %s", error->message);
	g_clear_error(&error);
	cache->sent_mail->asked--;
	cache->sent_mail->next_us = 0;
}

static void moved(Cache *cache, EwsOp *op, void *user)
{
	g_autofree char *id = user;
	const GError *failed = ews_op_error(op);
	GError *error = NULL;
	CacheConn *conn = begin(cache);
	bool is_over = failed == NULL || ews_error_is(failed, EWS_ERROR_NOT_FOUND);
	bool is_passing =
		failed != NULL && (ews_op_is_in_doubt(op) || cache_sync_is_passing(failed));
	if (conn == NULL)
		return;
	bool is_good = is_over      ? forget(conn, id, &error)
		       : is_passing ? look_again(conn, id, &error)
				    : give_up(conn, id, &error);
	finish(cache, is_good, error);
	cache_refresh_ask_soon(cache);
}

static bool move(Cache *cache, CacheConn *conn, const char *id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *to = cache_distinguished_id(conn, "sentitems", &failure);
	if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	if (to == NULL)
		return give_up(conn, id, error);
	EwsOp *op = ews_move_item_new(id, to);
	void *user = g_strdup(id);
	cache->sent_mail->asked++;
	cache_sync_submit_call(cache, &op, 1, EWS_PRIORITY_BACKGROUND, moved, &user, g_free);
	return true;
}

static bool is_old(CacheConn *conn, const char *id, bool *ret_is_old, GError **error)
{
	int64_t since = 0;
	if (!cache_conn_int(conn, 0, &since, error, "SELECT since FROM sent WHERE item_id = ?", "t",
		    id))
		return false;
	*ret_is_old = g_get_real_time() > since + GIVE_UP_US;
	return true;
}

static bool decide(Cache *cache, CacheConn *conn, const char *id, EwsOp *op, GError **error)
{
	bool has_waited = false;
	const GError *failed = ews_op_error(op);
	g_autoptr(EwsItem) item = failed == NULL ? ews_get_item_take(op) : NULL;
	if (ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		return forget(conn, id, error);
	if (!is_old(conn, id, &has_waited, error))
		return false;
	if (has_waited)
		return give_up(conn, id, error);
	/* To move what the server is about to send would be to stop it. */
	if (item == NULL || item->is_submitted)
		return look_again(conn, id, error);
	return move(cache, conn, id, error) && look_again(conn, id, error);
}

static void found(Cache *cache, EwsOp *op, void *user)
{
	g_autofree char *id = user;
	GError *error = NULL;
	CacheConn *conn = begin(cache);
	if (conn == NULL)
		return;
	bool is_good = decide(cache, conn, id, op, &error);
	finish(cache, is_good, error);
}

/* --- looking ------------------------------------------------------------------------------ */

/* *ret_wait: until the next is due; INT64_MAX: there is none. */
static GPtrArray *list_due(CacheConn *conn, int64_t *ret_wait, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	int64_t now = g_get_real_time();
	bool has_row = true;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT item_id, look_at FROM sent ORDER BY look_at LIMIT ?", "i",
		(int64_t)AT_ONCE);
	*ret_wait = INT64_MAX;
	while (stmt != NULL) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return NULL;
		if (!has_row)
			return g_steal_pointer(&ids);
		int64_t look_at = sqlite3_column_int64(stmt, 1);
		if (look_at > now) {
			*ret_wait = look_at - now;
			sqlite3_reset(stmt);
			return g_steal_pointer(&ids);
		}
		g_ptr_array_add(ids, cache_column_dup(stmt, 0));
	}
	return NULL;
}

int64_t cache_sent_mail_tick(Cache *cache, int64_t now)
{
	CacheSentMail *self = cache->sent_mail;
	g_autoptr(GError) error = NULL;
	int64_t wait = INT64_MAX;
	if (self->asked > 0 || !cache_distinguished_are_known(cache))
		return INT64_MAX;
	if (now < self->next_us)
		return self->next_us;
	CacheConn *conn = cache_db_take_reader(cache->db, &error);
	g_autoptr(GPtrArray) ids = conn != NULL ? list_due(conn, &wait, &error) : NULL;
	if (conn != NULL)
		cache_db_put_reader(cache->db, conn);
	if (ids == NULL) {
		g_warning("journal: %s", error->message);
		wait = AGAIN_US;
	}
	self->next_us = wait == INT64_MAX ? INT64_MAX : now + wait;
	self->asked = ids != NULL ? ids->len : 0;
	for (guint i = 0; ids != NULL && i < ids->len; i++)
		cache_sync_submit_owned(cache, ews_get_item_new(ids->pdata[i]),
			EWS_PRIORITY_BACKGROUND, found, g_strdup(ids->pdata[i]), g_free);
	return self->asked > 0 ? INT64_MAX : self->next_us;
}
