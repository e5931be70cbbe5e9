/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Notices that the machine has slept, or that a virtual one was stopped: what was connected before
 * is dead, though nobody has said so, and what was known is old.
 *
 * The monotonic clock stands still meanwhile, and with it every wait. What goes on is the clock
 * since boot; of a virtual machine that was stopped not even that, but somebody sets its calendar
 * right afterwards. Wakes by itself when either happens, asks nothing in between. One thread.
 */
typedef struct EwsSlept EwsSlept;

/* Readings of the clocks at one moment, in microseconds. */
typedef struct EwsClocks {
	int64_t monotonic;
	int64_t boot;
	int64_t calendar;
} EwsClocks;

EwsSlept *ews_slept_new(void);
void ews_slept_free(EwsSlept *self);

/* Becomes readable when it is time to look; -1 where the kernel cannot. Not to be read. */
int ews_slept_fd(const EwsSlept *self);

/* How long it was since the last look, as far as the monotonic clock does not know; 0: it was not
 * long. Microseconds. */
int64_t ews_slept_look(EwsSlept *self);

/* The rule alone. */
int64_t ews_slept_between(const EwsClocks *before, const EwsClocks *now);
