/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "fs/fs.h"

/*
 * The end of a mount that was written to: what waits is sent first, for flush_timeout= seconds at
 * most, and not at all while the server is known to be away. What is left stays in the journal,
 * and the next mount sends it.
 *
 * May be begun twice: by a signal, while the mount still serves, and when it is gone. The time
 * counts from the first. Any thread.
 */
typedef struct FsDrain FsDrain;

FsDrain *fs_drain_new(const Fs *fs);
/* After cache_stop, which answers what is still asked. */
void fs_drain_free(FsDrain *self);

/* FALSE when there is nothing to wait for, or no hope. */
bool fs_drain_begin(FsDrain *self);

/* Not under way, done, out of time, or out of hope. To be asked again and again. */
bool fs_drain_is_over(FsDrain *self);

/* Somebody is in a hurry: it is over, now and for good. */
void fs_drain_give_up(FsDrain *self);

/* Changes that wait to be sent. */
unsigned fs_drain_left(const FsDrain *self);

/* The last word, into the log: what is left and what becomes of it. Nothing when nothing is. */
void fs_drain_report(const FsDrain *self);
