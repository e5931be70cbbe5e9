/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/command.h"

#include "ews/error.h"
#include "fs/json.h"
#include "fs/maildirplace.h"

typedef struct Call {
	const Fs *fs;
	JsonObject *request;
	CacheDone done;
	void *user;
} Call;

static void answer(const Call *call, const GError *error)
{
	call->done(call->user, error);
}

G_GNUC_PRINTF(2, 3)
static void refuse(const Call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_autoptr(GError) error = g_error_new_literal(EWS_ERROR, EWS_ERROR_INVALID, text);
	answer(call, error);
}

/* --- waiting for the server ---------------------------------------------- */

/* The node at "path" below the mount point. */
static CacheNode *find_node(const Call *call, GError **error)
{
	g_auto(GStrv) names = g_strsplit(fs_json_get_text(call->request, "path", ""), "/", -1);
	CacheNode *node = cache_get(call->fs->cache, CACHE_ROOT, error);
	fuse_ino_t ino = FUSE_ROOT_ID;

	for (char **name = names; *name != NULL && node != NULL; name++) {
		if (**name == '\0' || g_str_equal(*name, "."))
			continue;
		g_autoptr(CacheNode) parent = node;
		node = call->fs->maildir != NULL
			? fs_maildir_walk(call->fs, &ino, *name, error)
			: cache_lookup(call->fs->cache, parent->id, *name, error);
	}
	return node;
}

/* Of a file, the directory it is in. */
static void run_sync(const Call *call)
{
	int64_t seconds = CLAMP(fs_json_get_number(call->request, "seconds", 0), 0, G_MAXINT);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = find_node(call, &error);

	if (node == NULL) {
		answer(call, error);
		return;
	}
	cache_sync(call->fs->cache, node->kind == CACHE_KIND_DIR ? node->id : node->parent,
		fs_json_get_flag(call->request, "fetch"),
		seconds > 0 ? g_get_monotonic_time() + seconds * G_USEC_PER_SEC : 0, call->done,
		call->user);
}

static bool is_away(const Fs *fs)
{
	FsServer server = {0};

	if (fs->look != NULL)
		fs->look(&server, fs->look_user);
	return server.is_away;
}

/* Who names no time does not wait for a server that is known to be away. */
static void run_flush(const Call *call)
{
	const Fs *fs = call->fs;
	int64_t seconds = fs_json_get_number(call->request, "seconds", -1);
	CacheQueueCounts counts;

	cache_queue_counts(fs->cache, &counts);
	if (fs->config->is_read_only && counts.waiting > 0) {
		refuse(call, "this mount is read-only and sends nothing");
		return;
	}
	if (seconds < 0)
		seconds = is_away(fs) ? 0 : fs->config->flush_timeout_s;
	cache_drain(fs->cache,
		g_get_monotonic_time() + MIN(seconds, G_MAXINT) * G_USEC_PER_SEC, call->done,
		call->user);
}

/* What is no longer there waits for nothing: a mail that was sent has left. */
static void run_fsync(const Call *call)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = find_node(call, &error);

	if (node != NULL)
		cache_fsync(call->fs->cache, node->id, call->done, call->user);
	else
		answer(call, ews_error_is(error, EWS_ERROR_NOT_FOUND) ? NULL : error);
}

/* --- what a person decides ----------------------------------------------- */

typedef bool (*Decision)(Cache *cache, int64_t node, GError **error);

/* Each by itself: one that is gone meanwhile keeps no other from its turn. */
static void decide(const Call *call, Decision decision)
{
	JsonNode *ids = json_object_get_member(call->request, "ids");
	JsonArray *array = ids != NULL && JSON_NODE_HOLDS_ARRAY(ids) ? json_node_get_array(ids)
		: NULL;
	g_autoptr(GError) first = NULL;

	if (fs_json_get_flag(call->request, "all")) {
		(void)!decision(call->fs->cache, 0, &first);
	} else if (array == NULL) {
		refuse(call, "neither \"ids\" nor \"all\"");
		return;
	}
	for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
		g_autoptr(GError) error = NULL;
		JsonNode *id = json_array_get_element(array, i);
		int64_t node = JSON_NODE_HOLDS_VALUE(id) ? json_node_get_int(id) : 0;
		/* 0 would be all of them. */
		if (node > 0 && !decision(call->fs->cache, node, &error) && first == NULL)
			first = g_steal_pointer(&error);
	}
	answer(call, first);
}

static void run_retry(const Call *call)
{
	decide(call, cache_queue_retry);
}

static void run_discard(const Call *call)
{
	decide(call, cache_queue_discard);
}

static void run_confirm(const Call *call)
{
	g_autoptr(GError) error = NULL;

	(void)!cache_queue_confirm(call->fs->cache, &error);
	answer(call, error);
}

static void run_status(const Call *call)
{
	answer(call, NULL);
}

/* --- the table ----------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(const Call *call);
} commands[] = {
	{"confirm", run_confirm},
	{"discard", run_discard},
	{"flush", run_flush},
	{"fsync", run_fsync},
	{"retry", run_retry},
	{"status", run_status},
	{"sync", run_sync},
};

void fs_command_run(const Fs *fs, JsonObject *request, CacheDone done, void *user)
{
	const Call call = {.fs = fs, .request = request, .done = done, .user = user};
	const char *name = fs_json_get_text(request, "command", "");

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (g_str_equal(commands[i].name, name)) {
			commands[i].run(&call);
			return;
		}
	}
	refuse(&call, "unknown command");
}
