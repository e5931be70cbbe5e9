/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "ews/error.h"

static void expect(GError *error, EwsErrorCode code, const char *word)
{
	g_assert_error(error, EWS_ERROR, (int)code);
	g_assert_nonnull(strstr(error->message, word));
	g_error_free(error);
}

static void test_responses(void)
{
	expect(ews_error_from_response("ErrorItemNotFound", "Gone.", TRUE), EWS_ERROR_NOT_FOUND,
		"Gone. (ErrorItemNotFound)");
	expect(ews_error_from_response("ErrorADOperation", NULL, TRUE), EWS_ERROR_BUSY,
		"ErrorADOperation");
	expect(ews_error_from_response("ErrorUnsupportedMimeConversion", "", TRUE),
		EWS_ERROR_CORRUPT, "ErrorUnsupportedMimeConversion");
	expect(ews_error_from_response("ErrorPasswordExpired", "x", FALSE), EWS_ERROR_AUTH, "x");
	expect(ews_error_from_response("ErrorInvalidSyncStateData", "x", FALSE), EWS_ERROR_STALE,
		"x");
}

static void test_changes(void)
{
	expect(ews_error_from_response("ErrorQuotaExceeded", "x", TRUE), EWS_ERROR_QUOTA, "x");
	expect(ews_error_from_response("ErrorInvalidPropertyRequest", "x", TRUE),
		EWS_ERROR_INVALID, "x");
	expect(ews_error_from_response("ErrorDeleteDistinguishedFolder", "x", TRUE),
		EWS_ERROR_FORBIDDEN, "x");
	expect(ews_error_from_response("ErrorFolderExists", "x", TRUE), EWS_ERROR_EXISTS, "x");
	g_assert_true(ews_error_may_be_done("ErrorTimeoutExpired"));
	g_assert_false(ews_error_may_be_done("ErrorServerBusy"));
	g_assert_true(ews_error_is_for_all("ErrorInvalidServerVersion"));
	g_assert_false(ews_error_is_for_all("ErrorSchemaValidation"));
	/* The table is searched by halves: each end, and what stands beside. */
	g_assert_true(ews_error_is_known("ErrorADOperation"));
	g_assert_true(ews_error_is_known("ErrorVirusMessageDeleted"));
	g_assert_false(ews_error_is_known("ErrorOfTomorrow"));
}

static void test_unknown_response(void)
{
	expect(ews_error_from_response("ErrorOfTomorrow", "x", TRUE), EWS_ERROR_CORRUPT, "x");
	expect(ews_error_from_response("ErrorOfTomorrow", "x", FALSE), EWS_ERROR_PROTOCOL, "x");
	g_assert_cmpint(ews_error_action("ErrorOfTomorrow"), ==, EWS_ERROR_ACTION_FAIL);
	g_assert_cmpint(ews_error_action(""), ==, EWS_ERROR_ACTION_FAIL);
}

static void test_actions(void)
{
	g_assert_cmpint(ews_error_action("ErrorServerBusy"), ==, EWS_ERROR_ACTION_WAIT);
	g_assert_cmpint(ews_error_action("ErrorBatchProcessingStopped"), ==,
		EWS_ERROR_ACTION_AGAIN);
	g_assert_cmpint(ews_error_action("ErrorMessageSizeExceeded"), ==,
		EWS_ERROR_ACTION_SMALLER);
	g_assert_cmpint(ews_error_action("ErrorAccountDisabled"), ==, EWS_ERROR_ACTION_STOP);
	g_assert_cmpint(ews_error_action("ErrorItemNotFound"), ==, EWS_ERROR_ACTION_FAIL);
}

static void test_http(void)
{
	expect(ews_error_from_http(404, "u"), EWS_ERROR_UNSUPPORTED, "not an EWS server");
	expect(ews_error_from_http(503, "u"), EWS_ERROR_BUSY, "503");
	expect(ews_error_from_http(418, "u"), EWS_ERROR_PROTOCOL, "418");
}

static void test_curl(void)
{
	expect(ews_error_from_curl(CURLE_COULDNT_RESOLVE_HOST, "", "u"), EWS_ERROR_OFFLINE,
		"unknown host");
	expect(ews_error_from_curl(CURLE_PEER_FAILED_VERIFICATION, "expired", "u"), EWS_ERROR_TLS,
		"expired");
	expect(ews_error_from_curl(CURLE_SSL_CONNECT_ERROR, "wrong version number", "u"),
		EWS_ERROR_TLS, "wrong version");
	expect(ews_error_from_curl(CURLE_SSL_CONNECT_ERROR,
		       "OpenSSL SSL_connect: SSL_ERROR_SYSCALL",
		"u"), EWS_ERROR_OFFLINE, "SYSCALL");
	expect(ews_error_from_curl(CURLE_WEIRD_SERVER_REPLY, NULL, "u"), EWS_ERROR_PROTOCOL, "u");
}

static void test_errno(void)
{
	expect(ews_error_from_errno(ENOSPC, "write %s", "x"), EWS_ERROR_NO_SPACE, "write x: ");
	expect(ews_error_from_errno(EIO, "read"), EWS_ERROR_LOCAL, "read: ");
}

static void test_temporary(void)
{
	g_autoptr(GError) busy = g_error_new(EWS_ERROR, EWS_ERROR_BUSY, "x");
	g_autoptr(GError) gone = g_error_new(EWS_ERROR, EWS_ERROR_NOT_FOUND, "x");

	g_assert_true(ews_error_is_temporary(busy));
	g_assert_false(ews_error_is_temporary(gone));
	g_assert_false(ews_error_is(NULL, EWS_ERROR_BUSY));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/error/knows-response-codes", test_responses);
	g_test_add_func("/ews/error/knows-what-changes-meet", test_changes);
	g_test_add_func("/ews/error/unknown-code-is-permanent", test_unknown_response);
	g_test_add_func("/ews/error/says-what-the-session-does", test_actions);
	g_test_add_func("/ews/error/knows-http", test_http);
	g_test_add_func("/ews/error/knows-curl", test_curl);
	g_test_add_func("/ews/error/knows-errno", test_errno);
	g_test_add_func("/ews/error/temporary", test_temporary);
	return g_test_run();
}
