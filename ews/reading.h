/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ews/names.h"
#include "ews/types.h"

/*
 * How an answer is described and what a handler sees of it.
 *
 * An answer is described by nested tables of EwsElement, one row an element, which read like the
 * schema. ews/soap_read.c walks document and tables together: an element that no row names is
 * skipped with all that is in it; order does not matter. A row may store its text into a member
 * of the record being filled (an EwsItem, an EwsFolder), or call a function at its start tag and
 * at its end tag, or both (the store comes before the end function).
 *
 * Handlers say that something is wrong with ews_reading_fail(): this op fails, its neighbours do
 * not. ews thread only.
 */

/* Caps on what a server may send, all in one place. */
enum {
	EWS_CAP_DEPTH = 128,           /* elements inside each other */
	EWS_CAP_ATTRIBUTES = 32,       /* of one element */
	EWS_CAP_ATTRIBUTE = 4096,      /* bytes; ids are at most 512 */
	EWS_CAP_TEXT = 64 * 1024,      /* bytes of one property; what is longer is cut */
	EWS_CAP_STATE = 2 << 20,       /* bytes of a SyncState; of four at once, some copies each */
	EWS_CAP_CATEGORIES = 256,      /* of one item */
	EWS_CAP_ITEM_CHANGES = 16384,  /* in one page, of which 512 are asked for */
	EWS_CAP_FOLDERS = 200000,      /* in one page */
	EWS_CAP_EVENT_FOLDERS = 4096,  /* told of by name in one message of events */
	EWS_CAP_TAG = 1 << 20,         /* bytes without an event of the parser: a tag */
	EWS_CAP_HEADERS = 256 * 1024,  /* bytes of an answer's HTTP headers */
	EWS_CAP_WAIT_S = 900,          /* a server's wish for patience */
};
#define EWS_CAP_BODY (INT64_C(2) << 30) /* bytes of one answer, uncompressed */

typedef struct EwsReading EwsReading;
typedef struct EwsOp EwsOp;

typedef enum EwsFieldType {
	EWS_FIELD_NONE,   /* not stored */
	EWS_FIELD_TEXT,   /* not stored, but gathered for the end function */
	EWS_FIELD_STRING, /* char *, own */
	EWS_FIELD_TIME,   /* int64_t */
	EWS_FIELD_NUMBER, /* int64_t */
	EWS_FIELD_BOOL,   /* bool */
} EwsFieldType;

typedef enum EwsNamespace {
	EWS_NS_EXCHANGE, /* messages or types */
	EWS_NS_SOAP,
	EWS_NS_ANY,
} EwsNamespace;

typedef struct EwsElement EwsElement;
struct EwsElement {
	EwsName name; /* EWS_NAME_NONE ends the table */
	EwsNamespace ns;
	EwsFieldType type;
	uint32_t offset; /* of the member in the record */
	uint32_t text_max; /* 0: EWS_CAP_TEXT; what is longer is cut */
	const EwsElement *children;
	void (*start)(EwsReading *reading);
	void (*end)(EwsReading *reading);
	/* Given: text is not gathered but handed on as it comes. */
	void (*stream)(EwsReading *reading, const char *data, size_t len);
	bool is_message; /* a response message: the kind's table holds here too */
};

/* An ExtendedProperty while it is read. */
typedef struct EwsProperty {
	uint32_t tag; /* 0: a named one */
	bool is_ours; /* our property set */
	char name[32];
	GString *value; /* own */
} EwsProperty;

struct EwsReading {
	EwsOp *op;    /* borrowed: whose response message this is; NULL outside */
	void *record; /* borrowed: from the op; what fields are stored into */
	struct EwsEnvelope *envelope; /* borrowed: from the reader; for the envelope's own rows */
	GString *text; /* own; in an end function: the text of the element */
	bool is_cut;   /* it was longer than its cap */
	EwsName name; /* of the element that starts or ends; NONE for one that is not ours */
	const char *element; /* borrowed: in a start function, what it is called */
	GError *error; /* own; the op's */
	EwsProperty property;
	int64_t message_flags; /* PidTagMessageFlags of the item being read; -1: not said */
	GPtrArray *strings;    /* own: a list of strings while it is read (categories) */

	/* the attributes of the element that starts: libxml2's five pointers each */
	const EwsNames *names; /* borrowed: from the reader */
	const xmlChar **attributes;
	int attribute_count;
};

void ews_reading_init(EwsReading *self);
void ews_reading_clear(EwsReading *self);

/* The op whose message is read fails with @error (taken). The first error stays. */
void ews_reading_fail(EwsReading *self, GError *error);

/* In a start function: an attribute's value, or NULL when it is missing or too long. Owned. */
char *ews_reading_attribute(EwsReading *self, EwsName name);
/* The same as a number; @missing when it is not there or none. */
int64_t ews_reading_attribute_number(EwsReading *self, EwsName name, int64_t missing);

/* Stores the gathered text as the row says. */
void ews_reading_store(EwsReading *self, const EwsElement *element);

/* xs:boolean; anything else is FALSE. */
bool ews_parse_bool(const char *text);
/* xs:long; @missing for anything else. */
int64_t ews_parse_number(const char *text, int64_t missing);
/* xs:dateTime with any number of fractional digits, Z, an offset or none (UTC);
 * EWS_TIME_NONE for anything else. */
int64_t ews_parse_time(const char *text);
