/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A thread's inbox: the only way work changes threads.
 *
 * Any thread posts; one thread takes. A message is an owned pointer whose meaning the two ends
 * agree on. The taker may sleep in the inbox (take with a deadline), or elsewhere, in which case
 * @wake is called after each post that found the inbox empty (it must not block and must not
 * touch the inbox).
 *
 * pthread primitives, not GAsyncQueue: ThreadSanitizer understands these.
 */
typedef struct EwsInbox EwsInbox;

typedef void (*EwsInboxWake)(void *user);

EwsInbox *ews_inbox_new(EwsInboxWake wake, void *user);

/* Frees what was never taken with @free_message (may be NULL when the inbox is known empty). */
void ews_inbox_free(EwsInbox *self, GDestroyNotify free_message);

/* Any thread. Takes @message. */
void ews_inbox_post(EwsInbox *self, void *message);

/* The taking thread. The oldest message, or NULL when none came until @deadline_us
 * (g_get_monotonic_time() scale; 0: do not wait, INT64_MAX: wait for ever). */
void *ews_inbox_take(EwsInbox *self, int64_t deadline_us) G_GNUC_WARN_UNUSED_RESULT;
