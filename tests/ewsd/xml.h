/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a request: a DOM is good enough for a test server. Elements are found by their
 * local name. Any thread, each on its own document. Strings returned as `char *` are the
 * caller's.
 */
#pragma once

#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

bool xml_is(const xmlNode *node, const char *name);
xmlNode *xml_first(const xmlNode *parent);
xmlNode *xml_next(const xmlNode *node);
xmlNode *xml_child(const xmlNode *parent, const char *name);
/* A/B/C below parent, NULL when one of them is missing. */
xmlNode *xml_path(const xmlNode *parent, const char *path);
unsigned xml_count(const xmlNode *parent);
char *xml_attr(const xmlNode *node, const char *name);
int64_t xml_attr_int(const xmlNode *node, const char *name, int64_t fallback);
bool xml_attr_is(const xmlNode *node, const char *name, const char *value);
char *xml_text(const xmlNode *node);
char *xml_child_text(const xmlNode *parent, const char *name);
bool xml_is_true(const xmlNode *node);
/* The base64 content of a node; NULL when it is none. */
GBytes *xml_base64(const xmlNode *node);
