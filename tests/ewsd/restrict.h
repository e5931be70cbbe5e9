/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restrictions and sort orders as SQL over the items table (aqs.h: query strings). Values
 * are bound, never pasted. Pure.
 */
#pragma once

#include <libxml/tree.h>

#include "tests/ewsd/store.h"

/* What a person reads of an item, as SQL. */
#define ITEM_TEXT "(SELECT ews_text(mime) FROM bodies WHERE bodies.id = items.body)"

typedef struct Where {
	GString *sql;
	GPtrArray *values;	/* text to bind; numbers are text too, and cast in the SQL */
	bool like_real;	/* what gromox refuses is refused */
} Where;

void where_init(Where *self, bool like_real);
void where_clear(Where *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Where, where_clear)
/* NULL, or the code of what is wrong. */
const char *where_restriction(Where *self, const xmlNode *test);
/* The SQL of a SortOrder element; NULL when a path cannot be sorted by. */
char *where_order(Where *self, const xmlNode *order);
void where_bind(const Where *self, sqlite3_stmt *stmt, int first);
