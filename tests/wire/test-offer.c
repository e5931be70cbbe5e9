/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server offers to sign in with, and what is said to a person whom it refused.
 */
#include <string.h>

#include "ews/cause.h"
#include "ews/error.h"
#include "ews/offer.h"
#include "tests/wire/fake.h"

#define BASIC EWS_OFFER(EWS_AUTH_BASIC)
#define NTLM EWS_OFFER(EWS_AUTH_NTLM)
#define NEGOTIATE EWS_OFFER(EWS_AUTH_NEGOTIATE)
#define BEARER EWS_OFFER(EWS_AUTH_BEARER)

static void test_headers(void)
{
	static const struct {
		const char *text;
		unsigned kinds;
		const char *uri;
	} rows[] = {
		{"Negotiate", NEGOTIATE, NULL},
		{"NTLM", NTLM, NULL},
		{"basic realm=\"mail, Bearer, NTLM\"", BASIC, NULL},
		{"Negotiate, NTLM, Basic realm=\"x\"", NEGOTIATE | NTLM | BASIC, NULL},
		{"Negotiate oYG2MIG0oAMKAQChCwYJKoZIhvcSAQICooGf==", NEGOTIATE, NULL},
		{"Digest realm=\"a\", nonce=\"b\"", 0, NULL},
		{"Digest authorization_uri=\"https://h/\", NTLM", NTLM, NULL},
		{"Bearer", BEARER, NULL},
		{"Bearer client_id=\"0000\", trusted_issuers=\"a@b,c\", "
		 "authorization_uri=\"https://login.windows.net/common/oauth2/authorize\", "
		 "Basic realm=\"\"",
			BEARER | BASIC, "https://login.windows.net/common/oauth2/authorize"},
		{"Bearer authorization_uri=https://h/x", BEARER, "https://h/x"},
		{"Bearer authorization_uri=\"http://example.org/\"", BEARER, NULL},
		{"Bearer authorization_uri=\"file:///etc\", authorization_uri=\"https://h/\"",
			BEARER, "https://h/"},
		{"Bearer realm=\"\\\", NTLM\"", BEARER, NULL},
		{"Bearer authorization_uri=\"https://h/", BEARER, NULL},
		{"", 0, NULL},
		{",,, ,", 0, NULL},
		{"\"", 0, NULL},
		{"Bearers, NTLMv2 x=y", 0, NULL},
		{"BASIC\trealm = \"x\" , ntlm", BASIC | NTLM, NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(EwsOffer) offer = ews_offer_new();

		ews_offer_add(offer, rows[i].text);
		g_assert_cmpuint(offer->kinds, ==, rows[i].kinds);
		g_assert_cmpstr(offer->authorization_uri, ==, rows[i].uri);
	}
}

static void test_causes(void)
{
	static const struct {
		EwsRefusal refusal;
		EwsErrorCode code;
		const char *words;
	} rows[] = {
		{{"u", 401, true, EWS_AUTH_BASIC, BASIC | NTLM, NULL}, EWS_ERROR_AUTH,
			"wrong user name or password"},
		{{"u", 401, true, EWS_AUTH_BASIC, 0, NULL}, EWS_ERROR_AUTH,
			"wrong user name or password"},
		{{"u", 401, true, EWS_AUTH_BASIC, BEARER, NULL}, EWS_ERROR_AUTH, "auth=oauth2"},
		{{"u", 401, true, EWS_AUTH_BASIC, NTLM | NEGOTIATE, NULL}, EWS_ERROR_AUTH,
			"it offers NTLM, Negotiate"},
		{{"u", 401, true, EWS_AUTH_NTLM, NTLM | NEGOTIATE, NULL}, EWS_ERROR_AUTH,
			"Extended Protection"},
		{{"u", 401, true, EWS_AUTH_NTLM, NEGOTIATE, NULL}, EWS_ERROR_AUTH, "takes no NTLM"},
		{{"u", 401, true, EWS_AUTH_NEGOTIATE, NEGOTIATE, NULL}, EWS_ERROR_AUTH, "kinit"},
		{{"u", 401, true, EWS_AUTH_BEARER, BEARER,
			 "2000003;reason=\"The token has expired.\""},
			EWS_ERROR_AUTH, "clock"},
		{{"u", 401, true, EWS_AUTH_BEARER, BEARER, "error_category=\"invalid_audience\""},
			EWS_ERROR_AUTH, "for another server"},
		{{"u", 401, true, EWS_AUTH_BEARER, NTLM, NULL}, EWS_ERROR_AUTH, "no OAuth2"},
		{{"u", 401, true, EWS_AUTH_BEARER, BEARER, NULL}, EWS_ERROR_AUTH,
			"does not take the access token"},
		{{"u", 403, true, EWS_AUTH_BASIC, 0, NULL}, EWS_ERROR_DENIED, "may not use EWS"},
		{{"u", 403, true, EWS_AUTH_BEARER, 0, "4;reason=\"Not on the Allow List\""},
			EWS_ERROR_DENIED, "EwsAllowedAppIDs"},
		{{"u", 403, false, EWS_AUTH_BASIC, 0, "reason=\"no license\""}, EWS_ERROR_DENIED,
			"licence of this account"},
		{{"u", 403, true, EWS_AUTH_BEARER, 0, "Conditional Access says no"},
			EWS_ERROR_DENIED, "another device"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = ews_cause_error(&rows[i].refusal);

		g_assert_error(error, EWS_ERROR, (int)rows[i].code);
		g_assert_nonnull(strstr(error->message, rows[i].words));
		if (rows[i].refusal.diagnostics)
			g_assert_nonnull(strstr(error->message, rows[i].refusal.diagnostics));
	}
}

/* Servers repeat what they were sent. */
static void test_says_no_secret(void)
{
	EwsRefusal refusal = {"u", 401, true, EWS_AUTH_BEARER, BEARER,
		"no good: Authorization: Bearer "
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"};
	g_autoptr(GError) error = ews_cause_error(&refusal);

	g_assert_null(strstr(error->message, "c2lnbmF0dXJl"));
}

static void add(Fake *fake, int status, const char *headers)
{
	FakeAnswer *answer = fake_answer_new(status, "");

	answer->headers = g_strdup(headers);
	fake_add(fake, answer);
}

static EwsOffer *ask(Fake *fake, GError **error)
{
	g_autofree char *url = fake_url(fake);

	return ews_offer_ask(&(EwsAsked){.url = url}, error);
}

static void test_asks(void)
{
	Fake *fake = fake_new();
	g_autoptr(EwsOffer) offer = NULL;
	g_autoptr(GPtrArray) heads = NULL;

	add(fake, 401, "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n");
	/* One that speaks of OAuth2 only to those who come with it. */
	add(fake, 401,
		"WWW-Authenticate: Bearer authorization_uri=\"https://login.example.org/\"\r\n");
	offer = ask(fake, NULL);
	g_assert_nonnull(offer);
	g_assert_cmpuint(offer->kinds, ==, NEGOTIATE | NTLM | BEARER);
	g_assert_cmpstr(offer->authorization_uri, ==, "https://login.example.org/");
	g_assert_false(offer->is_open);
	heads = fake_heads(fake);
	g_assert_cmpuint(heads->len, ==, 2);
	g_assert_null(strstr(heads->pdata[0], "Authorization:"));
	g_assert_nonnull(strstr(heads->pdata[1], "\r\nAuthorization: Bearer\r\n"));
	fake_free(fake);
}

static void test_second_answer_is_odd(void)
{
	Fake *fake = fake_new();
	g_autoptr(EwsOffer) offer = NULL;

	add(fake, 401, "WWW-Authenticate: NTLM\r\n");
	add(fake, 200, NULL);
	offer = ask(fake, NULL);
	g_assert_nonnull(offer);
	g_assert_cmpuint(offer->kinds, ==, NTLM);
	g_assert_false(offer->is_open);
	fake_free(fake);
}

static void test_open(void)
{
	Fake *fake = fake_new();
	g_autoptr(EwsOffer) offer = NULL;

	add(fake, 200, NULL);
	offer = ask(fake, NULL);
	g_assert_nonnull(offer);
	g_assert_true(offer->is_open);
	g_assert_cmpuint(offer->kinds, ==, 0);
	fake_free(fake);
}

static void test_no_offer(void)
{
	static const struct {
		int status;
		const char *headers;
		int code;
		const char *words;
	} rows[] = {
		{404, NULL, EWS_ERROR_UNSUPPORTED, "not an EWS server"},
		{403, "x-ms-diagnostics: 7;reason=\"blocked\"\r\n", EWS_ERROR_DENIED,
			"EwsBlockList"},
		{302, "Location: https://elsewhere.example.org/owa\r\n", EWS_ERROR_PROTOCOL,
			"elsewhere.example.org"},
		{503, NULL, EWS_ERROR_BUSY, "busy"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fake *fake = fake_new();
		g_autoptr(GError) error = NULL;

		add(fake, rows[i].status, rows[i].headers);
		g_assert_null(ask(fake, &error));
		g_assert_error(error, EWS_ERROR, rows[i].code);
		g_assert_nonnull(strstr(error->message, rows[i].words));
		fake_free(fake);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/offer/reads-challenges", test_headers);
	g_test_add_func("/ews/offer/asks-twice-for-oauth2", test_asks);
	g_test_add_func("/ews/offer/second-answer-counts-little", test_second_answer_is_odd);
	g_test_add_func("/ews/offer/needs-none", test_open);
	g_test_add_func("/ews/offer/says-why-not", test_no_offer);
	g_test_add_func("/ews/cause/names-the-likely-one", test_causes);
	g_test_add_func("/ews/cause/says-no-secret", test_says_no_secret);
	return g_test_run();
}
