/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/store.h"

#include <pthread.h>
#include <string.h>

#include "tests/ewsd/mime.h"

struct Store {
	/* set at start, then const */
	IdsKey key;
	StoreListener listener;
	void *data;	/* borrowed: from store_listen */

	pthread_mutex_t lock;
	/* guarded by lock */
	sqlite3 *db;
	GHashTable *statements;	/* text -> statement */
	int64_t seq;
	GArray *news;	/* told after the commit */
};

static const char *const SCHEMA =
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE folders(id INTEGER PRIMARY KEY, parent INTEGER, seq INTEGER, cseq INTEGER,"
	" committed INTEGER DEFAULT 0, deleted INTEGER DEFAULT 0, total INTEGER DEFAULT 0,"
	" unread INTEGER DEFAULT 0, size INTEGER DEFAULT 0, hidden INTEGER DEFAULT 0,"
	" is_search INTEGER DEFAULT 0, read_only INTEGER DEFAULT 0, share INTEGER DEFAULT 0,"
	" name TEXT, class TEXT,"
	" dist TEXT, fold TEXT);"
	"CREATE UNIQUE INDEX folders_name ON folders(parent, fold);"
	"CREATE UNIQUE INDEX folders_dist ON folders(dist) WHERE dist IS NOT NULL;"
	"CREATE INDEX folders_seq ON folders(seq);"
	"CREATE TABLE items(id INTEGER PRIMARY KEY, folder INTEGER, seq INTEGER, cseq INTEGER,"
	" useq INTEGER, received INTEGER, sent INTEGER, created INTEGER, modified INTEGER,"
	" size INTEGER, body INTEGER, seed INTEGER, seed_bytes INTEGER, state INTEGER,"
	" assoc INTEGER, is_read INTEGER, is_draft INTEGER, has_attach INTEGER,"
	" importance INTEGER, sensitivity INTEGER, flag INTEGER, wants_receipt INTEGER,"
	" class TEXT, subject TEXT, from_name TEXT, from_addr TEXT, rcpt_to TEXT, rcpt_cc TEXT,"
	" rcpt_bcc TEXT, reply_to TEXT, display_to TEXT, display_cc TEXT, msgid TEXT,"
	" in_reply_to TEXT, refs TEXT, categories TEXT, search_key TEXT, author TEXT);"
	"CREATE INDEX items_newest ON items(folder, state, assoc, received DESC,"
	" id DESC);"
	"CREATE INDEX items_seq ON items(folder, seq);"
	"CREATE INDEX items_body ON items(body) WHERE body > 0;"
	"CREATE TABLE bodies(id INTEGER PRIMARY KEY, mime BLOB);"
	"CREATE TABLE props(item INTEGER, key TEXT, value TEXT, PRIMARY KEY(item, key))"
	" WITHOUT ROWID;"
	"CREATE INDEX props_value ON props(key, value);"
	"CREATE TABLE gone(folder INTEGER, seq INTEGER, item INTEGER, cseq INTEGER,"
	" PRIMARY KEY(folder, seq)) WITHOUT ROWID;"
	"CREATE TABLE folders_gone(seq INTEGER PRIMARY KEY, folder INTEGER, cseq INTEGER);"
	"CREATE TABLE folder_props(folder INTEGER, key TEXT, value TEXT,"
	" PRIMARY KEY(folder, key)) WITHOUT ROWID;"
	"CREATE TRIGGER items_in AFTER INSERT ON items WHEN NEW.state = 0 AND NEW.assoc = 0 BEGIN"
	" UPDATE folders SET total = total + 1, unread = unread + (NEW.is_read = 0),"
	" size = size + NEW.size WHERE id = NEW.folder; END;"
	"CREATE TRIGGER items_out AFTER DELETE ON items WHEN OLD.state = 0 AND OLD.assoc = 0 BEGIN"
	" UPDATE folders SET total = total - 1, unread = unread - (OLD.is_read = 0),"
	" size = size - OLD.size WHERE id = OLD.folder; END;"
	"CREATE TRIGGER items_over AFTER UPDATE OF folder, state, is_read, size ON items BEGIN"
	" UPDATE folders SET total = total - 1, unread = unread - (OLD.is_read = 0),"
	" size = size - OLD.size WHERE id = OLD.folder AND OLD.state = 0 AND OLD.assoc = 0;"
	" UPDATE folders SET total = total + 1, unread = unread + (NEW.is_read = 0),"
	" size = size + NEW.size WHERE id = NEW.folder AND NEW.state = 0 AND NEW.assoc = 0; END;";

static void finalize(gpointer stmt)
{
	sqlite3_finalize(stmt);
}

static void sql_failed(Store *self, const char *sql)
{
	g_error("sqlite: %s in: %s", sqlite3_errmsg(self->db), sql);
}

static void exec(Store *self, const char *sql)
{
	if (sqlite3_exec(self->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		sql_failed(self, sql);
}

sqlite3_stmt *store_sql(Store *self, const char *sql)
{
	sqlite3_stmt *stmt = g_hash_table_lookup(self->statements, sql);

	if (!stmt) {
		if (sqlite3_prepare_v2(self->db, sql, -1, &stmt, NULL) != SQLITE_OK)
			sql_failed(self, sql);
		g_hash_table_insert(self->statements, g_strdup(sql), stmt);
	}
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return stmt;
}

bool store_step(Store *self, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		sql_failed(self, sqlite3_sql(stmt));
	sqlite3_reset(stmt);
	return false;
}

void store_run(Store *self, const char *sql, int64_t a, int64_t b)
{
	sqlite3_stmt *stmt = store_sql(self, sql);

	sqlite3_bind_int64(stmt, 1, a);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, b);
	store_step(self, stmt);
	sqlite3_reset(stmt);
}

int64_t store_number(Store *self, const char *sql, int64_t a, int64_t b)
{
	sqlite3_stmt *stmt = store_sql(self, sql);
	int64_t value = 0;

	if (sqlite3_bind_parameter_count(stmt) > 0)
		sqlite3_bind_int64(stmt, 1, a);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, b);
	if (store_step(self, stmt))
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return value;
}

/* ews_contains(text, word, mode, fold): how a Contains restriction compares. */
static void sql_contains(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	const char *word = (const char *)sqlite3_value_text(argv[1]);
	int mode = sqlite3_value_int(argv[2]);
	g_autofree char *folded_text = NULL;
	g_autofree char *folded_word = NULL;
	bool hit;

	if (!text || !word) {
		sqlite3_result_int(context, 0);
		return;
	}
	if (sqlite3_value_int(argv[3])) {
		text = folded_text = g_utf8_casefold(text, -1);
		word = folded_word = g_utf8_casefold(word, -1);
	}
	if (mode == 0)
		hit = strcmp(text, word) == 0;
	else if (mode == 1)
		hit = g_str_has_prefix(text, word);
	else
		hit = strstr(text, word) != NULL;
	sqlite3_result_int(context, hit);
}

/* Each run of what is no letter or digit is one blank, and it begins and ends with one. */
static char *words_of(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *folded = g_utf8_casefold(valid, -1);
	GString *words = g_string_new(" ");

	for (const char *at = folded; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (g_unichar_isalnum(c))
			g_string_append_unichar(words, c);
		else if (words->str[words->len - 1] != ' ')
			g_string_append_c(words, ' ');
	}
	if (words->str[words->len - 1] != ' ')
		g_string_append_c(words, ' ');
	return g_string_free(words, FALSE);
}

/* ews_has_words(text, words, begins): how an index compares; the last word may go on. */
static void sql_has_words(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	const char *said = (const char *)sqlite3_value_text(argv[1]);
	g_autofree char *all = words_of(text ? text : "");
	g_autofree char *words = words_of(said ? said : "");

	if (sqlite3_value_int(argv[2]))
		words[strlen(words) - 1] = '\0';
	sqlite3_result_int(context, strstr(all, words) != NULL);
}

/* ews_text(mime): what a person reads of a message. */
static void sql_text(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	g_autoptr(GBytes) mime = g_bytes_new(sqlite3_value_blob(argv[0]),
		(gsize)sqlite3_value_bytes(argv[0]));
	g_autofree char *text = mime_text(mime);

	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void load_key(Store *self)
{
	sqlite3_stmt *stmt = store_sql(self, "SELECT value FROM meta WHERE name = 'key'");

	if (store_step(self, stmt) && sqlite3_column_bytes(stmt, 0) == IDS_KEY)
		memcpy(self->key.guid, sqlite3_column_blob(stmt, 0), IDS_KEY);
	sqlite3_reset(stmt);
	self->seq = store_number(self, "SELECT value FROM meta WHERE name = 'seq'", 0, 0);
}

static void create(Store *self, StoreKind kind)
{
	exec(self, "BEGIN");
	exec(self, SCHEMA);
	exec(self, "INSERT INTO meta VALUES('seq', 16), ('key', randomblob(16))");
	load_key(self);
	store_folders_create(self, kind);
	store_commit(self);
}

Store *store_open(const char *path, StoreKind kind, bool *ret_fresh, GError **error)
{
	Store *self = g_new0(Store, 1);

	pthread_mutex_init(&self->lock, NULL);
	self->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
		finalize);
	self->news = g_array_new(FALSE, FALSE, sizeof(StoreNews));
	if (sqlite3_open(path, &self->db) != SQLITE_OK) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", path,
			sqlite3_errmsg(self->db));
		store_close(self);
		return NULL;
	}
	sqlite3_create_function(self->db, "ews_contains", 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		NULL, sql_contains, NULL, NULL);
	sqlite3_create_function(self->db, "ews_has_words", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		NULL, sql_has_words, NULL, NULL);
	sqlite3_create_function(self->db, "ews_text", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
		sql_text, NULL, NULL);
	exec(self, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
		"PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY");
	*ret_fresh = store_number(self, "SELECT count(*) FROM sqlite_master"
		" WHERE name = 'items'", 0, 0) == 0;
	if (*ret_fresh)
		create(self, kind);
	else
		load_key(self);
	return self;
}

void store_close(Store *self)
{
	if (!self)
		return;
	g_hash_table_destroy(self->statements);
	g_array_free(self->news, TRUE);
	sqlite3_close(self->db);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void store_listen(Store *self, StoreListener listener, void *data)
{
	self->listener = listener;
	self->data = data;
}

const IdsKey *store_key(const Store *self)
{
	return &self->key;
}

void store_lock(Store *self)
{
	pthread_mutex_lock(&self->lock);
}

void store_unlock(Store *self)
{
	pthread_mutex_unlock(&self->lock);
}

void store_begin(Store *self)
{
	exec(self, "BEGIN");
}

void store_commit(Store *self)
{
	store_run(self, "UPDATE meta SET value = ? WHERE name = 'seq'", self->seq, 0);
	exec(self, "COMMIT");
	for (guint i = 0; i < self->news->len; i++) {
		if (self->listener)
			self->listener(&g_array_index(self->news, StoreNews, i), self->data);
	}
	g_array_set_size(self->news, 0);
}

void store_rollback(Store *self)
{
	exec(self, "ROLLBACK");
	g_array_set_size(self->news, 0);
}

int64_t store_seq(const Store *self)
{
	return self->seq;
}

int64_t store_next(Store *self)
{
	return ++self->seq;
}

int64_t store_oldest_state(Store *self)
{
	return store_number(self, "SELECT value FROM meta WHERE name = 'oldest'", 0, 0);
}

void store_forget_states(Store *self)
{
	store_run(self, "INSERT OR REPLACE INTO meta VALUES('oldest', ?)", store_next(self), 0);
}

void store_tell(Store *self, const StoreNews *news)
{
	if (self->listener)
		g_array_append_val(self->news, *news);
}
