/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One EWS request on its own thread: the parsed envelope, the answer, what is to go wrong
 * with it, and the steps that all operations share. An operation is a function in `ops/`
 * that is called between the opening and the closing of its response element.
 */
#pragma once

#include "tests/ewsd/fault.h"
#include "tests/ewsd/fields.h"
#include "tests/ewsd/log.h"
#include "tests/ewsd/out.h"
#include "tests/ewsd/store.h"
#include "tests/ewsd/xml.h"

typedef struct Events Events;
typedef struct Mailbox Mailbox;

/* What all requests share; set at start, then const. */
typedef struct World {
	Store *store;	/* own */
	FaultList *faults;	/* own */
	Log *log;	/* own */
	Events *events;	/* own */
	char *owner;	/* address */
	GPtrArray *mailboxes;	/* own, of Mailbox; the owner's first (mailbox.h) */
	GPtrArray *contents;	/* own, of names: those that autodiscover knows (content.h) */
	bool like_real;
	bool like_grommunio;	/* in what it gives and takes as events, contacts, tasks */
} World;

typedef struct Request {
	World *world;	/* borrowed: outlives every request */
	Mailbox *mailbox;	/* borrowed: world's; whose it is about */
	Store *store;	/* borrowed: the mailbox's */
	Events *events;	/* borrowed: the mailbox's */
	bool is_guest;	/* who asks is not who the mailbox is of */
	const char *refusal;	/* what each item gets, or NULL */
	Out *out;	/* borrowed: from the call */
	const FaultPlan *plan;	/* borrowed: from the call */
	xmlNode *op;	/* borrowed: from the document */
	const char *name;	/* of the operation */
	unsigned status;	/* HTTP */
	unsigned items;
	GString *codes;	/* JSON list of what each item got */
	bool with_ms;
	bool is_open;	/* the response element was begun */
	bool is_faulted;
	bool is_logged;
	const char *schema_error;	/* borrowed, or NULL */
	const char *anchor;	/* borrowed; X-AnchorMailbox, or NULL */
	const char *content;	/* borrowed; X-PublicFolderMailbox, or NULL */
	double time;	/* when it came */
	uint64_t in;	/* bytes */
} Request;

/* Writes one success message and returns NULL, or returns the code of what went wrong. */
typedef const char *(*RequestItem)(Request *self, xmlNode *node);

typedef enum RequestMode { REQUEST_READ, REQUEST_WRITE } RequestMode;

void request_open(Request *self);
void request_close(Request *self);
void request_ok(Request *self);
void request_ok_end(Request *self);
void request_error(Request *self, const char *code);
/* A SOAP fault instead of an answer; only before anything was flushed. */
void request_fault(Request *self, const char *code, const char *text);
void request_each(Request *self, xmlNode *list, RequestItem item, RequestMode mode);
/* The log line, once: the first call is the one that counts. */
void request_log(Request *self, const char *end);
void request_note(Request *self, const char *code);
/* Public folders know no sync, no subscription, no Deleted Items and no Deep. */
bool request_is_public(const Request *self);
/* With the store locked: by FolderId or DistinguishedFolderId. NULL, or the code. */
const char *request_folder(Request *self, const xmlNode *node, Folder **ret_folder);
/* The folder named inside a wrapper such as ToFolderId. */
const char *request_folder_in(Request *self, const xmlNode *wrapper, Folder **ret_folder);
const char *request_item(Request *self, const xmlNode *node, Item **ret_item);
