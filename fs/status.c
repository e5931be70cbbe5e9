/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/status.h"

#include <json-glib/json-glib.h>
#include <unistd.h>

#include "fs/park.h"

/* Everything both renderings draw on. */
typedef struct Picture {
	const Fs *fs;
	CacheStatus *cache; /* own */
	FsServer server;
} Picture;

static Picture take_picture(const Fs *fs)
{
	Picture picture = {.fs = fs, .cache = cache_status(fs->cache)};

	if (fs->look != NULL)
		fs->look(&picture.server, fs->look_user);
	if (picture.server.state == NULL)
		picture.server.state = "unknown";
	return picture;
}

/* --- words --------------------------------------------------------------- */

/* "2026-11-20T10:15:00Z", or "never". */
static char *time_text(int64_t us)
{
	g_autoptr(GDateTime) time = us > 0
		? g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC) : NULL;

	return time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("never");
}

static char *size_text(uint64_t bytes)
{
	return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
}

/* "1 min 20 s" */
static char *duration_text(int64_t seconds)
{
	if (seconds < 60)
		return g_strdup_printf("%d s", (int)seconds);
	if (seconds < 3600)
		return g_strdup_printf("%d min %d s", (int)(seconds / 60), (int)(seconds % 60));
	return g_strdup_printf("%" G_GINT64_FORMAT " h %d min", seconds / 3600,
		(int)(seconds % 3600 / 60));
}

static void add_mount(GString *text, const Picture *picture)
{
	const FsConfig *config = picture->fs->config;
	g_autofree char *since = time_text(picture->fs->mounted_at);

	g_string_append_printf(text, "ewsfs       %s, process %d\n", EWSFS_VERSION, (int)getpid());
	g_string_append_printf(text, "mailbox     %s at %s\n", config->user, config->url);
	g_string_append_printf(text, "folder      /%s\n", config->folder);
	g_string_append_printf(text, "mounted     %s since %s%s\n", config->mountpoint, since,
		config->backup ? ", for backups" : config->is_read_only ? ", read-only" : "");
}

static void add_server(GString *text, const Picture *picture)
{
	const FsServer *server = &picture->server;
	g_autofree char *in = size_text(server->bytes_in);
	g_autofree char *out = size_text(server->bytes_out);

	g_string_append_printf(text, "server      %s%s%s%s", server->state,
		*server->version != '\0' ? " (" : "", server->version,
		*server->version != '\0' ? ")" : "");
	if (server->resume_s > 0) {
		g_autofree char *wait = duration_text(server->resume_s);
		g_string_append_printf(text, ", asked again in %s", wait);
	}
	g_string_append_printf(text, "\nrequests    %" G_GUINT64_FORMAT " sent, %u under way, "
		"%u waiting; %s received, %s sent\n", server->requests, server->in_flight,
		server->queued, in, out);
	if (*server->error != '\0')
		g_string_append_printf(text, "last error  %s\n", server->error);
}

static void add_progress(GString *text, const Picture *picture)
{
	const CacheStatus *cache = picture->cache;
	g_autofree char *refreshed = time_text(cache->refreshed_at);
	g_autofree char *bytes = size_text(cache->bytes_here);
	g_autofree char *limit = size_text(cache->cache_size);

	g_string_append_printf(text, "refreshed   %s%s\n", refreshed,
		cache->is_refreshing ? ", again now" : "");
	if (cache->error != NULL)
		g_string_append_printf(text, "            not complete: %s\n", cache->error);
	g_string_append_printf(text, "folders     %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
		" listed\n", cache->folders_done, cache->folders);
	g_string_append_printf(text, "messages    %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
		" listed\n", cache->items, MAX(cache->items_expected, cache->items));
	g_string_append_printf(text, "sizes       %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
		" known\n", cache->items_sized, cache->items);
	g_string_append_printf(text, "content     %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
		" here, %s of at most %s\n", cache->items_here, cache->items, bytes, limit);
	g_string_append_printf(text, "failed      %" G_GUINT64_FORMAT
		" whose content cannot be had\n", cache->items_failed);
}

static void add_rate(GString *text, const Picture *picture)
{
	const CacheStatus *cache = picture->cache;

	g_string_append_printf(text, "prefetch    %s", !picture->fs->config->prefetch ? "off"
		: cache->is_prefetching ? "running" : "idle");
	if (cache->items_per_s > 0)
		g_string_append_printf(text, ", %.1f messages a second", cache->items_per_s);
	if (cache->seconds_left >= 0) {
		g_autofree char *left = duration_text(cache->seconds_left);
		g_string_append_printf(text, ", %s left", left);
	}
	g_string_append_printf(text, "\nwaiting     %u requests of programs\n",
		fs_park_count(picture->fs->park));
}

static void add_folders(GString *text, const Picture *picture)
{
	const GPtrArray *list = picture->cache->folder_list;

	g_string_append(text, "\nlisted as of                  messages  failed folder\n");
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const CacheFolderStatus *folder = g_ptr_array_index(list, i);
		g_autofree char *as_of = time_text(folder->as_of);
		g_string_append_printf(text, "%-6s %-20s %9" G_GUINT64_FORMAT " %7" G_GUINT64_FORMAT
			" %s\n", folder->is_listed ? "yes" : "no", as_of, folder->items,
			folder->failed, folder->path);
	}
}

char *fs_status_text(const Fs *fs)
{
	Picture picture = take_picture(fs);
	g_autoptr(GString) text = g_string_new(NULL);

	add_mount(text, &picture);
	add_server(text, &picture);
	add_progress(text, &picture);
	add_rate(text, &picture);
	add_folders(text, &picture);
	cache_status_free(picture.cache);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- JSON ---------------------------------------------------------------- */

/* A path need not be UTF-8; JSON must. */
static void put_text(JsonBuilder *json, const char *name, const char *value)
{
	g_autofree char *valid = value != NULL ? g_utf8_make_valid(value, -1) : NULL;

	json_builder_set_member_name(json, name);
	if (valid != NULL)
		json_builder_add_string_value(json, valid);
	else
		json_builder_add_null_value(json);
}

static void put_number(JsonBuilder *json, const char *name, uint64_t value)
{
	json_builder_set_member_name(json, name);
	json_builder_add_int_value(json, (gint64)value);
}

static void put_flag(JsonBuilder *json, const char *name, bool value)
{
	json_builder_set_member_name(json, name);
	json_builder_add_boolean_value(json, value);
}

static void put_time(JsonBuilder *json, const char *name, int64_t us)
{
	g_autofree char *text = us > 0 ? time_text(us) : NULL;

	put_text(json, name, text);
}

static void begin(JsonBuilder *json, const char *name)
{
	json_builder_set_member_name(json, name);
	json_builder_begin_object(json);
}

static void put_mount(JsonBuilder *json, const Picture *picture)
{
	const FsConfig *config = picture->fs->config;

	put_text(json, "version", EWSFS_VERSION);
	put_number(json, "pid", (uint64_t)getpid());
	put_text(json, "source", config->source);
	put_text(json, "url", config->url);
	put_text(json, "user", config->user);
	put_text(json, "folder", config->folder);
	put_text(json, "mountpoint", config->mountpoint);
	put_time(json, "mounted_at", picture->fs->mounted_at);
	put_text(json, "socket", picture->fs->socket_path);
	put_flag(json, "read_only", config->is_read_only);
	put_flag(json, "backup", config->backup);
	put_text(json, "size", config->sizes == FS_SIZES_EXACT ? "exact" : "auto");
}

static void put_server(JsonBuilder *json, const Picture *picture)
{
	const FsServer *server = &picture->server;

	begin(json, "server");
	put_text(json, "state", server->state);
	put_text(json, "version", *server->version != '\0' ? server->version : NULL);
	put_number(json, "requests", server->requests);
	put_number(json, "in_flight", server->in_flight);
	put_number(json, "queued", server->queued);
	put_number(json, "bytes_in", server->bytes_in);
	put_number(json, "bytes_out", server->bytes_out);
	put_number(json, "resume_s", (uint64_t)server->resume_s);
	put_text(json, "error", *server->error != '\0' ? server->error : NULL);
	json_builder_end_object(json);
}

static void put_progress(JsonBuilder *json, const Picture *picture)
{
	const CacheStatus *cache = picture->cache;

	put_flag(json, "refreshing", cache->is_refreshing);
	put_time(json, "refreshed_at", cache->refreshed_at);
	put_text(json, "error", cache->error);
	put_number(json, "folders", cache->folders);
	put_number(json, "folders_listed", cache->folders_done);
	put_number(json, "items", cache->items);
	put_number(json, "items_expected", cache->items_expected);
	put_number(json, "items_sized", cache->items_sized);
	put_number(json, "items_here", cache->items_here);
	put_number(json, "items_failed", cache->items_failed);
	put_number(json, "bytes_here", cache->bytes_here);
	put_number(json, "cache_size", cache->cache_size);
	put_flag(json, "prefetching", cache->is_prefetching);
	json_builder_set_member_name(json, "items_per_s");
	json_builder_add_double_value(json, cache->items_per_s);
	json_builder_set_member_name(json, "seconds_left");
	json_builder_add_int_value(json, cache->seconds_left);
}

static void put_folders(JsonBuilder *json, const Picture *picture)
{
	const GPtrArray *list = picture->cache->folder_list;

	json_builder_set_member_name(json, "folder_list");
	json_builder_begin_array(json);
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const CacheFolderStatus *folder = g_ptr_array_index(list, i);
		json_builder_begin_object(json);
		put_text(json, "path", folder->path);
		put_flag(json, "listed", folder->is_listed);
		put_time(json, "as_of", folder->as_of);
		put_number(json, "items", folder->items);
		put_number(json, "failed", folder->failed);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

static char *to_text(JsonBuilder *json, bool is_pretty)
{
	g_autoptr(JsonNode) root = json_builder_get_root(json);
	g_autofree char *text = json_to_string(root, is_pretty);

	return g_strconcat(text, "\n", NULL);
}

char *fs_status_json(const Fs *fs)
{
	Picture picture = take_picture(fs);
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_object(json);
	put_mount(json, &picture);
	put_server(json, &picture);
	put_progress(json, &picture);
	put_number(json, "waiting", fs_park_count(fs->park));
	put_folders(json, &picture);
	json_builder_end_object(json);
	cache_status_free(picture.cache);
	return to_text(json, true);
}

char *fs_status_progress(const Fs *fs)
{
	Picture picture = take_picture(fs);
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_object(json);
	begin(json, "progress");
	put_text(json, "server", picture.server.state);
	put_progress(json, &picture);
	json_builder_end_object(json);
	json_builder_end_object(json);
	cache_status_free(picture.cache);
	return to_text(json, false);
}
