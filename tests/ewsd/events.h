/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subscriptions and what happened since. News come from the store after each commit, with the
 * store locked; requests wait for them here, with it unlocked. Lost when the server ends, as
 * on real servers. Any thread.
 */
#pragma once

#include "tests/ewsd/store.h"

typedef struct Events Events;

Events *events_new(void);
void events_free(Events *self);
/* For store_listen. */
void events_hear(const StoreNews *news, void *data);
