/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tests' way in while the server runs: /ewsd/fault, latency, stats, mark, and what else
 * the README lists. Loopback only, as the server is, and without a password. Main thread.
 */
#pragma once

#include <libsoup/soup.h>
#include <stdatomic.h>

#include "tests/ewsd/request.h"

void admin_answer(World *world, atomic_uint *latency_ms, SoupServerMessage *message,
	const char *what);
