/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * In which of the public folder mailboxes what is in a folder is. They have names here: "two" is
 * two@example.org, by a GUID that is always the same; "" is the one that knows the hierarchy, and
 * has what nobody put elsewhere. A folder is where its parent is, unless it was told otherwise.
 *
 * Who says nothing is led by the server; who names another mailbox finds nothing there. The store
 * is locked by the caller.
 */
#pragma once

#include "tests/ewsd/request.h"

#define CONTENT_DOMAIN "@example.org"

/* "FOLDER/PATH=NAME". */
bool content_put(Store *store, const char *spec, GError **error);
/* The part of that before a comma; after it "unlisted": autodiscover knows nothing of it. Owned. */
char *content_spec(const char *spec, bool *ret_is_listed);

/* Owned. */
char *content_name(Store *store, int64_t folder);
char *content_guid(const char *name);
char *content_address(const char *name);

/* The request names a mailbox that does not have what is in the folder. */
bool content_is_misled(const Request *request, int64_t folder);
