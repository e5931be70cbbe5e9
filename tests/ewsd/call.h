/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One HTTP request between the socket's thread and its own: holds the message, the Out, and
 * the count of those who need them. The socket's thread starts it; it frees itself.
 */
#pragma once

#include <libsoup/soup.h>
#include <stdatomic.h>

#include "tests/ewsd/serve.h"

typedef struct CallShared {
	World *world;	/* borrowed */
	Schema *schema;	/* borrowed, or NULL */
	atomic_uint *latency_ms;
	atomic_int *running;
} CallShared;

/* `user`: the address of who signed in; borrowed from what outlives the call. */
void call_start(const CallShared *shared, SoupServerMessage *message, GBytes *body,
	const char *user);
