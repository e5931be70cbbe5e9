/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One exchange with a fake server: what is sent, what comes back, and what is not taken.
 */
#include <string.h>

#include "ews/error.h"
#include "ews/fetch.h"
#include "tests/wire/fake.h"

static FakeAnswer *answer(int status, const char *headers, const char *body)
{
	FakeAnswer *self = fake_answer_new(status, body);

	self->headers = g_strdup(headers);
	return self;
}

/* Takes @given. */
static Fake *start(FakeAnswer *given, char **ret_url)
{
	Fake *fake = fake_new();

	fake_add(fake, given);
	*ret_url = fake_url(fake);
	return fake;
}

static void test_get(void)
{
	g_autofree char *url = NULL;
	Fake *fake = start(answer(404, "WWW-Authenticate: NTLM\r\nwww-authenticate:Negotiate\r\n",
				   "nothing here"),
		&url);
	g_autoptr(EwsFetched) got = ews_fetch(&(EwsFetch){.url = url}, NULL);
	g_autoptr(GPtrArray) heads = fake_heads(fake);

	g_assert_nonnull(got);
	g_assert_cmpint(got->status, ==, 404);
	g_assert_cmpstr(got->body, ==, "nothing here");
	g_assert_cmpuint(got->len, ==, 12);
	g_assert_null(got->location);
	g_assert_cmpstr(ews_fetched_header(got, "WWW-Authenticate", 0), ==, "NTLM");
	g_assert_cmpstr(ews_fetched_header(got, "WWW-Authenticate", 1), ==, "Negotiate");
	g_assert_null(ews_fetched_header(got, "WWW-Authenticate", 2));
	g_assert_null(ews_fetched_header(got, "WWW", 0));
	g_assert_true(g_str_has_prefix(heads->pdata[0], "GET /EWS/Exchange.asmx HTTP/1.1\r\n"));
	g_assert_nonnull(strstr(heads->pdata[0], "User-Agent: ewsfs/"));
	g_assert_null(strstr(heads->pdata[0], "Authorization"));
	fake_free(fake);
}

static void test_post(void)
{
	static const char *const headers[] = {"X-One: 1", "X-Two: 2", NULL};
	g_autofree char *url = NULL;
	Fake *fake = start(answer(200, NULL, ""), &url);
	EwsFetch fetch = {.url = url,
		.body = "<a/>",
		.content_type = "text/xml",
		.headers = headers};
	g_autoptr(EwsFetched) got = ews_fetch(&fetch, NULL);
	g_autoptr(GPtrArray) heads = fake_heads(fake);
	g_autoptr(GPtrArray) bodies = fake_requests(fake);

	g_assert_nonnull(got);
	g_assert_cmpstr(got->body, ==, "");
	g_assert_cmpstr(bodies->pdata[0], ==, "<a/>");
	g_assert_true(g_str_has_prefix(heads->pdata[0], "POST "));
	g_assert_nonnull(strstr(heads->pdata[0], "\r\nContent-Type: text/xml\r\n"));
	g_assert_nonnull(strstr(heads->pdata[0], "\r\nX-One: 1\r\nX-Two: 2\r\n"));
	g_assert_null(strstr(heads->pdata[0], "Expect"));
	fake_free(fake);
}

static void test_credentials(void)
{
	static const struct {
		EwsCredentials credentials;
		const char *expected;
	} rows[] = {
		{{EWS_AUTH_BASIC, "me", "pw"}, "\r\nAuthorization: Basic bWU6cHc=\r\n"},
		{{EWS_AUTH_BEARER, NULL, "T0k"}, "\r\nAuthorization: Bearer T0k\r\n"},
		{{EWS_AUTH_NTLM, "me", "pw"}, "\r\nAuthorization: NTLM TlRMTVNTUA"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *url = NULL;
		Fake *fake = start(answer(200, NULL, ""), &url);
		EwsFetch fetch = {.url = url, .credentials = &rows[i].credentials};
		g_autoptr(EwsFetched) got = ews_fetch(&fetch, NULL);
		g_autoptr(GPtrArray) heads = fake_heads(fake);

		g_assert_nonnull(got);
		g_assert_nonnull(strstr(heads->pdata[0], rows[i].expected));
		fake_free(fake);
	}
}

static void test_redirect_is_told(void)
{
	static const char *const targets[][2] = {
		{"http://127.0.0.1:1/there", "http://127.0.0.1:1/there"},
		{"ftp://example.org/", "ftp://example.org/"},
		{"https://example.org/x", "https://example.org/x"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
		g_autofree char *header = g_strdup_printf("Location: %s\r\n", targets[i][0]);
		EwsCredentials credentials = {EWS_AUTH_BASIC, "me", "pw"};
		g_autofree char *url = NULL;
		Fake *fake = start(answer(302, header, ""), &url);
		EwsFetch fetch = {.url = url, .credentials = &credentials};
		g_autoptr(EwsFetched) got = ews_fetch(&fetch, NULL);
		g_autoptr(GPtrArray) heads = fake_heads(fake);

		g_assert_nonnull(got);
		g_assert_cmpint(got->status, ==, 302);
		g_assert_cmpstr(got->location, ==, targets[i][1]);
		g_assert_cmpuint(heads->len, ==, 1);
		fake_free(fake);
	}
}

static void expect_error(const EwsFetch *fetch, int code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsFetched) got = ews_fetch(fetch, &error);

	g_assert_null(got);
	g_assert_error(error, EWS_ERROR, code);
}

static void test_too_long(void)
{
	g_autofree char *url = NULL;
	Fake *fake = start(answer(200, NULL, "0123456789"), &url);
	EwsFetch fetch = {.url = url, .body_max = 9};
	g_autoptr(EwsFetched) got = NULL;

	expect_error(&fetch, EWS_ERROR_PROTOCOL);
	fetch.body_max = 10;
	got = ews_fetch(&fetch, NULL);
	g_assert_nonnull(got);
	g_assert_cmpstr(got->body, ==, "0123456789");
	fake_free(fake);
}

static void test_headers_too_long(void)
{
	g_autoptr(GString) headers = g_string_new(NULL);
	g_autofree char *url = NULL;
	Fake *fake;

	for (int i = 0; i < 5000; i++)
		g_string_append_printf(headers, "X-%d: %0100d\r\n", i, i);
	fake = start(answer(200, headers->str, ""), &url);
	expect_error(&(EwsFetch){.url = url}, EWS_ERROR_PROTOCOL);
	fake_free(fake);
}

static void test_deadline(void)
{
	FakeAnswer *mute = fake_answer_new(200, "");
	int64_t begin = g_get_monotonic_time();
	g_autofree char *url = NULL;
	Fake *fake;

	mute->is_mute = true;
	fake = start(mute, &url);
	expect_error(&(EwsFetch){.url = url, .timeout_ms = 200}, EWS_ERROR_OFFLINE);
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 10 * G_USEC_PER_SEC);
	fake_free(fake);
}

static void test_given_up(void)
{
	atomic_bool is_given_up = true;
	FakeAnswer *mute = fake_answer_new(200, "");
	g_autofree char *url = NULL;
	Fake *fake;

	mute->is_mute = true;
	fake = start(mute, &url);
	expect_error(&(EwsFetch){.url = url, .is_given_up = &is_given_up}, EWS_ERROR_CANCELLED);
	fake_free(fake);
}

static void test_addresses(void)
{
	EwsCredentials credentials = {EWS_AUTH_BASIC, "me", "pw"};

	expect_error(&(EwsFetch){.url = "file:///etc/passwd", .is_http_fine = true},
		EWS_ERROR_UNSUPPORTED);
	expect_error(&(EwsFetch){.url = "http://192.0.2.1/"}, EWS_ERROR_UNSUPPORTED);
	/* No password over http, whoever finds http fine. */
	expect_error(&(EwsFetch){.url = "http://192.0.2.1/",
			     .is_http_fine = true,
			     .credentials = &credentials},
		EWS_ERROR_UNSUPPORTED);
	expect_error(&(EwsFetch){.url = "http://127.0.0.1:1/"}, EWS_ERROR_OFFLINE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/fetch/gets-with-any-status", test_get);
	g_test_add_func("/ews/fetch/posts", test_post);
	g_test_add_func("/ews/fetch/signs-in", test_credentials);
	g_test_add_func("/ews/fetch/tells-redirects", test_redirect_is_told);
	g_test_add_func("/ews/fetch/caps-the-body", test_too_long);
	g_test_add_func("/ews/fetch/caps-the-headers", test_headers_too_long);
	g_test_add_func("/ews/fetch/keeps-its-deadline", test_deadline);
	g_test_add_func("/ews/fetch/can-be-given-up", test_given_up);
	g_test_add_func("/ews/fetch/refuses-addresses", test_addresses);
	return g_test_run();
}
