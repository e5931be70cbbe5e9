/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ews/query.h"

/* A query taken apart, for those who say it in other words. Private to the room. */

typedef enum EwsQueryKind {
	EWS_QUERY_AND, /* of two or more, as OR */
	EWS_QUERY_OR,
	EWS_QUERY_NOT, /* of one */
	EWS_QUERY_WORDS,
	EWS_QUERY_TIME,
	EWS_QUERY_FLAG,
} EwsQueryKind;

typedef enum EwsQueryField {
	EWS_QUERY_ANYWHERE,
	EWS_QUERY_FROM,
	EWS_QUERY_TO,
	EWS_QUERY_CC,
	EWS_QUERY_SUBJECT,
	EWS_QUERY_BODY,
	EWS_QUERY_RECEIVED,
	EWS_QUERY_SENT,
	EWS_QUERY_ATTACHMENT,
	EWS_QUERY_READ,
} EwsQueryField;

typedef struct EwsQueryTest {
	EwsQueryKind kind;
	EwsQueryField field;
	GPtrArray *tests; /* own; of EwsQueryTest; NULL but for the first three kinds */
	char *words;      /* own */
	bool is_start;    /* words: the last one may go on */
	bool is_true;     /* of a flag */
	int64_t from;     /* seconds since 1970; INT64_MIN: none */
	int64_t until;    /* not any more in it; INT64_MAX: none */
} EwsQueryTest;

const EwsQueryTest *ews_query_top(const EwsQuery *self);

/* A day, "2026-11-01"; as long as a time may be written, "2026-11-01T00:00:00Z". */
#define EWS_QUERY_TIME_BYTES 24
void ews_query_format_day(int64_t seconds, char *ret_text);
