/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/status.h"

#include <unistd.h>

#include "fs/ahead.h"
#include "fs/json.h"
#include "fs/park.h"
#include "fs/watch.h"
#include "fs/words.h"

/* Everything both renderings draw on. */
typedef struct Picture {
	const Fs *fs;
	CacheStatus *cache; /* own */
	CacheQueueCounts queue;
	FsServer server;
} Picture;

static Picture take_picture(const Fs *fs)
{
	Picture picture = {.fs = fs, .cache = cache_status(fs->cache)};

	cache_queue_counts(fs->cache, &picture.queue);
	if (fs->look != NULL)
		fs->look(&picture.server, fs->look_user);
	if (picture.server.state == NULL)
		picture.server.state = "unknown";
	if (picture.server.url[0] == '\0')
		g_strlcpy(picture.server.url, fs->config->url, sizeof(picture.server.url));
	return picture;
}

/* --- words --------------------------------------------------------------- */

static void add_mailbox(GString *text, const Picture *picture)
{
	const FsConfig *config = picture->fs->config;
	const char *whose = fs_config_whose(config);

	g_string_append_printf(text, "mailbox     %s%s%s%s at %s\n",
		config->is_archive  ? "archive of "
		: config->is_public ? "public folders of "
				    : "",
		fs_config_owner(config),
		whose != NULL ? ", opened by " : "", whose != NULL ? config->user : "",
		picture->server.url);
}

static void add_mount(GString *text, const Picture *picture)
{
	const FsConfig *config = picture->fs->config;
	g_autofree char *since = fs_words_time(picture->fs->mounted_at);

	g_string_append_printf(text, "ewsfs       %s, process %d\n", EWSFS_VERSION, (int)getpid());
	add_mailbox(text, picture);
	g_string_append_printf(text, "folder      /%s\n", config->folder);
	g_string_append_printf(text, "mounted     %s since %s%s\n", config->mountpoint, since,
		config->backup ? ", for backups"
		: config->is_read_only ? ", read-only"
		: config->can_send ? ", can send" : "");
}

/* What the server was found not to bear, as long as that is believed. */
static void add_limits(GString *text, const Picture *picture)
{
	const FsServer *server = &picture->server;

	if (server->conns > 0 && server->conns < picture->fs->config->max_conns)
		g_string_append_printf(text, "            %u at once, more was too much for the "
			"server\n", server->conns);
	if (server->is_page_small)
		g_string_append_printf(text, "            %u changes a page, more was too much for "
			"the server\n", server->page);
}

static void add_server(GString *text, const Picture *picture)
{
	const FsServer *server = &picture->server;
	g_autofree char *in = fs_words_size(server->bytes_in);
	g_autofree char *out = fs_words_size(server->bytes_out);

	g_string_append_printf(text, "server      %s%s%s%s", server->state,
		*server->version != '\0' ? " (" : "", server->version,
		*server->version != '\0' ? ")" : "");
	if (server->resume_s > 0) {
		g_autofree char *wait = fs_words_duration(server->resume_s);
		g_string_append_printf(text, ", asked again in %s", wait);
	}
	g_string_append_printf(text, "\nrequests    %" G_GUINT64_FORMAT " sent, %u under way, "
		"%u waiting; %s received, %s sent\n", server->requests, server->in_flight,
		server->queued, in, out);
	add_limits(text, picture);
	if (*server->error != '\0')
		g_string_append_printf(text, "last error  %s\n", server->error);
}

static void add_news(GString *text, const Picture *picture)
{
	const CacheNews *news = &picture->cache->news;
	g_autofree char *since = fs_words_time(news->since);
	unsigned watchers = fs_watch_count(picture->fs->watch);

	if (news->by == CACHE_PUSH_STREAM)
		g_string_append(text, "news        by stream");
	else if (news->by == CACHE_PUSH_PULL)
		g_string_append_printf(text, "news        asked for every %u s", news->every_s);
	else
		g_string_append_printf(text, "news        none, looked for every %u s",
			news->every_s);
	g_string_append_printf(text, " since %s, %" G_GUINT64_FORMAT " hints", since, news->hints);
	if (watchers > 0)
		g_string_append_printf(text, ", %u watching", watchers);
	g_string_append_c(text, '\n');
}

static void add_progress(GString *text, const Picture *picture)
{
	const CacheStatus *cache = picture->cache;
	g_autofree char *refreshed = fs_words_time(cache->refreshed_at);
	g_autofree char *bytes = fs_words_size(cache->bytes_here);
	g_autofree char *limit = fs_words_size(cache->cache_size);

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
		g_autofree char *left = fs_words_duration(cache->seconds_left);
		g_string_append_printf(text, ", %s left", left);
	}
	g_string_append_printf(text, "\nwaiting     %u requests of programs\n",
		fs_park_count(picture->fs->park));
}

/* --- what is only here --------------------------------------------------- */

static void add_count(GString *text, unsigned count, const char *what)
{
	if (count > 0)
		g_string_append_printf(text, ", %u %s", count, what);
}

/* What a person can do where something waits for him. */
static void add_hints(GString *text, const CacheQueueCounts *queue)
{
	if (queue->held > 0)
		g_string_append(text, "            held: more deletes than delete_max=; \"ewsfsctl "
			"confirm\" lets them go, \"ewsfsctl discard --all\" takes them back\n");
	if (queue->failed > 0)
		g_string_append(text, "            failed: \"ewsfsctl queue\" says why; \"ewsfsctl "
			"retry\" sends again, \"ewsfsctl discard\" gives up\n");
}

static void add_queue(GString *text, const Picture *picture)
{
	const CacheQueueCounts *queue = &picture->queue;
	const FsConfig *config = picture->fs->config;
	g_autofree char *bytes = fs_words_size(queue->scratch_bytes);
	g_autofree char *limit = fs_words_size(config->scratch_size);

	g_string_append_printf(text, "changes     %u to be sent", queue->waiting);
	add_count(text, queue->held, "held");
	add_count(text, queue->failed, "failed");
	add_count(text, queue->open, "being written");
	g_string_append_printf(text, "%s\n", config->is_read_only && queue->waiting > 0
		? "; not by this mount, which is read-only" : "");
	add_hints(text, queue);
	if (!config->is_read_only || queue->scratch > 0)
		g_string_append_printf(text,
			"scratch     %u files kept here only, %s of at most %s\n", queue->scratch,
			bytes, limit);
}

/* Saved aside when the index broke; here until a person has looked. */
static void add_rescued(GString *text, const Picture *picture)
{
	g_auto(GStrv) paths = cache_rescued(picture->fs->cache);

	for (guint i = 0; paths[i] != NULL; i++)
		g_string_append_printf(text, "rescued     %s: not on the server; look, then remove "
			"it\n", paths[i]);
}

static void add_folders(GString *text, const Picture *picture)
{
	const GPtrArray *list = picture->cache->folder_list;

	g_string_append(text, "\nlisted as of                  messages  failed folder\n");
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const CacheFolderStatus *folder = g_ptr_array_index(list, i);
		g_autofree char *as_of = fs_words_time(folder->as_of);
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
	add_news(text, &picture);
	add_progress(text, &picture);
	add_rate(text, &picture);
	add_queue(text, &picture);
	add_rescued(text, &picture);
	add_folders(text, &picture);
	cache_status_free(picture.cache);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* --- JSON ---------------------------------------------------------------- */

static void put_mount(JsonBuilder *json, const Picture *picture)
{
	const FsConfig *config = picture->fs->config;

	fs_json_text(json, "version", EWSFS_VERSION);
	fs_json_number(json, "pid", getpid());
	fs_json_text(json, "source", config->source);
	fs_json_text(json, "url", picture->server.url);
	fs_json_text(json, "user", config->user);
	fs_json_text(json, "mailbox", fs_config_whose(config));
	fs_json_flag(json, "archive", config->is_archive);
	fs_json_flag(json, "public", config->is_public);
	fs_json_text(json, "folder", config->folder);
	fs_json_text(json, "mountpoint", config->mountpoint);
	fs_json_time(json, "mounted_at", picture->fs->mounted_at);
	fs_json_text(json, "socket", picture->fs->socket_path);
	fs_json_flag(json, "read_only", config->is_read_only);
	fs_json_flag(json, "backup", config->backup);
	fs_json_flag(json, "writable", !config->is_read_only);
	fs_json_flag(json, "can_send", config->can_send);
	fs_json_number(json, "flush_timeout", config->flush_timeout_s);
	fs_json_text(json, "size", config->sizes == FS_SIZES_EXACT ? "exact" : "auto");
}

static void put_server(JsonBuilder *json, const Picture *picture)
{
	const FsServer *server = &picture->server;

	fs_json_begin(json, "server");
	fs_json_text(json, "state", server->state);
	fs_json_text(json, "version", *server->version != '\0' ? server->version : NULL);
	fs_json_number(json, "requests", (int64_t)server->requests);
	fs_json_number(json, "in_flight", server->in_flight);
	fs_json_number(json, "queued", server->queued);
	fs_json_number(json, "conns", server->conns);
	fs_json_number(json, "page", server->page);
	fs_json_number(json, "bytes_in", (int64_t)server->bytes_in);
	fs_json_number(json, "bytes_out", (int64_t)server->bytes_out);
	fs_json_number(json, "resume_s", server->resume_s);
	fs_json_text(json, "error", *server->error != '\0' ? server->error : NULL);
	json_builder_end_object(json);
}

static void put_news(JsonBuilder *json, const Picture *picture)
{
	const CacheNews *news = &picture->cache->news;

	fs_json_begin(json, "news");
	fs_json_text(json, "by", news->by == CACHE_PUSH_STREAM ? "stream"
		: news->by == CACHE_PUSH_PULL ? "pull" : "none");
	fs_json_number(json, "every_s", news->every_s);
	fs_json_time(json, "since", news->since);
	fs_json_number(json, "hints", (int64_t)news->hints);
	fs_json_number(json, "watchers", fs_watch_count(picture->fs->watch));
	json_builder_end_object(json);
}

static void put_progress(JsonBuilder *json, const Picture *picture)
{
	const CacheStatus *cache = picture->cache;

	fs_json_flag(json, "refreshing", cache->is_refreshing);
	fs_json_time(json, "refreshed_at", cache->refreshed_at);
	fs_json_text(json, "error", cache->error);
	fs_json_number(json, "folders", (int64_t)cache->folders);
	fs_json_number(json, "folders_listed", (int64_t)cache->folders_done);
	fs_json_number(json, "items", (int64_t)cache->items);
	fs_json_number(json, "items_expected", (int64_t)cache->items_expected);
	fs_json_number(json, "items_sized", (int64_t)cache->items_sized);
	fs_json_number(json, "items_here", (int64_t)cache->items_here);
	fs_json_number(json, "items_failed", (int64_t)cache->items_failed);
	fs_json_number(json, "bytes_here", (int64_t)cache->bytes_here);
	fs_json_number(json, "cache_size", (int64_t)cache->cache_size);
	fs_json_flag(json, "prefetching", cache->is_prefetching);
	json_builder_set_member_name(json, "items_per_s");
	json_builder_add_double_value(json, cache->items_per_s);
	json_builder_set_member_name(json, "seconds_left");
	json_builder_add_int_value(json, cache->seconds_left);
}

void fs_status_put_queue(JsonBuilder *json, const Fs *fs)
{
	CacheQueueCounts queue;

	cache_queue_counts(fs->cache, &queue);
	fs_json_begin(json, "queue");
	fs_json_number(json, "waiting", queue.waiting);
	fs_json_number(json, "held", queue.held);
	fs_json_number(json, "failed", queue.failed);
	fs_json_number(json, "open", queue.open);
	fs_json_number(json, "scratch", queue.scratch);
	fs_json_number(json, "scratch_bytes", (int64_t)queue.scratch_bytes);
	json_builder_end_object(json);
}

static void put_rescued(JsonBuilder *json, const Picture *picture)
{
	g_auto(GStrv) paths = cache_rescued(picture->fs->cache);

	json_builder_set_member_name(json, "rescued");
	json_builder_begin_array(json);
	for (guint i = 0; paths[i] != NULL; i++)
		json_builder_add_string_value(json, paths[i]);
	json_builder_end_array(json);
}

static void put_folders(JsonBuilder *json, const Picture *picture)
{
	const GPtrArray *list = picture->cache->folder_list;

	json_builder_set_member_name(json, "folder_list");
	json_builder_begin_array(json);
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const CacheFolderStatus *folder = g_ptr_array_index(list, i);
		json_builder_begin_object(json);
		fs_json_text(json, "path", folder->path);
		fs_json_flag(json, "listed", folder->is_listed);
		fs_json_time(json, "as_of", folder->as_of);
		fs_json_number(json, "items", (int64_t)folder->items);
		fs_json_number(json, "failed", (int64_t)folder->failed);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
}

char *fs_status_json(const Fs *fs)
{
	Picture picture = take_picture(fs);
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_object(json);
	put_mount(json, &picture);
	put_server(json, &picture);
	put_news(json, &picture);
	put_progress(json, &picture);
	fs_json_number(json, "waiting", fs_park_count(fs->park));
	fs_json_number(json, "texts_ahead", (int64_t)fs_ahead_count(fs->ahead));
	fs_status_put_queue(json, fs);
	put_rescued(json, &picture);
	put_folders(json, &picture);
	json_builder_end_object(json);
	cache_status_free(picture.cache);
	return fs_json_to_text(json, true);
}

char *fs_status_progress(const Fs *fs)
{
	Picture picture = take_picture(fs);
	g_autoptr(JsonBuilder) json = json_builder_new();

	json_builder_begin_object(json);
	fs_json_begin(json, "progress");
	fs_json_text(json, "server", picture.server.state);
	put_progress(json, &picture);
	fs_status_put_queue(json, fs);
	json_builder_end_object(json);
	json_builder_end_object(json);
	cache_status_free(picture.cache);
	return fs_json_to_text(json, false);
}
