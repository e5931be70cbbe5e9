/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gmime/gmime.h>
#include <stdbool.h>

/*
 * What a part of a message is to a person: what he reads, what is attached, and what that is
 * called.
 */
#define VIEW_DEPTH_MAX                                                                             \
	24 /* of parts in parts, messages among them: what is deeper is not looked at */

/* "*" for any @subtype. */
bool view_kind_is(GMimeObject *part, const char *type, const char *subtype);

/* It says so, or has a name. */
bool view_kind_is_attachment(GMimePart *part);

/* A part's, or a message's. Owned, UTF-8; NULL: it has none. */
char *view_kind_name(GMimeObject *part);

/* "image/png". Owned, UTF-8. */
char *view_kind_type(GMimeObject *part);

/* A calendar entry or a contact, as some servers give them, is no message; to GMime anything is. */
bool view_kind_is_card(GMimeStream *stream);
