/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Addresses out of the headers of a message. Pure; any thread. */

typedef struct EwsAddress {
	char *name;    /* own, UTF-8; NULL: none */
	char *address; /* own; never empty */
} EwsAddress;

/* All addresses of all headers called @header in @head, groups taken apart; an array of
 * EwsAddress, empty where there are none. Owned. */
GPtrArray *ews_addresses_of(const char *head, gsize len, const char *header);
