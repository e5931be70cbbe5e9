/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/oauth.h"

#include <string.h>

#include "ews/error.h"

static const EwsOauth microsoft = {
	.authority = "https://login.microsoftonline.com/common/oauth2/v2.0/",
	.client_id = "id",
	.scope = "https://outlook.office365.com/EWS.AccessAsUser.All offline_access",
};

static bool check(const char *authority)
{
	EwsOauth oauth = {.authority = authority};

	return ews_oauth_check(&oauth, NULL);
}

static void test_check(void)
{
	g_assert_true(check("https://login.microsoftonline.com/t/oauth2/v2.0"));
	g_assert_true(check("http://127.0.0.1:80/x"));
	g_assert_true(check("http://localhost/x"));
	g_assert_false(check("http://login.example.org/x"));
	g_assert_false(check("http://localhost.example.org/x"));
	g_assert_false(check("https://me:pw@example.org/x"));
	g_assert_false(check("https://example.org/x?y"));
	g_assert_false(check("ftp://example.org/"));
	g_assert_false(check("example.org"));
	g_assert_false(check(""));
}

static GHashTable *query_of(const char *address)
{
	GHashTable *words =
		g_uri_parse_params(strchr(address, '?') + 1, -1, "&", G_URI_PARAMS_WWW_FORM, NULL);

	g_assert_nonnull(words);
	return words;
}

/* The verifier is not in the address, only what it hashes to (RFC 7636, 4.2). */
static void test_browser(void)
{
	g_autoptr(EwsBrowser) browser = ews_oauth_begin_browser(&microsoft, "i+n@x", NULL);
	g_autoptr(EwsBrowser) another = ews_oauth_begin_browser(&microsoft, NULL, NULL);
	g_autoptr(GHashTable) words = query_of(browser->address);
	g_autofree char *hash =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, browser->verifier, -1);
	const char *challenge = g_hash_table_lookup(words, "code_challenge");
	g_autofree char *padded = g_strconcat(challenge, "=", NULL);
	g_autoptr(GString) found = g_string_new(NULL);
	gsize len;

	g_assert_true(g_str_has_prefix(browser->address,
		"https://login.microsoftonline.com/common/oauth2/v2.0/authorize?"));
	g_assert_cmpstr(g_hash_table_lookup(words, "scope"), ==, microsoft.scope);
	g_assert_cmpstr(g_hash_table_lookup(words, "login_hint"), ==, "i+n@x");
	g_assert_cmpstr(g_hash_table_lookup(words, "redirect_uri"), ==,
		"https://login.microsoftonline.com/common/oauth2/nativeclient");
	g_assert_cmpstr(g_hash_table_lookup(words, "code_challenge_method"), ==, "S256");
	g_assert_null(strstr(browser->address, browser->verifier));
	g_assert_cmpstr(browser->verifier, !=, another->verifier);
	g_assert_cmpstr(browser->state, !=, another->state);
	g_assert_cmpuint(strlen(browser->verifier), ==, 43);

	g_strdelimit(g_strdelimit(padded, "-", '+'), "_", '/');
	guchar *bytes = g_base64_decode(padded, &len);
	for (gsize i = 0; i < len; i++)
		g_string_append_printf(found, "%02x", bytes[i]);
	g_free(bytes);
	g_assert_cmpstr(found->str, ==, hash);
}

static void expect_code(const EwsBrowser *browser, const char *format, const char *code)
{
	g_autofree char *pasted = g_strdup_printf("%s?code=%s&state=%s%s", browser->redirect, code,
		browser->state, format);
	g_autofree char *got = ews_oauth_pasted_code(browser, pasted, NULL);

	g_assert_cmpstr(got, ==, code);
}

static void refuse(const EwsBrowser *browser, const char *pasted, EwsErrorCode code,
	const char *because)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(ews_oauth_pasted_code(browser, pasted, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
	if (!strstr(error->message, because))
		g_error("\"%s\" does not say \"%s\"", error->message, because);
}

static void test_pasted(void)
{
	g_autoptr(EwsBrowser) browser = ews_oauth_begin_browser(&microsoft, NULL, NULL);
	g_autofree char *alone = ews_oauth_pasted_code(browser, " 0.AX-_k \n", NULL);

	expect_code(browser, "", "0.AX-_k");
	expect_code(browser, "&session_state=x#", "0.AX-_k");
	expect_code(browser, "\n", "0.AX-_k");
	g_assert_cmpstr(alone, ==, "0.AX-_k");
	refuse(browser, "", EWS_ERROR_INVALID, "no address");
	refuse(browser, "https://x/nativeclient", EWS_ERROR_INVALID, "no address");
	refuse(browser, "https://x/?", EWS_ERROR_INVALID, "no code");
	refuse(browser, "https://x/?code=a", EWS_ERROR_INVALID, "another sign-in");
	refuse(browser, "https://x/?code=a&state=b", EWS_ERROR_INVALID, "another sign-in");
	refuse(browser, "https://x/?code=a%0d%0ab&state=b", EWS_ERROR_INVALID, "no code");
	refuse(browser, "https://x/?error=access_denied&error_description=AADSTS90094%3A+Admin",
		EWS_ERROR_AUTH, "administrator");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/oauth/authorities", test_check);
	g_test_add_func("/ews/oauth/where-the-browser-goes", test_browser);
	g_test_add_func("/ews/oauth/where-it-ended", test_pasted);
	return g_test_run();
}
