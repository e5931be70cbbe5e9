/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Folders of the mailbox. Names are unique below one parent without regard to case, as on
 * Exchange. The counts (total, unread, size) are kept by triggers in the schema.
 */
#include "tests/ewsd/store.h"

#include <string.h>

#include "tests/ewsd/clock.h"

#define FOLDER_COLUMNS \
	"id, parent, seq, cseq, committed, deleted, total, unread, size," \
	" (SELECT count(*) FROM folders c WHERE c.parent = f.id AND c.id != f.id)," \
	" hidden, is_search, read_only, share, name, class, dist"

/* Each request has a thread of its own. */
static _Thread_local bool is_guest;

void folder_look_as(bool guest)
{
	is_guest = guest;
}

void folder_free(Folder *self)
{
	if (!self)
		return;
	g_free(self->name);
	g_free(self->class);
	g_free(self->dist);
	g_free(self);
}

static Folder *from_row(sqlite3_stmt *row)
{
	Folder *self = g_new0(Folder, 1);
	int64_t *numbers[] = {&self->id, &self->parent, &self->seq, &self->cseq, &self->commit,
		&self->deleted, &self->total, &self->unread, &self->size, &self->children,
		&self->hidden, &self->is_search, &self->read_only, &self->share};
	int at = 0;

	for (; at < (int)G_N_ELEMENTS(numbers); at++)
		*numbers[at] = sqlite3_column_int64(row, at);
	self->name = g_strdup((const char *)sqlite3_column_text(row, at++));
	self->class = g_strdup((const char *)sqlite3_column_text(row, at++));
	self->dist = g_strdup((const char *)sqlite3_column_text(row, at++));
	self->is_closed = is_guest && self->share == FOLDER_SHARE_NONE;
	if (is_guest && self->share < FOLDER_SHARE_EDIT)
		self->read_only = 1;
	return self;
}

static Folder *one(Store *store, sqlite3_stmt *stmt)
{
	Folder *folder = store_step(store, stmt) ? from_row(stmt) : NULL;

	sqlite3_reset(stmt);
	return folder;
}

static GPtrArray *all(Store *store, sqlite3_stmt *stmt)
{
	GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)folder_free);

	while (store_step(store, stmt))
		g_ptr_array_add(list, from_row(stmt));
	return list;
}

Folder *folder_get(Store *store, int64_t id)
{
	sqlite3_stmt *stmt = store_sql(store, "SELECT " FOLDER_COLUMNS
		" FROM folders f WHERE id = ?");

	sqlite3_bind_int64(stmt, 1, id);
	return one(store, stmt);
}

Folder *folder_by_dist(Store *store, const char *dist)
{
	sqlite3_stmt *stmt = store_sql(store, "SELECT " FOLDER_COLUMNS
		" FROM folders f WHERE dist = ?");

	sqlite3_bind_text(stmt, 1, dist, -1, SQLITE_STATIC);
	return one(store, stmt);
}

Folder *folder_by_name(Store *store, int64_t parent, const char *name)
{
	sqlite3_stmt *stmt = store_sql(store, "SELECT " FOLDER_COLUMNS
		" FROM folders f WHERE parent = ? AND fold = ?");
	g_autofree char *fold = g_utf8_casefold(name, -1);

	sqlite3_bind_int64(stmt, 1, parent);
	sqlite3_bind_text(stmt, 2, fold, -1, SQLITE_STATIC);
	return one(store, stmt);
}

GPtrArray *folder_below(Store *store, int64_t parent, bool deep)
{
	sqlite3_stmt *stmt = store_sql(store, deep
		? "WITH RECURSIVE b(i) AS (SELECT id FROM folders WHERE parent = ?1 AND id != ?1"
		  " UNION SELECT id FROM folders, b WHERE parent = b.i AND id != b.i)"
		  " SELECT " FOLDER_COLUMNS " FROM folders f WHERE id IN (SELECT i FROM b)"
		  " ORDER BY id"
		: "SELECT " FOLDER_COLUMNS " FROM folders f WHERE parent = ?1 AND id != ?1"
		  " ORDER BY id");

	sqlite3_bind_int64(stmt, 1, parent);
	return all(store, stmt);
}

bool folder_is_below(Store *store, int64_t id, int64_t ancestor)
{
	while (id != ancestor) {
		int64_t parent = store_number(store,
			"SELECT parent FROM folders WHERE id = ?", id, 0);

		if (parent == id || parent == 0)
			return false;
		id = parent;
	}
	return true;
}

void folder_touch(Store *store, int64_t id, int deleted)
{
	sqlite3_stmt *stmt = store_sql(store, "UPDATE folders SET"
		" committed = max(committed + 1, ?1), deleted = deleted + ?2 WHERE id = ?3");

	sqlite3_bind_int64(stmt, 1, clock_now());
	sqlite3_bind_int(stmt, 2, deleted);
	sqlite3_bind_int64(stmt, 3, id);
	store_step(store, stmt);
}

static void bind_names(sqlite3_stmt *stmt, const Folder *folder, int at)
{
	g_autofree char *fold = g_utf8_casefold(folder->name, -1);

	sqlite3_bind_text(stmt, at, folder->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, at + 1, fold, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(stmt, at + 2, folder->class, -1, SQLITE_STATIC);
}

void folder_insert(Store *store, Folder *folder)
{
	sqlite3_stmt *stmt = store_sql(store, "INSERT INTO folders(id, parent, seq, cseq,"
		" committed, hidden, is_search, dist, name, fold, class, share)"
		" VALUES(?1, ?2, ?1, ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
		" coalesce((SELECT share FROM folders WHERE id = ?2), 0))");
	StoreNews news = {STORE_CREATED, true, 0, 0, 0, 0};

	folder->id = folder->seq = folder->cseq = store_next(store);
	if (folder->parent == 0)
		folder->parent = folder->id;
	sqlite3_bind_int64(stmt, 1, folder->id);
	sqlite3_bind_int64(stmt, 2, folder->parent);
	sqlite3_bind_int64(stmt, 3, clock_now());
	sqlite3_bind_int64(stmt, 4, folder->hidden);
	sqlite3_bind_int64(stmt, 5, folder->is_search);
	sqlite3_bind_text(stmt, 6, folder->dist, -1, SQLITE_STATIC);
	bind_names(stmt, folder, 7);
	store_step(store, stmt);
	news.id = folder->id;
	news.parent = folder->parent;
	store_tell(store, &news);
}

void folder_save(Store *store, Folder *folder, StoreEvent event, int64_t old_parent)
{
	sqlite3_stmt *stmt = store_sql(store, "UPDATE folders SET parent = ?2, seq = ?3,"
		" hidden = ?4, read_only = ?5, name = ?6, fold = ?7, class = ?8 WHERE id = ?1");
	StoreNews news = {event, true, folder->id, folder->parent, folder->id, old_parent};

	folder->seq = store_next(store);
	sqlite3_bind_int64(stmt, 1, folder->id);
	sqlite3_bind_int64(stmt, 2, folder->parent);
	sqlite3_bind_int64(stmt, 3, folder->seq);
	sqlite3_bind_int64(stmt, 4, folder->hidden);
	sqlite3_bind_int64(stmt, 5, folder->read_only);
	bind_names(stmt, folder, 6);
	store_step(store, stmt);
	folder_touch(store, folder->id, 0);
	store_tell(store, &news);
}

void folder_empty(Store *store, int64_t id)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
	g_autofree char *sql = g_strdup_printf("SELECT %s FROM items WHERE folder = ?",
		ITEM_COLUMNS);
	sqlite3_stmt *stmt = store_sql(store, sql);

	sqlite3_bind_int64(stmt, 1, id);
	while (store_step(store, stmt))
		g_ptr_array_add(items, item_from_row(stmt));
	for (guint i = 0; i < items->len; i++)
		item_remove(store, items->pdata[i]);
}

static void remove_one(Store *store, const Folder *folder)
{
	StoreNews news = {STORE_DELETED, true, folder->id, folder->parent, 0, 0};
	sqlite3_stmt *stmt;

	folder_empty(store, folder->id);
	store_run(store, "DELETE FROM gone WHERE folder = ?", folder->id, 0);
	store_run(store, "DELETE FROM folder_props WHERE folder = ?", folder->id, 0);
	store_run(store, "DELETE FROM folders WHERE id = ?", folder->id, 0);
	stmt = store_sql(store, "INSERT INTO folders_gone VALUES(?, ?, ?)");
	sqlite3_bind_int64(stmt, 1, store_next(store));
	sqlite3_bind_int64(stmt, 2, folder->id);
	sqlite3_bind_int64(stmt, 3, folder->cseq);
	store_step(store, stmt);
	store_tell(store, &news);
}

void folder_remove(Store *store, int64_t id)
{
	g_autoptr(GPtrArray) below = folder_below(store, id, true);
	g_autoptr(Folder) folder = folder_get(store, id);

	for (guint i = below->len; i > 0; i--)
		remove_one(store, below->pdata[i - 1]);
	remove_one(store, folder);
}

GPtrArray *folder_changed(Store *store, int64_t since)
{
	sqlite3_stmt *stmt = store_sql(store, "SELECT " FOLDER_COLUMNS
		" FROM folders f WHERE seq > ? ORDER BY seq");

	sqlite3_bind_int64(stmt, 1, since);
	return all(store, stmt);
}

GArray *folder_gone(Store *store, int64_t since)
{
	sqlite3_stmt *stmt = store_sql(store,
		"SELECT folder FROM folders_gone WHERE seq > ?1 AND cseq <= ?1 ORDER BY seq");
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

	sqlite3_bind_int64(stmt, 1, since);
	while (store_step(store, stmt)) {
		int64_t id = sqlite3_column_int64(stmt, 0);

		g_array_append_val(ids, id);
	}
	return ids;
}

int64_t folder_make_path(Store *store, const char *path)
{
	g_autoptr(Folder) top = folder_by_dist(store, "msgfolderroot");
	g_autoptr(Folder) root = top ? g_steal_pointer(&top)
				     : folder_by_dist(store, "publicfoldersroot");
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	int64_t at = root->id;

	for (char **name = names; *name; name++) {
		g_autoptr(Folder) folder = NULL;

		if (!**name)
			continue;
		folder = folder_by_name(store, at, *name);
		if (!folder) {
			g_autoptr(Folder) parent = folder_get(store, at);

			folder = g_new0(Folder, 1);
			folder->parent = at;
			folder->name = g_strdup(*name);
			folder->class = g_strdup(parent->class ? parent->class : "IPF.Note");
			folder_insert(store, folder);
		}
		at = folder->id;
	}
	return at;
}

void folder_share(Store *store, int64_t id, FolderShare share)
{
	g_autoptr(Folder) root = folder_by_dist(store, "root");
	g_autoptr(GPtrArray) below = folder_below(store, id ? id : root->id, true);

	store_run(store, "UPDATE folders SET share = ? WHERE id = ?", share, id ? id : root->id);
	for (guint i = 0; i < below->len; i++)
		store_run(store, "UPDATE folders SET share = ? WHERE id = ?", share,
			((Folder *)below->pdata[i])->id);
}

static const struct {
	const char *dist;
	const char *parent;
	const char *name;
	const char *class;
	bool hidden;
	bool is_search;
} START[] = {
	{"root", NULL, "root", NULL, false, false},
	{"msgfolderroot", "root", "Top of Information Store", NULL, false, false},
	{"searchfolders", "root", "Finder", NULL, false, false},
	{"recoverableitemsdeletions", "root", "Deletions", "IPF.Note", true, false},
	{"inbox", "msgfolderroot", "Inbox", "IPF.Note", false, false},
	{"drafts", "msgfolderroot", "Drafts", "IPF.Note", false, false},
	{"sentitems", "msgfolderroot", "Sent Items", "IPF.Note", false, false},
	{"deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note", false, false},
	{"outbox", "msgfolderroot", "Outbox", "IPF.Note", false, false},
	{"junkemail", "msgfolderroot", "Junk Email", "IPF.Note", false, false},
	{"calendar", "msgfolderroot", "Calendar", "IPF.Appointment", false, false},
	{"contacts", "msgfolderroot", "Contacts", "IPF.Contact", false, false},
	{"tasks", "msgfolderroot", "Tasks", "IPF.Task", false, false},
	{"notes", "msgfolderroot", "Notes", "IPF.StickyNote", false, false},
	{"journal", "msgfolderroot", "Journal", "IPF.Journal", false, false},
	{NULL, "msgfolderroot", "Conversation Action Settings", "IPF.Configuration", true, false},
	{NULL, "searchfolders", "Reminders", "Outlook.Reminder", false, true},
	{NULL, "msgfolderroot", "Unread Mail", "IPF.Note", false, true},
	{"publicfoldersroot", "root", "IPM_SUBTREE", NULL, false, false},
};

/* An archive has what it was given, and a place for what is deleted there; of public folders there
 * is what they were given only. */
static bool is_in(StoreKind kind, const char *dist)
{
	static const char *const archive[] = {"root", "msgfolderroot", "deleteditems",
		"recoverableitemsdeletions", NULL};
	static const char *const public[] = {"root", "publicfoldersroot", NULL};

	if (kind == STORE_MAILBOX)
		return g_strcmp0(dist, "publicfoldersroot") != 0;
	return dist && g_strv_contains(kind == STORE_ARCHIVE ? archive : public, dist);
}

void store_folders_create(Store *store, StoreKind kind)
{
	for (size_t i = 0; i < G_N_ELEMENTS(START); i++) {
		if (!is_in(kind, START[i].dist))
			continue;

		g_autoptr(Folder) folder = g_new0(Folder, 1);
		g_autoptr(Folder) parent = START[i].parent
			? folder_by_dist(store, START[i].parent) : NULL;

		folder->parent = parent ? parent->id : 0;
		folder->name = g_strdup(START[i].name);
		folder->class = g_strdup(START[i].class);
		folder->dist = g_strdup(START[i].dist);
		folder->hidden = START[i].hidden;
		folder->is_search = START[i].is_search;
		folder_insert(store, folder);
	}
}
