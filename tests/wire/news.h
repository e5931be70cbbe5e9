/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/ews.h"

/*
 * Ops about news, from words, and what they were told:
 *
 *     subscribe stream|pull | unsubscribe ID | get-events ID | get-stream ID
 *
 * Of events the folders are told, sorted: "folders=A,B".
 */

/* NULL if the words are none of the above. */
EwsOp *news_new(char **words);
/* Is it the first word of one of the above? */
bool news_is(const char *word);
/* @op, which has no error, is one of those. */
void news_print(const char *word, const EwsOp *op, GString *out);
