/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ewsd/admin.h"
#include "tests/ewsd/call.h"
#include "tests/ewsd/clock.h"
#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/pox.h"

enum { STOP_WAIT_MS = 2000 };

struct Server {
	SoupServer *soup;	/* own */
	char **users;	/* own */
	GPtrArray *addresses;	/* own; of users, in their order */
	World *world;	/* borrowed: outlives us */
	CallShared shared;
	atomic_uint latency_ms;
	atomic_int running;
};

/* The address of who comes in; NULL: nobody. */
static const char *allowed(const Server *self, SoupServerMessage *message)
{
	const char *header = soup_message_headers_get_one(
		soup_server_message_get_request_headers(message), "Authorization");
	g_autofree char *given = NULL;
	gsize length;

	if (!header || g_ascii_strncasecmp(header, "Basic ", 6) != 0)
		return NULL;
	given = (char *)g_base64_decode(header + 6, &length);
	for (guint i = 0; self->users[i]; i++) {
		const char *user = self->users[i];

		if (strlen(user) == length && memcmp(user, given, length) == 0)
			return self->addresses->pdata[i];
	}
	return NULL;
}

static void refuse(Server *self, SoupServerMessage *message, unsigned status, const char *op)
{
	gsize in = (gsize)soup_server_message_get_request_body(message)->length;
	LogLine line = {.time = clock_seconds(), .op = op, .in = in, .status = status,
		.codes = ""};

	if (status == 401)
		soup_message_headers_append(soup_server_message_get_response_headers(message),
			"WWW-Authenticate", "Basic realm=\"ewsd\", charset=\"UTF-8\"");
	soup_server_message_set_status(message, status, NULL);
	log_request(self->world->log, &line);
}

/*
 * An answer leaves in small writes, a chunk's length, its bytes, its end: held back until the
 * client acknowledged the one before (RFC 896), each request takes the client's delayed
 * acknowledgement (RFC 1122, 4.2.3.2) longer, which no real server adds.
 */
static void send_at_once(SoupServer *soup, SoupServerMessage *message, gpointer data)
{
	GSocket *socket = soup_server_message_get_socket(message);

	if (socket)
		g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

static void on_ews(SoupServer *soup, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer data)
{
	Server *self = data;
	const char *user = allowed(self, message);
	g_autoptr(GBytes) body = NULL;

	if (!user) {
		refuse(self, message, 401, "");
		return;
	}
	if (strcmp(soup_server_message_get_method(message), "POST") != 0) {
		/* As Exchange: a browser is sent to the description of the service. */
		soup_message_headers_append(soup_server_message_get_response_headers(message),
			"Location", "/EWS/Services.wsdl");
		refuse(self, message, 302, "GET");
		return;
	}
	body = soup_message_body_flatten(soup_server_message_get_request_body(message));
	call_start(&self->shared, message, body, user);
}

static void on_any(SoupServer *soup, SoupServerMessage *message, const char *path,
	GHashTable *query, gpointer data)
{
	Server *self = data;

	if (g_ascii_strcasecmp(path, "/EWS/Exchange.asmx") == 0) {
		on_ews(soup, message, path, query, data);
		return;
	}
	if (g_ascii_strcasecmp(path, "/EWS/Services.wsdl") == 0 && allowed(self, message)) {
		static const char wsdl[] = "<?xml version=\"1.0\"?><wsdl:definitions"
			" xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\"/>";

		soup_server_message_set_response(message, "text/xml", SOUP_MEMORY_STATIC, wsdl,
			sizeof(wsdl) - 1);
		refuse(self, message, 200, "GET");
		return;
	}
	if (g_ascii_strcasecmp(path, "/autodiscover/autodiscover.xml") == 0) {
		if (!allowed(self, message))
			refuse(self, message, 401, "");
		else
			refuse(self, message, pox_answer(self->world, message) ? 200 : 404,
				"Autodiscover");
		return;
	}
	if (g_str_has_prefix(path, "/ewsd/")) {
		admin_answer(self->world, &self->latency_ms, message, path + strlen("/ewsd/"));
		return;
	}
	refuse(self, message, 404, "");
}

Server *server_start(World *world, const ServerOptions *options, GError **error)
{
	Server *self = g_new0(Server, 1);
	g_autoptr(GInetAddress) loopback = g_inet_address_new_loopback(G_SOCKET_FAMILY_IPV4);
	g_autoptr(GSocketAddress) address = g_inet_socket_address_new(loopback,
		(guint16)options->port);

	self->world = world;
	self->users = g_strdupv(options->users);
	self->addresses = g_ptr_array_new_with_free_func(g_free);
	for (char **user = self->users; *user; user++)
		g_ptr_array_add(self->addresses, mailbox_address_of(*user));
	atomic_init(&self->latency_ms, options->latency_ms);
	atomic_init(&self->running, 0);
	self->shared = (CallShared){world, options->schema, &self->latency_ms, &self->running};
	self->soup = options->certificate
		? soup_server_new("tls-certificate", options->certificate, NULL)
		: soup_server_new("server-header", "ewsd", NULL);
	g_signal_connect(self->soup, "request-started", G_CALLBACK(send_at_once), NULL);
	soup_server_add_handler(self->soup, NULL, on_any, self, NULL);
	if (soup_server_listen(self->soup, address,
		options->certificate ? SOUP_SERVER_LISTEN_HTTPS : 0, error))
		return self;
	server_stop(self);
	return NULL;
}

unsigned server_port(const Server *self)
{
	GSList *uris = soup_server_get_uris(self->soup);
	int port = uris ? g_uri_get_port(uris->data) : 0;

	g_slist_free_full(uris, (GDestroyNotify)g_uri_unref);
	return (unsigned)port;
}

bool server_stop(Server *self)
{
	int64_t until = g_get_monotonic_time() + STOP_WAIT_MS * 1000;

	soup_server_disconnect(self->soup);
	while (atomic_load(&self->running) > 0 && g_get_monotonic_time() < until) {
		while (g_main_context_iteration(NULL, FALSE))
			continue;
		clock_sleep(5);
	}
	if (atomic_load(&self->running) > 0)
		return false;
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	g_object_unref(self->soup);
	g_strfreev(self->users);
	g_ptr_array_unref(self->addresses);
	g_free(self);
	return true;
}
