/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover.h"

#include <string.h>

#include "tests/unit/fake-net.h"

/* Who is asked, in which order, and whose answer counts. */

/* --- every combination --------------------------------------------------- */

enum { ABSENT, OPEN, ASKING };

/* One row each of what may be there, in the order in which it is believed. */
typedef struct Combination {
	int json_auto, pox_auto, soap_auto, json_domain, pox_domain, srv, http, microsoft;
} Combination;

/* What is there instead of a service that is not: each in turn. */
static void put_nothing(World *world, unsigned kind, const char *host, const char *path)
{
	Row *row = NULL;

	switch (kind % 6) {
	case 0:
		return;
	case 1:
		net_put(world, 404, "https://%s%s", host, path);
		return;
	case 2:
		row = net_put(world, 200, "https://%s%s", host, path);
		row->body = g_strdup("<html>We are so glad that you came!</html>");
		return;
	case 3:
		net_put(world, 500, "https://%s%s", host, path);
		return;
	case 4:
		row = net_put(world, 200, "https://%s%s", host, path);
		row->body =
			g_strdup("<Autodiscover><Response><Error><Message>Who?</Message></Error>"
				 "</Response></Autodiscover>");
		return;
	default:
		row = net_put(world, 200, "https://%s%s", host, path);
		row->body = g_strdup("{\"ErrorMessage\":\"Protocol \\u001b[2J\"}");
		return;
	}
}

static void delay(Row *row, int state, unsigned number)
{
	row->asks_who = state == ASKING;
	row->delay_ms = number % 7 == 0 ? 3 : 0;
}

static void lay_out(World *world, const Combination *c, unsigned n)
{
	if (c->json_auto != ABSENT)
		delay(net_put_json(world, AUTO, "https://json-auto/e"), c->json_auto, n);
	else
		put_nothing(world, n, AUTO, JSON);
	if (c->pox_auto != ABSENT)
		delay(net_put_pox(world, AUTO, "https://pox-auto/e"), c->pox_auto, n + 1);
	else
		put_nothing(world, n / 2 | 1, AUTO, POX);
	if (c->soap_auto != ABSENT)
		delay(net_put_soap(world, AUTO, "https://soap-auto/e"), c->soap_auto, n + 2);
	if (c->json_domain != ABSENT)
		delay(net_put_json(world, "example.org", "https://json-domain/e"), c->json_domain,
			1);
	if (c->pox_domain != ABSENT)
		delay(net_put_pox(world, "example.org", "https://pox-domain/e"), c->pox_domain, 1);
	else
		put_nothing(world, n / 3, "example.org", POX);
	if (c->srv != ABSENT) {
		world->srv = "srv.example.org";
		delay(net_put_pox(world, world->srv, "https://srv/e"), c->srv, n + 3);
	}
	if (c->http != ABSENT) {
		net_put_302(world, "http://" AUTO POX, "https://http.example.org" POX);
		delay(net_put_pox(world, "http.example.org", "https://http/e"), c->http, n + 4);
	}
	if (c->microsoft != ABSENT)
		net_put_json(world, "outlook.office365.com", "https://microsoft/e");
}

/* Those who say it to everybody, in two waves; then those who want to know; then Microsoft. */
static const char *expect(const Combination *c)
{
	/* A host that asks who we are by POX is not asked by SOAP. */
	int soap_auto = c->pox_auto == ABSENT ? c->soap_auto : ABSENT;
	const struct {
		int state, wanted;
		const char *url;
	} order[] = {
		{c->json_auto, OPEN, "https://json-auto/e"},
		{c->pox_auto, OPEN, "https://pox-auto/e"},
		{soap_auto, OPEN, "https://soap-auto/e"},
		{c->json_domain, OPEN, "https://json-domain/e"},
		{c->pox_domain, OPEN, "https://pox-domain/e"},
		{c->srv, OPEN, "https://srv/e"},
		{c->http, OPEN, "https://http/e"},
		{c->pox_auto, ASKING, "https://pox-auto/e"},
		{soap_auto, ASKING, "https://soap-auto/e"},
		{c->pox_domain, ASKING, "https://pox-domain/e"},
		{c->srv, ASKING, "https://srv/e"},
		{c->http, ASKING, "https://http/e"},
		{c->microsoft, OPEN, "https://microsoft/e"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
		if (order[i].state == order[i].wanted)
			return order[i].url;
	return NULL;
}

static void try_combination(const Combination *c, unsigned number)
{
	const char *url = expect(c);
	g_autoptr(GError) error = NULL;
	World world;

	net_set_up(&world, NULL);
	world.password = "right";
	lay_out(&world, c, number);
	g_autoptr(EwsDiscovered) found = net_discover(&world, ME, &error);
	g_assert_cmpstr(found ? found->url : NULL, ==, url);
	g_assert_true((found == NULL) == (error != NULL));
	/* Who looks in vain is told; who found, and nobody needed it, keeps the password. */
	g_assert_cmpuint(net_count_told(&world), <=, 1);
	if (!url || g_str_equal(url, "https://microsoft/e"))
		g_assert_true(net_was_fetched(&world, "https://outlook.office365.com" JSON));
	else
		g_assert_false(net_was_fetched(&world, "https://outlook.office365.com" JSON));
	g_assert_cmpuint(world.asked->len, ==, 0);
	for (guint i = 0; i < world.lines->len; i++)
		g_assert_null(strchr(world.lines->pdata[i], '\033'));
	net_tear_down(&world, NULL);
}

static void test_every_combination(void)
{
	for (unsigned n = 0; n < 2 * 3 * 3 * 2 * 3 * 3 * 3 * 2; n++) {
		unsigned rest = n;
		Combination c;

		c.json_auto = (int)(rest % 2), rest /= 2;
		c.json_domain = (int)(rest % 2), rest /= 2;
		c.microsoft = (int)(rest % 2), rest /= 2;
		c.pox_auto = (int)(rest % 3), rest /= 3;
		c.soap_auto = (int)(rest % 3), rest /= 3;
		c.pox_domain = (int)(rest % 3), rest /= 3;
		c.srv = (int)(rest % 3), rest /= 3;
		c.http = (int)(rest % 3);
		try_combination(&c, n);
	}
}

/* --- time ---------------------------------------------------------------- */

static void test_slow_hosts(World *world, const void *data)
{
	int64_t begin_us = g_get_monotonic_time();

	/* Neither those behind the first one are waited for, nor one that is silent for ever. */
	world->timeout_ms = 200;
	net_put_json(world, AUTO, "https://never/e")->delay_ms = 100000;
	net_put_pox(world, AUTO, "https://pox-auto/e");
	net_put_json(world, "example.org", "https://never/e")->delay_ms = 100000;
	net_put_302(world, "http://" AUTO POX, "https://never/")->delay_ms = 100000;
	net_assert_found(world, "https://pox-auto/e");
	int64_t took_ms = (g_get_monotonic_time() - begin_us) / 1000;
	g_assert_cmpint(took_ms, >=, 200);
	g_assert_cmpint(took_ms, <, 5000);
}

static void test_slow_but_better(World *world, const void *data)
{
	net_put_json(world, AUTO, "https://better/e")->delay_ms = 150;
	net_put_json(world, "example.org", "https://faster/e");
	net_assert_found(world, "https://better/e");
}

/* --- words --------------------------------------------------------------- */

static void test_offline(World *world, const void *data)
{
	g_autofree char *why = net_assert_lost(world, EWS_ERROR_OFFLINE);
	g_auto(GStrv) lines = g_strsplit(why, "\n", -1);

	g_assert_nonnull(strstr(why, "https://" AUTO POX ": no such host"));
	g_assert_nonnull(strstr(why, "-o url="));
	g_assert_cmpuint(g_strv_length(lines), <=, 12);
	g_assert_cmpuint(world->lines->len, >=, 6);
}

static void test_domains(void)
{
	static const struct {
		const char *address, *domain;
	} cases[] = {
		{"ines@example.org", "example.org"},
		{"Ines.Müller@Example.ORG", "example.org"},
		{"o'hara+x@a-b.c", "a-b.c"},
		{"ines@bücher.test", "xn--bcher-kva.test"},
		{"ines", NULL},
		{"@example.org", NULL},
		{"ines@", NULL},
		{"i nes@example.org", NULL},
		{"ines@exa mple.org", NULL},
		{"ines@example.org/x", NULL},
		{"a@b@c", NULL},
		{"ines@192.0.2.1", NULL},
		{"ines@.org", NULL},
		{"ines@a..b", NULL},
		{"ines@a.", NULL},
		{"ines@-a", NULL},
		{"i\nnes@a", NULL},
		{"ines\xff@a", NULL},
		{"ines@a:81", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *domain = ews_discover_domain(cases[i].address);

		g_assert_cmpstr(domain, ==, cases[i].domain);
	}
}

static void test_no_address(World *world, const void *data)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(net_discover(world, "EXAMPLE\\ines", &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED);
	g_assert_cmpuint(world->log->len, ==, 0);
}

static void add(const char *name, void (*test)(World *world, const void *data))
{
	g_test_add(name, World, NULL, net_set_up, test, net_tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/discover/takes-the-best-of-what-is-there", test_every_combination);
	g_test_add_func("/ews/discover/knows-a-mail-address", test_domains);
	add("/ews/discover/asks-only-mail-addresses", test_no_address);
	add("/ews/discover/does-not-wait-for-the-silent", test_slow_hosts);
	add("/ews/discover/waits-for-the-better-one", test_slow_but_better);
	add("/ews/discover/says-what-was-tried", test_offline);
	return g_test_run();
}
