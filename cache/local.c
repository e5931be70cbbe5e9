/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/local.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/node.h"
#include "cache/private.h"
#include "cache/written.h"
#include "ews/error.h"

/* A buffer for what is hashed or copied; more than this would be mapped anew for each file. */
#define PIECE_BYTES (64 * 1024)

/* Of a first line; a header field's name is shorter in any message that was ever sent. */
#define LOOK_BYTES 1024

static bool fail_errno(GError **error, const char *what, int64_t node)
{
	g_propagate_error(error, ews_error_from_errno(errno, "%s of file %" PRId64, what, node));
	return false;
}

static void name_of(char *ret_name, size_t size, int64_t node)
{
	snprintf(ret_name, size, "%" PRId64, node);
}

CacheLocals *cache_locals_new(CacheDb *db, const char *state_dir, uint64_t scratch_max,
	GError **error)
{
	CacheLocals *self = g_new0(CacheLocals, 1);
	self->db = db;
	self->dir = g_build_filename(state_dir, "files", NULL);
	self->written = cache_written_new(scratch_max);
	pthread_mutex_init(&self->sync_lock, NULL);
	self->dir_fd = -1;
	self->has_new_names = true;
	if (g_mkdir_with_parents(self->dir, 0700) == 0)
		self->dir_fd = open(self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (self->dir_fd >= 0)
		return self;
	g_propagate_error(error, ews_error_from_errno(errno, "state directory: %s", self->dir));
	cache_locals_free(self);
	return NULL;
}

void cache_locals_free(CacheLocals *self)
{
	if (self == NULL)
		return;
	cache_written_free(self->written);
	if (self->dir_fd >= 0)
		close(self->dir_fd);
	pthread_mutex_destroy(&self->sync_lock);
	g_free(self->dir);
	g_free(self);
}

char *cache_local_path(CacheLocals *self, int64_t node)
{
	char name[32];
	name_of(name, sizeof name, node);
	return g_build_filename(self->dir, name, NULL);
}

void cache_local_remove(CacheLocals *self, int64_t node)
{
	char name[32];
	int64_t has_row = 1;
	g_autoptr(GError) error = NULL;
	/* The writer's lock keeps the node from being written anew between look and unlink. */
	CacheConn *conn = cache_db_begin(self->db, &error);
	if (conn == NULL || !cache_conn_int(conn, 0, &has_row, &error,
				    "SELECT 1 FROM local WHERE node = ?", "i", node))
		g_warning("file %" PRId64 " is left: %s", node, error->message);
	name_of(name, sizeof name, node);
	if (has_row == 0)
		unlinkat(self->dir_fd, name, 0);
	if (conn != NULL)
		cache_db_rollback(self->db);
}

int cache_local_open(CacheLocals *self, int64_t node, GError **error)
{
	char name[32];
	name_of(name, sizeof name, node);
	int fd = openat(self->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"the bytes are not here");
	else if (fd < 0)
		(void)!fail_errno(error, "open", node);
	return fd;
}

/* --- making -------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t done = pwrite(fd, data, len, at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		at += done;
		len -= (size_t)done;
	}
	return true;
}

bool cache_local_copy(int from_fd, int to_fd, int64_t *ret_size)
{
	g_autofree char *piece = NULL;
	off_t at = 0;
	off_t to = 0;
	ssize_t len;
	while ((len = copy_file_range(from_fd, &at, to_fd, &to, 1 << 30, 0)) > 0)
		;
	if (len < 0 && at == 0) {
		piece = g_malloc(PIECE_BYTES);
		while ((len = pread(from_fd, piece, PIECE_BYTES, at)) > 0) {
			if (!write_all(to_fd, piece, (size_t)len, at))
				return false;
			at += len;
		}
	}
	*ret_size = at;
	return len == 0;
}

bool cache_local_renew(CacheLocals *self, int64_t node, GError **error)
{
	char name[32];
	int64_t size = 0;
	name_of(name, sizeof name, node);
	g_autofree char *copy = g_strconcat(name, ".new", NULL);
	int from_fd = openat(self->dir_fd, name, O_RDONLY | O_CLOEXEC);
	int to_fd = openat(self->dir_fd, copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_done = from_fd >= 0 && to_fd >= 0 && cache_local_copy(from_fd, to_fd, &size) &&
		       renameat(self->dir_fd, copy, self->dir_fd, name) == 0;
	int errnum = errno;
	if (from_fd >= 0)
		close(from_fd);
	if (to_fd >= 0)
		close(to_fd);
	errno = errnum;
	return is_done || fail_errno(error, "copy", node);
}

static bool make_file(CacheLocals *self, int64_t node, int from_fd, int64_t *ret_size,
	GError **error)
{
	char name[32];
	name_of(name, sizeof name, node);
	/* What is left of an earlier one may be a blob by now, or be open: it is left alone. */
	unlinkat(self->dir_fd, name, 0);
	int fd = openat(self->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno(error, "create", node);
	pthread_mutex_lock(&self->sync_lock);
	self->has_new_names = true;
	pthread_mutex_unlock(&self->sync_lock);
	bool is_copied = from_fd < 0 || cache_local_copy(from_fd, fd, ret_size);
	if (!is_copied)
		(void)!fail_errno(error, "copy", node);
	close(fd);
	return is_copied;
}

bool cache_local_make(CacheLocals *self, CacheConn *conn, int64_t node, int from_fd, GError **error)
{
	int64_t size = 0;
	return make_file(self, node, from_fd, &size, error) &&
	       cache_conn_run(conn, error,
		       "INSERT INTO local (node, size, is_dirty) VALUES (?, ?, ?)"
		       " ON CONFLICT (node) DO UPDATE SET size = excluded.size,"
		       " is_dirty = excluded.is_dirty, is_finished = 0, sha256 = NULL,"
		       " error = NULL",
		       "iii", node, size, (int64_t)(from_fd < 0));
}

bool cache_local_drop(CacheConn *conn, int64_t node, GError **error)
{
	return cache_conn_run(conn, error, "DELETE FROM local WHERE node = ?", "i", node);
}

bool cache_local_accept(CacheConn *conn, int64_t node, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE local SET is_dirty = 0, error = NULL WHERE node = ?", "i", node);
}

bool cache_local_get(CacheConn *conn, int64_t node, CacheLocalRow **ret_row, GError **error)
{
	bool has_row = false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT size, is_dirty, is_finished, sha256, error FROM local WHERE node = ?", "i",
		node);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	*ret_row = NULL;
	if (!has_row)
		return true;
	CacheLocalRow *row = g_new0(CacheLocalRow, 1);
	row->size = sqlite3_column_int64(stmt, 0);
	row->is_dirty = sqlite3_column_int(stmt, 1) != 0;
	row->is_finished = sqlite3_column_int(stmt, 2) != 0;
	row->sha256 = cache_column_dup(stmt, 3);
	row->error = cache_column_dup(stmt, 4);
	sqlite3_reset(stmt);
	*ret_row = row;
	return true;
}

void cache_local_row_free(CacheLocalRow *self)
{
	if (self == NULL)
		return;
	g_free(self->sha256);
	g_free(self->error);
	g_free(self);
}

/* --- at the start -------------------------------------------------------------------------- */

/* Bytes whose name is not known any more: nothing else has them, so a person must look. */
static bool set_aside(CacheLocals *self, const char *name, GError **error)
{
	g_autofree char *state_dir = g_path_get_dirname(self->dir);
	g_autofree char *lost = g_build_filename(state_dir, "lost", NULL);
	g_autofree char *uuid = g_uuid_string_random();
	g_autofree char *path = g_strdup_printf("%s/%s.%.8s", lost, name, uuid);
	if (g_mkdir_with_parents(lost, 0700) != 0 ||
		renameat(self->dir_fd, name, AT_FDCWD, path) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
		return false;
	}
	g_warning("%s: written here before, and the index no longer knows what it is", path);
	return true;
}

static bool sweep_one(CacheLocals *self, CacheConn *conn, const char *name, int64_t last,
	GError **error)
{
	int64_t node = g_ascii_strtoll(name, NULL, 10);
	int64_t is_known = 0;
	struct stat st;
	if (!cache_conn_int(conn, 0, &is_known, error, "SELECT 1 FROM local WHERE node = ?", "i",
		    node))
		return false;
	if (is_known == 1)
		return true;
	/* A create that was cut short leaves an empty file. */
	bool is_empty = fstatat(self->dir_fd, name, &st, 0) == 0 && st.st_size == 0;
	if (node > last && !is_empty)
		return set_aside(self, name, error);
	unlinkat(self->dir_fd, name, 0);
	return true;
}

/* What the row says, and what is there: bytes that were never made safe go with the power. */
static bool measure(CacheLocals *self, CacheConn *conn, int64_t node, GError **error)
{
	char name[32];
	struct stat st = {0};
	int64_t unused = 0;
	g_autoptr(CacheLocalRow) row = NULL;
	name_of(name, sizeof name, node);
	if (!cache_local_get(conn, node, &row, error))
		return false;
	bool is_there = fstatat(self->dir_fd, name, &st, 0) == 0;
	bool is_cut = !is_there || st.st_size < row->size;
	if ((!is_cut && !row->is_dirty) || (!is_there && errno != ENOENT))
		return true;
	if (!is_there && !make_file(self, node, -1, &unused, error))
		return false;
	return cache_conn_run(conn, error,
		       "UPDATE local SET size = ?, is_dirty = 1, is_finished = 0, sha256 = NULL,"
		       " error = coalesce(?, error) WHERE node = ?",
		       "iti", (int64_t)st.st_size, is_cut ? CACHE_LOCAL_CUT : NULL, node) &&
	       cache_conn_run(conn, error, "UPDATE node SET size = ? WHERE id = ?", "ii",
		       (int64_t)st.st_size, node);
}

static bool measure_all(CacheLocals *self, CacheConn *conn, GError **error)
{
	g_autoptr(GArray) nodes = cache_conn_ids(conn, error, "SELECT node FROM local", "");
	for (guint i = 0; nodes != NULL && i < nodes->len; i++) {
		if (!measure(self, conn, g_array_index(nodes, int64_t, i), error))
			return false;
	}
	return nodes != NULL;
}

bool cache_locals_sweep(CacheLocals *self, CacheConn *conn, GError **error)
{
	int64_t last = 0;
	if (!cache_conn_int(conn, 0, &last, error,
		    "SELECT seq FROM sqlite_sequence WHERE name = 'node'", ""))
		return false;
	g_autoptr(GDir) dir = g_dir_open(self->dir, 0, error);
	const char *name;
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		if (!sweep_one(self, conn, name, last, error))
			return false;
	}
	return dir != NULL && measure_all(self, conn, error);
}

/* --- is it a message? ---------------------------------------------------------------------- */

/* RFC 5322: visible characters but the colon; old mail has blanks before it. */
static bool is_field(const char *text)
{
	size_t len = 0;
	while (text[len] > 32 && text[len] < 127 && text[len] != ':')
		len++;
	size_t end = len + strspn(text + len, " \t");
	return len > 0 && text[end] == ':';
}

/* Is there a line that begins with @word, in either case of letters? */
static bool has_line(int fd, const char *word)
{
	size_t len = strlen(word);
	size_t kept = 0;
	int64_t at = 0;
	char text[LOOK_BYTES + 1];
	ssize_t got;
	/* The end of a piece is looked at once more with the next one. */
	while ((got = pread(fd, text + kept, LOOK_BYTES - kept, at)) > 0) {
		size_t end = kept + (size_t)got;
		for (size_t i = 0; i + len <= end; i++) {
			if ((i == 0 ? at == 0 : text[i - 1] == '\n') &&
				g_ascii_strncasecmp(text + i, word, len) == 0)
				return true;
		}
		at += got;
		kept = MIN(end, len + 1);
		memmove(text, text + end - kept, kept);
	}
	return false;
}

bool cache_local_is_flaw(const char *text)
{
	static const char *const flaws[] = {CACHE_LOCAL_NO_MESSAGE, CACHE_LOCAL_NO_CARDS,
		CACHE_LOCAL_NO_EVENT, NULL};
	return g_strv_contains(flaws, text);
}

const char *cache_local_flaw(int fd, const char *name)
{
	static const char mark[] = "\xef\xbb\xbf";
	char text[LOOK_BYTES];
	ssize_t len = pread(fd, text, sizeof text - 1, 0);
	text[MAX(len, 0)] = '\0';
	const char *start = strncmp(text, mark, strlen(mark)) == 0 ? text + strlen(mark) : text;
	g_autofree char *lower = g_ascii_strdown(name, -1);
	bool is_calendar = g_str_has_suffix(lower, ".ics");
	if (!is_calendar && !g_str_has_suffix(lower, ".vcf"))
		return is_field(start) ? NULL : CACHE_LOCAL_NO_MESSAGE;
	const char *word = is_calendar ? "BEGIN:VCALENDAR" : "BEGIN:VCARD";
	if (g_ascii_strncasecmp(start, word, strlen(word)) != 0)
		return CACHE_LOCAL_NO_MESSAGE;
	if (!is_calendar)
		return CACHE_LOCAL_NO_CARDS;
	return has_line(fd, "BEGIN:VEVENT") ? NULL : CACHE_LOCAL_NO_EVENT;
}

/* --- finishing, checking ------------------------------------------------------------------- */

static char *hash(int fd, int64_t *ret_size)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned sum_len = 0;
	int64_t at = 0;
	ssize_t len;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		g_error("no SHA-256 in libcrypto");
	g_autofree char *piece = g_malloc(PIECE_BYTES);
	while ((len = pread(fd, piece, PIECE_BYTES, at)) > 0) {
		EVP_DigestUpdate(ctx, piece, (size_t)len);
		at += len;
	}
	EVP_DigestFinal_ex(ctx, sum, &sum_len);
	EVP_MD_CTX_free(ctx);
	if (len < 0)
		return NULL;
	GString *text = g_string_sized_new(2 * (gsize)sum_len);
	for (unsigned i = 0; i < sum_len; i++)
		g_string_append_printf(text, "%02x", sum[i]);
	*ret_size = at;
	return g_string_free(text, FALSE);
}

static bool refuse(CacheConn *conn, int64_t node, const char *flaw, GError **error)
{
	return cache_conn_run(conn, error,
		"UPDATE local SET is_finished = 0, sha256 = NULL, error = ? WHERE node = ?", "ti",
		flaw, node);
}

static bool finish_bytes(CacheConn *conn, int64_t node, int fd, GError **error)
{
	int64_t size = 0;
	g_autofree char *sum = hash(fd, &size);
	if (sum == NULL)
		return fail_errno(error, "read", node);
	return cache_conn_run(conn, error,
		       "UPDATE local SET size = ?, is_finished = 1, sha256 = ?, error = NULL"
		       " WHERE node = ?",
		       "iti", size, sum, node) &&
	       cache_conn_run(conn, error, "UPDATE node SET size = ? WHERE id = ?", "ii", size,
		       node);
}

bool cache_local_finish(CacheLocals *self, CacheConn *conn, int64_t node, const char *name,
	bool *ret_is_ready, GError **error)
{
	struct stat st;
	g_autoptr(CacheLocalRow) row = NULL;
	g_autoptr(GError) ignored = NULL;
	*ret_is_ready = false;
	if (!cache_local_flush(self, conn, node, &ignored, error) ||
		!cache_local_get(conn, node, &row, error))
		return false;
	if (row == NULL || row->is_dirty)
		return true;
	int fd = cache_local_open(self, node, error);
	if (fd < 0)
		return false;
	bool is_ok = fstat(fd, &st) == 0 || fail_errno(error, "stat", node);
	if (is_ok && st.st_size > 0) {
		const char *flaw = cache_local_flaw(fd, name);
		*ret_is_ready = flaw == NULL;
		if (flaw != NULL)
			is_ok = refuse(conn, node, flaw, error);
		else if (!row->is_finished || row->size != st.st_size)
			is_ok = finish_bytes(conn, node, fd, error);
	}
	close(fd);
	return is_ok;
}

bool cache_local_check(CacheLocals *self, int64_t node, const CacheLocalRow *row, GError **error)
{
	int64_t size = 0;
	int fd = cache_local_open(self, node, error);
	if (fd < 0)
		return false;
	g_autofree char *sum = hash(fd, &size);
	if (sum == NULL)
		(void)!fail_errno(error, "read", node);
	close(fd);
	if (sum == NULL)
		return false;
	if (size == row->size && g_strcmp0(sum, row->sha256) == 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT,
		"the bytes that were written are not all here: %" PRId64 " of %" PRId64, size,
		row->size);
	return false;
}

/* One fsync of the directory makes all names durable that were made before it. */
static bool sync_names(CacheLocals *self, GError **error)
{
	bool is_ok = true;
	pthread_mutex_lock(&self->sync_lock);
	if (self->has_new_names) {
		self->has_new_names = false;
		is_ok = fsync(self->dir_fd) == 0;
		self->has_new_names = !is_ok;
	}
	pthread_mutex_unlock(&self->sync_lock);
	if (!is_ok)
		g_propagate_error(error, ews_error_from_errno(errno, "fsync %s", self->dir));
	return is_ok;
}

static bool sync_bytes(CacheLocals *self, int64_t node, GError **error)
{
	int fd = cache_local_open(self, node, error);
	if (fd < 0)
		return false;
	bool is_ok = fsync(fd) == 0 || fail_errno(error, "fsync", node);
	close(fd);
	return is_ok;
}

/* What is on its way to the disk by the first fsync is in one transaction of its journal with it,
 * instead of one each. */
static void begin_sync(CacheLocals *self, int64_t node)
{
	int fd = cache_local_open(self, node, NULL);
	if (fd < 0)
		return;
	(void)!sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	close(fd);
}

bool cache_local_sync_all(CacheLocals *self, const int64_t *nodes, size_t count, GError **error)
{
	g_autoptr(GError) first = NULL;
	for (size_t i = 0; count > 1 && i < count; i++)
		begin_sync(self, nodes[i]);
	for (size_t i = 0; i < count; i++)
		(void)!sync_bytes(self, nodes[i], first == NULL ? &first : NULL);
	(void)!sync_names(self, first == NULL ? &first : NULL);
	if (first == NULL)
		return true;
	g_propagate_error(error, g_steal_pointer(&first));
	return false;
}

bool cache_local_sync(CacheLocals *self, int64_t node, GError **error)
{
	return cache_local_sync_all(self, &node, 1, error);
}
