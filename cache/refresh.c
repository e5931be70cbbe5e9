/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/refresh.h"

#include "cache/apply.h"
#include "cache/content.h"
#include "cache/dirs.h"
#include "cache/drain.h"
#include "cache/due.h"
#include "cache/find.h"
#include "cache/found.h"
#include "cache/hints.h"
#include "cache/own.h"
#include "cache/prefetch.h"
#include "cache/sync.h"
#include "cache/tree.h"
#include "cache/wait.h"
#include "ews/error.h"

/* The first repetition after a failure; doubled each time, up to refresh_s. */
#define RETRY_US ((int64_t)G_USEC_PER_SEC)

/* Where the server tells of changes, all is looked at so often all the same. */
#define NET_US (15 * 60 * (int64_t)G_USEC_PER_SEC)

/* Gone deaf: time to listen again before it is looked; then at least so often, since the session
 * listens again only when the server has answered something else. */
#define DEAF_US ((int64_t)G_USEC_PER_SEC)
#define DEAF_MAX_US (60 * (int64_t)G_USEC_PER_SEC)

/* The server begins to tell of changes so long after the start, or it is not waited for. */
#define LISTEN_US ((int64_t)G_USEC_PER_SEC)

struct CacheRefresh {
	int64_t round;
	bool is_on;
	bool is_at_items; /* the folders are known, their items are being synced */
	bool is_asked;    /* once more after this one */
	bool is_stopped;
	int64_t started_us; /* monotonic */
	int64_t next_us;    /* when the next one begins by itself */
	unsigned failures;  /* in a row */
	GError *error;      /* own; the first of this round */
	char *mailbox;      /* own; the owner's address, from meta */
	char *top_id;       /* own; msgfolderroot's, from meta */
	CacheFind *find;    /* own; what the server says of its folders */
	EwsFolder *top;     /* own; msgfolderroot's counts, which FindFolder does not tell */
	GPtrArray *changes; /* own; of EwsFolderChange, borrowed from pages */
	GPtrArray *pages;   /* own; ops that hold the pages */
	char *hierarchy;    /* own; the state that the next page is asked with */
	char *odd_print;    /* own; of what was found and not the same when all was told anew */
	bool is_full;       /* hierarchy from the beginning */
	bool wants_hierarchy;
};

CacheRefresh *cache_refresh_new(void)
{
	return g_new0(CacheRefresh, 1);
}

static void forget_round(CacheRefresh *self)
{
	g_clear_error(&self->error);
	g_clear_pointer(&self->find, cache_find_free);
	g_clear_pointer(&self->top, ews_folder_free);
	g_clear_pointer(&self->changes, g_ptr_array_unref);
	g_clear_pointer(&self->pages, g_ptr_array_unref);
	g_clear_pointer(&self->hierarchy, g_free);
}

void cache_refresh_free(CacheRefresh *self)
{
	if (self == NULL)
		return;
	forget_round(self);
	g_free(self->odd_print);
	g_free(self->mailbox);
	g_free(self->top_id);
	g_free(self);
}

void cache_refresh_take_top(Cache *cache, EwsFolder *top)
{
	g_clear_pointer(&cache->refresh->top, ews_folder_free);
	cache->refresh->top = top;
}

/* What an owner may do is not asked: servers differ in what they call the rights on that folder. */
unsigned cache_refresh_top_rights(Cache *cache)
{
	const EwsFolder *top = cache->refresh->top;
	bool is_own = !cache->is_guest && !cache->is_public;
	return !is_own && top != NULL ? top->rights : (unsigned)EWS_RIGHTS_ALL;
}

int64_t cache_refresh_round(Cache *cache)
{
	return cache->refresh->round;
}

/* --- the end of a round ------------------------------------------------------------------ */

static void set_status(Cache *cache, const GError *error)
{
	pthread_mutex_lock(&cache->status_lock);
	g_free(cache->status_error);
	cache->status_error = error != NULL ? g_strdup(error->message) : NULL;
	if (error == NULL)
		cache->refreshed_at = g_get_real_time();
	pthread_mutex_unlock(&cache->status_lock);
}

/* So that a later mount, perhaps without a server, can say how old its tree is. */
static bool save_time(CacheConn *conn, GError **error)
{
	g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time());
	return cache_conn_set_meta(conn, "refreshed_at", now, error);
}

static bool settle(Cache *cache, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (!cache_apply_settle(cache, conn, cache->refresh->round, error) ||
		!save_time(conn, error)) {
		cache_sync_rollback(cache);
		return false;
	}
	cache_note(cache, CACHE_CHANGE_SETTLED, 0, 0);
	return cache_sync_commit(cache, error);
}

/* When to begin again. What kept one folder from being brought up to date may pass as well, and
 * nobody announces again what was announced. A server that is away or busy is asked when the
 * session would let a request through; asking earlier is refused here and proves nothing. */
static int64_t next_after(Cache *cache, bool is_done)
{
	const CacheRefresh *self = cache->refresh;
	int64_t now = g_get_monotonic_time();
	int64_t refresh_us = cache->refresh_s * (int64_t)G_USEC_PER_SEC;
	if (is_done && self->error == NULL && cache_hints_are_enough(cache))
		return now + MAX(refresh_us, NET_US);
	if (cache_hints_are_missing(cache))
		refresh_us = MIN(refresh_us, DEAF_MAX_US);
	if (is_done && self->error == NULL)
		return now + refresh_us;
	EwsStatus status;
	ews_session_status(cache->session, &status);
	if (ews_error_is_temporary(self->error) && status.resume_us > now)
		return MIN(status.resume_us, now + refresh_us);
	return now + MIN(refresh_us, RETRY_US << MIN(self->failures, 10));
}

/* Somebody deleted a folder between two of our questions: the next round knows. Not twice in a row,
 * since a server that lists what it has not got would be asked for ever. */
static bool is_overtaken(const CacheRefresh *self)
{
	return self->is_at_items && self->failures == 0 &&
	       ews_error_is(self->error, EWS_ERROR_NOT_FOUND);
}

static void finish(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	bool is_again = is_overtaken(self);
	/* All but single folders was synced: what waits for that need not wait for ever. */
	bool is_done = self->error == NULL ||
		       (self->is_at_items && !cache_due_is_everybodys(self->error));
	g_autoptr(GError) unsettled = NULL;
	if (is_done && !settle(cache, &unsettled) && self->error == NULL)
		self->error = g_steal_pointer(&unsettled);
	self->is_on = false;
	self->next_us = next_after(cache, is_done);
	self->failures = self->error == NULL ? 0 : self->failures + 1;
	set_status(cache, self->error);
	if (is_done)
		cache_prefetch_begin(cache);
	g_autoptr(GError) error = g_steal_pointer(&self->error);
	forget_round(self);
	self->is_asked = self->is_asked || is_again;
	atomic_store(&cache->is_round_on, self->is_asked);
	if (is_again) {
		g_debug("refresh: %s; once more", error->message);
		return;
	}
	if (error != NULL) {
		g_log(G_LOG_DOMAIN, self->failures > 1 ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_WARNING,
			"refresh: %s", error->message);
		/* Where only a folder failed, what was asked for meanwhile can be done. */
		self->is_asked = self->is_asked && is_done;
		atomic_store(&cache->is_round_on, self->is_asked);
		cache_wait_failed(cache, error);
		return;
	}
	atomic_store(&cache->fresh_us, self->started_us);
	cache_wait_round_done(cache, self->round);
}

/* Takes the error for the round's. */
static void fail(Cache *cache, const GError *error)
{
	if (cache->refresh->error == NULL)
		cache->refresh->error = g_error_copy(error);
	finish(cache);
}

/* --- items ------------------------------------------------------------------------------- */

static void items_done(Cache *cache, const GError *error)
{
	if (error != NULL)
		fail(cache, error);
	else
		finish(cache);
}

static void begin_items(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	if (!cache_due_find(cache, &error)) {
		fail(cache, error);
		return;
	}
	self->is_at_items = true;
	cache_hints_choose_folders(cache);
	/* A directory that somebody waits for may have just appeared or gone. */
	cache_wait_check(cache);
	cache_due_sync(cache, self->round, self->mailbox, items_done);
}

/* --- hierarchy --------------------------------------------------------------------------- */

static bool take_counts(Cache *cache, CacheConn *conn, GError **error)
{
	bool is_awaited = false;
	if (!cache_content_is_awaited(cache, conn, &is_awaited, error))
		return false;
	if (is_awaited)
		cache_drain_poke(cache);
	const GPtrArray *found = cache_find_folders(cache->refresh->find);
	for (guint i = 0; i < found->len; i++) {
		if (!cache_tree_set_counts(conn, found->pdata[i], error))
			return false;
	}
	return cache->refresh->top == NULL ||
	       cache_tree_set_counts(conn, cache->refresh->top, error);
}

static char *print_of(Cache *cache)
{
	return cache_found_print(cache_find_folders(cache->refresh->find),
		cache_refresh_top_rights(cache));
}

/* A server may also differ with itself, for ever: what is still otherwise when it has told all is
 * not asked for again. */
static bool learn_oddity(CacheRefresh *self, CacheConn *conn, const char *print, GError **error)
{
	bool is_same = true;
	if (!cache_found_is_here(cache_find_folders(self->find), conn, &is_same, error))
		return false;
	g_free(self->odd_print);
	self->odd_print = is_same ? NULL : g_strdup(print);
	return true;
}

static bool take_hierarchy(Cache *cache, CacheConn *conn, GError **error)
{
	CacheRefresh *self = cache->refresh;
	g_autofree char *print = print_of(cache);
	for (guint i = 0; i < self->changes->len; i++) {
		if (!cache_tree_apply(cache, conn, self->changes->pdata[i], self->round, error))
			return false;
	}
	return (!self->is_full || (cache_tree_sweep(conn, self->round, error) &&
					   learn_oddity(self, conn, print, error))) &&
	       cache_tree_lay_out(cache, conn, self->top_id, self->mailbox, error) &&
	       cache_conn_set_meta(conn, "hierarchy_state", self->hierarchy, error) &&
	       cache_conn_set_meta(conn, "hierarchy_print", print, error) &&
	       take_counts(cache, conn, error);
}

static bool in_transaction(Cache *cache, bool (*step)(Cache *, CacheConn *, GError **),
	GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (!step(cache, conn, error)) {
		cache_sync_rollback(cache);
		return false;
	}
	return cache_sync_commit(cache, error);
}

/* All changes are known. */
static void end_hierarchy(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	if (!in_transaction(cache, take_hierarchy, &error)) {
		fail(cache, error);
		return;
	}
	atomic_store(&cache->has_tree, true);
	begin_items(cache);
}

static void hierarchy_answered(Cache *cache, EwsOp *op, void *user);

static void ask_hierarchy(Cache *cache)
{
	cache_sync_submit(cache, ews_sync_folder_hierarchy_new(cache->entry,
			cache->refresh->hierarchy),
		EWS_PRIORITY_SCAN, hierarchy_answered, NULL);
}

static void begin_hierarchy(Cache *cache, bool is_full)
{
	CacheRefresh *self = cache->refresh;
	self->is_full = is_full;
	g_clear_pointer(&self->changes, g_ptr_array_unref);
	self->changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_change_free);
	if (is_full)
		g_clear_pointer(&self->hierarchy, g_free);
	ask_hierarchy(cache);
}

static void hierarchy_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheRefresh *self = cache->refresh;
	const GError *failed = ews_op_error(op);
	g_autoptr(GError) error = NULL;
	if (failed != NULL && ews_error_is(failed, EWS_ERROR_STALE) && !self->is_full) {
		begin_hierarchy(cache, true);
		return;
	}
	if (failed != NULL) {
		fail(cache, failed);
		return;
	}
	const EwsFolderSync *page = ews_sync_folder_hierarchy_page(op);
	for (guint i = 0; i < page->changes->len; i++) {
		EwsFolderChange *change = page->changes->pdata[i];
		EwsFolderChange *copy = g_new0(EwsFolderChange, 1);
		copy->kind = change->kind;
		copy->folder = g_steal_pointer(&change->folder);
		g_ptr_array_add(self->changes, copy);
	}
	g_free(self->hierarchy);
	self->hierarchy = g_strdup(page->state);
	if (self->changes->len > CACHE_FOLDERS_MAX) {
		error = g_error_new_literal(EWS_ERROR, EWS_ERROR_TOO_BIG, "too many folders");
		fail(cache, error);
		return;
	}
	if (!page->is_last) {
		ask_hierarchy(cache);
		return;
	}
	end_hierarchy(cache);
}

/* There is no hierarchy to be synced: what was found is all there is. */
static void believe_found(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	const GPtrArray *found = cache_find_folders(self->find);
	self->is_full = true;
	g_clear_pointer(&self->changes, g_ptr_array_unref);
	self->changes = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < found->len; i++) {
		EwsFolderChange *change = g_new0(EwsFolderChange, 1);
		change->kind = EWS_CHANGE_CREATE;
		change->folder = found->pdata[i];
		g_ptr_array_add(self->changes, change);
	}
	g_free(self->hierarchy);
	self->hierarchy = g_strdup("");
	end_hierarchy(cache);
}

/* --- find -------------------------------------------------------------------------------- */

/* A server may say that it renamed a folder and not have done so; no hierarchy that goes on from a
 * state tells of that. So where nothing is new and yet something is otherwise here, all folders are
 * asked for. */
static bool has_lied(Cache *cache, CacheConn *conn, const char *print, bool *ret_lied,
	GError **error)
{
	CacheRefresh *self = cache->refresh;
	bool is_same = true;
	if (g_strcmp0(self->odd_print, print) != 0 &&
		!cache_found_is_here(cache_find_folders(self->find), conn, &is_same, error))
		return false;
	*ret_lied = !is_same;
	return true;
}

static bool has_new_hierarchy(Cache *cache, bool *ret_new, GError **error)
{
	CacheRefresh *self = cache->refresh;
	g_autofree char *print = print_of(cache);
	g_autofree char *old = NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	g_clear_pointer(&self->hierarchy, g_free);
	bool is_ok = cache_conn_get_meta(conn, "hierarchy_print", &old, error) &&
		     cache_conn_get_meta(conn, "hierarchy_state", &self->hierarchy, error);
	bool has_lie = false;
	*ret_new = self->hierarchy == NULL || self->wants_hierarchy || g_strcmp0(old, print) != 0;
	if (is_ok && !*ret_new)
		is_ok = has_lied(cache, conn, print, &has_lie, error);
	cache_db_put_reader(cache->db, conn);
	self->wants_hierarchy = false;
	*ret_new |= has_lie;
	if (has_lie)
		g_clear_pointer(&self->hierarchy, g_free);
	return is_ok;
}

/* All is known that the next steps want, or never will be. */
static void find_done(Cache *cache, const GError *failed)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	bool is_new = false;
	if (failed != NULL) {
		fail(cache, failed);
		return;
	}
	if (self->top == NULL || cache->is_public) {
		ews_folder_free(self->top);
		self->top = cache_find_take_top(self->find);
	}
	if (!has_new_hierarchy(cache, &is_new, &error))
		fail(cache, error);
	else if (is_new && cache->is_public)
		believe_found(cache);
	else if (is_new)
		begin_hierarchy(cache, self->hierarchy == NULL);
	else if (!in_transaction(cache, take_counts, &error))
		fail(cache, error);
	else
		begin_items(cache);
}

static void find(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	/* Told already at the start; or another folder is mounted, which is among the found. */
	bool needs_top = self->top == NULL && cache->below[0] == '\0';
	self->find = cache_find_begin(cache, self->top_id, needs_top, find_done);
}

static void inbox_answered(Cache *cache, EwsOp *op, void *user)
{
	g_autoptr(GError) error = NULL;
	if (cache_dirs_take_inbox(cache, op, &error))
		find(cache);
	else
		fail(cache, error);
}

static void begin_find(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	bool is_known = false;
	if (!cache_dirs_know_inbox(cache, &is_known, &error))
		fail(cache, error);
	else if (is_known)
		find(cache);
	else
		cache_sync_submit(cache, ews_get_distinguished_folder_new("inbox"),
			EWS_PRIORITY_SCAN, inbox_answered, NULL);
}

/* --- mailbox ----------------------------------------------------------------------------- */

static bool save_mailbox(Cache *cache, CacheConn *conn, GError **error)
{
	const CacheRefresh *self = cache->refresh;
	return cache_conn_set_meta(conn, "mailbox", self->mailbox, error) &&
	       cache_conn_set_meta(conn, "entry", cache->entry, error) &&
	       cache_conn_set_meta(conn, "top_id", self->top_id, error);
}

static void take_name(Cache *cache, const char *address)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	self->mailbox = g_ascii_strdown(address, -1);
	if (in_transaction(cache, save_mailbox, &error)) {
		begin_find(cache);
		return;
	}
	g_clear_pointer(&self->mailbox, g_free);
	fail(cache, error);
}

static void name_answered(Cache *cache, EwsOp *op, void *user)
{
	const GError *failed = ews_op_error(op);
	if (failed != NULL && cache_sync_is_passing(failed)) {
		fail(cache, failed);
		return;
	}
	const char *address = failed == NULL ? ews_resolve_names_address(op) : NULL;
	/* A server that does not know its own users: the sign-in name is as good as a name. */
	take_name(cache, address != NULL ? address : cache->account);
}

static void ask_name(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_free(self->top_id);
	self->top_id = g_strdup(self->top->id);
	if (cache->mailbox != NULL) {
		take_name(cache, cache->mailbox);
		return;
	}
	cache_sync_submit(cache, ews_resolve_names_new(cache->account), EWS_PRIORITY_SCAN,
		name_answered, NULL);
}

static void top_answered(Cache *cache, EwsOp *op, void *user)
{
	if (ews_op_error(op) != NULL) {
		fail(cache, ews_op_error(op));
		return;
	}
	cache->refresh->top = ews_get_folder_take(op);
	ask_name(cache);
}

static bool load_mailbox(Cache *cache, GError **error)
{
	CacheRefresh *self = cache->refresh;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	g_clear_pointer(&self->mailbox, g_free);
	g_clear_pointer(&self->top_id, g_free);
	bool is_ok = cache_conn_get_meta(conn, "mailbox", &self->mailbox, error) &&
		     cache_conn_get_meta(conn, "top_id", &self->top_id, error);
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

/* --- beginning --------------------------------------------------------------------------- */

static void begin(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	self->is_on = true;
	self->is_at_items = false;
	self->is_asked = false;
	self->round++;
	self->started_us = g_get_monotonic_time();
	atomic_store(&cache->is_round_on, true);
	cache_hints_forget(cache);
	cache_own_forget_pages(cache);
	if (self->mailbox == NULL && !load_mailbox(cache, &error))
		fail(cache, error);
	else if (self->mailbox == NULL && self->top != NULL)
		ask_name(cache);
	else if (self->mailbox == NULL)
		cache_sync_submit(cache, ews_get_distinguished_folder_new(cache->entry),
			EWS_PRIORITY_SCAN, top_answered, NULL);
	else
		begin_find(cache);
}

void cache_refresh_start(Cache *cache)
{
	if (cache->refreshed_at != 0 && cache_hints_are_coming(cache))
		cache->refresh->next_us = g_get_monotonic_time() + LISTEN_US;
}

static void asked(Cache *cache, void *data)
{
	/* One that is under way will do: what asks so gently does not need to be first. */
	if (!cache->refresh->is_on)
		cache->refresh->next_us = 0;
}

void cache_refresh_ask_soon(Cache *cache)
{
	atomic_store(&cache->is_round_on, true);
	cache_sync_post(cache, asked, NULL, NULL);
}

void cache_refresh_deaf(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	self->next_us = MIN(self->next_us, g_get_monotonic_time() + DEAF_US);
}

bool cache_refresh_is_on(Cache *cache)
{
	return cache->refresh->is_on;
}

void cache_refresh_ask_hierarchy(Cache *cache)
{
	cache->refresh->wants_hierarchy = true;
	cache_refresh_ask(cache);
}

int64_t cache_refresh_ask(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	self->is_asked = true;
	return self->round + 1;
}

void cache_refresh_first(Cache *cache, int64_t dir)
{
	if (cache->refresh->is_on)
		cache_due_first(cache, dir);
	else
		cache->refresh->next_us = 0;
}

int64_t cache_refresh_tick(Cache *cache, int64_t now_us)
{
	CacheRefresh *self = cache->refresh;
	if (self->is_on || self->is_stopped)
		return INT64_MAX;
	if (!self->is_asked && now_us < self->next_us)
		return self->next_us;
	begin(cache);
	return self->is_on ? INT64_MAX : self->next_us;
}

void cache_refresh_stop(Cache *cache)
{
	cache->refresh->is_stopped = true;
}
