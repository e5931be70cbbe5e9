/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The other side of fs/socket.c: says a command to a running ewsfs and hears its answer. Used by
 * ewsfsctl, and by an ewsfs that finds another in its place.
 *
 * One thread. Errors are of G_FILE_ERROR: EXIST nobody listens or no right to, PIPE he hung up,
 * AGAIN the deadline passed, INVAL he says what makes no sense.
 */
typedef struct FsTalk FsTalk;

/* To the one who listens at @path. */
FsTalk *fs_talk_new(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_talk_free(FsTalk *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsTalk, fs_talk_free)

/* @command: a builder in which the command's object was ended. */
bool fs_talk_say(FsTalk *self, JsonBuilder *command, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Sees each {"progress": …}; borrowed. */
typedef void (*FsTalkProgress)(JsonObject *progress, void *user);

/* The last line of the answer. @progress may be NULL. Monotonic; INT64_MAX: no deadline. */
JsonObject *fs_talk_hear(FsTalk *self, int64_t deadline_us, FsTalkProgress progress, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE when he has hung up before the deadline: the process ends. */
bool fs_talk_await_end(FsTalk *self, int64_t deadline_us);
