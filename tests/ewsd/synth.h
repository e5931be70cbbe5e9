/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Synthetic messages, each fixed by a seed and a median size: varied senders, subjects in
 * several scripts, sizes spread log-normally. The properties are made when the mailbox is
 * filled, the MIME only when somebody asks for it. Pure, any thread.
 */
#pragma once

#include <glib.h>

#include "tests/ewsd/store.h"

enum { SYNTH_BYTES = 2048 };

void synth_describe(uint64_t seed, uint64_t median, Item *item);
GBytes *synth_mime(uint64_t seed, uint64_t median);
