/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/cache.h"
#include "cache/intent.h"
#include "cache/private.h"
#include "ews/error.h"

/* Beyond this a check of all that the index holds would keep a mount waiting; see open_checked. */
#define CHECK_BYTES (INT64_C(256) << 20)

#define README                                                                                     \
	"ewsfs found its index broken, and began a new one from the server:\n\n    %s\n\n"         \
	"The mailbox is as the server has it. This directory has what the server was not told\n"   \
	"yet, as far as it could still be read: the changes below, and in files/ the bytes that\n" \
	"were only here. ewsfs does nothing more about them, since some may have been done.\n"     \
	"Look, do again what is still wanted (cp files/Inbox/x.eml MOUNT/Inbox/), and then "       \
	"remove\n"                                                                                 \
	"this directory: until then each mount speaks of it. The broken index is kept as\n"        \
	"%s; remove that too.\n"

typedef struct Rescue {
	char *state_dir;  /* own */
	char *dir;        /* own; where all is put */
	char *why;        /* own */
	char *kept;       /* own; the broken index's new path */
	CacheConn *conn;  /* own; of the broken index; NULL: it cannot be opened at all */
	GHashTable *seen; /* own; set of nodes that have been told of */
	GString *text;    /* own */
	unsigned changes;
	unsigned files;
	bool is_partial; /* a table could not be read to its end */
} Rescue;

static void rescue_clear(Rescue *self)
{
	cache_conn_close(self->conn);
	g_hash_table_unref(self->seen);
	g_string_free(self->text, TRUE);
	g_free(self->state_dir);
	g_free(self->dir);
	g_free(self->why);
	g_free(self->kept);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rescue, rescue_clear)

/* --- reading what can be read ------------------------------------------------------------ */

typedef void (*TakeRow)(Rescue *self, sqlite3_stmt *stmt);

static bool read_rows(Rescue *self, const char *sql, TakeRow take)
{
	bool has_row = true;
	sqlite3_stmt *stmt = cache_conn_query(self->conn, NULL, sql, "");
	while (stmt != NULL && cache_conn_step(self->conn, stmt, &has_row, NULL) && has_row)
		take(self, stmt);
	return stmt != NULL && !has_row;
}

/* Forwards to where it breaks, and backwards to the same place from the other end. */
static void read_table(Rescue *self, const char *forwards, const char *backwards, TakeRow take)
{
	if (read_rows(self, forwards, take))
		return;
	self->is_partial = true;
	(void)!read_rows(self, backwards, take);
}

/* A name out of a broken row must not lead elsewhere. */
static bool is_name(const char *name)
{
	return name != NULL && *name != '\0' && strlen(name) <= 255 && strchr(name, '/') == NULL &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* *ret_parent 0 at the top, or where it cannot be read. Owned; NULL when there is no such row. */
static char *name_of(Rescue *self, int64_t node, int64_t *ret_parent)
{
	bool has_row = false;
	char *name = NULL;
	*ret_parent = 0;
	sqlite3_stmt *stmt =
		self->conn == NULL
			? NULL
			: cache_conn_query(self->conn, NULL,
				  "SELECT parent, name FROM node WHERE id = ?", "i", node);
	if (stmt == NULL || !cache_conn_step(self->conn, stmt, &has_row, NULL) || !has_row)
		return NULL;
	*ret_parent = sqlite3_column_int64(stmt, 0);
	name = cache_column_dup(stmt, 1);
	sqlite3_reset(stmt);
	return name;
}

/* "Inbox/x.eml", as far up as can be read. */
static char *path_of(Rescue *self, int64_t dir, const char *name)
{
	GString *path = g_string_new(name);
	for (int i = 0; dir > CACHE_ROOT && i < CACHE_DEPTH_MAX; i++) {
		int64_t parent = 0;
		g_autofree char *above = name_of(self, dir, &parent);
		if (!is_name(above))
			break;
		g_string_prepend_c(path, '/');
		g_string_prepend(path, above);
		dir = parent;
	}
	return g_string_free(path, FALSE);
}

static char *path_of_node(Rescue *self, int64_t node)
{
	int64_t parent = 0;
	g_autofree char *name = name_of(self, node, &parent);
	if (!is_name(name))
		return g_strdup_printf("unnamed-%" G_GINT64_FORMAT, node);
	return path_of(self, parent, name);
}

/* --- telling ----------------------------------------------------------------------------- */

static char *words_of_time(int64_t us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC);
	return time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("?");
}

static void tell(Rescue *self, const char *what, const char *value)
{
	if (value != NULL && *value != '\0')
		g_string_append_printf(self->text, "    %-9s %s\n", what, value);
}

/* What a person finds the message by, and what its properties were to be. */
static void tell_item(Rescue *self, int64_t node)
{
	static const char *const words[] = {"subject", "from", "id", "category"};
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(self->conn, NULL,
		"SELECT subject, from_address, message_id, categories, is_read, flag, importance"
		" FROM item WHERE node = ?",
		"i", node);
	if (stmt == NULL || !cache_conn_step(self->conn, stmt, &has_row, NULL) || !has_row)
		return;
	for (int i = 0; i < (int)G_N_ELEMENTS(words); i++)
		tell(self, words[i], (const char *)sqlite3_column_text(stmt, i));
	g_string_append_printf(self->text, "    %-9s %s, flag %d, importance %d\n", "state",
		sqlite3_column_int(stmt, 4) != 0 ? "read" : "unread", sqlite3_column_int(stmt, 5),
		sqlite3_column_int(stmt, 6));
	sqlite3_reset(stmt);
}

/* Puts a file of state_dir/files below files/; *ret_name (owned): its name there. By a link where
 * the disk has them, so that a kill in the middle finds it in its old place. */
static bool save_file(Rescue *self, const char *from, const char *path, int64_t node,
	char **ret_name, GError **error)
{
	g_autofree char *name = g_strdup(path);
	g_autofree char *to = g_build_filename(self->dir, "files", name, NULL);
	g_autofree char *dir = g_path_get_dirname(to);
	if (strlen(to) >= PATH_MAX || g_mkdir_with_parents(dir, 0700) != 0 ||
		g_file_test(to, G_FILE_TEST_EXISTS)) {
		g_free(name);
		g_free(to);
		name = g_strdup_printf("unnamed-%" G_GINT64_FORMAT, node);
		to = g_build_filename(self->dir, "files", name, NULL);
	}
	if (link(from, to) != 0 && rename(from, to) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", to));
		return false;
	}
	self->files++;
	*ret_name = g_steal_pointer(&name);
	return true;
}

static void take_intent(Rescue *self, sqlite3_stmt *stmt)
{
	CacheIntent intent = {
		.node = sqlite3_column_int64(stmt, 0),
		.todo = (unsigned)sqlite3_column_int(stmt, 1),
	};
	if (!g_hash_table_add(self->seen, g_memdup2(&intent.node, sizeof intent.node)))
		return;
	const char *old_name = (const char *)sqlite3_column_text(stmt, 4);
	g_autofree char *path = path_of_node(self, intent.node);
	g_autofree char *what = cache_intent_describe(&intent);
	g_autofree char *since = words_of_time(sqlite3_column_int64(stmt, 2));
	g_autofree char *old =
		is_name(old_name) ? path_of(self, sqlite3_column_int64(stmt, 3), old_name) : NULL;
	g_string_append_printf(self->text, "\n%s\n", path);
	tell(self, "to do", *what != '\0' ? what : "to be finished by its writer");
	tell(self, "since", since);
	tell(self, "it was", old);
	tell(self, "trouble", (const char *)sqlite3_column_text(stmt, 5));
	tell_item(self, intent.node);
	self->changes++;
}

#define SELECT_INTENTS                                                                             \
	"SELECT node, todo | doing, since, old_parent, old_name, error FROM intent ORDER BY node"

/* What had been flushed, and how much of it. */
static void tell_local(Rescue *self, int64_t node, int64_t length)
{
	bool has_row = false;
	sqlite3_stmt *stmt =
		self->conn == NULL
			? NULL
			: cache_conn_query(self->conn, NULL,
				  "SELECT size, is_dirty FROM local WHERE node = ?", "i", node);
	if (stmt == NULL || !cache_conn_step(self->conn, stmt, &has_row, NULL)) {
		tell(self, "bytes are", "perhaps not all");
		return;
	}
	bool is_whole = has_row && sqlite3_column_int(stmt, 1) == 0 &&
			sqlite3_column_int64(stmt, 0) == length;
	tell(self, "bytes are",
		is_whole  ? "whole, as they were closed"
		: has_row ? "perhaps not all: it was being written"
			  : "of something that the index does not know (any more)");
	if (has_row)
		sqlite3_reset(stmt);
}

static bool save_one(Rescue *self, const char *from, const char *name, GError **error)
{
	struct stat st;
	g_autofree char *saved = NULL;
	int64_t node = g_ascii_strtoll(name, NULL, 10);
	g_autofree char *path = path_of_node(self, node);
	if (stat(from, &st) != 0 || !S_ISREG(st.st_mode))
		return true;
	if (!save_file(self, from, path, node, &saved, error))
		return false;
	g_string_append_printf(self->text, "\nfiles/%s\n    %-9s %" G_GINT64_FORMAT "\n", saved,
		"length", (int64_t)st.st_size);
	tell_local(self, node, st.st_size);
	return true;
}

static bool save_files(Rescue *self, GError **error)
{
	const char *name;
	g_autofree char *files = g_build_filename(self->state_dir, "files", NULL);
	g_autofree char *to = g_build_filename(self->dir, "files", NULL);
	g_autoptr(GDir) dir = g_dir_open(files, 0, NULL);
	if (g_mkdir_with_parents(to, 0700) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", to));
		return false;
	}
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *from = g_build_filename(files, name, NULL);
		if (!save_one(self, from, name, error))
			return false;
	}
	return true;
}

/* --- putting aside ----------------------------------------------------------------------- */

static void remove_tree(const char *path)
{
	const char *name;
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *below = g_build_filename(path, name, NULL);
		if (g_file_test(below, G_FILE_TEST_IS_DIR) &&
			!g_file_test(below, G_FILE_TEST_IS_SYMLINK))
			remove_tree(below);
		else
			unlink(below);
	}
	rmdir(path);
}

static bool make_durable(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_ok = fd >= 0 && syncfs(fd) == 0;
	if (!is_ok)
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
	if (fd >= 0)
		close(fd);
	return is_ok;
}

static bool move(const char *from, const char *to, GError **error)
{
	if (rename(from, to) == 0 || errno == ENOENT)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "%s", to));
	return false;
}

/* The log of a file is beside it under its name: they stay together. */
static bool keep_broken(const Rescue *self, const char *path, GError **error)
{
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);
	g_autofree char *kept_wal = g_strconcat(self->kept, "-wal", NULL);
	g_autofree char *shm = g_strconcat(path, "-shm", NULL);
	unlink(shm);
	return move(path, self->kept, error) && move(wal, kept_wal, error) &&
	       make_durable(self->state_dir, error);
}

static void drop_saved(const Rescue *self)
{
	const char *name;
	g_autofree char *files = g_build_filename(self->state_dir, "files", NULL);
	g_autoptr(GDir) dir = g_dir_open(files, 0, NULL);
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(files, name, NULL);
		unlink(path);
	}
}

static bool write_readme(const Rescue *self, GError **error)
{
	g_autofree char *path = g_build_filename(self->dir, "README", NULL);
	g_autofree char *head = g_strdup_printf(README, self->why, self->kept);
	g_autofree char *text = g_strconcat(head,
		self->is_partial ? "\nThe journal could not be read to its end: there was more.\n"
				 : "",
		self->text->str, NULL);
	return g_file_set_contents(path, text, -1, error);
}

/* Everything under a name that does not count yet, and then under the one that does. */
static bool save(Rescue *self, const char *path, const char *date, GError **error)
{
	g_autofree char *name = g_strconcat("rescued-", date, NULL);
	g_autofree char *final = g_build_filename(self->state_dir, name, NULL);
	self->dir = g_build_filename(self->state_dir, "rescue.part", NULL);
	remove_tree(self->dir);
	self->conn = cache_conn_open_broken(path, NULL);
	if (self->conn != NULL)
		read_table(self, SELECT_INTENTS, SELECT_INTENTS " DESC", take_intent);
	else
		self->is_partial = true;
	if (!save_files(self, error))
		return false;
	g_clear_pointer(&self->conn, cache_conn_close);
	if (self->changes == 0 && self->files == 0 && !self->is_partial) {
		remove_tree(self->dir);
		return keep_broken(self, path, error);
	}
	if (!write_readme(self, error) || !make_durable(self->dir, error) ||
		!move(self->dir, final, error) || !keep_broken(self, path, error))
		return false;
	drop_saved(self);
	return true;
}

/* A name that is free, also when two happen in one second. */
static char *free_date(const char *state_dir)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
	for (int i = 1;; i++) {
		g_autofree char *word = i == 1 ? g_strdup(date) : g_strdup_printf("%s-%d", date, i);
		g_autofree char *saved = g_strconcat(state_dir, "/rescued-", word, NULL);
		g_autofree char *kept = g_strconcat(state_dir, "/index.db.broken-", word, NULL);
		if (!g_file_test(saved, G_FILE_TEST_EXISTS) &&
			!g_file_test(kept, G_FILE_TEST_EXISTS))
			return g_steal_pointer(&word);
	}
}

static bool put_aside(const char *state_dir, const char *path, const char *why, GError **error)
{
	g_autofree char *date = free_date(state_dir);
	g_auto(Rescue) self = {
		.state_dir = g_strdup(state_dir),
		.why = g_strdup(why),
		.kept = g_strconcat(path, ".broken-", date, NULL),
		.seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
		.text = g_string_new(NULL),
	};
	if (!save(&self, path, date, error)) {
		g_prefix_error(error,
			"the index is broken (%s), and what was not sent yet cannot "
			"be saved aside: ",
			why);
		return false;
	}
	cache_db_clear_suspect(path);
	g_warning("the index was broken (%s): kept as %s, and made anew from the server; %u changes"
		  " and %u files that the server did not have were saved aside",
		why, self.kept, self.changes, self.files);
	return true;
}

/* --- opening ----------------------------------------------------------------------------- */

/* SQLite takes an empty file for a new database. One that was in use was not empty. */
static bool check_length(const char *state_dir, const char *path, GError **error)
{
	struct stat st;
	g_autofree char *files = g_build_filename(state_dir, "files", NULL);
	if (stat(path, &st) != 0 || st.st_size > 0 || !g_file_test(files, G_FILE_TEST_IS_DIR))
		return true;
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CORRUPT, "index: the file is empty");
	return false;
}

static bool is_large(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_size > CHECK_BYTES;
}

static CacheDb *open_checked(const char *state_dir, const char *path, GError **error)
{
	bool is_suspect = cache_db_is_suspect(path);
	if (!check_length(state_dir, path, error))
		return NULL;
	g_autoptr(CacheDb) db = cache_db_open(path, error);
	if (db == NULL)
		return NULL;
	/* A large one is looked through when there is a reason; SQLite says what it meets later. */
	if ((is_suspect || !is_large(path)) && !cache_db_check(db, is_suspect, error))
		return NULL;
	cache_db_clear_suspect(path);
	return g_steal_pointer(&db);
}

CacheDb *cache_rescue_open(const char *state_dir, GError **error)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *path = g_build_filename(state_dir, "index.db", NULL);
	CacheDb *db = open_checked(state_dir, path, &problem);
	if (db != NULL)
		return db;
	if (!ews_error_is(problem, EWS_ERROR_CORRUPT)) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	if (!put_aside(state_dir, path, problem->message, error))
		return NULL;
	return open_checked(state_dir, path, error);
}

/* --- what is left of it ------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **cache_rescue_list(const char *state_dir)
{
	const char *name;
	GPtrArray *paths = g_ptr_array_new();
	g_autoptr(GDir) dir = g_dir_open(state_dir, 0, NULL);
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (g_str_has_prefix(name, "rescued-") || strcmp(name, "lost") == 0)
			g_ptr_array_add(paths, g_build_filename(state_dir, name, NULL));
	}
	g_ptr_array_sort(paths, by_name);
	g_ptr_array_add(paths, NULL);
	return (char **)g_ptr_array_free(paths, FALSE);
}

char **cache_rescued(Cache *cache)
{
	return cache_rescue_list(cache->state_dir);
}
