/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * Times and sizes as people read them, and text that must stay on its line. Shared by ewsfs and
 * ewsfsctl.
 */

/* "2026-11-20T10:15:00Z", or "never" for 0 and less. Microseconds since 1970. */
char *fs_words_time(int64_t us);

/* "1.2 MiB" */
char *fs_words_size(uint64_t bytes);

/* "1 min 20 s" */
char *fs_words_duration(int64_t seconds);

/* Control characters and backslashes as \ooo: one line stays one line, and a terminal is left
 * alone. Whatever else the text holds stays. */
char *fs_words_line(const char *text);

/* "1 change", "7 changes" */
char *fs_words_count(uint64_t count, const char *one, const char *many);
