/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/import.h"

#include <string.h>

#include "tests/ewsd/mime.h"
#include "tests/ewsd/synth.h"

static const char *split(const char *spec, char **ret_path, GError **error)
{
	const char *equals = strrchr(spec, '=');

	if (!equals || equals == spec || !equals[1]) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"not FOLDER/PATH=VALUE: %s", spec);
		return NULL;
	}
	*ret_path = g_strndup(spec, (gsize)(equals - spec));
	return equals + 1;
}

static const char *item_class(const Folder *folder)
{
	static const char *const classes[][2] = {
		{"IPF.Contact", "IPM.Contact"}, {"IPF.Appointment", "IPM.Appointment"},
		{"IPF.Task", "IPM.Task"}, {"IPF.StickyNote", "IPM.StickyNote"},
		{"IPF.Journal", "IPM.Activity"},
	};

	for (size_t i = 0; folder->class && i < G_N_ELEMENTS(classes); i++) {
		if (strcmp(folder->class, classes[i][0]) == 0)
			return classes[i][1];
	}
	return NULL;
}

static bool import_file(Store *store, const Folder *folder, const char *path, GError **error)
{
	g_autoptr(Item) item = item_new();
	g_autoptr(GBytes) mime = NULL;
	char *data;
	gsize length;

	if (!g_file_get_contents(path, &data, &length, error))
		return false;
	mime = g_bytes_new_take(data, length);
	item->class = g_strdup(item_class(folder));
	mime_describe(mime, item);
	if (!item->received)
		item->received = item->sent ? item->sent : mime_fallback_date(mime);
	if (!item->sent)
		item->sent = item->received;
	item->created = item->modified = item->received;
	item->folder = folder->id;
	item->is_read = 1;
	item->is_draft = g_strcmp0(folder->dist, "drafts") == 0;
	item->body = item_body_add(store, mime);
	item_insert(store, item);
	return true;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool import_dir(Store *store, const Folder *folder, const char *path, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(path, 0, error);
	const char *name;

	if (!dir)
		return false;
	while ((name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_build_filename(path, name, NULL));
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		bool ok = g_file_test(names->pdata[i], G_FILE_TEST_IS_DIR)
			? import_dir(store, folder, names->pdata[i], error)
			: import_file(store, folder, names->pdata[i], error);

		if (!ok)
			return false;
	}
	return true;
}

bool import_mail(Store *store, const char *spec, GError **error)
{
	g_autofree char *path = NULL;
	const char *dir = split(spec, &path, error);
	g_autoptr(Folder) folder = NULL;
	bool ok;

	if (!dir)
		return false;
	store_begin(store);
	folder = folder_get(store, folder_make_path(store, path));
	ok = import_dir(store, folder, dir, error);
	store_commit(store);
	return ok;
}

bool import_fill(Store *store, const char *spec, GError **error)
{
	g_autofree char *path = NULL;
	const char *value = split(spec, &path, error);
	char *end;
	uint64_t count;
	uint64_t bytes;
	uint64_t first;
	int64_t folder;

	if (!value)
		return false;
	count = g_ascii_strtoull(value, &end, 10);
	bytes = *end == ',' ? g_ascii_strtoull(end + 1, NULL, 10) : SYNTH_BYTES;
	store_begin(store);
	folder = folder_make_path(store, path);
	/* The same command line gives the same mailbox, and no two folders the same messages. */
	first = (uint64_t)folder << 24;
	for (uint64_t i = 0; i < count; i++) {
		g_autoptr(Item) item = item_new();

		synth_describe(first + i, MAX(bytes, 1), item);
		item->folder = folder;
		item_insert(store, item);
	}
	store_commit(store);
	return true;
}

bool import_rights(Store *store, const char *spec, GError **error)
{
	g_autofree char *path = NULL;
	const char *value = split(spec, &path, error);
	g_autoptr(Folder) folder = NULL;

	if (!value)
		return false;
	store_begin(store);
	folder = folder_get(store, folder_make_path(store, path));
	folder->read_only = strcmp(value, "read") == 0;
	folder_save(store, folder, STORE_MODIFIED, folder->parent);
	store_commit(store);
	return true;
}
