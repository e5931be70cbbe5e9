/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/tree.h"

#include <string.h>

#include "cache/apply.h"
#include "cache/drain.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/name.h"
#include "cache/node.h"
#include "cache/own.h"
#include "cache/refresh.h"
#include "cache/sync.h"
#include "ews/error.h"

/* folder.parent_id of msgfolderroot, whose row no hierarchy names. */
#define TOP_PARENT "'-'"

/* A row of folder, while the layout is computed. */
typedef struct Folder {
	int64_t id;
	int64_t node;    /* 0: none yet */
	char *folder_id; /* own, as all below */
	char *parent_id;
	char *display_name;
	char *name;  /* of the node, as it is now; NULL: none */
	int64_t dir; /* where the node is now */
	bool is_shown;
	unsigned rights;
	GPtrArray *children; /* own; borrowed Folders */
	bool is_placed;
	bool keeps_name;
	bool is_ours; /* changed here, and the server does not know yet: it stays where it is */
} Folder;

typedef struct Layout {
	Cache *cache;
	CacheConn *conn;
	const char *mailbox;
	GHashTable *folders; /* own; folder_id (borrowed from the Folder) → Folder (own) */
	Folder top;          /* msgfolderroot, which no sync names */
	bool has_moved;      /* a directory came, went, or is called otherwise */
} Layout;

/* --- rows ------------------------------------------------------------------------------- */

static bool remove_row(CacheConn *conn, const char *folder_id, GError **error)
{
	/* Its node, if it has one, goes with the layout. */
	return cache_conn_run(conn, error,
		"UPDATE folder SET is_shown = 0, parent_id = '', sync_state = NULL"
		" WHERE folder_id = ?",
		"t", folder_id);
}

bool cache_tree_apply(Cache *cache, CacheConn *conn, const EwsFolderChange *change, int64_t mark,
	GError **error)
{
	const EwsFolder *folder = change->folder;
	if (change->kind == EWS_CHANGE_DELETE)
		return remove_row(conn, folder->id, error);
	return cache_conn_run(conn, error,
		"INSERT INTO folder (folder_id, parent_id, display_name, folder_class, is_shown,"
		" rights, total_count, mark) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (folder_id) DO UPDATE SET parent_id = excluded.parent_id,"
		" display_name = excluded.display_name, folder_class = excluded.folder_class,"
		" is_shown = excluded.is_shown, rights = excluded.rights, mark = excluded.mark",
		"ttttiiii", folder->id, folder->parent_id != NULL ? folder->parent_id : "",
		folder->display_name != NULL ? folder->display_name : "",
		folder->folder_class != NULL ? folder->folder_class : "IPF.Note",
		(int64_t)(!folder->is_hidden && !folder->is_search), (int64_t)folder->rights,
		folder->total_count, mark);
}

bool cache_tree_sweep(CacheConn *conn, int64_t mark, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE folder SET is_shown = 0, parent_id = '', sync_state = NULL WHERE mark != ?"
		" AND parent_id != " TOP_PARENT,
		"i", mark);
}

bool cache_tree_set_counts(CacheConn *conn, const EwsFolder *folder, GError **error)
{
	/* A directory that nobody has listed yet shows when it last moved, until it is known what
	 * is in it (NODE_LISTED is 1). */
	return cache_conn_run(conn, error,
		       "UPDATE folder SET total_count = ?, size = ?, commit_time = ?,"
		       " deleted_count = ?, unread_count = ?, content = ? WHERE folder_id = ?",
		       "iiiiitt", folder->total_count, folder->size, folder->commit_time,
		       folder->deleted_count, folder->unread_count, folder->replica,
		       folder->id) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET mtime = ?1, ctime = ?1 WHERE flags & 1 = 0 AND id ="
		       " (SELECT node FROM folder WHERE folder_id = ?2)",
		       "it", MAX(folder->commit_time, 0), folder->id);
}

/* --- layout ----------------------------------------------------------------------------- */

static void folder_clear(Folder *folder)
{
	g_free(folder->folder_id);
	g_free(folder->parent_id);
	g_free(folder->display_name);
	g_free(folder->name);
	g_clear_pointer(&folder->children, g_ptr_array_unref);
}

static void folder_free(void *data)
{
	folder_clear(data);
	g_free(data);
}

static bool load(Layout *self, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(self->conn, error,
		"SELECT folder.id, folder_id, parent_id, display_name, is_shown, folder.rights,"
		" folder.node, node.name, node.parent, intent.node"
		" FROM folder LEFT JOIN node ON node.id = folder.node"
		" LEFT JOIN intent ON intent.node = folder.node",
		"");
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return false;
	while (has_row) {
		if (!cache_conn_step(self->conn, stmt, &has_row, error))
			return false;
		if (!has_row)
			break;
		Folder *folder = g_new0(Folder, 1);
		folder->id = sqlite3_column_int64(stmt, 0);
		folder->folder_id = cache_column_dup(stmt, 1);
		folder->parent_id = cache_column_dup(stmt, 2);
		folder->display_name = cache_column_dup(stmt, 3);
		folder->is_shown = sqlite3_column_int(stmt, 4) != 0;
		folder->rights = (unsigned)sqlite3_column_int(stmt, 5);
		folder->node = sqlite3_column_int64(stmt, 6);
		folder->name = cache_column_dup(stmt, 7);
		folder->dir = sqlite3_column_int64(stmt, 8);
		folder->is_ours = sqlite3_column_int64(stmt, 9) != 0;
		folder->children = g_ptr_array_new();
		g_hash_table_insert(self->folders, folder->folder_id, folder);
	}
	return true;
}

static int compare_folders(gconstpointer a, gconstpointer b)
{
	const Folder *x = *(Folder *const *)a;
	const Folder *y = *(Folder *const *)b;
	/* Those that have a place come first and keep their names; then any order that is the same
	 * on every machine. */
	if ((x->node != 0) != (y->node != 0))
		return x->node != 0 ? -1 : 1;
	return strcmp(x->folder_id, y->folder_id);
}

static void link_children(Layout *self)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, self->folders);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Folder *folder = value;
		Folder *parent = g_hash_table_lookup(self->folders, folder->parent_id);
		if (strcmp(folder->parent_id, self->top.folder_id) == 0)
			parent = &self->top;
		if (parent != NULL && parent != folder && folder->is_shown)
			g_ptr_array_add(parent->children, folder);
	}
	g_ptr_array_sort(self->top.children, compare_folders);
	g_hash_table_iter_init(&iter, self->folders);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_sort(((Folder *)value)->children, compare_folders);
}

/* The name in @taken's directory: the DisplayName's, or with letters of the FolderId. */
static char *choose_name(const Folder *folder, bool is_top, GHashTable *taken)
{
	g_autofree char *wanted = cache_name_folder(folder->display_name, is_top);
	char *name = g_strdup(wanted);
	for (unsigned i = 1; g_hash_table_contains(taken, name); i++) {
		CacheIdent ident;
		cache_ident_make(&ident, CACHE_IDENT_FOLDER_ID, folder->folder_id,
			strlen(folder->folder_id));
		g_free(name);
		/* Numbered where somebody called a folder as another had to be called. */
		name = i == 1 ? g_strdup_printf("%s.%s", wanted, ident.letters)
			      : g_strdup_printf("%s.%s-%u", wanted, ident.letters, i);
	}
	return name;
}

/* Names for the children of @folder; own, name → Folder. Who has the name that he should have
 * keeps it, before the others choose. */
static GHashTable *choose_names(const Folder *folder, bool is_top)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < folder->children->len; i++) {
		Folder *child = folder->children->pdata[i];
		if (child->is_ours)
			continue;
		g_autofree char *wanted = cache_name_folder(child->display_name, is_top);
		child->keeps_name = child->dir == folder->node && folder->node != 0 &&
				    g_strcmp0(child->name, wanted) == 0;
		if (child->keeps_name)
			g_hash_table_insert(names, g_steal_pointer(&wanted), child);
	}
	for (guint i = 0; i < folder->children->len; i++) {
		Folder *child = folder->children->pdata[i];
		if (!child->keeps_name && !child->is_ours)
			g_hash_table_insert(names, choose_name(child, is_top, names), child);
	}
	return names;
}

/* The folder that SOURCE:FOLDER/PATH names, by the names that the tree would show. */
static Folder *find_root(Layout *self, GError **error)
{
	Folder *at = &self->top;
	g_auto(GStrv) parts = g_strsplit(self->cache->below, "/", -1);
	for (char **part = parts; *part != NULL; part++) {
		Folder *next = NULL;
		if ((*part)[0] == '\0')
			continue;
		g_autoptr(GHashTable) taken =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		for (guint i = 0; i < at->children->len && next == NULL; i++) {
			char *name = choose_name(at->children->pdata[i], at == &self->top, taken);
			if (strcmp(name, *part) == 0)
				next = at->children->pdata[i];
			g_hash_table_add(taken, name);
		}
		if (next == NULL) {
			g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
				"the mailbox has no folder \"%s\"", self->cache->root_path);
			return NULL;
		}
		at = next;
	}
	return at;
}

/* A folder's number is of its FolderId; among so few a clash is not to be expected, and an item
 * that comes later yields. */
static uint64_t ino_of(const Layout *self, const Folder *folder, CacheIdent *ret_ident)
{
	cache_ident_make(ret_ident, CACHE_IDENT_FOLDER_ID, folder->folder_id,
		strlen(folder->folder_id));
	return cache_ident_ino(ret_ident->hash, cache_ident_mailbox(self->mailbox));
}

static bool add_node(Layout *self, Folder *folder, GError **error)
{
	CacheIdent ident;
	uint64_t ino = ino_of(self, folder, &ident);
	if (!cache_conn_run(self->conn, error,
		    "INSERT INTO node (parent, kind, name, ino, rights, mtime, ctime)"
		    " VALUES (0, ?, '', ?, ?, 0, 0)",
		    "iii", (int64_t)CACHE_KIND_DIR, (int64_t)ino, (int64_t)folder->rights))
		return false;
	folder->node = cache_conn_last_id(self->conn);
	return cache_conn_run(self->conn, error, "UPDATE folder SET node = ? WHERE id = ?", "ii",
		folder->node, folder->id);
}

/* What may be done with an item is what may be done in its folder. */
static bool set_rights(Layout *self, const Folder *folder, int64_t parent, GError **error)
{
	cache_note(self->cache, CACHE_CHANGE_ATTRIBUTES, folder->node, parent);
	return cache_conn_run(self->conn, error,
		"UPDATE node SET rights = ?1 WHERE id = ?2 OR (parent = ?2 AND kind = ?3"
		" AND state = 0 AND parent > 0)",
		"iii", (int64_t)folder->rights, folder->node, (int64_t)CACHE_KIND_FILE);
}

/* Puts one directory where it belongs; tells when that is not where it was. */
static bool place(Layout *self, Folder *folder, int64_t parent, const char *name, GError **error)
{
	Cache *cache = self->cache;
	if (folder->node == 0 && !add_node(self, folder, error))
		return false;
	g_autoptr(CacheNode) old = cache_node_get(self->conn, folder->node, error);
	if (old == NULL)
		return false;
	folder->is_placed = true;
	if (old->rights != folder->rights && !set_rights(self, folder, parent, error))
		return false;
	if (old->parent == parent && strcmp(old->name, name) == 0)
		return true;
	if (old->parent != 0) {
		cache_note_gone(cache, old->parent, old->name, folder->node);
		cache_note(cache, CACHE_CHANGE_MEMBERS, old->parent, 0);
	}
	cache_note(cache, CACHE_CHANGE_MEMBERS, parent, 0);
	cache_note_arrived(cache, parent, name, folder->node);
	self->has_moved = true;
	return cache_conn_run(self->conn, error,
		"UPDATE node SET parent = ?, name = ?, state = 0 WHERE id = ?", "iti", parent, name,
		folder->node);
}

/* The time of a directory that nobody has listed yet is set when its listing is complete. */
static bool touch_listed(Layout *self, int64_t node, GError **error)
{
	int64_t flags = 0;
	if (!cache_conn_int(self->conn, 0, &flags, error, "SELECT flags FROM node WHERE id = ?",
		    "i", node))
		return false;
	return (flags & NODE_LISTED) == 0 ||
	       cache_node_touch_dir(self->conn, node, g_get_real_time(), error);
}

static bool set_subdirs(Layout *self, int64_t node, guint count, GError **error)
{
	int64_t old = 0;
	if (!cache_conn_int(self->conn, 0, &old, error, "SELECT subdirs FROM node WHERE id = ?",
		    "i", node))
		return false;
	if (old == (int64_t)count)
		return true;
	cache_note(self->cache, CACHE_CHANGE_MEMBERS, node, 0);
	return cache_conn_run(self->conn, error, "UPDATE node SET subdirs = ? WHERE id = ?", "ii",
		       (int64_t)count, node) &&
	       touch_listed(self, node, error);
}

/* What stands where a directory is to be: an item gets the letters of its ItemId, as in any other
 * collision; a directory will be placed, or is gone, before the transaction ends. */
static char *name_for_holder(const CacheItemRow *item, const char *name, unsigned count)
{
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, item->item_id, strlen(item->item_id));
	g_autofree char *letters = count == 0 ? g_strdup(ident.letters)
					      : g_strdup_printf("%s-%u", ident.letters, count + 1);
	return cache_name_with_letters(name, letters);
}

static bool move_aside(Layout *self, const Folder *folder, GHashTable *names, const char *name,
	int64_t holder, GError **error)
{
	g_autoptr(CacheItemRow) item = NULL;
	if (!cache_item_get(self->conn, holder, &item, error))
		return false;
	g_autofree char *other = g_strdup_printf("%s.%" G_GINT64_FORMAT, name, holder);
	for (unsigned i = 0; item != NULL; i++) {
		int64_t taken = 0;
		g_free(other);
		other = name_for_holder(item, name, i);
		if (!cache_node_find(self->conn, folder->node, other, &taken, error))
			return false;
		if (taken == 0 && !g_hash_table_contains(names, other))
			break;
	}
	cache_note_gone(self->cache, folder->node, name, holder);
	cache_note_arrived(self->cache, folder->node, other, holder);
	return cache_conn_run(self->conn, error, "UPDATE node SET name = ? WHERE id = ?", "ti",
		other, holder);
}

/* Frees the names below @folder that will be others', so that two can change places. */
static bool clear_names(Layout *self, const Folder *folder, GHashTable *names, GError **error)
{
	GHashTableIter iter;
	gpointer key, value;
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		int64_t holder = 0;
		const Folder *child = value;
		if (!cache_node_find(self->conn, folder->node, key, &holder, error))
			return false;
		if (holder == 0 || holder == child->node)
			continue;
		if (!move_aside(self, folder, names, key, holder, error))
			return false;
	}
	return true;
}

/* A folder that is new here may be the one that a directory of ours has become: the answer to its
 * CreateFolder was lost, or is still on its way. */
static bool claim(Layout *self, const Folder *parent, Folder *child, bool is_top, GError **error)
{
	int64_t node = 0;
	g_autoptr(CacheIntent) intent = NULL;
	g_autofree char *name = cache_name_folder(child->display_name, is_top);
	if (!cache_own_folder(self->conn, parent->node, name, &node, error))
		return false;
	if (node == 0)
		return true;
	if (!cache_intent_get(self->conn, node, &intent, error) || intent == NULL)
		return false;
	if (!cache_own_folder_made(self->conn, intent, child->folder_id, error) ||
		!cache_intent_put(self->conn, intent, false, error))
		return false;
	/* What is to go into it, or its own removal, need not wait any more. */
	cache_drain_poke(self->cache);
	child->node = node;
	child->dir = parent->node;
	child->is_ours = !cache_intent_is_over(intent);
	g_free(child->name);
	child->name = g_steal_pointer(&name);
	return true;
}

static bool claim_children(Layout *self, Folder *folder, bool is_top, GError **error)
{
	for (guint i = 0; i < folder->children->len; i++) {
		Folder *child = folder->children->pdata[i];
		if (child->node == 0 && !claim(self, folder, child, is_top, error))
			return false;
		child->is_placed = child->is_placed || child->is_ours;
	}
	return true;
}

/* Directories that the server does not know of (yet), or not here. */
static bool count_ours(Layout *self, int64_t dir, int64_t *ret_count, GError **error)
{
	return cache_conn_int(self->conn, 0, ret_count, error,
		"SELECT count(*) FROM node WHERE parent = ? AND state = 0 AND parent > 0"
		" AND kind = 0 AND (NOT EXISTS (SELECT 1 FROM folder WHERE folder.node = node.id)"
		" OR EXISTS (SELECT 1 FROM intent WHERE intent.node = node.id))",
		"i", dir);
}

static bool lay_out_below(Layout *self, Folder *folder, bool is_top, int depth, GError **error)
{
	if (depth >= CACHE_DEPTH_MAX)
		return set_subdirs(self, folder->node, 0, error);
	guint count = folder->children->len;
	int64_t ours = 0;
	if (!claim_children(self, folder, is_top, error))
		return false;
	g_autoptr(GHashTable) names = choose_names(folder, is_top);
	if (!clear_names(self, folder, names, error) ||
		!count_ours(self, folder->node, &ours, error))
		return false;
	GHashTableIter iter;
	gpointer key, value;
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (!place(self, value, folder->node, key, error))
			return false;
	}
	if (!set_subdirs(self, folder->node, g_hash_table_size(names) + (guint)ours, error))
		return false;
	for (guint i = 0; i < count; i++) {
		if (!lay_out_below(self, folder->children->pdata[i], false, depth + 1, error))
			return false;
	}
	return true;
}

/* A folder that is not in the tree any more: its items may have moved (tombstones), itself it
 * has not, since a folder's id stays when it moves. */
static bool remove_folder(Layout *self, const Folder *folder, int64_t round, GError **error)
{
	g_autoptr(CacheNode) old = cache_node_get(self->conn, folder->node, error);
	if (old == NULL)
		return false;
	self->has_moved = true;
	if (old->parent != 0) {
		cache_note_gone(self->cache, old->parent, old->name, old->id);
		cache_note(self->cache, CACHE_CHANGE_MEMBERS, old->parent, 0);
	}
	/* What was written here and not sent has nowhere to go: a person finds it in failed/. */
	return cache_conn_run(self->conn, error,
		       "UPDATE intent SET state = 4, error = 'its folder was deleted' WHERE todo & "
		       "1"
		       " AND doing = 0 AND node IN (SELECT id FROM node WHERE parent = ?"
		       " AND state = 0 AND parent > 0)",
		       "i", old->id) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE item SET round = ? WHERE node IN (SELECT id FROM node WHERE parent "
		       "= ?"
		       " AND state = 0 AND parent > 0 AND kind = ?)",
		       "iii", round, old->id, (int64_t)CACHE_KIND_FILE) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE node SET parent = 0, state = 1, want = NULL WHERE parent = ?"
		       " AND state = 0 AND parent > 0 AND kind = ?",
		       "ii", old->id, (int64_t)CACHE_KIND_FILE) &&
	       cache_node_detach(self->conn, old->id, NODE_GONE, error) &&
	       cache_conn_run(self->conn, error,
		       "UPDATE folder SET node = NULL, sync_state = NULL, synced_commit = -2,"
		       " as_of = 0 WHERE id = ?",
		       "i", folder->id);
}

static bool remove_lost(Layout *self, GError **error)
{
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, self->folders);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Folder *folder = value;
		if (folder->node == 0 || folder->is_placed || folder->is_ours)
			continue;
		if (folder->node == CACHE_ROOT) {
			g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
				"the mailbox has no folder \"%s\" any more",
				self->cache->root_path);
			return false;
		}
		if (!remove_folder(self, folder, cache_refresh_round(self->cache), error))
			return false;
	}
	return cache_conn_run(self->conn, error,
		"DELETE FROM folder WHERE node IS NULL AND parent_id = ''", "");
}

/* The row of msgfolderroot, which SyncFolderHierarchy itself never names. */
static bool add_top_row(Layout *self, GError **error)
{
	if (g_hash_table_contains(self->folders, self->top.folder_id))
		return true;
	return cache_conn_run(self->conn, error,
		"INSERT INTO folder (folder_id, parent_id, display_name, folder_class, is_shown,"
		" rights) VALUES (?, " TOP_PARENT ", '', 'IPF', 1, ?)",
		"ti", self->top.folder_id, (int64_t)self->top.rights);
}

/* Ties the folder that is mounted to node 1, the first time. */
static bool tie_root(Layout *self, Folder *root, GError **error)
{
	Folder *row = g_hash_table_lookup(self->folders, root->folder_id);
	if (row != NULL)
		row->is_placed = true;
	if (row != NULL && row->node == CACHE_ROOT) {
		root->node = CACHE_ROOT;
		g_autoptr(CacheNode) old = cache_node_get(self->conn, CACHE_ROOT, error);
		return old != NULL &&
		       (old->rights == root->rights || set_rights(self, root, 0, error));
	}
	CacheIdent ident;
	uint64_t ino = ino_of(self, root, &ident);
	root->node = CACHE_ROOT;
	if (row != NULL)
		row->node = CACHE_ROOT;
	return cache_conn_run(self->conn, error, "UPDATE folder SET node = 1 WHERE folder_id = ?",
		       "t", root->folder_id) &&
	       cache_conn_run(self->conn, error, "UPDATE node SET ino = ?, rights = ? WHERE id = 1",
		       "ii", (int64_t)ino, (int64_t)root->rights);
}

static bool lay_out(Layout *self, GError **error)
{
	if (!load(self, error) || !add_top_row(self, error))
		return false;
	link_children(self);
	Folder *root = NULL;
	GHashTableIter iter;
	gpointer value;
	/* Once tied, the mounted folder is followed by its id, through renames. */
	g_hash_table_iter_init(&iter, self->folders);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Folder *folder = value;
		if (folder->node == CACHE_ROOT && folder->is_shown)
			root = folder;
	}
	if (root != NULL && strcmp(root->folder_id, self->top.folder_id) == 0)
		root = &self->top;
	if (root == NULL)
		root = find_root(self, error);
	return root != NULL && tie_root(self, root, error) &&
	       lay_out_below(self, root, true, 0, error) && remove_lost(self, error) &&
	       (!self->has_moved || !self->cache->is_flat ||
		       touch_listed(self, CACHE_ROOT, error));
}

bool cache_tree_lay_out(Cache *cache, CacheConn *conn, const char *top_id, const char *mailbox,
	GError **error)
{
	Layout layout = {
		.cache = cache,
		.conn = conn,
		.mailbox = mailbox,
		.folders = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, folder_free),
		.top = {.folder_id = g_strdup(top_id),
			.children = g_ptr_array_new(),
			.rights = cache_refresh_top_rights(cache),
			.is_shown = true},
	};
	bool is_done = lay_out(&layout, error);
	g_hash_table_unref(layout.folders);
	folder_clear(&layout.top);
	return is_done;
}
