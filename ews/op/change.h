/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * What the small operations that change something have in common: an op that names one item or
 * folder, and where it goes. The answer is an id, or nothing. ews thread only, but for making.
 */
typedef struct ChangeOp {
	EwsOp op;
	char *id;             /* own */
	char *change_key;     /* own; NULL: none */
	char *target;         /* own; a folder's id, alike in a call; NULL: none */
	char *name;           /* own; NULL: none */
	EwsDisposal disposal; /* alike in a call */
} ChangeOp;

ChangeOp *ews_change_new(const EwsOpKind *kind, const char *id);

/* <element>: the ids of all, as @id ("t:ItemId"). */
void ews_change_write_ids(EwsWriter *writer, const char *element, const char *id, EwsOp *const *ops,
	unsigned count);
/* <element><t:FolderId/>: where the call goes. */
void ews_change_write_target(EwsWriter *writer, const char *element, const EwsOp *op);
/* @id with the change key, if there is one. */
void ews_change_write_id(EwsWriter *writer, const char *id, const ChangeOp *op);
/* "HardDelete" and so on. */
const char *ews_change_disposal(const EwsOp *op);

/* For EwsOpKind; the two for every kind of change, the last for ChangeOp. */
void ews_change_reset(EwsOp *op);
bool ews_change_finish(EwsOp *op, GError **error);
void ews_change_clear(EwsOp *op);

/* The items, or folders, whose ids stay. */
bool ews_change_is_about(const EwsOp *op, const EwsOp *asked);
