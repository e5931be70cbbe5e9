/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/ews.h"
#include "ews/reading.h"
#include "ews/soap_write.h"

/*
 * What an operation is: one entry of a table (EwsOpKind), and the object that goes through the
 * queue (EwsOp). Each op/<operation>.c has its arguments, its writer and its reader side by side,
 * and embeds EwsOp as the first member of its own struct.
 *
 * Ops of one kind travel together: `write` puts the arguments of several into one call, and the
 * server answers with as many response messages in the same order. The elements inside a response
 * message are described by `elements`, a table that reads like the schema (ews/reading.h).
 *
 * Ops that change the mailbox travel in the calls that their submitter put together, once. What is
 * alike in a call (the target folder) is written from the first.
 *
 * Private to the room. Everything but making an op happens on the ews thread.
 */

/* The index of a kind in the queue's lists and the governor's sizes. */
typedef enum EwsKindId {
	EWS_KIND_GET_FOLDER,
	EWS_KIND_FIND_FOLDER,
	EWS_KIND_FIND_SUBFOLDERS,
	EWS_KIND_FIND_ITEM,
	EWS_KIND_SEARCH,
	EWS_KIND_SYNC_FOLDER_HIERARCHY,
	EWS_KIND_SYNC_FOLDER_ITEMS,
	EWS_KIND_GET_ITEM,
	EWS_KIND_GET_ITEM_MIME,
	EWS_KIND_GET_DETAILS,
	EWS_KIND_RESOLVE_NAMES,
	EWS_KIND_SUBSCRIBE,
	EWS_KIND_UNSUBSCRIBE,
	EWS_KIND_GET_EVENTS,
	EWS_KIND_GET_STREAMING_EVENTS, /* never queued: ews/watch.c */
	EWS_KIND_CREATE_ITEM, /* from here on in the order of EwsChange */
	EWS_KIND_UPDATE_ITEM,
	EWS_KIND_DELETE_ITEM,
	EWS_KIND_MOVE_ITEM,
	EWS_KIND_COPY_ITEM,
	EWS_KIND_SEND_ITEM,
	EWS_KIND_CHANGE_FOLDER, /* all four */
	EWS_KIND_COUNT,
} EwsKindId;

#define EWS_KIND_FIRST_CHANGE EWS_KIND_CREATE_ITEM
#define EWS_CHANGE_COUNT (EWS_KIND_COUNT - EWS_KIND_FIRST_CHANGE)

typedef struct EwsOpKind {
	EwsKindId id;
	EwsDestination to;  /* among public folders */
	const char *name;   /* of the operation, and of the request's element */
	unsigned batch_max; /* ops in one call */
	unsigned page_max;  /* entries in one answer; 0: it has no pages */
	const EwsElement *elements;
	const char *also_success; /* a ResponseCode that carries an answer too, or NULL */

	/* What stands inside the request's element. */
	void (*write)(EwsWriter *writer, EwsOp *const *ops, unsigned count);
	/* Forgets what an earlier, broken answer left. Before each sending. NULL: nothing. */
	void (*reset)(EwsOp *op);
	/* The response message is complete and said success: is the answer whole? NULL: it is. */
	bool (*finish)(EwsOp *op, GError **error);
	/* Frees what the kind's own struct owns. */
	void (*clear)(EwsOp *op);
	/* Bytes of the answer to expect, of the request for a change; NULL: few. */
	int64_t (*weight)(const EwsOp *op);
	/* May both travel in one call? NULL: they may. */
	bool (*is_alike)(const EwsOp *op, const EwsOp *other);
	/* Do both ask for the same? Together with adopt, for kinds whose ops know what follows. */
	bool (*is_same)(const EwsOp *op, const EwsOp *other);
	/* Takes over the answer, and what follows, from @from. */
	void (*adopt)(EwsOp *op, EwsOp *from);
	/* TRUE if what @op was answered with is about what @asked asked for. NULL: cannot tell. */
	bool (*is_about)(const EwsOp *op, const EwsOp *asked);
	/* Why it cannot be sent at all. NULL: nothing can be wrong. */
	const GError *(*flaw)(const EwsOp *op);
} EwsOpKind;

struct EwsOp {
	/* set when made, then const */
	const EwsOpKind *kind;

	/* set at submit */
	EwsOpDone done;
	void *user; /* borrowed: from the submitter, for done */
	uint64_t serial;
	EwsPriority priority;

	/* the submitter's */
	int64_t tag;
	char *guid; /* own; of the public folder mailbox with what it is about; NULL: not said */

	/* the session's */
	const struct EwsContent *content; /* borrowed: from ews/contents.c; that mailbox, or NULL */

	/* the queue's */
	GList link; /* in one of EwsQueue's lists while it waits */

	/* how it went so far: ews/settle.c */
	unsigned batch_max; /* smaller after each failure of a whole batch */
	unsigned page;      /* the entries that were asked for last; 0: it has no pages */
	uint8_t sent;
	uint8_t busy;
	uint8_t stopped;
	uint8_t missing;
	uint8_t broken;

	/* the answer */
	EwsOp *follow;        /* own: what will be wanted next; known before the answer has ended */
	GError *error;        /* own */
	char *response_code;  /* own; with an error, where the server gave one */
	char *new_id;         /* own */
	char *new_change_key; /* own */
	bool is_in_doubt;
	bool is_refused_whole;
};

/* Does it change the mailbox? Then what, for EwsChange. */
bool ews_op_kind_is_change(const EwsOpKind *kind);
EwsChange ews_op_kind_change(const EwsOpKind *kind);

/* Fills in the base of a new op. */
void ews_op_init(EwsOp *self, const EwsOpKind *kind);
/* Before each answer that may come. */
void ews_op_reset(EwsOp *op);

/* The call that @ops, of one kind, are sent in; @whose as in ews_writer_new. */
EwsBody *ews_op_write_call(EwsOp *const *ops, unsigned count, const EwsWhose *whose);

/* Ends @op with @error (taken; NULL: success) and gives it back to its submitter. */
void ews_op_done(EwsOp *op, GError *error);
