/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/distinguished.h"

#include "cache/drain.h"
#include "cache/sync.h"
#include "ews/error.h"

/* After a failure it is asked again so much later. */
#define RETRY_US (5 * (int64_t)G_USEC_PER_SEC)

/* The first is all that an archive has. */
static const char *const names[] = {"deleteditems", "drafts", "sentitems", "inbox", "outbox",
	"junkemail", "calendar", "contacts", "tasks", "notes", "journal"};

struct CacheDistinguished {
	bool is_loaded; /* the index was looked at */
	bool are_known;
	unsigned asked;  /* not answered yet */
	bool has_failed; /* one of them, by trouble that passes */
	int64_t next_us;
};

CacheDistinguished *cache_distinguished_new(void)
{
	return g_new0(CacheDistinguished, 1);
}

void cache_distinguished_free(CacheDistinguished *self)
{
	g_free(self);
}

bool cache_distinguished_are_known(Cache *cache)
{
	CacheDistinguished *self = cache->distinguished;
	int64_t count = 0;
	if (cache->is_public)
		return true;
	if (self->is_loaded)
		return self->are_known;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return false;
	self->is_loaded =
		cache_conn_int(conn, 0, &count, NULL, "SELECT count(*) FROM distinguished", "");
	cache_db_put_reader(cache->db, conn);
	self->are_known = count > 0;
	return self->are_known;
}

char *cache_distinguished_id(CacheConn *conn, const char *name, GError **error)
{
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT folder_id FROM distinguished WHERE name = ?", "t", name);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return NULL;
	char *id = has_row ? cache_column_dup(stmt, 0) : NULL;
	sqlite3_reset(stmt);
	return id;
}

char *cache_distinguished_trash(Cache *cache)
{
	CacheConn *conn = cache->is_guest || cache->is_archive
				  ? cache_db_take_reader(cache->db, NULL)
				  : NULL;
	if (conn == NULL)
		return NULL;
	char *id = cache_distinguished_id(conn, "deleteditems", NULL);
	cache_db_put_reader(cache->db, conn);
	return id;
}

EwsDisposal cache_distinguished_aside(const Cache *cache)
{
	return cache->is_public ? EWS_DISPOSAL_HARD : EWS_DISPOSAL_SOFT;
}

static bool store(Cache *cache, const char *name, const char *folder_id, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (cache_conn_run(conn, error,
		    "INSERT OR REPLACE INTO distinguished (name, folder_id) VALUES (?, ?)", "tt",
		    name, folder_id))
		return cache_sync_commit(cache, error);
	cache_sync_rollback(cache);
	return false;
}

static void answered(Cache *cache, EwsOp *op, void *user)
{
	CacheDistinguished *self = cache->distinguished;
	const GError *failed = ews_op_error(op);
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsFolder) folder = failed == NULL ? ews_get_folder_take(op) : NULL;
	if (folder != NULL && !store(cache, user, folder->id, &error))
		self->has_failed = true;
	/* One that this mailbox does not have is no trouble. */
	if (failed != NULL &&
		(cache_sync_is_passing(failed) || ews_error_is(failed, EWS_ERROR_PROTOCOL)))
		self->has_failed = true;
	if (--self->asked > 0)
		return;
	self->are_known = !self->has_failed;
	self->next_us = g_get_monotonic_time() + RETRY_US;
	if (self->are_known)
		cache_drain_poke(cache);
}

int64_t cache_distinguished_tick(Cache *cache, int64_t now)
{
	CacheDistinguished *self = cache->distinguished;
	/* The first refresh finds out whether there is a mailbox at all. */
	if (cache_distinguished_are_known(cache) || self->asked > 0 || !cache_has_tree(cache))
		return INT64_MAX;
	if (now < self->next_us)
		return self->next_us;
	self->has_failed = false;
	self->asked = cache->is_archive ? 1 : G_N_ELEMENTS(names);
	ews_hold(cache->session);
	for (size_t i = 0, count = self->asked; i < count; i++)
		cache_sync_submit(cache, ews_get_distinguished_folder_new(names[i]),
			EWS_PRIORITY_SCAN, answered, (void *)names[i]);
	ews_release(cache->session);
	return INT64_MAX;
}
