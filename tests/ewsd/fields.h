/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The properties that the server knows, in the order of the schema, and what a request asks
 * of them: shapes for answers, columns for restrictions and sort orders.
 */
#pragma once

#include <libxml/tree.h>

#include "tests/ewsd/out.h"
#include "tests/ewsd/store.h"

typedef enum FieldKind {
	FIELD_STRING, FIELD_DATE, FIELD_BOOL, FIELD_INT, FIELD_ENUM, FIELD_LINES, FIELD_PEOPLE,
	FIELD_OTHER,
} FieldKind;

enum {
	FIELD_DEFAULT = 1,	/* in BaseShape Default */
	FIELD_ALL = 2,	/* in AllProperties */
	FIELD_MESSAGE = 4,	/* on messages only, not on every item */
	FIELD_HEAVY = 8,	/* never in a listing */
};

typedef enum FieldOther {
	OTHER_NONE, OTHER_MIME, OTHER_ID, OTHER_PARENT, OTHER_BODY, OTHER_HEADERS, OTHER_EXT,
	OTHER_RIGHTS, OTHER_FLAG, OTHER_SENDER, OTHER_FROM, OTHER_TOPIC, OTHER_CONVERSATION,
} FieldOther;

typedef struct Field {
	const char *uri;
	const char *elem;
	FieldKind kind;
	FieldOther other;
	size_t offset;
	const char *column;	/* NULL: cannot be searched */
	unsigned flags;
} Field;

extern const Field FIELDS[];
extern const unsigned FIELDS_N;

extern const char *const FIELD_IMPORTANCE[3];
extern const char *const FIELD_SENSITIVITY[4];
extern const char *const FIELD_FLAG[3];

const Field *field_by_uri(const char *uri);

/* A MAPI property, as an ExtendedFieldURI names it. */
typedef struct ExtField {
	char *key;	/* canonical: how it is stored */
	char *echo;	/* the attributes as the answer has them */
	char *type;
	int tag;	/* -1 when named */
} ExtField;

void ext_field_free(ExtField *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExtField, ext_field_free)
ExtField *ext_field_parse(const xmlNode *node);
/* Value(s) of an ExtendedProperty element as one text. */
char *ext_value_parse(const xmlNode *property);
char *ext_value(Store *store, const Item *item, const ExtField *ext, bool with_ms);
/* The SQL expression of a tag that is not kept as a property; NULL for the others. */
const char *ext_column(int tag, FieldKind *ret_kind);

typedef struct Shape {
	uint64_t fields;	/* bits of FIELDS */
	GPtrArray *ext;
	GPtrArray *ext_values;	/* of the item at hand, beside ext */
	char *pim;	/* own; of the item at hand: what it has as event, contact or task */
	bool with_ms;
	bool is_listing;
	bool is_default;
	bool is_all;
	GPtrArray *folder_uris;
} Shape;

Shape *shape_parse(const xmlNode *shape, bool is_listing, bool with_ms);
void shape_free(Shape *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Shape, shape_free)
bool shape_has(const Shape *self, FieldOther other);
