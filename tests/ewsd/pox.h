/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Autodiscover beside EWS, in its old form (POX), where there are public folders: which mailbox
 * knows them all, and what that one is called. Main thread.
 */
#pragma once

#include <libsoup/soup.h>

#include "tests/ewsd/request.h"

/* FALSE: there is nothing of the kind here. */
bool pox_answer(const World *world, SoupServerMessage *message);
