/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the server knows of MIME: properties from headers, read leniently, and the ways in
 * which real servers change the bytes. Pure, any thread.
 */
#pragma once

#include <glib.h>

#include "tests/ewsd/store.h"

void mime_start(void);
/* Fills in what is still empty in `item`; dates become 0 when the message has none. */
void mime_describe(GBytes *mime, Item *item);
/* The texts in it, decoded. */
char *mime_text(GBytes *mime);
/* Recipients as DisplayTo shows them. */
char *mime_display(const char *lines);
/* A received date for a message that tells none: fixed by its bytes. */
int64_t mime_fallback_date(GBytes *mime);
/* The MAPI size that goes with so many bytes of MIME: another number, as on real servers. */
int64_t mime_mapi_size(size_t length, int64_t salt);
/* Same length, new multipart boundaries. */
GBytes *mime_new_boundaries(GBytes *mime);
/* As a server returns what was uploaded: lines repaired, headers dropped and rewritten. */
GBytes *mime_as_stored(GBytes *mime);
/* Categories and importance in the header. */
GBytes *mime_decorate(GBytes *mime, const Item *item);
/* A message made from properties alone. */
GBytes *mime_compose(const Item *item, const char *body, bool is_html);
