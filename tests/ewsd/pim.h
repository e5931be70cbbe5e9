/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events, contacts and tasks: their own properties, kept as they were said and told again when
 * asked for; and their MIME as one server or another gives and takes it. Pure but for the store.
 */
#pragma once

#include <libxml/tree.h>

#include "tests/ewsd/change.h"
#include "tests/ewsd/fields.h"

/* Keeps a property of an event, a contact or a task in the change; false: it is none. */
bool pim_keep(Change *self, const xmlNode *property);
/* What of them the shape asks for: written by pim_write. With the store locked. Owned. */
char *pim_prepare(Store *store, const Item *item, const Shape *shape);

/* Is it an event, a contact or a task? */
bool pim_is(const Item *item);

/* As grommunio gives what it has: an event in a message beside its text, all else as TNEF. */
GBytes *pim_mime_out(GBytes *mime, const Item *item);
/* As grommunio takes it: of a message its calendar; of anything else nothing, and it says well
 * done. */
GBytes *pim_mime_in(GBytes *mime);
