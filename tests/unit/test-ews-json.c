/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/json.h"

#include <string.h>

#include "ews/error.h"

static JsonObject *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	JsonObject *object = ews_json_parse(text, strlen(text), &error);

	g_assert_no_error(error);
	return object;
}

static void refuse(const char *text, gsize len)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(ews_json_parse(text, len, &error));
	g_assert_true(ews_error_is(error, EWS_ERROR_PROTOCOL));
}

static void test_members(void)
{
	g_autoptr(JsonObject) object = parse("{\"a\":\"x\",\"n\":7,\"t\":\"8\",\"d\":1.5,"
					     "\"z\":null,\"o\":{},\"l\":[1]}");

	g_assert_cmpstr(ews_json_text(object, "a"), ==, "x");
	g_assert_null(ews_json_text(object, "n"));
	g_assert_null(ews_json_text(object, "z"));
	g_assert_null(ews_json_text(object, "o"));
	g_assert_null(ews_json_text(object, "l"));
	g_assert_null(ews_json_text(object, "nothing"));
	g_assert_cmpint(ews_json_number(object, "n", 0, 10, -1), ==, 7);
	g_assert_cmpint(ews_json_number(object, "t", 0, 10, -1), ==, 8);
	g_assert_cmpint(ews_json_number(object, "n", 0, 6, -1), ==, -1);
	g_assert_cmpint(ews_json_number(object, "t", 9, 10, -1), ==, -1);
	g_assert_cmpint(ews_json_number(object, "a", 0, 10, -1), ==, -1);
	g_assert_cmpint(ews_json_number(object, "d", 0, 10, -1), ==, -1);
	g_assert_cmpint(ews_json_number(object, "o", 0, 10, -1), ==, -1);
}

static void test_others(void)
{
	static const char *const texts[] = {"", " ", "[]", "7", "\"x\"", "null", "{", "{\"a\":}",
		"<html>", "\xff\xfe", "{\"a\":\"\xff\"}"};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		refuse(texts[i], strlen(texts[i]));
	refuse("{\"a\":\"\0\"}", 9);
}

/* Half a million brackets would end the program, in whatever quotes and comments some of them
 * are. */
static void test_depth(void)
{
	static const char *const starts[] = {"{\"a\":", "{\"a\":/* \" */", "{'\"':", "{\"\\\"\":"};
	g_autofree char *many = g_strnfill(500000, '[');

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++) {
		g_autofree char *text = g_strconcat(starts[i], many, NULL);
		refuse(text, strlen(text));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/json/members-of-any-kind", test_members);
	g_test_add_func("/ews/json/what-is-no-object", test_others);
	g_test_add_func("/ews/json/never-deep", test_depth);
	return g_test_run();
}
