/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

/*
 * How long those who ask for sizes may wait (size=auto).
 *
 * One stat of an unseen message waits until its length is known. `ls -l` of a directory is many:
 * they wait FS_BUDGET_SCAN_US together, measured as the time in which at least one of them waits,
 * and get the server's estimate after that. A directory that nobody asked about for a while
 * starts anew. Remembers the directories asked about last and forgets the others, which then
 * start anew too: a wrong guess costs patience, not truth.
 *
 * Any thread. Times are monotonic microseconds, given by the caller.
 */
#define FS_BUDGET_SCAN_US (2 * 1000 * 1000)
#define FS_BUDGET_RESET_US (10 * 1000 * 1000)

typedef struct FsBudget FsBudget;

FsBudget *fs_budget_new(void);
void fs_budget_free(FsBudget *self);

/* Somebody wants a size in @dir. How long he may wait: INT64_MAX for the first, 0 when the
 * budget is used up. After any other answer than 0, fs_budget_end must follow. */
int64_t fs_budget_begin(FsBudget *self, int64_t dir, int64_t now_us);
void fs_budget_end(FsBudget *self, int64_t dir, int64_t now_us);
