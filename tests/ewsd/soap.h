/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From bytes to an operation: parsing, the schema, and the table of operations. The schema is
 * loaded once and shared; checking with it takes a lock of its own.
 */
#pragma once

#include "tests/ewsd/request.h"

typedef struct Schema Schema;

Schema *soap_schema_load(const char *dir, GError **error);
void soap_schema_free(Schema *self);
/* What is wrong with the document, or NULL. */
char *soap_schema_check(Schema *self, xmlDoc *doc);

xmlDoc *soap_parse(const char *data, size_t length);
/* The operation's element inside the Body; NULL when it is no SOAP. */
xmlNode *soap_operation(xmlDoc *doc);
bool soap_wants_ms(xmlDoc *doc);
/* Whose mailbox is meant, of whoever signed in; NULL: nobody says. Owned. */
char *soap_impersonated(xmlDoc *doc);
bool soap_is_known(const char *name);
void soap_run(Request *request);
