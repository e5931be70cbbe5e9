/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "ews/ews.h"

/*
 * The MIME of a message on its way into a request: a file, read in pieces with pread, its line
 * ends made CRLF, as base64 without line breaks.
 *
 * How much that will be is counted when it is made (one pass over the file, in the maker's
 * thread), so that the request can say its length before it leaves. A file that has changed by
 * then, or is shorter, is an error of LOCAL while it is read, and no byte more than was announced
 * comes. Nothing but a small buffer is in memory, and that only while it is read.
 *
 * Made in any thread, then read in one. An op and the request that it is in share it: the request
 * may be read when the op is over, and the op may go once more.
 */
typedef struct EwsSource EwsSource;

/* Duplicates the descriptor. Never NULL: what is wrong is in ews_source_flaw. */
EwsSource *ews_source_new(const EwsUpload *upload);
EwsSource *ews_source_ref(EwsSource *self);
void ews_source_unref(EwsSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsSource, ews_source_unref)

/* Why it cannot be read at all, or NULL. Borrowed. */
const GError *ews_source_flaw(const EwsSource *self);
/* Letters of base64 in all. */
int64_t ews_source_len(const EwsSource *self);

/* The next letters, at most @max; 0 after the last one, -1 with LOCAL. */
ssize_t ews_source_read(EwsSource *self, char *buffer, size_t max, GError **error);

/* From the first letter again. */
void ews_source_rewind(EwsSource *self);

/* The first bytes of the file as they are, up to the blank line after the headers and at most
 * @max; owned. Empty when it cannot be read. */
GString *ews_source_head(const EwsSource *self, size_t max);
