/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/mime.h"

typedef struct Got {
	GString *bytes;
	unsigned begun;
	bool is_full; /* refuses to take more */
} Got;

static bool begin(void *user, GError **error)
{
	Got *got = user;

	got->begun++;
	g_string_truncate(got->bytes, 0);
	return true;
}

static bool take(void *user, const void *data, size_t len, GError **error)
{
	Got *got = user;

	if (got->is_full) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE, "full");
		return false;
	}
	g_string_append_len(got->bytes, data, (gssize)len);
	return true;
}

/* Feeds @text in pieces; FALSE with what was wrong. */
static bool feed(Got *got, const char *text, size_t piece, GError **error)
{
	EwsSink sink = { begin, take, got };
	EwsMime *mime = ews_mime_new(&sink);
	size_t len = strlen(text);
	bool is_good = ews_mime_begin(mime, error);

	for (size_t at = 0; at < len && is_good; at += piece)
		is_good = ews_mime_feed(mime, text + at, MIN(piece, len - at), error);
	is_good = is_good && ews_mime_end(mime, error);
	ews_mime_free(mime);
	return is_good;
}

static void test_any_length_in_any_pieces(void)
{
	Got got = { .bytes = g_string_new(NULL) };

	for (size_t len = 0; len < 200; len++) {
		g_autofree guchar *bytes = g_malloc(len + 1);
		g_autofree char *text = NULL;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (guchar)(i * 7 + len);
		text = g_base64_encode(bytes, len);
		for (size_t piece = 1; piece < 9; piece++) {
			g_autoptr(GError) error = NULL;

			g_assert_true(feed(&got, text, piece, &error));
			g_assert_no_error(error);
			g_assert_cmpmem(got.bytes->str, got.bytes->len, bytes, len);
		}
	}
	g_string_free(got.bytes, TRUE);
}

static void test_big(void)
{
	Got got = { .bytes = g_string_new(NULL) };
	g_autofree char *bytes = g_strnfill(1000001, 'x');
	g_autofree char *text = g_base64_encode((guchar *)bytes, 1000001);
	g_autoptr(GError) error = NULL;

	g_assert_true(feed(&got, text, 1000, &error));
	g_assert_cmpuint(got.bytes->len, ==, 1000001);
	g_assert_true(feed(&got, text, strlen(text), &error));
	g_assert_cmpstr(got.bytes->str, ==, bytes);
	g_assert_cmpuint(got.begun, ==, 2);
	g_string_free(got.bytes, TRUE);
}

static void test_tolerates(void)
{
	static const char *const texts[] = {
		"Zml2ZQ==", "Zml2ZQ", "Zml2ZQ=", " Z m\r\nl2\tZQ = = \n", "Zm\nl2ZQ\n\n",
	};
	Got got = { .bytes = g_string_new(NULL) };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_true(feed(&got, texts[i], 3, &error));
		g_assert_cmpstr(got.bytes->str, ==, "five");
	}
	g_string_free(got.bytes, TRUE);
}

static void test_refuses(void)
{
	static const char *const texts[] = {
		"Zml2Z", "Zml2ZQ===", "Zm=l2ZQ==", "Zml2ZQ==Z", "Zml2-Q==", "Zml2\x80Q==", "=",
		"Zml2=", "Zml2ZQ==\x01",
	};
	Got got = { .bytes = g_string_new(NULL) };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		for (size_t piece = 1; piece < 10; piece++) {
			g_autoptr(GError) error = NULL;

			g_assert_false(feed(&got, texts[i], piece, &error));
			g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
		}
	}
	g_string_free(got.bytes, TRUE);
}

static void test_sink_fails(void)
{
	Got got = { .bytes = g_string_new(NULL), .is_full = true };
	g_autoptr(GError) error = NULL;

	g_assert_false(feed(&got, "Zml2ZQ==", 4, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE);
	g_string_free(got.bytes, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/mime/any-length-in-any-pieces", test_any_length_in_any_pieces);
	g_test_add_func("/ews/mime/big", test_big);
	g_test_add_func("/ews/mime/tolerates-space-and-missing-padding", test_tolerates);
	g_test_add_func("/ews/mime/refuses-what-is-in-doubt", test_refuses);
	g_test_add_func("/ews/mime/passes-on-what-the-sink-says", test_sink_fails);
	return g_test_run();
}
