/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/json.h"

#include <stdbool.h>
#include <string.h>

#include "ews/error.h"

/* Whether it opens so few brackets that it cannot be nested deep. In strings and comments they
 * count as well: which quotes the parser takes for such is nothing to rely on. */
static bool is_flat(const char *text, gsize len)
{
	unsigned opened = 0;

	for (gsize i = 0; i < len; i++)
		opened += text[i] == '{' || text[i] == '[';
	return opened <= EWS_JSON_BRACKETS_MAX;
}

JsonObject *ews_json_parse(const char *text, gsize len, GError **error)
{
	g_autoptr(JsonParser) parser = json_parser_new_immutable();
	const char *problem = NULL;

	if (!g_utf8_validate_len(text, len, NULL))
		problem = "it is not UTF-8";
	else if (!is_flat(text, len))
		problem = "it has too many brackets";
	/* One that says that it begins and goes on with nothing has no root. */
	else if (len == 0 || !json_parser_load_from_data(parser, text, (gssize)len, NULL) ||
		 !json_parser_get_root(parser) ||
		 !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
		problem = "it is no object";
	if (!problem)
		return json_object_ref(json_node_get_object(json_parser_get_root(parser)));
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
		"the answer is not the JSON that it "
		"should be: %s",
		problem);
	return NULL;
}

static JsonNode *value_of(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node && JSON_NODE_HOLDS_VALUE(node) ? node : NULL;
}

const char *ews_json_text(JsonObject *object, const char *name)
{
	JsonNode *node = value_of(object, name);

	if (!node || json_node_get_value_type(node) != G_TYPE_STRING)
		return NULL;
	return json_node_get_string(node);
}

gint64 ews_json_number(JsonObject *object, const char *name, gint64 min, gint64 max,
	gint64 otherwise)
{
	JsonNode *node = value_of(object, name);
	const char *text = ews_json_text(object, name);
	gint64 number = otherwise;

	if (text && !g_ascii_string_to_signed(text, 10, min, max, &number, NULL))
		return otherwise;
	if (text)
		return number;
	if (!node || json_node_get_value_type(node) != G_TYPE_INT64)
		return otherwise;
	number = json_node_get_int(node);
	return number >= min && number <= max ? number : otherwise;
}
