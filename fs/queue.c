/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/queue.h"

#include <string.h>

#include "fs/json.h"
#include "fs/words.h"

#define NAMED_MAX 10 /* scratch files that are named */
#define NAME_MAX_BYTES 200 /* of a file's own name: number and ".txt" must fit beside it */

static const char *const words[] = {
	[CACHE_QUEUED_WAITING] = "waiting",
	[CACHE_QUEUED_SENDING] = "sending",
	[CACHE_QUEUED_IN_DOUBT] = "in-doubt",
	[CACHE_QUEUED_HELD] = "held",
	[CACHE_QUEUED_FAILED] = "failed",
	[CACHE_QUEUED_OPEN] = "open",
	[CACHE_QUEUED_UNFINISHED] = "unfinished",
	[CACHE_QUEUED_MAYBE_SENT] = "maybe-sent",
	[CACHE_QUEUED_SCRATCH] = "scratch",
};

const char *fs_queue_word(CacheQueuedState state)
{
	return words[state];
}

bool fs_queue_has_failed(const CacheQueued *entry)
{
	return entry->state == CACHE_QUEUED_FAILED || entry->state == CACHE_QUEUED_UNFINISHED ||
		entry->state == CACHE_QUEUED_MAYBE_SENT;
}

/* --- the list ------------------------------------------------------------ */

/* "move, update": one word, so that the columns can be counted. */
static char *what_of(const CacheQueued *entry)
{
	g_auto(GStrv) parts = g_strsplit(entry->what != NULL ? entry->what : "-", " ", -1);

	return g_strjoinv("", parts);
}

static void add_line(GString *text, const CacheQueued *entry)
{
	g_autofree char *since = fs_words_time(entry->since);
	g_autofree char *what = what_of(entry);
	g_autofree char *path = fs_words_line(entry->path);
	g_autofree char *error = entry->error != NULL ? fs_words_line(entry->error) : NULL;

	g_string_append_printf(text, "%-10s %-20s %3u %5" G_GINT64_FORMAT " %-11s %s%s%s\n",
		fs_queue_word(entry->state), since, entry->tries, entry->node, what, path,
		error != NULL ? "\t" : "", error != NULL ? error : "");
}

char *fs_queue_text(const GPtrArray *queue)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < queue->len; i++)
		add_line(text, g_ptr_array_index(queue, i));
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char *fs_queue_json(const GPtrArray *queue)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	fs_json_begin(json, NULL);
	json_builder_set_member_name(json, "queue");
	json_builder_begin_array(json);
	for (guint i = 0; i < queue->len; i++) {
		const CacheQueued *entry = g_ptr_array_index(queue, i);
		fs_json_begin(json, NULL);
		fs_json_number(json, "id", entry->node);
		fs_json_text(json, "state", fs_queue_word(entry->state));
		fs_json_text(json, "what", entry->what);
		fs_json_text(json, "path", entry->path);
		fs_json_time(json, "since", entry->since);
		fs_json_number(json, "tries", entry->tries);
		fs_json_number(json, "bytes", entry->bytes);
		fs_json_text(json, "error", entry->error);
		json_builder_end_object(json);
	}
	json_builder_end_array(json);
	json_builder_end_object(json);
	return fs_json_to_text(json, true);
}

char *fs_queue_scratch(const GPtrArray *queue)
{
	g_autoptr(GString) names = g_string_new(NULL);
	unsigned count = 0;

	for (guint i = 0; i < queue->len; i++) {
		const CacheQueued *entry = g_ptr_array_index(queue, i);
		if (entry->state != CACHE_QUEUED_SCRATCH || ++count > NAMED_MAX)
			continue;
		g_autofree char *path = fs_words_line(entry->path);
		g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", path);
	}
	if (count == 0)
		return NULL;
	if (count > NAMED_MAX)
		g_string_append_printf(names, " and %u more", count - NAMED_MAX);
	return g_strdup_printf("%u scratch %s here: %s", count,
		count == 1 ? "file stays" : "files stay", names->str);
}

/* --- what failed --------------------------------------------------------- */

static const char *advice_on(const CacheQueued *entry)
{
	switch (entry->state) {
	case CACHE_QUEUED_UNFINISHED:
		return "The program that wrote this ended in the middle, or the machine\n"
		       "did. Is it whole? Then it can be sent.";
	case CACHE_QUEUED_MAYBE_SENT:
		return "The answer to sending this was lost: it may have been sent, or\n"
		       "not. Look into Sent Items, and ask who should have it. It is not\n"
		       "sent again by itself.";
	case CACHE_QUEUED_WAITING:
	case CACHE_QUEUED_SENDING:
	case CACHE_QUEUED_IN_DOUBT:
	case CACHE_QUEUED_HELD:
	case CACHE_QUEUED_FAILED:
	case CACHE_QUEUED_OPEN:
	case CACHE_QUEUED_SCRATCH:
		break;
	}
	return "The server refused this. Once the reason is gone, it can be tried again.";
}

char *fs_queue_story(const CacheQueued *entry)
{
	g_autofree char *since = fs_words_time(entry->since);
	g_autofree char *path = fs_words_line(entry->path);
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_append_printf(text, "path    %s\nwhat    %s\nstate   %s\nsince   %s\ntries   %u\n",
		path, entry->what != NULL ? entry->what : "-", fs_queue_word(entry->state), since,
		entry->tries);
	if (entry->error != NULL)
		g_string_append_printf(text, "reason  %s\n", entry->error);
	g_string_append_printf(text, "\n%s\n\n", advice_on(entry));
	if (entry->state == CACHE_QUEUED_MAYBE_SENT)
		g_string_append(text, "ewsfsctl send -t <FILE  sends it once more\n");
	else
		g_string_append_printf(text, "ewsfsctl retry %" G_GINT64_FORMAT
			"    sends it again\n", entry->node);
	g_string_append_printf(text, "ewsfsctl discard %" G_GINT64_FORMAT "  gives it up%s\n",
		entry->node, entry->bytes > 0 ? ": these bytes are then lost" : "");
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The last part of the path, no longer than fits, with its ending, on one line. */
static char *plain_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	g_autofree char *name = g_utf8_make_valid(slash != NULL ? slash + 1 : path, -1);
	size_t len = strlen(name);

	for (char *c = name; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			*c = '_';
	}
	if (len <= NAME_MAX_BYTES)
		return g_steal_pointer(&name);
	const char *dot = strrchr(name, '.');
	const char *ending = dot != NULL && len - (size_t)(dot - name) < 16 ? dot : "";
	const char *cut = name + NAME_MAX_BYTES - strlen(ending);
	while ((*cut & 0xc0) == 0x80)
		cut--;
	return g_strdup_printf("%.*s%s", (int)(cut - name), name, ending);
}

static void file_free(void *user)
{
	FsQueueFile *file = user;

	g_free(file->name);
	g_free(file);
}

static void add_file(GPtrArray *files, const CacheQueued *entry, bool is_story)
{
	FsQueueFile *file = g_new0(FsQueueFile, 1);
	g_autofree char *name = plain_name(entry->path);

	file->name = g_strdup_printf("%" G_GINT64_FORMAT "-%s%s", entry->node, name,
		is_story ? ".txt" : "");
	file->entry = entry;
	file->order = 2 * entry->node + is_story;
	file->is_story = is_story;
	g_ptr_array_add(files, file);
}

static int by_order(const void *a, const void *b)
{
	const FsQueueFile *one = *(FsQueueFile *const *)a;
	const FsQueueFile *other = *(FsQueueFile *const *)b;

	return one->order < other->order ? -1 : one->order > other->order;
}

GPtrArray *fs_queue_files(const GPtrArray *queue)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(file_free);

	for (guint i = 0; i < queue->len; i++) {
		const CacheQueued *entry = g_ptr_array_index(queue, i);
		if (!fs_queue_has_failed(entry))
			continue;
		if (entry->bytes > 0)
			add_file(files, entry, false);
		add_file(files, entry, true);
	}
	g_ptr_array_sort(files, by_order);
	return files;
}
