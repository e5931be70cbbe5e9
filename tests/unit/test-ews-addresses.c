/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/addresses.h"

/* "Name <address>; address" of all Bcc headers in @head. */
static void expect(const char *head, const char *wanted)
{
	g_autoptr(GPtrArray) all = ews_addresses_of(head, strlen(head), "Bcc");
	g_autoptr(GString) got = g_string_new(NULL);

	for (guint i = 0; i < all->len; i++) {
		const EwsAddress *address = all->pdata[i];

		g_string_append(got, i > 0 ? "; " : "");
		if (address->name)
			g_string_append_printf(got, "%s <%s>", address->name, address->address);
		else
			g_string_append(got, address->address);
		g_assert_true(g_utf8_validate(got->str, -1, NULL));
	}
	g_assert_cmpstr(got->str, ==, wanted);
}

static void test_plain(void)
{
	expect("Bcc: a@x\n", "a@x");
	expect("BCC:a@x, B B <b@y>\r\nTo: c@z\r\n", "a@x; B B <b@y>");
	expect("Bcc: \"Last, First\" <a@x>", "Last, First <a@x>");
	expect("To: a@x\nbcc : b@x\nBcc: c@x\n", "b@x; c@x");
}

static void test_folded(void)
{
	expect("Bcc: a@x,\r\n b@x,\r\n\tc@x\r\nX: d@x\r\n", "a@x; b@x; c@x");
	expect("Bcc:\n a@x\n", "a@x");
	expect("Subject: x\n Bcc: a@x\n", "");
}

static void test_encoded(void)
{
	expect("Bcc: =?utf-8?B?SsO8cmdlbg==?= <j@x>\n", "J\xC3\xBCrgen <j@x>");
	expect("Bcc: =?iso-8859-1?Q?J=FCrgen?= =?iso-8859-1?Q?_B?= <j@x>\n",
		"J\xC3\xBCrgen B <j@x>");
	expect("Bcc: J\xC3\xBCrgen <j@x>\n", "J\xC3\xBCrgen <j@x>");
}

static void test_groups(void)
{
	expect("Bcc: team: a@x, B <b@x>;, c@x\n", "a@x; B <b@x>; c@x");
	expect("Bcc: undisclosed-recipients:;\n", "");
}

/* Groups in groups, each of which GMime would call itself for. */
static void test_deep(void)
{
	g_autoptr(GString) head = g_string_new("Bcc: ");

	for (int i = 0; i < 300000; i++)
		g_string_append(head, "a:");
	g_string_append(head, "\nBcc: b@x\n");
	expect(head->str, "b@x");
}

static void test_rubbish(void)
{
	static const char zeros[] = "Bcc: a@x,\0 b@x\n";
	g_autoptr(GPtrArray) all = ews_addresses_of(zeros, sizeof(zeros) - 1, "Bcc");

	g_assert_cmpuint(all->len, ==, 2);
	expect("", "");
	expect("Bcc", "");
	expect("Bcc:", "");
	expect("Bcc: ,,, ;;\n", "");
	expect("Bccx: a@x\nX-Bcc: a@x\n", "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/addresses/plain", test_plain);
	g_test_add_func("/ews/addresses/folded", test_folded);
	g_test_add_func("/ews/addresses/encoded", test_encoded);
	g_test_add_func("/ews/addresses/groups", test_groups);
	g_test_add_func("/ews/addresses/deep-groups", test_deep);
	g_test_add_func("/ews/addresses/rubbish", test_rubbish);
	return g_test_run();
}
