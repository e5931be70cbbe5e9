/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/redact.h"

#include <glib.h>
#include <string.h>

#define SECRET "s3cr3t-VALUE.x_y"

static void expect(const char *text, const char *wanted)
{
	g_autofree char *got = ews_redact(text);

	g_assert_cmpstr(got, ==, wanted);
}

static void test_hidden(void)
{
	static const char *const texts[] = {
		"Authorization: Bearer " SECRET,
		"authorization:Basic " SECRET,
		"< Set-Cookie: X-BackEndCookie=" SECRET "; path=/EWS",
		"the server said: Cookie: exchangecookie=" SECRET,
		"WWW-Authenticate wanted Negotiate " SECRET,
		"error for grant_type=refresh_token&refresh_token=" SECRET "&scope=x",
		"{\"access_token\":\"" SECRET "\",\"expires_in\":3}",
		"{'accessToken': '" SECRET "'}",
		"{\"refresh_token\" : \"" SECRET,
		"client_secret=" SECRET,
		"http://localhost/?code=" SECRET "&state=1",
		"http://localhost/?state=1&code=" SECRET,
		"password: " SECRET,
		"device_code=" SECRET,
		"token eyJ0eXAiOiJKV1Qi." SECRET " is not valid",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *got = ews_redact(texts[i]);
		if (strstr(got, SECRET) || !strstr(got, "[hidden]"))
			g_error("\"%s\" became \"%s\"", texts[i], got);
	}
	expect("a Authorization: x\nnext", "a Authorization [hidden]\nnext");
	expect("refresh_token=abc&scope=x", "refresh_token [hidden]&scope=x");
}

static void test_kept(void)
{
	static const char *const texts[] = {
		"",
		"https://mail.example.org/EWS/Exchange.asmx: sign-in refused: wrong user name or "
		"password",
		"password_file /home/you/.pw can be read by others: \"chmod 600 /home/you/.pw\" "
		"first",
		"token_command=pizauth show work, password_command=pass work",
		"GetItem: 3 of 3 answered, HTTP 200, 12 ms",
		"a basic fact; negotiate a price; a cookie is eaten",
		"the message bears eyJ on it",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		expect(texts[i], texts[i]);
}

static void test_any_bytes(void)
{
	expect("\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd");
	g_autofree char *many = g_strnfill(200000, 'e');
	expect(many, many);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/redact/secrets-are-hidden", test_hidden);
	g_test_add_func("/ews/redact/all-else-is-kept", test_kept);
	g_test_add_func("/ews/redact/any-bytes", test_any_bytes);
	return g_test_run();
}
