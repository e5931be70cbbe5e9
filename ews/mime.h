/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "ews/ews.h"

/*
 * MimeContent on its way from the parser into an op's sink: base64 is decoded as it comes, so
 * that a message of any size needs one small buffer.
 *
 * Strict where the bytes would be in doubt, tolerant where they are not: white space anywhere and
 * missing padding are fine; any other character, data after the padding, and a length that no
 * encoder produces (1 mod 4) are CORRUPT. ews thread only.
 */
typedef struct EwsMime EwsMime;

/* The sink is copied. */
EwsMime *ews_mime_new(const EwsSink *sink);
void ews_mime_free(EwsMime *self);

/* Begins anew: what came before is void. */
bool ews_mime_begin(EwsMime *self, GError **error);
bool ews_mime_feed(EwsMime *self, const char *text, size_t len, GError **error);
/* All of it came: hands on what is buffered. */
bool ews_mime_end(EwsMime *self, GError **error);
