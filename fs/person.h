/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

/*
 * The person at the terminal, if there is one. What has to be typed unseen: fs/secret.h.
 */

/* Asks; TRUE only for a yes. Without a terminal nobody says yes. */
bool fs_person_agrees(const char *question);

/* Whether to go on where @from says that a mailbox is looked after. @address: whose. */
bool fs_person_trusts(const char *address, const char *from, const char *to);
