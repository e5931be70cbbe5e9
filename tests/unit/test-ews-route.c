/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "ews/route.h"

/* The way to public folders: what autodiscover says of it, and what may be believed. */

#define GUID "1ec2a236-ed93-4f88-b9c6-33e63fa4aa44"
#define POX(inside)                                                                                \
	"<?xml version=\"1.0\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/"      \
	"autodiscover/responseschema/2006\"><Response xmlns=\"http://schemas.microsoft.com/"       \
	"exchange/autodiscover/outlook/responseschema/2006a\">" inside                             \
	"</Response></Autodiscover>"

static void check(const char *xml, const char *address, const char *hierarchy, const char *server)
{
	g_autoptr(GError) error = NULL;
	EwsRouteSaid said = {0};

	g_assert_true(ews_route_read(xml, strlen(xml), &said, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(said.address, ==, address);
	g_assert_cmpstr(said.hierarchy, ==, hierarchy);
	g_assert_cmpstr(said.server, ==, server);
	ews_route_said_clear(&said);
}

static void test_read(void)
{
	check(POX("<User><DisplayName>Ada</DisplayName><AutoDiscoverSMTPAddress> ada@example.org"
		  "</AutoDiscoverSMTPAddress></User><Account><Protocol><Type>EXCH</Type>"
		  "<Server>" GUID "@example.org</Server></Protocol><Protocol><Type>EXPR</Type>"
		  "<Server>mail.example.org</Server></Protocol><PublicFolderInformation>"
		  "<SmtpAddress> pf@example.org </SmtpAddress></PublicFolderInformation>"
		  "</Account>"),
		"ada@example.org", "pf@example.org", GUID "@example.org");
	check(POX("<Account><Protocol><Server>" GUID "@example.org</Server><Type>EXCH</Type>"
		  "</Protocol></Account>"),
		NULL, NULL, GUID "@example.org");
	/* A server that belongs to another protocol, or to none. */
	check(POX("<Account><Protocol><Server>a</Server></Protocol><Protocol><Type>EXCH</Type>"
		  "</Protocol></Account>"),
		NULL, NULL, NULL);
	check(POX("<Error><ErrorCode>500</ErrorCode></Error>"), NULL, NULL, NULL);
}

static void test_nonsense(void)
{
	static const char *const texts[] = {"", "<html>no</html>", POX("<Account>") "x",
		"<!DOCTYPE a [<!ENTITY b 'c'>]>" POX("<Account/>"), "<Autodiscover><Response>"};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		EwsRouteSaid said = {0};
		g_assert_false(ews_route_read(texts[i], strlen(texts[i]), &said, &error));
		g_assert_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL);
	}
}

/* What comes from the server stands in a header of ours. */
static void test_believed(void)
{
	static const char *const bad[] = {"pf", "@example.org", "pf@", "p f@example.org",
		"pf@example.org\r\nX-Other: 1", "pf\x01@example.org", "", "pf@ex\xc3\xa4mple.org"};
	g_autoptr(EwsRoute) good = ews_route_new("pf@example.org", GUID "@example.org");
	g_autofree char *longest = g_strnfill(300, 'a');
	g_autofree char *too_long = g_strconcat(longest, "@example.org", NULL);

	g_assert_nonnull(good);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_null(ews_route_new(bad[i], GUID "@example.org"));
		g_assert_null(ews_route_new("pf@example.org", bad[i]));
	}
	g_assert_null(ews_route_new(too_long, GUID "@example.org"));
	g_assert_null(ews_route_new(NULL, GUID "@example.org"));
	g_assert_null(ews_route_new("pf@example.org", "pf@example.org"));
	g_assert_null(ews_route_new("pf@example.org", GUID "0@example.org"));
}

static void test_content(void)
{
	g_autoptr(EwsRoute) route = ews_route_new("pf@example.org", GUID "@tenant.example.org");
	g_autofree char *other =
		ews_route_content(route, "7c9e6679-7425-40de-944b-e07fc1f90ae7");

	g_assert_cmpstr(other, ==, "7c9e6679-7425-40de-944b-e07fc1f90ae7@tenant.example.org");
	g_assert_null(ews_route_content(route, "7c9e6679"));
	g_assert_null(ews_route_content(route, ""));
}

static void test_leads_to(void)
{
	g_autoptr(EwsRoute) route = ews_route_new("pf@example.org", GUID "@example.org");
	g_autoptr(EwsRoute) copy = ews_route_copy(route);
	g_autofree char *upper = g_ascii_strup(GUID, -1);

	g_assert_true(ews_route_leads_to(copy, GUID));
	g_assert_true(ews_route_leads_to(copy, upper));
	g_assert_false(ews_route_leads_to(copy, "1ec2a236-ed93-4f88-b9c6-33e63fa4aa45"));
	g_assert_false(ews_route_leads_to(copy, "1ec2a236"));
	g_assert_false(ews_route_leads_to(copy, NULL));
	g_assert_false(ews_route_leads_to(NULL, GUID));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/route/reads-what-is-said", test_read);
	g_test_add_func("/ews/route/reads-no-nonsense", test_nonsense);
	g_test_add_func("/ews/route/believes-addresses-only", test_believed);
	g_test_add_func("/ews/route/leads-to-one-mailbox", test_leads_to);
	g_test_add_func("/ews/route/asks-for-another-by-its-guid", test_content);
	return g_test_run();
}
