/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * How messages are to be called: a template, like {date}_{party}_{subject}.{key}, as people write
 * it, taken apart. Pure; any thread. Names are made of it in name.c.
 *
 * What is not a field stands in names as it is, so only what names may hold is taken: letters and
 * digits of any script, `.`, `_` and `-`. It has {key}, since names are to be unique and stable,
 * each field once, and no more of them than fit into a name. The extension is no part of it.
 */

typedef enum CacheTemplateField {
	CACHE_TEMPLATE_TEXT, /* no field: as it is */
	CACHE_TEMPLATE_DATE,
	CACHE_TEMPLATE_DAY,
	CACHE_TEMPLATE_TIME,
	CACHE_TEMPLATE_PARTY,
	CACHE_TEMPLATE_FROM,
	CACHE_TEMPLATE_TO,
	CACHE_TEMPLATE_SUBJECT,
	CACHE_TEMPLATE_KEY,
	CACHE_TEMPLATE_FIELDS,
} CacheTemplateField;

/* Between and around fields that are there once: text. */
#define CACHE_TEMPLATE_PIECES_MAX (2 * CACHE_TEMPLATE_FIELDS)

typedef struct CacheTemplatePiece {
	CacheTemplateField field;
	char *text; /* own; of TEXT, composed (NFC) */
} CacheTemplatePiece;

typedef struct CacheTemplate {
	char *words; /* own; as it was given */
	CacheTemplatePiece pieces[CACHE_TEMPLATE_PIECES_MAX];
	unsigned count;
	unsigned key; /* which of them is {key} */
} CacheTemplate;

/* @words NULL: the usual one. NULL with UNSUPPORTED where it cannot be; the error is for people. */
CacheTemplate *cache_template_new(const char *words, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_template_free(CacheTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheTemplate, cache_template_free)
