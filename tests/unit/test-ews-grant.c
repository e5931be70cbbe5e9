/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/grant.h"

#include <string.h>

#include "ews/error.h"

#define NOW_US (INT64_C(1700000000) * G_USEC_PER_SEC)

static EwsAnswer answer(int status, const char *body)
{
	return (EwsAnswer){.status = status, .body = body, .len = strlen(body), .now_us = NOW_US};
}

static EwsTokens *tokens(const char *body)
{
	g_autoptr(GError) error = NULL;
	EwsAnswer got = answer(200, body);
	EwsTokens *self = ews_grant_tokens(&got, NULL, &error);

	g_assert_no_error(error);
	return self;
}

static void refuse(int status, const char *body, EwsErrorCode code, const char *because)
{
	g_autoptr(GError) error = NULL;
	EwsAnswer got = answer(status, body);

	g_assert_null(ews_grant_tokens(&got, NULL, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
	if (!strstr(error->message, because))
		g_error("\"%s\" does not say \"%s\"", error->message, because);
	g_assert_null(strchr(error->message, '\n'));
}

/* As Microsoft and AD FS answer. */
static void test_tokens(void)
{
	g_autoptr(EwsTokens) all = tokens(
		"{\"token_type\":\"Bearer\",\"scope\":\"https://outlook."
		"office365.com/EWS.AccessAsUser.All\",\"expires_in\":4021,\"ext_expires_in\":4021,"
		"\"access_token\":\"eyJ0eXAi.x-y_z.sig\",\"refresh_token\":\"0.AXkA~!x\"}");
	g_autoptr(EwsTokens) text = tokens("{\"access_token\":\"a\",\"token_type\":\"bearer\","
					   "\"expires_in\":\"3600\"}");
	g_autoptr(EwsTokens) bare = tokens("{\"access_token\":\"a\"}");

	g_assert_cmpstr(all->access, ==, "eyJ0eXAi.x-y_z.sig");
	g_assert_cmpstr(all->refresh, ==, "0.AXkA~!x");
	g_assert_cmpint(all->expires_us, ==, NOW_US + INT64_C(4021) * G_USEC_PER_SEC);
	g_assert_null(text->refresh);
	g_assert_cmpint(text->expires_us, ==, NOW_US + INT64_C(3600) * G_USEC_PER_SEC);
	g_assert_cmpint(bare->expires_us, ==, 0);
}

/* It becomes a line of a request's head. */
static void test_bad_tokens(void)
{
	refuse(200, "{\"access_token\":\"a b\"}", EWS_ERROR_PROTOCOL, "none that can be used");
	refuse(200, "{\"access_token\":\"a\\r\\nX: y\"}", EWS_ERROR_PROTOCOL, "none that can");
	refuse(200, "{\"access_token\":\"\"}", EWS_ERROR_PROTOCOL, "none that can");
	refuse(200, "{\"access_token\":\"a\",\"refresh_token\":\"\\u00e9\"}", EWS_ERROR_PROTOCOL,
		"none that can");
	refuse(200, "{\"access_token\":\"a\",\"token_type\":\"mac\"}", EWS_ERROR_PROTOCOL, "none");
	refuse(200, "{\"access_token\":7}", EWS_ERROR_PROTOCOL, "HTTP 200");
	g_autofree char *long_one = g_strnfill(70000, 'x');
	g_autofree char *body = g_strdup_printf("{\"access_token\":\"%s\"}", long_one);
	refuse(200, body, EWS_ERROR_PROTOCOL, "none that can");
}

static void test_refused(void)
{
	refuse(400,
		"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS70008: The provided "
		"authorization code or refresh token has expired due to inactivity.\\r\\nTrace ID: "
		"x\",\"error_codes\":[70008]}",
		EWS_ERROR_AUTH, "ewsfsctl login");
	refuse(400, "{\"error\":\"invalid_grant\"}", EWS_ERROR_AUTH, "sign in again");
	refuse(400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS53003: Blocked\"}",
		EWS_ERROR_AUTH, "conditional access");
	refuse(400,
		"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS65001: The user or "
		"administrator has not consented\"}",
		EWS_ERROR_AUTH, "administrator consents");
	refuse(401,
		"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000218: The request "
		"body must contain client_assertion\"}",
		EWS_ERROR_AUTH, "Allow public client");
	refuse(401,
		"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid\"}",
		EWS_ERROR_AUTH, "client_secret_file=");
	refuse(400, "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS90002: Tenant\"}",
		EWS_ERROR_AUTH, "tenant=");
	refuse(400,
		"{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS50020: User account "
		"from identity provider 'live.com'\"}",
		EWS_ERROR_AUTH, "personal account");
	refuse(400, "{\"error\":\"something_new\"}", EWS_ERROR_AUTH, "something_new");
	/* 700084 is not 70008. */
	refuse(400, "{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS700084: x\"}",
		EWS_ERROR_AUTH, "is over");
}

static void test_passing(void)
{
	refuse(500, "", EWS_ERROR_BUSY, "HTTP 500");
	refuse(503, "<html>", EWS_ERROR_BUSY, "HTTP 503");
	refuse(500, "{\"error\":\"invalid_grant\"}", EWS_ERROR_BUSY, "HTTP 500");
	refuse(429, "{\"error\":\"x\"}", EWS_ERROR_BUSY, "HTTP 429");
	refuse(400, "{\"error\":\"temporarily_unavailable\"}", EWS_ERROR_BUSY, "patience");
	refuse(400, "{\"error\":\"authorization_pending\"}", EWS_ERROR_BUSY, "patience");
	refuse(404, "<html>not here</html>", EWS_ERROR_PROTOCOL, "authority=");
	refuse(302, "", EWS_ERROR_PROTOCOL, "HTTP 302");
	refuse(200, "{}", EWS_ERROR_PROTOCOL, "authority=");
}

/* What a stranger says is for a terminal. */
static void test_words(void)
{
	g_autoptr(GError) error = ews_grant_error("x\x1b[2J", "bell\a\x1b]0;y\nsecond");
	g_autofree char *long_one = g_strnfill(100000, 'w');
	g_autoptr(GError) longer = ews_grant_error(long_one, long_one);

	g_assert_null(strchr(error->message, '\x1b'));
	g_assert_null(strchr(error->message, '\a'));
	g_assert_null(strstr(error->message, "second"));
	g_assert_cmpuint(strlen(longer->message), <, 1000);
}

static void test_code(void)
{
	g_autofree char *code = NULL;
	g_autoptr(GError) error = NULL;
	EwsAnswer got = answer(400, "{\"error\":\"slow_down\"}");

	g_assert_null(ews_grant_tokens(&got, &code, &error));
	g_assert_cmpstr(code, ==, "slow_down");
}

static EwsDeviceCode *device(const char *body)
{
	EwsAnswer got = answer(200, body);

	return ews_grant_device_code(&got, NULL);
}

static void test_device(void)
{
	g_autoptr(EwsDeviceCode) code = device(
		"{\"user_code\":\"FXXA5KDUD\",\"device_code\":"
		"\"FAQABAAEAAAD\",\"verification_uri\":\"https://microsoft.com/devicelogin\","
		"\"expires_in\":900,\"interval\":5,\"message\":\"To sign in, ...\"}");
	g_autoptr(EwsDeviceCode) wild = device(
		"{\"user_code\":\"A\",\"device_code\":\"B\","
		"\"verification_uri\":\"https://x/\",\"expires_in\":99999999999,\"interval\":-3}");

	g_assert_cmpstr(code->user_code, ==, "FXXA5KDUD");
	g_assert_cmpstr(code->code, ==, "FAQABAAEAAAD");
	g_assert_cmpstr(code->address, ==, "https://microsoft.com/devicelogin");
	g_assert_cmpuint(code->interval_s, ==, 5);
	g_assert_cmpuint(code->expires_s, ==, 900);
	g_assert_cmpuint(wild->interval_s, ==, EWS_DEVICE_INTERVAL_S);
	g_assert_cmpuint(wild->expires_s, ==, EWS_DEVICE_EXPIRES_MAX_S);
	g_assert_null(device("{\"user_code\":\"A\",\"device_code\":\"B\","
			     "\"verification_uri\":\"http://example.org/\"}"));
	g_assert_null(device("{\"user_code\":\"A\",\"device_code\":\"B\","
			     "\"verification_uri\":\"javascript:x\"}"));
	g_assert_null(device("{\"user_code\":\"A\",\"device_code\":\"B\","
			     "\"verification_uri\":\"ftp://localhost/\"}"));
	g_assert_null(device("{\"user_code\":\"A\\u001b[1m\",\"device_code\":\"B\","
			     "\"verification_uri\":\"https://x/\"}"));
	g_assert_null(device("{\"user_code\":\"A\"}"));
}

static char *printed(const char *text, int64_t *ret_expires_us)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsTokens) got = ews_grant_printed(text, NOW_US, &error);

	g_assert_true((got == NULL) == (error != NULL));
	if (ret_expires_us)
		*ret_expires_us = got ? got->expires_us : -1;
	return got ? g_strdup(got->access) : NULL;
}

static void expect_printed(const char *text, const char *token, int64_t expires_s)
{
	int64_t expires_us;
	g_autofree char *got = printed(text, &expires_us);

	g_assert_cmpstr(got, ==, token);
	g_assert_cmpint(expires_us, ==, expires_s < 0 ? -1 : expires_s * G_USEC_PER_SEC);
}

/* As mutt_oauth2.py, pizauth and oama print it, and as az does. */
static void test_printed(void)
{
	expect_printed("tok.en\n", "tok.en", 0);
	expect_printed("tok.en", "tok.en", 0);
	expect_printed("\n tok.en \r\nmore\n", "tok.en", 0);
	expect_printed("{\"access_token\":\"a\",\"expires_in\":60}", "a", 1700000060);
	expect_printed("{\n  \"accessToken\": \"a\",\n  \"expiresOn\": \"2026-01-01 00:00:00.0\",\n"
		       "  \"expires_on\": 1767225600,\n  \"tokenType\": \"Bearer\"\n}\n",
		"a", 1767225600);
	expect_printed("", NULL, -1);
	expect_printed("two words", NULL, -1);
	expect_printed("{}", NULL, -1);
	expect_printed("{\"access_token\":\"a b\"}", NULL, -1);
	expect_printed("{\"access_token\":", NULL, -1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/grant/tokens", test_tokens);
	g_test_add_func("/ews/grant/tokens-that-no-header-can-hold", test_bad_tokens);
	g_test_add_func("/ews/grant/refused-with-a-reason", test_refused);
	g_test_add_func("/ews/grant/what-passes-is-no-refusal", test_passing);
	g_test_add_func("/ews/grant/words-of-strangers", test_words);
	g_test_add_func("/ews/grant/the-errors-own-name", test_code);
	g_test_add_func("/ews/grant/device-code", test_device);
	g_test_add_func("/ews/grant/printed-by-a-helper", test_printed);
	return g_test_run();
}
