/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover.h"

#include <string.h>

#include "tests/unit/fake-net.h"

/* Where the search may be led, and who gets the password. */

/* --- redirects ----------------------------------------------------------- */

/* example.org -> h1 -> … -> h@count, which knows it. */
static void put_chain(World *world, unsigned count)
{
	net_put_account(world, "example.org", "RedirectUrl", "https://h1.example.org" POX);
	for (unsigned i = 1; i < count; i++) {
		g_autofree char *host = g_strdup_printf("h%u.example.org", i);
		g_autofree char *next = g_strdup_printf("https://h%u.example.org" POX, i + 1);
		g_autofree char *url = g_strdup_printf("https://%s" POX, host);

		if (i % 2 == 0)
			net_put_account(world, host, "RedirectUrl", next);
		else
			net_put_302(world, url, next);
	}
	g_autofree char *last = g_strdup_printf("h%u.example.org", count);
	net_put_pox(world, last, "https://end/e");
}

static void test_ten_hops(World *world, const void *data)
{
	put_chain(world, 10);
	net_assert_found(world, "https://end/e");
}

static void test_eleven_hops(World *world, const void *data)
{
	put_chain(world, 11);
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(why, "too many redirects"));
	g_assert_false(net_was_fetched(world, "https://h11.example.org" POX));
}

static void test_loops(World *world, const void *data)
{
	net_put_302(world, "https://example.org" POX, "https://a.example.org" POX);
	net_put_302(world, "https://a.example.org" POX, "https://b.example.org" POX);
	net_put_account(world, "b.example.org", "RedirectUrl", "https://example.org" POX);
	net_put_302(world, "https://" AUTO POX, "https://" AUTO POX);
	g_free(net_assert_lost(world, EWS_ERROR_NOT_FOUND));
	g_assert_cmpuint(world->log->len, <, 20);
}

static void test_address_loop(World *world, const void *data)
{
	world->is_accepting = true;
	net_put_account(world, "example.org", "RedirectAddr", "ines@example.net");
	net_put_account(world, "example.net", "RedirectAddr", ME);
	g_free(net_assert_lost(world, EWS_ERROR_NOT_FOUND));
	g_assert_cmpuint(world->log->len, <, 30);
}

static void test_no_end_of_hosts(World *world, const void *data)
{
	/* Each wave names another address of a domain that is fine. */
	net_put_account(world, "example.org", "RedirectAddr", "a0@t0.onmicrosoft.com");
	for (int i = 0; i < 40; i++) {
		g_autofree char *host = g_strdup_printf("t%d.onmicrosoft.com", i);
		g_autofree char *next = g_strdup_printf("a@t%d.onmicrosoft.com", i + 1);

		net_put_account(world, host, "RedirectAddr", next);
	}
	g_free(net_assert_lost(world, EWS_ERROR_NOT_FOUND));
	g_assert_true(net_was_said(world, "too many redirects"));
	g_assert_cmpuint(world->log->len, <, 80);
}

static void test_to_http(World *world, const void *data)
{
	world->is_accepting = true;
	world->srv = "bad/path";
	net_put_302(world, "http://" AUTO POX, "http://evil.example.org" POX);
	net_put_account(world, "example.org", "RedirectUrl", "http://plain.example.org" POX);
	net_put_pox(world, AUTO, "http://plain.example.org/EWS/Exchange.asmx");
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(why, "only https is followed"));
	g_assert_nonnull(strstr(why, "only https is used"));
	for (guint i = 0; i < world->log->len; i++)
		g_assert_null(strstr(world->log->pdata[i], "plain."));
	g_assert_cmpuint(world->asked->len, ==, 0);
}

/* What nobody uses does not keep the others from answering. */
static void test_http_is_no_answer(World *world, const void *data)
{
	net_put_pox(world, AUTO, "http://plain.example.org/EWS/Exchange.asmx");
	net_put_pox(world, "example.org", "https://end/e")->delay_ms = 150;
	net_assert_found(world, "https://end/e");
}

static void test_odd_addresses(World *world, const void *data)
{
	static const char *const urls[] = {
		"https://user:word@h/e",
		"https://h/\\",
		"https:///e",
		"https://h/e f",
		"nonsense",
		"https://h\xc3\xa4/e",
		"https://[::1]/e",
		"ftp://h/e",
		"https://h/&lt;b&gt;",
		"javascript:1",
		"",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
		g_ptr_array_set_size(world->rows, 0);
		net_put_pox(world, AUTO, urls[i]);
		g_free(net_assert_lost(world, EWS_ERROR_NOT_FOUND));
	}
}

/* --- other domains ------------------------------------------------------- */

static void test_other_host(World *world, const void *data)
{
	static const char *const known[] = {"mail.hoster.test", NULL};

	world->password = "right";
	world->srv = "mail.hoster.test";
	net_put_pox(world, "mail.hoster.test", "https://mail.hoster.test/e")->asks_who = true;
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_DENIED);
	g_assert_nonnull(strstr(why, "https://mail.hoster.test" POX));
	g_assert_nonnull(strstr(why, "url="));
	g_assert_cmpuint(world->asked->len, ==, 1);
	g_assert_false(net_was_fetched(world, "https://mail.hoster.test" POX));
	g_assert_cmpuint(net_count_told(world), ==, 0);

	world->is_accepting = true;
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsDiscovered) found = net_discover(world, ME, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(found->accepted->len, ==, 1);
	g_assert_cmpstr(found->accepted->pdata[0], ==, "mail.hoster.test");

	world->is_accepting = false;
	world->known = known;
	net_assert_found(world, "https://mail.hoster.test/e");
	g_assert_cmpuint(world->asked->len, ==, 2);
}

/* Names that only look like the domain, or like Microsoft. */
static void test_lookalikes(World *world, const void *data)
{
	static const char *const hosts[] = {
		"notexample.org",
		"example.org.evil.test",
		"example.orgy",
		"xoutlook.office365.com",
		"outlook.office365.com.evil.test",
		"evil.outlook.com",
		"outlook.office365.com:8443",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
		g_autofree char *to = g_strdup_printf("https://%s" POX, hosts[i]);

		g_ptr_array_set_size(world->rows, 0);
		net_put_302(world, "http://" AUTO POX, to);
		net_put_pox(world, hosts[i], "https://evil.test/e");
		g_free(net_assert_lost(world, EWS_ERROR_DENIED));
		g_assert_false(net_was_fetched(world, to));
		g_assert_cmpuint(world->asked->len, ==, i + 1);
	}
}

static void test_https_to_other_host(World *world, const void *data)
{
	/* A web site that sends everything on to its hoster. */
	world->password = "right";
	net_put_302(world, "https://example.org" POX, "https://www.hoster.test/");
	net_put(world, 200, "https://www.hoster.test/")->asks_who = true;
	g_free(net_assert_lost(world, EWS_ERROR_DENIED));
	g_assert_false(net_was_fetched(world, "https://www.hoster.test/"));
}

static void test_other_address(World *world, const void *data)
{
	net_put_account(world, "example.org", "RedirectAddr", "ines@corp.example.net");
	net_put_pox(world, "autodiscover.corp.example.net", "https://net/e");
	g_free(net_assert_lost(world, EWS_ERROR_DENIED));
	g_assert_cmpstr(world->asked->pdata[0], ==, "https://example.org -> ines@corp.example.net");
	world->is_accepting = true;
	net_assert_found(world, "https://net/e");
}

static void test_tenant(World *world, const void *data)
{
	/* A hybrid: the mailbox has moved to the cloud. Nobody needs to be asked. */
	world->password = "right";
	Row *row = net_put_account(world, AUTO, "RedirectAddr", "ines@example.onmicrosoft.com");
	row->asks_who = true;
	row = net_put(world, 200,
		"https://outlook.office365.com/autodiscover/autodiscover.json"
		"/v1.0/ines@example.onmicrosoft.com?Protocol=EWS");
	row->body = g_strdup("{\"Protocol\":\"Ews\",\"Url\":\"https://cloud/e\"}");
	net_assert_found(world, "https://cloud/e");
	g_assert_cmpuint(net_count_told(world), ==, 1);
	g_assert_cmpuint(world->asked->len, ==, 0);
}

/* --- signing in ---------------------------------------------------------- */

static void test_password_is_kept(World *world, const void *data)
{
	world->password = "right";
	net_put_pox(world, AUTO, "https://pox-auto/e")->asks_who = true;
	net_put_json(world, "example.org", "https://json/e");
	net_assert_found(world, "https://json/e");
	g_assert_cmpuint(world->credentials_asked, ==, 0);
}

static void test_refused_password(World *world, const void *data)
{
	/* Four places want to know; two wrong answers are enough to lock an account. */
	world->password = "wrong";
	world->srv = "srv.example.org";
	net_put_pox(world, AUTO, "https://x/e")->asks_who = true;
	net_put_soap(world, AUTO, "https://x/e")->asks_who = true;
	net_put_pox(world, "example.org", "https://x/e")->asks_who = true;
	net_put_pox(world, "srv.example.org", "https://x/e")->asks_who = true;
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_AUTH);
	g_assert_nonnull(strstr(why, "the sign-in is refused"));
	g_assert_cmpuint(net_count_told(world), ==, 2);
	g_assert_cmpuint(world->credentials_asked, ==, 1);
}

static void test_401_is_not_the_end(World *world, const void *data)
{
	/* The web site takes nobody's password, the mail server does. */
	world->password = "right";
	net_put(world, 401, "https://" AUTO POX);
	net_put_pox(world, "example.org", "https://pox/e")->asks_who = true;
	net_assert_found(world, "https://pox/e");
	g_assert_true(net_was_fetched(world, "https://" AUTO POX " as ines"));
}

static void test_no_password(World *world, const void *data)
{
	net_put_pox(world, AUTO, "https://x/e")->asks_who = true;
	net_put_pox(world, "example.org", "https://x/e")->asks_who = true;
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_AUTH);
	g_assert_nonnull(strstr(why, "nobody knows the password"));
	g_assert_cmpuint(world->credentials_asked, ==, 1);
}

static void test_redirect_of_the_signed_in(World *world, const void *data)
{
	world->password = "right";
	net_put_account(world, AUTO, "RedirectUrl", "https://in.example.org" POX)->asks_who = true;
	net_put_pox(world, "in.example.org", "https://in/e")->asks_who = true;
	net_assert_found(world, "https://in/e");
	g_assert_true(net_was_fetched(world, "https://in.example.org" POX));
	g_assert_true(net_was_fetched(world, "https://in.example.org" POX " as ines"));
}

static void add(const char *name, void (*test)(World *world, const void *data))
{
	g_test_add(name, World, NULL, net_set_up, test, net_tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/ews/discover-trust/follows-ten-redirects", test_ten_hops);
	add("/ews/discover-trust/follows-no-eleven", test_eleven_hops);
	add("/ews/discover-trust/ends-in-a-loop", test_loops);
	add("/ews/discover-trust/ends-in-a-loop-of-addresses", test_address_loop);
	add("/ews/discover-trust/ends-when-there-is-no-end", test_no_end_of_hosts);
	add("/ews/discover-trust/never-goes-on-to-http", test_to_http);
	add("/ews/discover-trust/http-is-no-answer", test_http_is_no_answer);
	add("/ews/discover-trust/takes-no-odd-address", test_odd_addresses);
	add("/ews/discover-trust/asks-before-another-host", test_other_host);
	add("/ews/discover-trust/is-not-fooled-by-lookalikes", test_lookalikes);
	add("/ews/discover-trust/asks-before-another-host-by-https", test_https_to_other_host);
	add("/ews/discover-trust/asks-before-another-address", test_other_address);
	add("/ews/discover-trust/goes-on-to-the-tenant", test_tenant);
	add("/ews/discover-trust/keeps-the-password-where-it-can", test_password_is_kept);
	add("/ews/discover-trust/does-not-lock-the-account", test_refused_password);
	add("/ews/discover-trust/goes-on-after-401", test_401_is_not_the_end);
	add("/ews/discover-trust/says-when-there-is-no-password", test_no_password);
	add("/ews/discover-trust/asks-anew-where-it-is-sent", test_redirect_of_the_signed_in);
	return g_test_run();
}
