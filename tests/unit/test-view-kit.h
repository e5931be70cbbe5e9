/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* What the tests of view/ share: bytes in, text out. Dates are told in Berlin. */

/* Owned. */
char *view_kit_render(const void *bytes, size_t len);
char *view_kit_render_flagged(const char *message, const char *flags, const char *categories);

/* The text of @message is @wanted. */
void view_kit_expect(const char *message, const char *wanted);

/* What this process held of memory at most since the last call, in KiB. */
long view_kit_memory(void);
