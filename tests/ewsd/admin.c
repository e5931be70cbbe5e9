/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/admin.h"

#include <stdlib.h>
#include <string.h>

#include "tests/ewsd/events.h"

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
		g_autofree char *fired = g_strdup_printf("{\"fired\":%u}\n",
			fault_list_clear(world->faults));
		answer(message, 200, fired);
	} else if (fault_list_add(world->faults, text, &error)) {
		answer(message, 200, "{}\n");
	} else {
		answer(message, 400, error->message);
	}
}

static bool streams(World *world, const char *what, const char *text)
{
	if (strcmp(what, "drop-subscriptions") == 0)
		events_drop_all(world->events);
	else if (strcmp(what, "close-streams") == 0)
		events_close_streams(world->events);
	else if (strcmp(what, "silence") == 0)
		events_set_silent(world->events, strcmp(text, "off") != 0);
	else
		return false;
	return true;
}

/* Every sync state handed out before now is refused from now on. */
static void corrupt_states(World *world)
{
	store_lock(world->store);
	store_begin(world->store);
	store_forget_states(world->store);
	store_commit(world->store);
	store_unlock(world->store);
}

static bool post(World *world, atomic_uint *latency_ms, const char *what, const char *text)
{
	if (strcmp(what, "latency") == 0)
		atomic_store(latency_ms, (unsigned)atoi(text));
	else if (strcmp(what, "mark") == 0)
		log_mark(world->log, text);
	else if (strcmp(what, "corrupt-states") == 0)
		corrupt_states(world);
	else
		return streams(world, what, text);
	return true;
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

	if (strcmp(what, "stats") == 0)
		stats(world, message);
	else if (strcmp(what, "fault") == 0)
		fault(world, message, method, text);
	else if (strcmp(method, "POST") == 0 && post(world, latency_ms, what, text))
		answer(message, 200, "{}\n");
	else
		answer(message, 404, "unknown\n");
}
