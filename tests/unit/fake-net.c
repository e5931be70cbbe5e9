/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-net.h"

#include <string.h>

#include "ews/fetch.h"

static void free_row(void *data)
{
	Row *row = data;

	g_free(row->url);
	g_free(row->body);
	g_free(row->location);
	g_free(row);
}

void net_set_up(World *world, const void *data)
{
	*world = (World){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.rows = g_ptr_array_new_with_free_func(free_row),
		.log = g_ptr_array_new_with_free_func(g_free),
		.asked = g_ptr_array_new_with_free_func(g_free),
		.lines = g_ptr_array_new_with_free_func(g_free),
	};
}

void net_tear_down(World *world, const void *data)
{
	g_ptr_array_unref(world->rows);
	g_ptr_array_unref(world->log);
	g_ptr_array_unref(world->asked);
	g_ptr_array_unref(world->lines);
}

Row *net_put(World *world, int status, const char *format, ...)
{
	Row *row = g_new0(Row, 1);
	va_list args;

	va_start(args, format);
	row->url = g_strdup_vprintf(format, args);
	va_end(args);
	row->status = status;
	g_ptr_array_add(world->rows, row);
	return row;
}

Row *net_put_pox(World *world, const char *host, const char *url)
{
	Row *row = net_put(world, 200, "https://%s" POX, host);

	row->body = g_strdup_printf("<Autodiscover><Response><Account><Protocol><Type>EXPR</Type>"
				    "<EwsUrl>%s</EwsUrl></Protocol></Account></Response></"
				    "Autodiscover>",
		url);
	return row;
}

Row *net_put_soap(World *world, const char *host, const char *url)
{
	Row *row = net_put(world, 200, "https://%s" SOAP, host);

	row->body = g_strdup_printf(
		"<s:Envelope xmlns:s='s'><s:Body>"
		"<GetUserSettingsResponseMessage><Response><UserResponses><UserResponse>"
		"<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>%s</Value>"
		"</UserSetting></UserSettings></UserResponse></UserResponses></Response>"
		"</GetUserSettingsResponseMessage></s:Body></s:Envelope>",
		url);
	return row;
}

Row *net_put_json(World *world, const char *host, const char *url)
{
	Row *row = net_put(world, 200, "https://%s" JSON, host);

	row->body = g_strdup_printf("{\"Protocol\":\"Ews\",\"Url\":\"%s\"}", url);
	return row;
}

Row *net_put_302(World *world, const char *url, const char *to)
{
	Row *row = net_put(world, 302, "%s", url);

	row->location = g_strdup(to);
	return row;
}

Row *net_put_account(World *world, const char *host, const char *element, const char *text)
{
	Row *row = net_put(world, 200, "https://%s" POX, host);

	row->body = g_strdup_printf("<Autodiscover><Response><Account><%s>%s</%s></Account>"
				    "</Response></Autodiscover>",
		element, text, element);
	return row;
}

/* --- the network --------------------------------------------------------- */

static const Row *find_row(World *world, const char *url)
{
	for (guint i = 0; i < world->rows->len; i++) {
		const Row *row = world->rows->pdata[i];

		if (g_str_equal(row->url, url))
			return row;
	}
	return NULL;
}

static void write_down(World *world, const EwsFetch *fetch)
{
	pthread_mutex_lock(&world->lock);
	g_ptr_array_add(world->log,
		g_strconcat(fetch->url, fetch->credentials ? " as " : NULL,
			fetch->credentials ? fetch->credentials->user : NULL, NULL));
	pthread_mutex_unlock(&world->lock);
}

static bool wait_for(const EwsFetch *fetch, unsigned delay_ms, GError **error)
{
	int64_t begin_us = g_get_monotonic_time();

	for (;;) {
		int64_t took_ms = (g_get_monotonic_time() - begin_us) / 1000;

		if (took_ms >= delay_ms)
			return true;
		if (atomic_load(fetch->is_given_up)) {
			g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CANCELLED, "given up");
			return false;
		}
		if (took_ms >= fetch->timeout_ms) {
			g_set_error_literal(error, EWS_ERROR, EWS_ERROR_OFFLINE, "took too long");
			return false;
		}
		g_usleep(1000);
	}
}

static EwsFetched *fetch(void *user, const EwsFetch *fetch, GError **error)
{
	World *world = user;
	const Row *row = find_row(world, fetch->url);
	bool is_http = g_str_has_prefix(fetch->url, "http://");

	g_assert_true(is_http ? !fetch->credentials : g_str_has_prefix(fetch->url, "https://"));
	write_down(world, fetch);
	if (row && !wait_for(fetch, row->delay_ms, error))
		return NULL;
	if (!row || row->status == 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_OFFLINE, "%s: no such host", fetch->url);
		return NULL;
	}
	EwsFetched *got = g_new0(EwsFetched, 1);
	got->headers = g_ptr_array_new_with_free_func(g_free);
	got->status = row->status;
	if (row->asks_who &&
		(!fetch->credentials || g_strcmp0(fetch->credentials->secret, "right") != 0))
		got->status = 401;
	got->body = g_strdup(got->status != 401 && row->body ? row->body : "");
	got->len = strlen(got->body);
	got->location = g_strdup(row->location);
	return got;
}

static GPtrArray *srv(void *user, const char *domain, GError **error)
{
	World *world = user;
	GPtrArray *hosts;

	if (!world->srv || !g_str_equal(domain, "example.org")) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"there is no such record");
		return NULL;
	}
	hosts = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(hosts, g_strdup(world->srv));
	return hosts;
}

/* --- the person ---------------------------------------------------------- */

static bool give_credentials(void *user, EwsCredentials *ret_credentials, GError **error)
{
	World *world = user;

	world->credentials_asked++;
	if (!world->password) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_AUTH, "nobody knows the password");
		return false;
	}
	*ret_credentials =
		(EwsCredentials){.kind = EWS_AUTH_BASIC, .user = "ines", .secret = world->password};
	return true;
}

static bool accept_host(void *user, const char *from, const char *to)
{
	World *world = user;

	g_ptr_array_add(world->asked, g_strdup_printf("%s -> %s", from, to));
	return world->is_accepting;
}

static void say(void *user, const char *line)
{
	World *world = user;

	g_ptr_array_add(world->lines, g_strdup(line));
}

EwsDiscovered *net_discover(World *world, const char *address, GError **error)
{
	const EwsDiscoverMeans means = {.fetch = fetch, .srv = srv, .user = world};
	const EwsDiscover setup = {
		.address = address,
		.known = world->known,
		.timeout_ms = world->timeout_ms > 0 ? world->timeout_ms : 2000,
		.credentials = give_credentials,
		.accept = accept_host,
		.say = say,
		.user = world,
		.means = &means,
	};

	return ews_discover(&setup, error);
}

bool net_was_fetched(const World *world, const char *what)
{
	for (guint i = 0; i < world->log->len; i++)
		if (g_str_equal(world->log->pdata[i], what))
			return true;
	return false;
}

bool net_was_said(const World *world, const char *words)
{
	for (guint i = 0; i < world->lines->len; i++)
		if (strstr(world->lines->pdata[i], words))
			return true;
	return false;
}

unsigned net_count_told(const World *world)
{
	unsigned count = 0;

	for (guint i = 0; i < world->log->len; i++)
		count += strstr(world->log->pdata[i], " as ") != NULL;
	return count;
}

void net_assert_found(World *world, const char *url)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsDiscovered) found = net_discover(world, ME, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(found->url, ==, url);
}

char *net_assert_lost(World *world, EwsErrorCode code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsDiscovered) found = net_discover(world, ME, &error);

	g_assert_null(found);
	g_assert_error(error, EWS_ERROR, (int)code);
	return g_strdup(error->message);
}
