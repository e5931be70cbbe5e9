/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request from its bytes to its end, on a thread of its own: latency, parsing, what is to
 * go wrong, the operation, the log line. Sockets are not its business: it says through the
 * hooks when the connection is to be closed.
 */
#pragma once

#include "tests/ewsd/soap.h"

typedef struct Serve {
	World *world;	/* borrowed */
	Schema *schema;	/* borrowed, or NULL */
	Out *out;	/* borrowed */
	GBytes *body;	/* borrowed */
	double time;
	const char *user;	/* borrowed: who signed in, by name */
	const char *anchor;	/* borrowed; X-AnchorMailbox, or NULL */
	const char *content;	/* borrowed; X-PublicFolderMailbox, or NULL */
	unsigned latency_ms;
	void (*hang_up)(void *data);
	void *data;	/* borrowed, for hang_up */
	/* for the answer's head: settled before the first byte of its body */
	unsigned status;
	const char *content_type;
	int retry_s;
	char location[256];	/* empty: not said */
} Serve;

void serve(Serve *self);
