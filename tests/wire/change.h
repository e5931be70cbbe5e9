/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/ews.h"

/*
 * Ops that change something, from words:
 *
 *     create-item FOLDER KIND draft|sent MIME [FIELD]... | update-item ID KEY KIND FIELD...
 *     delete-item ID HOW | move-item ID FOLDER | copy-item ID FOLDER | send-item ID [KEY]
 *     create-folder PARENT NAME | update-folder ID KEY NAME | move-folder ID PARENT
 *     delete-folder ID HOW
 *
 * KIND: message, calendar, contact. KEY "-": none. HOW: trash, soft, hard. FIELD: class=, subject=,
 * read=0|1, importance=0..2, categories=A,B, flag=0..2, received=MICROSECONDS, sent=, name=, guid=,
 * upload=. In every word "\040" and the like stand for what they do in C.
 */

/* NULL if the words are none of the above. */
EwsOp *change_new(char **words);
/* Is it the first word of one of the above? */
bool change_is(const char *word);
