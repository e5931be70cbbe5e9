/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/http.h"
#include "ews/route.h"

/*
 * The public folder mailboxes that have what is in the folders, by their GUIDs (PR_REPLICA_LIST),
 * and their addresses, which requests for them are to say.
 *
 * Each is asked for once, by POX, of the server that EWS is on and with what the session signs in
 * with; one after the other, on a thread that lives as long as its question, so that nothing waits
 * but what is for that mailbox (EwsContent.is_asked: ews/queue.c leaves it aside). Where the answer
 * is that there is no such address, nothing is said for an hour; where there was no answer, for
 * half a minute, and the others that wait are not asked for either. Who is not let in asks for no
 * other for an hour: accounts get locked.
 *
 * Where there is no route to begin with, there are no contents (NULL), and nothing is said. ews
 * thread only, but for new and free.
 */
typedef struct EwsContents EwsContents;

typedef struct EwsContent {
	char *guid;       /* own; lower case */
	char *address;    /* own; NULL: none is known, and nothing is said */
	bool is_asked;    /* what is for it waits for the answer */
	int64_t until_us; /* monotonic; of one without an address: not asked for again before */
} EwsContent;

/* Of @config: the route and the memory. @wake: on any thread, when it is time for the next turn. */
EwsContents *ews_contents_new(const EwsConfig *config, void (*wake)(void *user), void *user);
/* Gives up a question that is under way, and waits for that; nothing may refer to the contents any
 * more. */
void ews_contents_free(EwsContents *self);

/* The mailbox with this GUID, which stays; from now on it is asked for, if that is due. NULL: there
 * are too many. */
const EwsContent *ews_contents_get(EwsContents *self, const char *guid, int64_t now);

/* One turn: takes an answer, and asks the next question. @may_ask: @http has what signs us in. */
void ews_contents_run(EwsContents *self, const EwsHttp *http, bool may_ask, int64_t now);

/* What nobody answered may be asked again at once. */
void ews_contents_forgive(EwsContents *self);
/* The server is another one: all are asked for anew. */
void ews_contents_forget(EwsContents *self);
