/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Properties of a request put onto an item: the same for a new item and for a change of an
 * old one. The caller saves the item; bodies and extended properties wait in the record until
 * `change_store`, because a new item has no id before.
 */
#pragma once

#include "tests/ewsd/request.h"

typedef struct Change {
	Item *item;	/* borrowed */
	GBytes *mime;
	char *body;
	bool is_html;
	bool is_new;
	bool only_read;	/* nothing but the read flag was touched */
	bool has_flags;	/* 0x0E07 or IsRead was given */
	GPtrArray *keys;	/* extended properties: key, */
	GPtrArray *values;	/* and value or NULL */
} Change;

void change_init(Change *self, Item *item, bool is_new);
void change_clear(Change *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Change, change_clear)
/* NULL, or the code of what is wrong. */
const char *change_set(Change *self, const xmlNode *property);
const char *change_append(Change *self, const xmlNode *property);
const char *change_delete(Change *self, const xmlNode *path);
/* With the store locked, before item_insert or item_save: the new MIME becomes the body. */
void change_take_mime(Change *self, Request *request);
/* After it: extended properties. */
void change_store(Change *self, Store *store);
