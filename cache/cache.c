/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cache/distinguished.h"
#include "cache/doubt.h"
#include "cache/drain.h"
#include "cache/due.h"
#include "cache/evict.h"
#include "cache/fetch.h"
#include "cache/flush.h"
#include "cache/hints.h"
#include "cache/local.h"
#include "cache/prefetch.h"
#include "cache/private.h"
#include "cache/refresh.h"
#include "cache/rescue.h"
#include "cache/search.h"
#include "cache/sent.h"
#include "cache/sync.h"
#include "cache/template.h"
#include "cache/viewed.h"
#include "cache/wait.h"
#include "ews/error.h"

/*
 * Opening and closing: directories, the lock, and what the last run left behind.
 */

/* Blobs written so shortly before a power cut are not believed. */
#define DOUBT_US (120 * (int64_t)G_USEC_PER_SEC)

static char *read_boot_id(void)
{
	g_autofree char *text = NULL;
	if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
		return g_strdup("unknown");
	return g_strdup(g_strstrip(text));
}

/* --- the lock ---------------------------------------------------------------------------- */

/* Two processes with one index would each undo the other's work. */
static bool take_lock(Cache *self, GError **error)
{
	g_autofree char *path = g_build_filename(self->state_dir, "lock", NULL);
	self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (self->lock_fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
		return false;
	}
	if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		char holder[32] = "";
		ssize_t len = pread(self->lock_fd, holder, sizeof holder - 1, 0);
		holder[MAX(len, 0)] = '\0';
		g_set_error(error, EWS_ERROR, EWS_ERROR_BUSY,
			"%s is in use by another ewsfs (process %s); unmount that one first, or "
			"give this"
			" mount its own state_dir",
			self->state_dir, g_strstrip(holder));
		return false;
	}
	char pid[32];
	int len = g_snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(self->lock_fd, 0) != 0 || pwrite(self->lock_fd, pid, (size_t)len, 0) != len) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
		return false;
	}
	return true;
}

/* --- what the last run left --------------------------------------------------------------- */

/* Bytes that the index believes in and that a power cut may have taken. */
static bool doubt_blobs(Cache *self, CacheConn *conn, GError **error)
{
	int64_t last = 0;
	if (!cache_conn_int(conn, 0, &last, error, "SELECT max(used) FROM blob", ""))
		return false;
	g_autoptr(GArray) doubtful = cache_conn_ids(conn, error,
		"SELECT node FROM blob WHERE used >= ?", "i", last - DOUBT_US);
	if (doubtful == NULL)
		return false;
	for (guint i = 0; i < doubtful->len; i++) {
		if (!cache_evict_forget(self, conn, g_array_index(doubtful, int64_t, i), error))
			return false;
	}
	return true;
}

/* Rows of what is no more: no kernel holds their numbers now. Refreshes count from 1 again, and
 * what was marked by one of an earlier run is not what this run's marked. */
static bool drop_gone(CacheConn *conn, GError **error)
{
	return cache_conn_run(conn, error, "UPDATE node SET want = 1 WHERE want = 2", "") &&
	       cache_conn_run(conn, error,
		       "DELETE FROM item WHERE node IN (SELECT id FROM node WHERE state = 2"
		       " AND state > 0)",
		       "") &&
	       cache_conn_run(conn, error, "DELETE FROM node WHERE state = 2 AND state > 0", "") &&
	       cache_conn_run(conn, error, "UPDATE item SET round = 0 WHERE is_provisional = 1",
		       "") &&
	       cache_conn_run(conn, error,
		       "UPDATE item SET round = 0 WHERE node IN"
		       " (SELECT id FROM node WHERE state = 1 AND state > 0)",
		       "") &&
	       cache_conn_run(conn, error, "UPDATE folder SET mark = 0 WHERE mark != 0", "");
}

static bool drop_blobs(CacheConn *conn, GError **error)
{
	return cache_conn_run(conn, error, "DELETE FROM blob", "") &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET flags = flags & ~ ? WHERE flags & ? != 0", "ii",
		       (int64_t)NODE_HERE, (int64_t)NODE_HERE);
}

static bool clean_up(Cache *self, bool are_blobs_void, GError **error)
{
	g_autofree char *boot_id = read_boot_id();
	g_autofree char *last_boot = NULL;
	CacheConn *conn = cache_sync_begin(self, error);
	if (conn == NULL)
		return false;
	bool is_ok =
		cache_conn_get_meta(conn, "boot_id", &last_boot, error) && drop_gone(conn, error);
	bool was_cut =
		last_boot != NULL && strcmp(last_boot, "") != 0 && strcmp(last_boot, boot_id) != 0;
	is_ok = is_ok && cache_locals_sweep(self->locals, conn, error);
	if (is_ok && are_blobs_void)
		is_ok = drop_blobs(conn, error);
	else if (is_ok && was_cut)
		is_ok = doubt_blobs(self, conn, error);
	/* Cleared at a proper end: who finds another boot's id here knows of a cut. */
	if (!is_ok || !cache_conn_set_meta(conn, "boot_id", boot_id, error)) {
		cache_sync_rollback(self);
		return false;
	}
	return cache_sync_commit(self, error);
}

/* "" for the account's own mailbox. */
static char *whose_words(const CacheConfig *config)
{
	if (config->mailbox != NULL)
		return g_strdup_printf("mailbox %s%s, ", config->mailbox,
			config->is_public ? "'s public folders" : "");
	return g_strdup(config->is_archive  ? "the archive, "
			: config->is_public ? "the public folders, "
					    : "");
}

/* An index shows one folder of one mailbox of one server; shown as another's it would lie. */
static bool check_owner(Cache *self, CacheConn *conn, const CacheConfig *config, GError **error)
{
	g_autofree char *whose = whose_words(config);
	g_autofree char *owner = g_strdup_printf("%s at %s, %sfolder \"%s\"", config->account,
		config->server != NULL ? config->server : "", whose, self->root_path);
	g_autofree char *found = NULL;
	if (!cache_conn_get_meta(conn, "owner", &found, error))
		return false;
	if (found == NULL)
		return cache_conn_set_meta(conn, "owner", owner, error);
	if (strcmp(found, owner) == 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL,
		"%s holds what is known of %s; give this mount its own state_dir, or remove that "
		"one",
		self->state_dir, found);
	return false;
}

/* What was chosen of @option; @usual: where there was no choice yet. */
static bool check_choice(Cache *self, CacheConn *conn, const char *option, const char *chosen,
	const char *usual, GError **error)
{
	g_autofree char *owner = NULL;
	g_autofree char *found = NULL;
	if (!cache_conn_get_meta(conn, "owner", &owner, error) ||
		!cache_conn_get_meta(conn, option, &found, error))
		return false;
	if (owner == NULL)
		return cache_conn_set_meta(conn, option, chosen, error);
	const char *known = found != NULL ? found : usual;
	if (strcmp(known, chosen) == 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL,
		"%s was made with %s=%s; mount with that, or give this mount its own state_dir,"
		" or remove that one",
		self->state_dir, option, known);
	return false;
}

/* Which names an index was made with is a part of what is in it. */
static bool check_names(Cache *self, CacheConn *conn, GError **error)
{
	const char *layout = self->layout != NULL ? self->layout : "files";
	return check_choice(self, conn, "layout", layout, "files", error) &&
	       check_choice(self, conn, "names", self->names->words, CACHE_NAMES_USUAL, error);
}

static bool read_start(Cache *self, const CacheConfig *config, char **ret_epoch, GError **error)
{
	g_autofree char *state = NULL;
	g_autofree char *refreshed = NULL;
	g_autofree char *entry = NULL;
	int64_t is_root_tied = 0;
	CacheConn *conn = cache_sync_begin(self, error);
	if (conn == NULL)
		return false;
	bool is_ok = check_names(self, conn, error) && check_owner(self, conn, config, error) &&
		     cache_conn_get_meta(conn, "epoch", ret_epoch, error) &&
		     cache_conn_get_meta(conn, "hierarchy_state", &state, error) &&
		     cache_conn_get_meta(conn, "entry", &entry, error) &&
		     cache_conn_get_meta(conn, "refreshed_at", &refreshed, error) &&
		     cache_conn_int(conn, 0, &is_root_tied, error,
			     "SELECT count(*) FROM folder WHERE node = 1", "");
	if (is_ok && *ret_epoch == NULL) {
		*ret_epoch = g_uuid_string_random();
		is_ok = cache_conn_set_meta(conn, "epoch", *ret_epoch, error);
	}
	if (!is_ok) {
		cache_sync_rollback(self);
		return false;
	}
	if (entry != NULL)
		cache_set_entry(self, entry);
	atomic_store(&self->has_tree, state != NULL && is_root_tied > 0);
	self->refreshed_at = refreshed != NULL ? g_ascii_strtoll(refreshed, NULL, 10) : 0;
	return cache_sync_commit(self, error);
}

/* --- open, close -------------------------------------------------------------------------- */

static bool open_stores(Cache *self, const CacheConfig *config, GError **error)
{
	g_autofree char *epoch = NULL;
	bool are_blobs_void = false;
	if (g_mkdir_with_parents(self->state_dir, 0700) != 0) {
		g_propagate_error(error,
			ews_error_from_errno(errno, "state directory %s", self->state_dir));
		return false;
	}
	if (!take_lock(self, error))
		return false;
	self->db = cache_rescue_open(self->state_dir, error);
	if (self->db == NULL || !read_start(self, config, &epoch, error))
		return false;
	self->blobs = cache_blobs_new(self->cache_dir, epoch, &are_blobs_void, error);
	if (self->blobs == NULL)
		return false;
	self->locals = cache_locals_new(self->db, self->state_dir, config->scratch_size, error);
	return self->locals != NULL && clean_up(self, are_blobs_void, error) &&
	       cache_evict_start(self, error) &&
	       (!self->is_writable || cache_drain_recover(self, error));
}

Cache *cache_open(const CacheConfig *config, GError **error)
{
	g_autoptr(Cache) self = g_new0(Cache, 1);
	self->state_dir = g_strdup(config->state_dir);
	self->cache_dir = g_strdup(config->cache_dir);
	self->root_path = g_strdup(config->root_path != NULL ? config->root_path : "");
	self->account = g_strdup(config->account);
	self->mailbox = g_strdup(config->mailbox);
	self->is_public = config->is_public;
	cache_set_entry(self, config->is_public ? "publicfoldersroot" : "msgfolderroot");
	self->cache_size = config->cache_size;
	self->refresh_s = config->refresh_s;
	self->timeout_s = config->timeout_s;
	self->prefetch = config->prefetch;
	self->backup = config->backup;
	self->is_writable = config->is_writable;
	self->is_guest = config->is_guest;
	self->is_archive = config->is_archive;
	self->can_send = config->is_writable && config->can_send;
	self->layout = g_strdup(config->layout);
	self->is_flat = config->is_flat;
	self->settle_us = config->settle_s * (int64_t)G_USEC_PER_SEC;
	self->delete_max = config->delete_max;
	self->disposal = config->disposal;
	self->push = config->push;
	self->lock_fd = -1;
	pthread_mutex_init(&self->status_lock, NULL);
	self->inbox = ews_inbox_new(NULL, NULL);
	self->changes = g_ptr_array_new_with_free_func((GDestroyNotify)cache_change_free);
	self->viewed = cache_viewed_new();
	self->fetcher = cache_fetcher_new();
	self->ahead = cache_prefetch_new();
	self->refresh = cache_refresh_new();
	self->due = cache_due_new();
	self->hints = cache_hints_new(self);
	self->waits = cache_waits_new();
	self->searches = cache_searches_new();
	self->drain = cache_drain_new();
	self->doubt = cache_doubt_new();
	self->sent_mail = cache_sent_mail_new();
	self->flushes = cache_flushes_new();
	self->distinguished = cache_distinguished_new();
	self->departed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	self->updated = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	self->names = cache_template_new(config->names, error);
	if (self->names == NULL || !open_stores(self, config, error))
		return NULL;
	return g_steal_pointer(&self);
}

void cache_listen(Cache *self, CacheListener listener, void *user)
{
	self->listener = listener;
	self->listener_user = user;
}

bool cache_has_tree(Cache *self)
{
	return atomic_load(&self->has_tree);
}

char *cache_mailbox(Cache *self)
{
	char *address = NULL;
	CacheConn *conn = cache_db_take_reader(self->db, NULL);
	if (conn == NULL)
		return NULL;
	if (!cache_conn_get_meta(conn, "mailbox", &address, NULL))
		address = NULL;
	cache_db_put_reader(self->db, conn);
	return address;
}

void cache_set_mailbox(Cache *self, const char *address)
{
	g_free(self->mailbox);
	self->mailbox = g_strdup(address);
}

const char *cache_entry(Cache *self)
{
	return self->entry;
}

void cache_set_entry(Cache *self, const char *name)
{
	bool is_top = strcmp(name, "msgfolderroot") == 0 || self->is_public;
	const char *slash = strchr(self->root_path, '/');
	char *copy = g_strdup(name);
	g_free(self->entry);
	self->entry = copy;
	self->below = is_top ? self->root_path : slash != NULL ? slash + 1 : "";
}

void cache_take_top(Cache *self, EwsFolder *top)
{
	cache_refresh_take_top(self, top);
}

void cache_start(Cache *self, EwsSession *session)
{
	self->session = session;
	/* A refresh tells which folders it is to be told of. */
	cache_hints_start(self);
	cache_refresh_start(self);
	cache_sync_start(self);
}

void cache_stop(Cache *self)
{
	cache_sync_stop(self);
	cache_viewed_flush(self);
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(self, &error);
	if (conn == NULL)
		return;
	if (!cache_conn_set_meta(conn, "boot_id", "", &error))
		cache_sync_rollback(self);
	else
		(void)!cache_sync_commit(self, &error);
}

void cache_free(Cache *self)
{
	if (self == NULL)
		return;
	/* Tasks that were never run answer their askers: they want the rest to be there still. */
	ews_inbox_free(self->inbox, cache_sync_task_free);
	cache_waits_free(self->waits);
	cache_searches_free(self->searches);
	cache_due_free(self->due);
	cache_refresh_free(self->refresh);
	g_clear_pointer(&self->gone, g_array_unref);
	cache_hints_free(self->hints);
	cache_drain_free(self->drain);
	cache_doubt_free(self->doubt);
	cache_sent_mail_free(self->sent_mail);
	cache_flushes_free(self->flushes);
	cache_distinguished_free(self->distinguished);
	g_free(self->layout);
	cache_template_free(self->names);
	g_hash_table_unref(self->updated);
	g_hash_table_unref(self->departed);
	cache_prefetch_free(self->ahead);
	cache_fetcher_free(self->fetcher);
	cache_viewed_free(self->viewed);
	g_ptr_array_unref(self->changes);
	cache_locals_free(self->locals);
	cache_blobs_free(self->blobs);
	cache_db_close(self->db);
	if (self->lock_fd >= 0)
		close(self->lock_fd);
	pthread_mutex_destroy(&self->status_lock);
	g_free(self->status_error);
	g_free(self->state_dir);
	g_free(self->cache_dir);
	g_free(self->root_path);
	g_free(self->entry);
	g_free(self->mailbox);
	g_free(self->account);
	g_free(self);
}
