/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover_read.h"

#include <string.h>

#include "ews/discover_srv.h"
#include "ews/error.h"

/* What autodiscover services answer, good and bad. */

#define POX_HEAD                                                                                   \
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"                                             \
	"<Autodiscover "                                                                           \
	"xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"        \
	"<Response "                                                                               \
	"xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/"       \
	"2006a\">"
#define POX_TAIL "</Response></Autodiscover>"
#define ACCOUNT(text)                                                                              \
	POX_HEAD "<User><DisplayName>I</DisplayName></User><Account>"                              \
		 "<AccountType>email</AccountType><Action>settings</Action>" text                  \
		 "</Account>" POX_TAIL
#define PROTOCOL(type, text) "<Protocol><Type>" type "</Type><Server>x</Server>" text "</Protocol>"

typedef struct Case {
	const char *text;
	const char *url, *redirect_url, *redirect_address, *problem;
} Case;

static void check(EwsDiscoverReader read, const Case *wanted)
{
	g_auto(EwsDiscoverSaid) said = {0};
	g_autoptr(GError) error = NULL;

	g_assert_true(read(wanted->text, strlen(wanted->text), &said, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(said.url, ==, wanted->url);
	g_assert_cmpstr(said.redirect_url, ==, wanted->redirect_url);
	g_assert_cmpstr(said.redirect_address, ==, wanted->redirect_address);
	g_assert_cmpstr(said.problem, ==, wanted->problem);
}

static void refuse(EwsDiscoverReader read, const char *text)
{
	g_auto(EwsDiscoverSaid) said = {0};
	g_autoptr(GError) error = NULL;

	g_assert_false(read(text, strlen(text), &said, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL);
	g_assert_null(said.url);
}

static void test_pox(void)
{
	static const Case cases[] = {
		/* From outside before from inside, in any order. */
		{.text = ACCOUNT(PROTOCOL("EXCH", "<EwsUrl>https://in/e</EwsUrl>")
				 PROTOCOL("EXPR", "<EwsUrl> https://out/e\n</EwsUrl>")
					 PROTOCOL("EXHTTP", "<EwsUrl>https://http/e</EwsUrl>")),
			.url = "https://out/e"},
		{.text = ACCOUNT(PROTOCOL("EXPR", "<EwsUrl>https://out/e</EwsUrl>")
				 PROTOCOL("EXCH", "<EwsUrl>https://in/e</EwsUrl>")),
			.url = "https://out/e"},
		{.text = ACCOUNT(PROTOCOL("EXCH", "<EwsUrl>https://in/e</EwsUrl>")
				 PROTOCOL("EXPR", "<EwsUrl/>")),
			.url = "https://in/e"},
		{.text = ACCOUNT(PROTOCOL("EXPR", "<ASUrl>https://as/e</ASUrl>")),
			.url = "https://as/e"},
		{.text = ACCOUNT(PROTOCOL("EXPR", "<ASUrl>https://as/e</ASUrl>"
						  "<EwsUrl>https://ews/e</EwsUrl>")),
			.url = "https://ews/e"},
		{.text = ACCOUNT(PROTOCOL("WEB",
			 "<Internal><Protocol><Type>EXPR</Type>"
			 "<EwsUrl>https://nested/e</EwsUrl></Protocol></Internal>"))},
		{.text = ACCOUNT(
			 PROTOCOL("EXPR", "<EwsUrl>https://h/e?a=1&amp;b=<![CDATA[2]]></EwsUrl>")),
			.url = "https://h/e?a=1&b=2"},
		{.text = ACCOUNT("<RedirectUrl>https://h/a.xml</RedirectUrl>"),
			.redirect_url = "https://h/a.xml"},
		{.text = ACCOUNT("<RedirectAddr>a@b</RedirectAddr>"), .redirect_address = "a@b"},
		{.text = "\xef\xbb\xbf" ACCOUNT("<RedirectAddr>a@b</RedirectAddr>") "\n\n",
			.redirect_address = "a@b"},
		/* All at once: an answer is better than a way. */
		{.text = ACCOUNT("<RedirectAddr>a@b</RedirectAddr><RedirectUrl>https://r</"
				 "RedirectUrl>" PROTOCOL("EXCH", "<EwsUrl>https://in/e</EwsUrl>")),
			.url = "https://in/e"},
		{.text = POX_HEAD
			"<Error><ErrorCode>600</ErrorCode><Message>Invalid\n\033[2JRequest"
			"\xe2\x80\xae</Message></Error>" POX_TAIL,
			.problem = "Invalid [2JRequest"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(ews_discover_read_pox, &cases[i]);
}

#define SOAP_HEAD                                                                                  \
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header/><s:Body>"    \
	"<GetUserSettingsResponseMessage "                                                         \
	"xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\">"                       \
	"<Response><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse>"
#define SOAP_TAIL                                                                                  \
	"</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage>"              \
	"</s:Body></s:Envelope>"
#define SETTING(name, value)                                                                       \
	"<UserSetting><Name>" name "</Name><Value>" value "</Value></UserSetting>"

static void test_soap(void)
{
	static const Case cases[] = {
		{.text = SOAP_HEAD
			"<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage>"
			"<RedirectTarget/><UserSettings>" SETTING("InternalEwsUrl", "https://in/e")
				SETTING("ExternalEwsUrl",
					"https://out/e") "</UserSettings>" SOAP_TAIL,
			.url = "https://out/e"},
		{.text = SOAP_HEAD "<UserSettings>" SETTING("ExternalEwsUrl",
			 "") SETTING("InternalEwsUrl", "https://in/e") "</UserSettings>" SOAP_TAIL,
			.url = "https://in/e"},
		{.text = SOAP_HEAD
			"<ErrorCode>RedirectAddress</ErrorCode>"
			"<ErrorMessage>Go "
			"away.</ErrorMessage><RedirectTarget>a@b</RedirectTarget>" SOAP_TAIL,
			.redirect_address = "a@b",
			.problem = "Go away."},
		{.text = SOAP_HEAD "<ErrorCode>RedirectUrl</ErrorCode>"
				   "<RedirectTarget>https://r/</RedirectTarget>" SOAP_TAIL,
			.redirect_url = "https://r/"},
		{.text = SOAP_HEAD
			"<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>Who?</ErrorMessage>"
			"<RedirectTarget>https://r/</RedirectTarget>" SOAP_TAIL,
			.problem = "Who?"},
		{.text = "<s:Envelope xmlns:s='x'><s:Body><s:Fault><faultcode>c</faultcode>"
			 "<faultstring>No.</faultstring></s:Fault></s:Body></s:Envelope>",
			.problem = "No."},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(ews_discover_read_soap, &cases[i]);
}

static void test_json(void)
{
	static const Case cases[] = {
		{.text = "{\"Protocol\":\"Ews\",\"Url\":\"https://h/e\"}", .url = "https://h/e"},
		{.text = "{\"Url\":\"https://h/e\",\"Protocol\":\"EWS\",\"x\":[1,{}]}",
			.url = "https://h/e"},
		{.text = "{\"Protocol\":\"EWS\"}"},
		{.text = "{\"Protocol\":\"EWS\",\"Url\":7}"},
		{.text = "{\"ErrorCode\":\"X\",\"ErrorMessage\":\"It\\u001bs \\u202eover.\"}",
			.problem = "It s  over."},
	};
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"7",
		"{\"Protocol\":\"REST\",\"Url\":\"https://h\"}",
		"{}",
		"<a/>",
		"{\"Url\":\"https://h\"}",
		"{\"Protocol\":null,\"Url\":\"https://h\"}",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		check(ews_discover_read_json, &cases[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		refuse(ews_discover_read_json, bad[i]);
}

static void test_no_xml(void)
{
	static const char *const bad[] = {
		"",
		" ",
		"<html><p>Welcome<br></html>",
		"<html><p>Welcome</p></html>",
		"{\"Protocol\":\"Ews\"}",
		/* Cut off: also what was said before does not count. */
		POX_HEAD "<Account>" PROTOCOL("EXPR", "<EwsUrl>https://out/e</EwsUrl>"),
		"x" ACCOUNT(PROTOCOL("EXPR", "<EwsUrl>https://out/e</EwsUrl>")),
		"<!DOCTYPE a [<!ENTITY e 'https://evil/'>]>" ACCOUNT(
			PROTOCOL("EXPR", "<EwsUrl>&e;</EwsUrl>")),
		ACCOUNT(PROTOCOL("EXPR", "<EwsUrl>&e;</EwsUrl>")),
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		refuse(ews_discover_read_pox, bad[i]);
		refuse(ews_discover_read_soap, bad[i]);
	}
	refuse(ews_discover_read_soap, ACCOUNT(""));
	refuse(ews_discover_read_pox, SOAP_HEAD SOAP_TAIL);
}

static void test_too_much(void)
{
	g_autofree char *fill = g_strnfill(3000, 'a');
	g_autofree char *url =
		g_strdup_printf(ACCOUNT(PROTOCOL("EXPR", "<EwsUrl>https://%s/e</EwsUrl>")), fill);
	const Case nothing = {.text = url};
	g_autoptr(GString) deep = g_string_new(NULL);

	/* Half an address is another one. */
	check(ews_discover_read_pox, &nothing);
	for (int i = 0; i < 100000; i++)
		g_string_append(deep, "<a>");
	refuse(ews_discover_read_pox, deep->str);
	g_string_truncate(deep, 0);
	g_string_append(deep, "<a");
	for (int i = 0; i < 5000; i++)
		g_string_append_printf(deep, " b%d='c'", i);
	g_string_append(deep, "/>");
	refuse(ews_discover_read_pox, deep->str);
}

static void test_requests(void)
{
	g_autofree char *pox = ews_discover_write_pox("o'h&ra<@example.org");
	g_autofree char *soap = ews_discover_write_soap("o'h&ra<@example.org");
	g_autofree char *path = ews_discover_write_json_path("o'h ä/?#@example.org");

	g_assert_nonnull(strstr(pox, "<EMailAddress>o&apos;h&amp;ra&lt;@example.org</EMail"));
	g_assert_nonnull(strstr(soap, "<a:Mailbox>o&apos;h&amp;ra&lt;@example.org</a:Mailbox>"));
	g_assert_cmpstr(path, ==,
		"/autodiscover/autodiscover.json/v1.0/"
		"o%27h%20%C3%A4%2F%3F%23@example.org?Protocol=EWS");
}

/* --- SRV ----------------------------------------------------------------- */

#define DNS_HEAD(answers)                                                                          \
	"\x12\x34\x81\x80\x00\x01\x00" answers "\x00\x00\x00\x00"                                  \
	"\x0d_autodiscover\x04_tcp\x07"                                                            \
	"example\x03org\x00\x00\x21\x00\x01"
#define DNS_NAME "\xc0\x0c\x00\x21\x00\x01\x00\x00\x00\x3c"
#define DNS_BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void test_srv(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) hosts =
		ews_discover_srv_read(DNS_BYTES(DNS_HEAD("\x03") DNS_NAME
					      "\x00\x0a\x00\x0a\x00\x00\x01\xbb\x01"
					      "B\xc0\x1f" DNS_NAME
					      "\x00\x0a\x00\x00\x00\x01\x01\xbb\x01"
					      "c\xc0\x1f" DNS_NAME
					      "\x00\x0a\x00\x00\x00\x05\x20\xfb\x01"
					      "a\xc0\x1f"),
			&error);

	g_assert_no_error(error);
	g_assert_cmpuint(hosts->len, ==, 3);
	g_assert_cmpstr(hosts->pdata[0], ==, "a.example.org:8443");
	g_assert_cmpstr(hosts->pdata[1], ==, "c.example.org");
	g_assert_cmpstr(hosts->pdata[2], ==, "b.example.org");
}

static void refuse_srv(const uint8_t *answer, size_t len, EwsErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(ews_discover_srv_read(answer, len, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
}

static void test_srv_refused(void)
{
	/* None; "."; a name of odd letters; a name that points at itself; cut off. */
	refuse_srv(DNS_BYTES(DNS_HEAD("\x00")), EWS_ERROR_NOT_FOUND);
	refuse_srv(DNS_BYTES(DNS_HEAD("\x01") DNS_NAME "\x00\x07\x00\x00\x00\x00\x01\xbb\x00"),
		EWS_ERROR_NOT_FOUND);
	refuse_srv(DNS_BYTES(DNS_HEAD("\x01") DNS_NAME
			   "\x00\x0a\x00\x00\x00\x00\x01\xbb\x01/\xc0\x1f"),
		EWS_ERROR_NOT_FOUND);
	refuse_srv(DNS_BYTES(DNS_HEAD("\x01") DNS_NAME "\x00\x08\x00\x00\x00\x00\x01\xbb\xc0\x42"),
		EWS_ERROR_NOT_FOUND);
	refuse_srv(DNS_BYTES(DNS_HEAD("\x05") DNS_NAME "\x00\x0a\x00"), EWS_ERROR_PROTOCOL);
	refuse_srv(DNS_BYTES("\x12"), EWS_ERROR_PROTOCOL);
	refuse_srv(DNS_BYTES(""), EWS_ERROR_PROTOCOL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/discover-read/pox", test_pox);
	g_test_add_func("/ews/discover-read/soap", test_soap);
	g_test_add_func("/ews/discover-read/json", test_json);
	g_test_add_func("/ews/discover-read/refuses-what-is-no-xml", test_no_xml);
	g_test_add_func("/ews/discover-read/refuses-too-much", test_too_much);
	g_test_add_func("/ews/discover-read/escapes-what-it-asks", test_requests);
	g_test_add_func("/ews/discover-read/srv-the-best-first", test_srv);
	g_test_add_func("/ews/discover-read/refuses-names-that-are-none", test_srv_refused);
	return g_test_run();
}
