/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * Ops that wait to be sent: in order of urgency, then of age, and grouped by kind into batches.
 *
 * Ops of different urgency never share a batch, so that nobody waits for what another could do
 * without. There is no linger: a batch is what is there when a connection is free, so the first
 * op goes alone at once, and the more wait, the bigger the batches. ews thread only; owns the ops
 * that are in it.
 */
typedef struct EwsQueue EwsQueue;

/* No batch is bigger than this on the wire, by the ops' weights in base64; an op that alone is
 * heavier goes alone. */
#define EWS_QUEUE_BYTES_MAX (24 << 20)
#define EWS_QUEUE_BATCH_MAX 512

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
/* Any op, out of the queue; NULL: it is empty. Owned. */
EwsOp *ews_queue_pop(EwsQueue *self);

unsigned ews_queue_count(const EwsQueue *self);
/* The kind of the oldest op of this urgency, or NULL. */
const EwsOpKind *ews_queue_next(const EwsQueue *self, EwsPriority priority);
/* Takes ops of this urgency and kind out, the oldest first, at most @max; returns how many. */
unsigned ews_queue_take(EwsQueue *self, EwsPriority priority, const EwsOpKind *kind, unsigned max,
	EwsOp **ret_ops);
