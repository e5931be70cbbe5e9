/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time as the server needs it: milliseconds since 1970 for what is stored, ISO 8601 text
 * for the wire, the monotonic clock for waiting. Any thread.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { CLOCK_TEXT = 40 };

int64_t clock_now(void);
double clock_seconds(void);
void clock_sleep(unsigned ms);
void clock_cond_init(pthread_cond_t *cond);
struct timespec clock_after(unsigned ms);
void clock_format(int64_t ms, bool with_ms, char text[CLOCK_TEXT]);
bool clock_parse(const char *text, int64_t *ret_ms);
