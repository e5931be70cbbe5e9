/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/*
 * JSON from somebody whom we need not trust: one object, and not a deep one.
 *
 * json-glib goes down into what is nested by recursion and has no limit of its own, so brackets
 * are counted before it sees the text. Pure; any thread.
 */
#define EWS_JSON_BRACKETS_MAX 256

/* PROTOCOL when @text is anything but an object. Owned. Never repeats a word of @text: it may hold
 * a token. */
JsonObject *ews_json_parse(const char *text, gsize len, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A member of that kind; NULL where there is none. Borrowed from @object. */
const char *ews_json_text(JsonObject *object, const char *name);

/* A whole number, also one that is written as text, within @min and @max; else @otherwise. */
gint64 ews_json_number(JsonObject *object, const char *name, gint64 min, gint64 max,
	gint64 otherwise);
