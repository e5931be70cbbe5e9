/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A small XML document as a list of what its elements hold: a call at the end of each element,
 * with its place by local names ("/Autodiscover/Response/Account") and its text, trimmed. Text of
 * an element that is too long is "". Namespaces are not compared: each version has its own.
 */
typedef void (*EwsDiscoverElement)(void *user, const char *place, const char *text);

/* FALSE with PROTOCOL: not XML, cut off, too deep, or with a document type. What was called before
 * that is to be forgotten. */
bool ews_discover_xml_walk(const char *data, size_t len, EwsDiscoverElement end, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
