/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Where a test may kill the program: at the Nth commit, sending or answer of the journal.
 * EWSFS_TEST_KILL="commit:3" (or send, answer, any) in the environment kills the process there
 * with SIGKILL; EWSFS_TEST_KILL="count:FILE" appends the name of each step to FILE instead. Without
 * it a step costs a comparison. Any thread.
 */
typedef enum CacheStep {
	CACHE_STEP_COMMIT, /* a change and its intent have just been committed */
	CACHE_STEP_SEND,   /* the journal says "sending"; nothing has left yet */
	CACHE_STEP_ANSWER, /* an answer is here, and the journal does not know of it yet */
} CacheStep;

void cache_step(CacheStep step);
