/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The HTTP side: sockets, Basic authentication, one thread for each request, and the chunks
 * of its answer. All calls from the main thread.
 */
#pragma once

#include <libsoup/soup.h>

#include "tests/ewsd/soap.h"

typedef struct Server Server;

typedef struct ServerOptions {
	unsigned port;
	GTlsCertificate *certificate;	/* borrowed, or NULL */
	char **users;	/* borrowed: "name:password" */
	unsigned latency_ms;
	Schema *schema;	/* borrowed, or NULL */
} ServerOptions;

Server *server_start(World *world, const ServerOptions *options, GError **error);
unsigned server_port(const Server *self);
/* Closes connections and waits a little for requests that are still at work; false when
 * some are, then the world must not be freed. */
bool server_stop(Server *self);
