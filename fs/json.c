/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/json.h"

#include "fs/words.h"

void fs_json_text(JsonBuilder *json, const char *name, const char *value)
{
	g_autofree char *valid = value != NULL ? g_utf8_make_valid(value, -1) : NULL;

	json_builder_set_member_name(json, name);
	if (valid != NULL)
		json_builder_add_string_value(json, valid);
	else
		json_builder_add_null_value(json);
}

void fs_json_number(JsonBuilder *json, const char *name, int64_t value)
{
	json_builder_set_member_name(json, name);
	json_builder_add_int_value(json, value);
}

void fs_json_flag(JsonBuilder *json, const char *name, bool value)
{
	json_builder_set_member_name(json, name);
	json_builder_add_boolean_value(json, value);
}

void fs_json_time(JsonBuilder *json, const char *name, int64_t us)
{
	g_autofree char *text = us > 0 ? fs_words_time(us) : NULL;

	fs_json_text(json, name, text);
}

void fs_json_begin(JsonBuilder *json, const char *name)
{
	if (name != NULL)
		json_builder_set_member_name(json, name);
	json_builder_begin_object(json);
}

char *fs_json_to_text(JsonBuilder *json, bool is_pretty)
{
	g_autoptr(JsonNode) root = json_builder_get_root(json);
	g_autofree char *text = json_to_string(root, is_pretty);

	return g_strconcat(text, "\n", NULL);
}

JsonObject *fs_json_parse(const char *text)
{
	g_autoptr(JsonParser) parser = json_parser_new();

	if (!json_parser_load_from_data(parser, text, -1, NULL))
		return NULL;
	JsonNode *root = json_parser_get_root(parser);
	return root != NULL && JSON_NODE_HOLDS_OBJECT(root)
		? json_object_ref(json_node_get_object(root)) : NULL;
}

static JsonNode *member(JsonObject *object, const char *name, GType type)
{
	JsonNode *node = json_object_get_member(object, name);

	return node != NULL && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type
		? node : NULL;
}

int64_t fs_json_get_number(JsonObject *object, const char *name, int64_t otherwise)
{
	JsonNode *node = member(object, name, G_TYPE_INT64);

	return node != NULL ? json_node_get_int(node) : otherwise;
}

bool fs_json_get_flag(JsonObject *object, const char *name)
{
	JsonNode *node = member(object, name, G_TYPE_BOOLEAN);

	return node != NULL && json_node_get_boolean(node);
}

const char *fs_json_get_text(JsonObject *object, const char *name, const char *otherwise)
{
	JsonNode *node = member(object, name, G_TYPE_STRING);

	return node != NULL ? json_node_get_string(node) : otherwise;
}

JsonObject *fs_json_get_object(JsonObject *object, const char *name)
{
	JsonNode *node = json_object_get_member(object, name);

	return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}
