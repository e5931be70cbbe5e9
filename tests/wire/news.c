/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/news.h"

#include <string.h>

#include "ews/op/events.h"

static const char *const names[] = {"subscribe", "unsubscribe", "get-events", "get-stream"};

bool news_is(const char *word)
{
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(names[i], word) == 0)
			return true;
	return false;
}

EwsOp *news_new(char **words)
{
	const char *one = words[1];

	if (!one)
		return NULL;
	if (strcmp(words[0], "subscribe") == 0)
		return ews_subscribe_new(strcmp(one, "stream") == 0 ? EWS_PUSH_STREAM
								    : EWS_PUSH_PULL,
			30, words[2] ? (const char *const *)words + 2 : NULL);
	if (strcmp(words[0], "unsubscribe") == 0)
		return ews_unsubscribe_new(one);
	if (strcmp(words[0], "get-events") == 0)
		return ews_get_events_new(one, NULL);
	return ews_get_streaming_events_new(one, 30);
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void print_events(const EwsEvents *events, GString *out)
{
	guint count = 0;
	g_autofree char **ids = (char **)g_hash_table_get_keys_as_array(events->folder_ids, &count);
	g_autofree char *text = NULL;

	qsort(ids, count, sizeof(*ids), compare);
	text = g_strjoinv(",", ids);
	g_string_append_printf(out, " folders=%s", text);
	g_string_append(out, events->is_anywhere ? " anywhere" : "");
	g_string_append(out, events->has_more ? " more" : "");
	g_string_append(out, events->is_lost ? " lost" : "");
	g_string_append(out, events->is_closed ? " closed" : "");
	if (events->watermark)
		g_string_append_printf(out, " watermark=%s", events->watermark);
}

void news_print(const char *word, const EwsOp *op, GString *out)
{
	if (strcmp(word, "subscribe") == 0)
		g_string_append_printf(out, " id=%s", ews_subscribe_id(op));
	else if (strcmp(word, "get-events") == 0)
		print_events(ews_get_events_told(op), out);
	else if (strcmp(word, "get-stream") == 0)
		print_events(ews_get_streaming_events_told(op), out);
}
