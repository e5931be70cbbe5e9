/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What a person looks for, in the words of a search box (the common part of AQS):
 *
 *     invoice "final draft" from:ada received:2026-11-01..2026-11-30 NOT isread:true
 *
 * Words without a property are looked for in subject, body, sender and recipients. Properties:
 *
 *     from to cc subject body              a word, or several in quotes
 *     received sent                        2026-11-20, 2026-11, 2026; from..to; > >= < <=
 *     hasattachment hasattachments isread  true or false
 *
 * Blanks mean AND; NOT binds before AND, AND before OR; parentheses group. What is not understood
 * is INVALID: half understood it would find what nobody asked for. A day is one in UTC.
 *
 * Immutable and counted: any thread.
 */
typedef struct EwsQuery EwsQuery;

#define EWS_QUERY_BYTES_MAX 1024
#define EWS_QUERY_DEPTH_MAX 16

/* INVALID where @text is none, and the message says why. */
EwsQuery *ews_query_parse(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
EwsQuery *ews_query_ref(EwsQuery *self);
void ews_query_unref(EwsQuery *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsQuery, ews_query_unref)

/* For a server's QueryString. Parsed again it means the same. */
char *ews_query_aqs(const EwsQuery *self);
