/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/admin.h"

#include <stdlib.h>
#include <string.h>

static void answer(SoupServerMessage *message, unsigned status, const char *text)
{
	soup_server_message_set_status(message, status, NULL);
	soup_server_message_set_response(message, "application/json", SOUP_MEMORY_COPY, text,
		strlen(text));
}

static void stats(World *world, SoupServerMessage *message)
{
	g_autofree char *requests = log_stats(world->log);
	g_autofree char *all = NULL;
	int64_t items;
	int64_t folders;

	store_lock(world->store);
	items = store_number(world->store, "SELECT count(*) FROM items WHERE state = 0", 0, 0);
	folders = store_number(world->store, "SELECT count(*) FROM folders", 0, 0);
	store_unlock(world->store);
	requests[strlen(requests) - 1] = '\0';
	all = g_strdup_printf("%s,\"mailbox_items\":%" G_GINT64_FORMAT ",\"mailbox_folders\":%"
		G_GINT64_FORMAT "}\n", requests, items, folders);
	answer(message, 200, all);
}

static void fault(World *world, SoupServerMessage *message, const char *method, const char *text)
{
	g_autoptr(GError) error = NULL;

	if (strcmp(method, "DELETE") == 0) {
		fault_list_clear(world->faults);
		answer(message, 200, "{}\n");
	} else if (fault_list_add(world->faults, text, &error)) {
		answer(message, 200, "{}\n");
	} else {
		answer(message, 400, error->message);
	}
}

void admin_answer(World *world, atomic_uint *latency_ms, SoupServerMessage *message,
	const char *what)
{
	SoupMessageBody *body = soup_server_message_get_request_body(message);
	g_autoptr(GBytes) bytes = soup_message_body_flatten(body);
	gsize length;
	const char *data = g_bytes_get_data(bytes, &length);
	g_autofree char *text = g_strstrip(g_strndup(data ? data : "", length));
	const char *method = soup_server_message_get_method(message);
	bool is_post = strcmp(method, "POST") == 0;

	if (strcmp(what, "stats") == 0) {
		stats(world, message);
	} else if (strcmp(what, "fault") == 0) {
		fault(world, message, method, text);
	} else if (strcmp(what, "latency") == 0 && is_post) {
		atomic_store(latency_ms, (unsigned)atoi(text));
		answer(message, 200, "{}\n");
	} else if (strcmp(what, "mark") == 0 && is_post) {
		log_mark(world->log, text);
		answer(message, 200, "{}\n");
	} else {
		answer(message, 404, "unknown\n");
	}
}
