/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * Ops that wait to be sent: in order of urgency, then of age, and grouped by kind into batches.
 *
 * Ops of different urgency never share a batch, so that nobody waits for what another could do
 * without; nor do ops for different mailboxes, and those whose mailbox is being asked for
 * (ews/contents.h) wait without holding up the others. There is no linger: a batch is what is there
 * when a connection is free, so the first op goes alone at once, and the more wait, the bigger the
 * batches. Calls that were put together elsewhere wait beside them, in the same order, and leave as
 * they came. ews thread only; owns the ops that are in it.
 */
typedef struct EwsQueue EwsQueue;

/* No batch is bigger than this on the wire, by the ops' weights in base64; an op that alone is
 * heavier goes alone. */
#define EWS_QUEUE_BYTES_MAX (24 << 20)
#define EWS_QUEUE_BATCH_MAX 512

/* Ops of one kind that travel together. */
typedef struct EwsCall {
	uint64_t serial;
	EwsPriority priority;
	unsigned count;
	EwsOp *ops[]; /* own */
} EwsCall;

EwsQueue *ews_queue_new(void);
/* Must be empty. */
void ews_queue_free(EwsQueue *self);

/* Takes @op, behind the others. */
void ews_queue_push(EwsQueue *self, EwsOp *op);
/* Takes @op back, before the others. */
void ews_queue_return(EwsQueue *self, EwsOp *op);
void ews_queue_raise(EwsQueue *self, uint64_t serial, EwsPriority priority);
/* The op with this serial, out of the queue, or NULL when it has left. Owned. */
EwsOp *ews_queue_remove(EwsQueue *self, uint64_t serial);
/* Any op that is in no call, out of the queue; NULL: there is none. Owned. */
EwsOp *ews_queue_pop(EwsQueue *self);

/* Takes @call and its ops, behind the others. */
void ews_queue_push_call(EwsQueue *self, EwsCall *call);
/* Takes @call back, before the others. */
void ews_queue_return_call(EwsQueue *self, EwsCall *call);
/* The oldest call of this urgency that may leave, if it is older than all ops that may (but those
 * of @barred kinds, bits of EwsKindId); else NULL. Owned: to be freed with g_free, its ops with
 * ews_op_free. */
EwsCall *ews_queue_take_call(EwsQueue *self, EwsPriority priority, unsigned barred);
/* Any op of a call, out of the queue; NULL: there is none. Owned. */
EwsOp *ews_queue_pop_call(EwsQueue *self);

/* Ops, those in calls too. */
unsigned ews_queue_count(const EwsQueue *self);
/* The kind of the oldest op of this urgency that may leave, and is not of a @barred kind; NULL:
 * there is none. */
const EwsOpKind *ews_queue_next(const EwsQueue *self, EwsPriority priority, unsigned barred);
/* Takes ops of this urgency and kind out that may leave for the same mailbox, the oldest first, at
 * most @max; returns how many. */
unsigned ews_queue_take(EwsQueue *self, EwsPriority priority, const EwsOpKind *kind, unsigned max,
	EwsOp **ret_ops);
