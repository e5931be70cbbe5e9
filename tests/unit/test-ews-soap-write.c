/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/soap_write.h"

static char *written(const char *text)
{
	g_autoptr(EwsWriter) writer = ews_writer_new("m:Test", NULL);
	g_autoptr(EwsBody) body = NULL;
	const char *out;
	const char *from;

	ews_writer_empty(writer, "t:E", "a", text);
	ews_writer_text(writer, "t:T", text);
	body = ews_writer_finish(writer);
	out = ews_body_text(body);
	g_assert_cmpint(ews_body_len(body), ==, (int64_t)strlen(out));
	from = strstr(out, "<t:E");
	g_assert_true(g_str_has_suffix(out, "</m:Test></s:Body></s:Envelope>\n"));
	return g_strndup(from, (gsize)(strstr(from, "</m:Test>") - from));
}

static void expect(const char *text, const char *wanted)
{
	g_autofree char *got = written(text);

	g_assert_cmpstr(got, ==, wanted);
}

static void test_escapes(void)
{
	expect("a<b>&c", "<t:E a=\"a&lt;b&gt;&amp;c\"/><t:T>a&lt;b&gt;&amp;c</t:T>");
	expect("]]>", "<t:E a=\"]]&gt;\"/><t:T>]]&gt;</t:T>");
	expect("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80",
		"<t:E a=\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"/>"
		"<t:T>gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80</t:T>");
}

static void test_drops(void)
{
	expect("a\x01" "b\x0b" "c\x1f" "d", "<t:E a=\"abcd\"/><t:T>abcd</t:T>");
	expect("a\xEF\xBF\xBE" "b\xEF\xBF\xBF" "c", "<t:E a=\"abc\"/><t:T>abc</t:T>");
	expect("a\xFF" "b", "<t:E a=\"a\xEF\xBF\xBD" "b\"/><t:T>a\xEF\xBF\xBD" "b</t:T>");
	expect("", "<t:E a=\"\"/><t:T></t:T>");
}

static void expect_folder(const EwsWhose *whose, const char *wanted)
{
	g_autoptr(EwsWriter) writer = ews_writer_new("m:Test", whose);
	g_autoptr(EwsBody) body = NULL;

	ews_writer_distinguished(writer, "inbox");
	body = ews_writer_finish(writer);
	g_assert_nonnull(strstr(ews_body_text(body), wanted));
}

static void test_distinguished(void)
{
	expect_folder(NULL, "<m:Test><t:DistinguishedFolderId Id=\"inbox\"/></m:Test>");
	expect_folder(&(EwsWhose){.impersonate = "a@b"},
		"<m:Test><t:DistinguishedFolderId Id=\"inbox\"/></m:Test>");
	expect_folder(&(EwsWhose){.is_archive = true},
		"<m:Test><t:DistinguishedFolderId Id=\"archiveinbox\"/></m:Test>");
	expect_folder(&(EwsWhose){.mailbox = "a&b@c"},
		"<m:Test><t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox>"
		"<t:EmailAddress>a&amp;b@c</t:EmailAddress></t:Mailbox>"
		"</t:DistinguishedFolderId></m:Test>");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/soap-write/escapes", test_escapes);
	g_test_add_func("/ews/soap-write/drops-what-xml-forbids", test_drops);
	g_test_add_func("/ews/soap-write/whose-folder", test_distinguished);
	return g_test_run();
}
