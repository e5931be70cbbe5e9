/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Items and folders as XML. `render_prepare` looks up with the store locked, `render_item`
 * writes without it, so that a slow reader of a long message holds up nobody.
 */
#pragma once

#include "tests/ewsd/fields.h"

const char *render_element(const Item *item);
bool render_has_mime(const Item *item);
void render_prepare(Store *store, const Item *item, Shape *shape);
/* `mime` is written when the shape wants it; `bad_base64` spoils its encoding. */
void render_item(Out *out, const IdsKey *key, const Item *item, const Shape *shape,
	GBytes *mime, bool bad_base64);
void render_item_id(Out *out, const IdsKey *key, const Item *item);
void render_folder_id(Out *out, const IdsKey *key, const char *name, int64_t id, int64_t seq);
const char *render_folder_element(const Folder *folder);
/* With the store locked. */
void render_folder(Out *out, Store *store, const Folder *folder, const Shape *shape);
