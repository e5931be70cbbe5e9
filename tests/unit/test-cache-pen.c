/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test-cache-pen.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/types.h"

static EwsErrorCode code_of(bool is_done, const GError *error)
{
	g_assert_false(is_done);
	g_assert_nonnull(error);
	g_assert_cmpuint(error->domain, ==, EWS_ERROR);
	return (EwsErrorCode)error->code;
}

/* --- the mailbox ------------------------------------------------------------------------- */

void pen_open(Kit *kit)
{
	static const char *const folders[] = {"F1", "F2", PEN_TRASH};
	kit->is_writable = kit->can_send = true;
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
	kit_folder(kit, "F2", KIT_TOP, "Two");
	kit_folder(kit, PEN_TRASH, KIT_TOP, "Deleted Items");
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
		kit_list(kit, folders[i]);
	kit_run(kit, "INSERT INTO distinguished (name, folder_id) VALUES ('deleteditems', %Q)",
		PEN_TRASH);
	kit_forget_changes(kit);
}

void pen_end(Kit *kit)
{
	kit_check(kit);
	/* The kernel made these changes himself. */
	g_assert_cmpuint(kit->changes->len, ==, 0);
	kit_close(kit);
}

int64_t pen_item(Kit *kit, const char *folder, const char *id, const char *name)
{
	g_autoptr(EwsItem) item = kit_make_item(id, id);
	item->file_name = g_strdup(name);
	kit_say(kit, folder, EWS_CHANGE_CREATE, item);
	kit_forget_changes(kit);
	g_assert_cmpint(pen_find(kit, kit_dir(kit, folder), name), !=, 0);
	return kit_node(kit, id);
}

int64_t pen_fetched(Kit *kit, const char *id, const char *name, const char *bytes)
{
	int64_t node = pen_item(kit, "F1", id, name);
	kit_store(kit, node, bytes);
	kit_forget_changes(kit);
	return node;
}

/* --- files ------------------------------------------------------------------------------- */

CacheFile *pen_create(Kit *kit, int64_t dir, const char *name, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = NULL;
	CacheFile *file = cache_create(kit->cache, dir, name, &node, &error);
	g_assert_no_error(error);
	g_assert_nonnull(file);
	g_assert_cmpstr(node->name, ==, name);
	g_assert_cmpint(node->parent, ==, dir);
	g_assert_true(node->is_local);
	pen_append(file, bytes);
	return file;
}

EwsErrorCode pen_create_fails(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = NULL;
	CacheFile *file = cache_create(kit->cache, dir, name, &node, &error);
	return code_of(file != NULL, error);
}

void pen_append(CacheFile *file, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	int fd = cache_file_fd(file);
	size_t len = strlen(bytes);
	off_t end = lseek(fd, 0, SEEK_END);
	g_assert_true(cache_file_prepare(file, end + (int64_t)len, &error));
	g_assert_no_error(error);
	g_assert_cmpint(pwrite(fd, bytes, len, end), ==, (ssize_t)len);
}

void pen_close(CacheFile *file)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_file_flush(file, &error));
	g_assert_no_error(error);
	cache_file_close(file);
}

int64_t pen_write(Kit *kit, int64_t dir, const char *name, const char *bytes)
{
	pen_close(pen_create(kit, dir, name, bytes));
	return pen_find(kit, dir, name);
}

CacheFile *pen_truncate(Kit *kit, int64_t id)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = kit_get(kit, id);
	CacheFile *file = cache_file_open(kit->cache, id, node->content, true, &error);
	g_assert_no_error(error);
	return file;
}

void pen_rewrite(Kit *kit, int64_t node, const char *bytes)
{
	CacheFile *file = pen_truncate(kit, node);
	pen_append(file, bytes);
	pen_close(file);
}

/* --- the tree ---------------------------------------------------------------------------- */

void pen_rename(Kit *kit, int64_t dir, const char *name, int64_t to_dir, const char *to_name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_rename(kit->cache, dir, name, to_dir, to_name, true, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
}

EwsErrorCode pen_rename_fails(Kit *kit, int64_t dir, const char *name, int64_t to_dir,
	const char *to_name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_rename(kit->cache, dir, name, to_dir, to_name, true, &error);
	return code_of(is_done, error);
}

void pen_unlink(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_unlink(kit->cache, dir, name, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
}

EwsErrorCode pen_unlink_fails(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_unlink(kit->cache, dir, name, &error);
	return code_of(is_done, error);
}

int64_t pen_mkdir(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_mkdir(kit->cache, dir, name, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(node->name, ==, name);
	return node->id;
}

EwsErrorCode pen_mkdir_fails(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_mkdir(kit->cache, dir, name, &error);
	return code_of(node != NULL, error);
}

void pen_rmdir(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_rmdir(kit->cache, dir, name, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
}

EwsErrorCode pen_rmdir_fails(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_rmdir(kit->cache, dir, name, &error);
	return code_of(is_done, error);
}

void pen_set(Kit *kit, int64_t node, const CacheFields *fields)
{
	g_autoptr(GError) error = NULL;
	bool is_done = cache_set_fields(kit->cache, node, fields, &error);
	g_assert_no_error(error);
	g_assert_true(is_done);
}

void pen_flag(Kit *kit, int64_t node)
{
	CacheFields fields = {.set = CACHE_FIELD_FLAG, .flag = EWS_FLAG_FLAGGED};
	pen_set(kit, node, &fields);
}

/* --- looking ------------------------------------------------------------------------------ */

int64_t pen_find(Kit *kit, int64_t dir, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_lookup(kit->cache, dir, name, &error);
	if (node != NULL)
		return node->id;
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	return 0;
}

char *pen_bytes(Kit *kit, int64_t node)
{
	struct stat st;
	int fd = cache_queued_open(kit->cache, node, NULL);
	if (fd < 0)
		return NULL;
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	char *bytes = g_malloc0((size_t)st.st_size + 1);
	g_assert_cmpint(pread(fd, bytes, (size_t)st.st_size, 0), ==, st.st_size);
	close(fd);
	return bytes;
}

char *pen_queue(Kit *kit)
{
	static const char *const states[] = {
		[CACHE_QUEUED_WAITING] = "waiting",
		[CACHE_QUEUED_SENDING] = "sending",
		[CACHE_QUEUED_IN_DOUBT] = "doubt",
		[CACHE_QUEUED_HELD] = "held",
		[CACHE_QUEUED_FAILED] = "failed",
		[CACHE_QUEUED_OPEN] = "open",
		[CACHE_QUEUED_UNFINISHED] = "unfinished",
		[CACHE_QUEUED_MAYBE_SENT] = "maybe-sent",
		[CACHE_QUEUED_SCRATCH] = "scratch",
	};
	g_autoptr(GError) error = NULL;
	GString *text = g_string_new(NULL);
	g_autoptr(GPtrArray) queue = cache_queue(kit->cache, &error);
	g_assert_no_error(error);
	for (guint i = 0; i < queue->len; i++) {
		const CacheQueued *queued = queue->pdata[i];
		g_string_append_printf(text, "%s%s %s", i > 0 ? "; " : "", states[queued->state],
			queued->path);
		if (queued->state != CACHE_QUEUED_SCRATCH)
			g_string_append_printf(text, " %s", queued->what);
		if (queued->error != NULL)
			g_string_append_printf(text, " (%s)", queued->error);
	}
	return g_string_free(text, FALSE);
}

void pen_assert_queue(Kit *kit, const char *expected)
{
	g_autofree char *queue = pen_queue(kit);
	g_assert_cmpstr(queue, ==, expected);
}

unsigned pen_count_files(Kit *kit)
{
	unsigned count = 0;
	g_autofree char *path = g_build_filename(kit->dir, "state", "files", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	while (dir != NULL && g_dir_read_name(dir) != NULL)
		count++;
	return count;
}

void pen_assert_ls(Kit *kit, int64_t dir, const char *expected)
{
	g_autofree char *names = kit_ls(kit, dir);
	g_assert_cmpstr(names, ==, expected);
}
