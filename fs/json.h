/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Members of JSON objects, one call each, for status and control files and for the socket.
 * Shared by ewsfs and ewsfsctl.
 */

/* A path need not be UTF-8; JSON must: what is not becomes the replacement character. NULL is
 * null. */
void fs_json_text(JsonBuilder *json, const char *name, const char *value);
void fs_json_number(JsonBuilder *json, const char *name, int64_t value);
void fs_json_flag(JsonBuilder *json, const char *name, bool value);
/* Microseconds since 1970, as text; null for 0. */
void fs_json_time(JsonBuilder *json, const char *name, int64_t us);

/* Until json_builder_end_object. @name NULL: not a member of something. */
void fs_json_begin(JsonBuilder *json, const char *name);

/* With a newline at the end. */
char *fs_json_to_text(JsonBuilder *json, bool is_pretty);

/* The object in @text, which may hold anything: NULL when it holds something else. Owned. */
JsonObject *fs_json_parse(const char *text);

/* Members of what others sent: the default when it is not there or of another kind. */
int64_t fs_json_get_number(JsonObject *object, const char *name, int64_t otherwise);
bool fs_json_get_flag(JsonObject *object, const char *name);
const char *fs_json_get_text(JsonObject *object, const char *name, const char *otherwise);
JsonObject *fs_json_get_object(JsonObject *object, const char *name);
