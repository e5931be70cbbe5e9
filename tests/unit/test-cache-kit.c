/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test-cache-kit.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "cache/ident.h"
#include "cache/node.h"
#include "cache/store.h"
#include "cache/sync.h"
#include "cache/tree.h"

/* --- opening ---------------------------------------------------------------------------- */

static void hear(CacheChange *change, void *user)
{
	Kit *kit = user;
	g_ptr_array_add(kit->changes, change);
}

static void open_cache(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = g_build_filename(kit->dir, "state", NULL);
	g_autofree char *blobs = g_build_filename(kit->dir, "cache", NULL);
	g_autofree char *index = g_build_filename(state, "index.db", NULL);
	CacheConfig config = {
		.state_dir = state,
		.cache_dir = blobs,
		.server = "https://example.org/EWS/Exchange.asmx",
		.account = "owner",
		.root_path = kit->root_path != NULL ? kit->root_path : "",
		.mailbox = kit->mailbox,
		.is_guest = kit->is_guest,
		.is_archive = kit->is_archive,
		.is_public = kit->is_public,
		.cache_size = kit->cache_size,
		.scratch_size = kit->scratch_size,
		.refresh_s = kit->refresh_s != 0 ? kit->refresh_s : 60,
		.timeout_s = kit->timeout_s != 0 ? kit->timeout_s : 30,
		.prefetch = !kit->is_without_prefetch,
		.backup = kit->is_backup,
		.is_writable = kit->is_writable,
		.can_send = kit->can_send,
		.settle_s = kit->settle_s,
		.delete_max = kit->delete_max,
		.disposal = kit->disposal,
		.push = kit->push,
		.layout = kit->layout,
		.is_flat = kit->is_flat,
		.names = kit->names,
	};
	kit->cache = cache_open(&config, &error);
	g_assert_no_error(error);
	cache_listen(kit->cache, hear, kit);
	g_assert_cmpint(sqlite3_open(index, &kit->sql), ==, SQLITE_OK);
	sqlite3_busy_timeout(kit->sql, 10000);
}

static void close_cache(Kit *kit)
{
	sqlite3_close(kit->sql);
	cache_stop(kit->cache);
	cache_free(kit->cache);
}

void kit_open(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	kit->dir = g_dir_make_tmp("ewsfs-unit-XXXXXX", &error);
	g_assert_no_error(error);
	kit->changes = g_ptr_array_new_with_free_func((GDestroyNotify)cache_change_free);
	kit->round = 1;
	if (kit->cache_size == 0)
		kit->cache_size = UINT64_C(1) << 30;
	open_cache(kit);
}

void kit_reopen(Kit *kit)
{
	close_cache(kit);
	kit->round = 1;
	open_cache(kit);
}

void kit_remove(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *child = g_build_filename(path, name, NULL);
		kit_remove(child);
	}
	g_remove(path);
}

void kit_close(Kit *kit)
{
	close_cache(kit);
	kit_remove(kit->dir);
	g_ptr_array_unref(kit->changes);
	g_free(kit->dir);
}

/* --- looking ---------------------------------------------------------------------------- */

static sqlite3_stmt *prepare(Kit *kit, const char *format, va_list args)
{
	sqlite3_stmt *stmt = NULL;
	char *text = sqlite3_vmprintf(format, args);
	if (sqlite3_prepare_v2(kit->sql, text, -1, &stmt, NULL) != SQLITE_OK)
		g_error("%s: %s", text, sqlite3_errmsg(kit->sql));
	sqlite3_free(text);
	return stmt;
}

int64_t kit_int(Kit *kit, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	sqlite3_stmt *stmt = prepare(kit, format, args);
	va_end(args);
	int64_t value = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return value;
}

char *kit_text(Kit *kit, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	sqlite3_stmt *stmt = prepare(kit, format, args);
	va_end(args);
	char *value = sqlite3_step(stmt) == SQLITE_ROW ? cache_column_dup(stmt, 0) : NULL;
	sqlite3_finalize(stmt);
	return value;
}

void kit_run(Kit *kit, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	sqlite3_stmt *stmt = prepare(kit, format, args);
	va_end(args);
	g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_DONE);
	sqlite3_finalize(stmt);
}

/* --- folders ---------------------------------------------------------------------------- */

EwsFolder *kit_make_folder(const char *id, const char *parent, const char *name)
{
	EwsFolder *folder = ews_folder_new();
	folder->id = g_strdup(id);
	folder->parent_id = g_strdup(parent);
	folder->display_name = g_strdup(name);
	folder->folder_class = g_strdup("IPF.Note");
	return folder;
}

void kit_say_folder(Kit *kit, EwsChangeKind kind, EwsFolder *folder)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsFolder) own = folder;
	EwsFolderChange change = {.kind = kind, .folder = own};
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_no_error(error);
	bool is_done = cache_tree_apply(kit->cache, conn, &change, kit->round, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
	g_assert_true(cache_sync_commit(kit->cache, &error));
}

void kit_lay_out(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_no_error(error);
	bool is_done = cache_tree_lay_out(kit->cache, conn, KIT_TOP, KIT_MAILBOX, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
	g_assert_true(cache_sync_commit(kit->cache, &error));
}

void kit_folder(Kit *kit, const char *id, const char *parent, const char *name)
{
	kit_say_folder(kit, EWS_CHANGE_CREATE, kit_make_folder(id, parent, name));
	kit_lay_out(kit);
}

void kit_folder_gone(Kit *kit, const char *id)
{
	kit_say_folder(kit, EWS_CHANGE_DELETE, kit_make_folder(id, NULL, NULL));
	kit_lay_out(kit);
}

int64_t kit_dir(Kit *kit, const char *folder_id)
{
	return kit_int(kit, "SELECT node FROM folder WHERE folder_id = %Q", folder_id);
}

void kit_list(Kit *kit, const char *folder_id)
{
	kit_run(kit, "UPDATE node SET flags = flags | %d WHERE id = %lld", NODE_LISTED,
		kit_dir(kit, folder_id));
}

/* --- items ------------------------------------------------------------------------------ */

EwsItem *kit_make_item(const char *id, const char *key)
{
	EwsItem *item = ews_item_new();
	int64_t age = (int64_t)(g_str_hash(id) % 100000) * G_USEC_PER_SEC;
	item->id = g_strdup(id);
	item->change_key = g_strdup_printf("%s/1", id);
	item->item_class = g_strdup("IPM.Note");
	item->subject = g_strdup_printf("Subject of %s", key != NULL ? key : id);
	item->from_name = g_strdup("Some One");
	item->from_address = g_strdup("some.one@example.org");
	item->message_id = g_strdup_printf("<%s@example.org>", key != NULL ? key : id);
	item->received = KIT_TIME;
	item->created = KIT_TIME + age;
	item->modified = KIT_TIME + age;
	item->size = 1000;
	item->has_properties = true;
	if (key != NULL) {
		item->search_key = (uint8_t *)g_strdup(key);
		item->search_key_len = strlen(key);
	}
	return item;
}

EwsItem *kit_copy_item(const EwsItem *item)
{
	EwsItem *copy = ews_item_new();
	*copy = *item;
	copy->id = g_strdup(item->id);
	copy->change_key = g_strdup(item->change_key);
	copy->item_class = g_strdup(item->item_class);
	copy->subject = g_strdup(item->subject);
	copy->from_name = g_strdup(item->from_name);
	copy->from_address = g_strdup(item->from_address);
	copy->display_to = g_strdup(item->display_to);
	copy->message_id = g_strdup(item->message_id);
	copy->file_name = g_strdup(item->file_name);
	copy->guid = g_strdup(item->guid);
	copy->categories = g_strdupv(item->categories);
	copy->search_key = g_memdup2(item->search_key, item->search_key_len);
	return copy;
}

EwsItemChange *kit_change(EwsChangeKind kind, const EwsItem *item)
{
	EwsItemChange *change = g_new0(EwsItemChange, 1);
	change->kind = kind;
	change->item = kit_copy_item(item);
	return change;
}

static void load_apply(Kit *kit, const char *folder_id, CacheApply *ret_apply)
{
	int64_t dir = kit_dir(kit, folder_id);
	g_assert_cmpint(dir, !=, 0);
	*ret_apply = (CacheApply){
		.cache = kit->cache,
		.mailbox = KIT_MAILBOX,
		.mailbox_hash = cache_ident_mailbox(KIT_MAILBOX),
		.folder = kit_int(kit, "SELECT id FROM folder WHERE folder_id = %Q", folder_id),
		.dir = dir,
		.round = kit->round,
		.rights = EWS_RIGHTS_ALL,
		.is_listed = (kit_int(kit, "SELECT flags FROM node WHERE id = %lld", dir) &
				     NODE_LISTED) != 0,
	};
}

void kit_page(Kit *kit, const char *folder_id, const GPtrArray *changes, int64_t run)
{
	g_autoptr(GError) error = NULL;
	CacheApply apply;
	load_apply(kit, folder_id, &apply);
	apply.run = run;
	apply.conn = cache_sync_begin(kit->cache, &error);
	g_assert_no_error(error);
	for (guint i = 0; i < changes->len; i++) {
		bool is_done = cache_apply_change(&apply, changes->pdata[i], &error);
		g_assert_no_error(error);
		g_assert_true(is_done);
	}
	g_assert_true(cache_sync_commit(kit->cache, &error));
}

void kit_say(Kit *kit, const char *folder_id, EwsChangeKind kind, const EwsItem *item)
{
	g_autoptr(GPtrArray) changes =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	g_ptr_array_add(changes, kit_change(kind, item));
	kit_page(kit, folder_id, changes, 1);
}

void kit_say_gone(Kit *kit, const char *folder_id, const char *item_id)
{
	g_autoptr(EwsItem) item = ews_item_new();
	item->id = g_strdup(item_id);
	kit_say(kit, folder_id, EWS_CHANGE_DELETE, item);
}

void kit_settle(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_no_error(error);
	bool is_done = cache_apply_settle(kit->cache, conn, kit->round, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
	g_assert_true(cache_sync_commit(kit->cache, &error));
	kit->round++;
}

int64_t kit_node(Kit *kit, const char *item_id)
{
	return kit_int(kit,
		"SELECT node.id FROM node JOIN item ON item.node = node.id"
		" WHERE item.item_id = %Q AND node.state = 0",
		item_id);
}

CacheNode *kit_get(Kit *kit, int64_t id)
{
	g_autoptr(GError) error = NULL;
	CacheNode *node = cache_get(kit->cache, id, &error);
	g_assert_no_error(error);
	return node;
}

static void store(Kit *kit, CacheStoreItem *item)
{
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	g_ptr_array_add(items, item);
	cache_store(kit->cache, items);
}

void kit_store(Kit *kit, int64_t node, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	EwsSink sink;
	CacheStoreItem *item = g_new0(CacheStoreItem, 1);
	item->node = node;
	item->download = cache_download_new(kit->cache, true, false);
	cache_download_sink(item->download, &sink);
	g_assert_true(sink.begin(sink.user, &error));
	g_assert_true(sink.write(sink.user, bytes, strlen(bytes), &error));
	store(kit, item);
}

void kit_store_error(Kit *kit, int64_t node, GError *error)
{
	CacheStoreItem *item = g_new0(CacheStoreItem, 1);
	item->node = node;
	item->download = cache_download_new(kit->cache, true, false);
	item->error = error;
	store(kit, item);
}

char *kit_read(Kit *kit, int64_t id)
{
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_autoptr(CacheBlob) blob = cache_blob_open(kit->cache, id, node->content, NULL);
	if (blob == NULL)
		return NULL;
	size_t size = (size_t)cache_blob_size(blob);
	char *bytes = g_malloc0(size + 1);
	g_assert_cmpint(pread(cache_blob_fd(blob), bytes, size, 0), ==, (ssize_t)size);
	return bytes;
}

static bool add_name(const CacheNode *node, void *user)
{
	GString *out = user;
	if (out->len > 0)
		g_string_append_c(out, ' ');
	g_string_append(out, node->name);
	return true;
}

char *kit_ls(Kit *kit, int64_t dir)
{
	g_autoptr(GError) error = NULL;
	GString *out = g_string_new(NULL);
	bool is_done = cache_list(kit->cache, dir, 0, add_name, out, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
	return g_string_free(out, FALSE);
}

bool kit_was_told(Kit *kit, CacheChangeKind kind, int64_t node)
{
	for (guint i = 0; i < kit->changes->len; i++) {
		const CacheChange *change = kit->changes->pdata[i];
		if (change->kind == kind && change->node == node)
			return true;
	}
	return false;
}

void kit_forget_changes(Kit *kit)
{
	g_ptr_array_set_size(kit->changes, 0);
}

/* What the journal and the bytes that are only here promise. */
static void check_journal(Kit *kit)
{
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent LEFT JOIN node ON node.id ="
				     " intent.node WHERE node.id IS NULL OR node.state = 2"),
		==, 0);
	/* One that has nothing left to do is no row; one that is on its way says so. */
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent WHERE todo = 0 AND doing = 0"),
		==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM intent WHERE (doing != 0) !="
				     " (state = 1)"),
		==, 0);
	/* Who is local has a row, and a file. */
	g_assert_cmpint(kit_int(kit,
				"SELECT count(*) FROM node LEFT JOIN local ON local.node = node.id"
				" WHERE (node.flags & 32 != 0) != (local.node IS NOT NULL)"
				" AND node.state < 2"),
		==, 0);
	/* A live message that the server does not know is asked for, or is scratch. */
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node JOIN item ON item.node = node.id"
				     " LEFT JOIN intent ON intent.node = node.id"
				     " WHERE item.folder = 0 AND node.state = 0"
				     " AND node.flags & 64 = 0 AND intent.node IS NULL"),
		==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node JOIN intent ON intent.node ="
				     " node.id WHERE node.flags & 64 != 0"),
		==, 0);
}

void kit_check(Kit *kit)
{
	g_autofree char *integrity = kit_text(kit, "PRAGMA integrity_check");
	g_assert_cmpstr(integrity, ==, "ok");
	/* Every number once, and every item that lives has its row. */
	g_assert_cmpint(kit_int(kit,
				"SELECT count(*) - count(DISTINCT ino) FROM node WHERE state = 0"
				" AND (parent > 0 OR id = 1)"),
		==, 0);
	g_assert_cmpint(kit_int(kit,
				"SELECT count(*) FROM node LEFT JOIN item ON item.node = node.id"
				" WHERE node.kind = 1 AND node.state < 2 AND item.node IS NULL"
				" AND node.id NOT IN (SELECT node FROM intent)"),
		==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) - count(DISTINCT item_id) FROM item"
				     " JOIN node ON node.id = item.node WHERE node.state < 2"),
		==, 0);
	/* A live entry hangs in a live directory; what is not live hangs nowhere. */
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node LEFT JOIN node AS dir ON"
				     " dir.id = node.parent AND dir.state = 0 AND dir.kind = 0"
				     " WHERE node.state = 0 AND node.id != 1 AND node.parent >= 0"
				     " AND dir.id IS NULL"),
		==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE state > 0 AND parent != 0"),
		==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM item JOIN node ON node.id = item.node"
				     " JOIN folder ON folder.id = item.folder WHERE node.state = 0"
				     " AND folder.node != node.parent"
				     " AND node.id NOT IN (SELECT node FROM intent)"
				     " AND node.id NOT IN (SELECT node FROM aside)"),
		==, 0);
	/* Bytes that are said to be here have a row and are counted. */
	g_assert_cmpint(kit_int(kit,
				"SELECT count(*) FROM node LEFT JOIN blob ON blob.node = node.id"
				" WHERE (node.flags & 2 != 0) != (blob.node IS NOT NULL)"),
		==, 0);
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==,
		kit_int(kit, "SELECT sum(bytes) FROM blob"));
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node AS dir WHERE dir.kind = 0"
				     " AND dir.state = 0 AND dir.subdirs != (SELECT count(*) FROM"
				     " node WHERE node.parent = dir.id AND node.state = 0"
				     " AND node.kind = 0)"),
		==, 0);
	check_journal(kit);
}
