/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/source.h"

/*
 * The body of a request: pieces of text and, between them, messages that are read from their
 * files while it leaves. Its length is known before. ews thread only.
 */
typedef struct EwsBody EwsBody;

EwsBody *ews_body_new(void);
void ews_body_free(EwsBody *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsBody, ews_body_free)

void ews_body_add_text(EwsBody *self, const char *text, size_t len);
/* Takes @source; @owner is the number of the op in the call that it belongs to. */
void ews_body_add_source(EwsBody *self, EwsSource *source, unsigned owner);

int64_t ews_body_len(const EwsBody *self);
/* Everything was read. */
bool ews_body_is_read(const EwsBody *self);
/* The whole body where it is nothing but text, else NULL. Borrowed, NUL-terminated. */
const char *ews_body_text(const EwsBody *self);

/* The next bytes, at most @max; 0 after the last one. -1: a message cannot be read, see below. */
ssize_t ews_body_read(EwsBody *self, char *buffer, size_t max);

/* From the first byte again; what was wrong stays so. */
void ews_body_rewind(EwsBody *self);

/* What was wrong with which op's message; NULL: nothing. Borrowed. @ret_owner may be NULL. */
const GError *ews_body_error(const EwsBody *self, unsigned *ret_owner);
