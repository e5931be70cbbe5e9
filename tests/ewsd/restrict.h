/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Restrictions, sort orders and (simple) query strings as SQL over the items table. Values
 * are bound, never pasted. Pure.
 */
#pragma once

#include <libxml/tree.h>

#include "tests/ewsd/store.h"

typedef struct Where {
	GString *sql;
	GPtrArray *values;	/* text to bind; numbers are text too, and cast in the SQL */
} Where;

void where_init(Where *self);
void where_clear(Where *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Where, where_clear)
/* NULL, or the code of what is wrong. */
const char *where_restriction(Where *self, const xmlNode *test);
void where_query(Where *self, const char *query);
/* The SQL of a SortOrder element; NULL when a path cannot be sorted by. */
char *where_order(Where *self, const xmlNode *order);
void where_bind(const Where *self, sqlite3_stmt *stmt, int first);
