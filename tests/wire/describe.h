/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/ews.h"

/*
 * Ops from words, and what came of them in words: for the .case files, the recorded answers and
 * the fuzzer.
 *
 *     get-item-mime ID [SIZE] | get-item ID | sync-items FOLDER [STATE] | sync-hierarchy [STATE]
 *     find-folder ROOT [OFFSET] | find-subfolders ROOT [OFFSET] | find-items FOLDER [STATE]
 *     find-newest FOLDER | get-folder ID | get-distinguished NAME | resolve NAME
 *     and those of tests/wire/change.h and tests/wire/news.h
 *
 * A Described holds the op and, for MIME, what its sink got.
 */
typedef struct Described {
	EwsOp *op;     /* own */
	char *what;    /* own: the first word */
	GString *mime; /* own */
	unsigned begun;
} Described;

/* NULL if the words are none of the above. */
Described *described_new(const char *words);
void described_free(Described *self);

/* Appends lines: "ok ..." with what was answered, or "error CODE: message", with "doubted" or
 * "refused" (as a whole) after the code where that is so. */
void described_print(Described *self, GString *out);
