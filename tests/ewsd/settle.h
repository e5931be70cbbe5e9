/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What real servers do behind a create: a moment later background work touches the item and
 * its ChangeKey moves, though nothing that one can see has changed. Any thread; the work is
 * done on the main thread.
 */
#pragma once

#include "tests/ewsd/store.h"

void settle_later(Store *store, int64_t item);
