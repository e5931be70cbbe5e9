/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "ews/ahead.h"
#include "ews/batch.h"
#include "ews/board.h"
#include "ews/contents.h"
#include "ews/inbox.h"
#include "ews/slept.h"
#include "ews/watch.h"

/*
 * The session as its two files know it, and nobody else: session.c is what any thread may call,
 * session_run.c the ews thread and what it owns.
 *
 * The thread sleeps in http (ews/loop.c) and nowhere else. Whoever wants something posts a
 * command into the inbox, whose wake hook ends that sleep. One turn of the loop: take commands,
 * refuse what cannot be now, send what may leave, move bytes.
 *
 * Start: inbox and http exist before the thread, so nothing is ever posted into the void. Stop:
 * a command like the others; the thread answers every op before it ends, and only then the rest
 * is freed.
 */

typedef enum CommandKind {
	COMMAND_SUBMIT,
	COMMAND_CALL,
	COMMAND_RAISE,
	COMMAND_CANCEL,
	COMMAND_WATCH,
	COMMAND_FOLDERS,
	COMMAND_MOVE,
	COMMAND_MAILBOX,
	COMMAND_STOP,
} CommandKind;

typedef struct Command {
	CommandKind kind;
	EwsOp *op;            /* own; SUBMIT */
	EwsCall *call;        /* own; CALL */
	EwsWatchSetup *setup; /* own; WATCH */
	char **folders;       /* own; FOLDERS */
	char *address;        /* own; MOVE, MAILBOX */
	uint64_t serial;
	EwsPriority priority;
} Command;

struct EwsSession {
	/* set at start, then const */
	pthread_t thread;
	EwsInbox *inbox; /* own, of Command */
	EwsHttp *http;   /* own; but for waking and last_progress: ews thread only */
	unsigned max_conns;
	unsigned timeout_s;
	bool insecure_http;
	EwsStateChanged changed; /* set before the first submit */
	void *changed_user;      /* borrowed: from the listener, for changed */

	atomic_uint_least64_t serial;
	atomic_uint call_sizes[EWS_CHANGE_COUNT];
	atomic_int holds; /* submitters who have more to say before anything leaves */

	/* ews thread only */
	EwsQueue *queue;       /* own */
	EwsAhead *ahead;       /* own */
	EwsWatch *watch;       /* own; NULL: nobody wants news */
	EwsBearer *bearer;     /* own; NULL: it is not tokens that we sign in with */
	EwsContents *contents; /* own; NULL: nothing is led */
	EwsSlept *slept;       /* own */
	EwsGovernor governor;
	EwsBatchShared shared;
	GPtrArray *batches; /* own, of EwsBatch: in flight */
	EwsState announced;
	int64_t foreground_us; /* when somebody last asked for something */
	bool is_stopping;

	EwsBoard board; /* any thread */
};

/* Makes what the thread owns, but for what the caller has made already: http, contents, slept, and
 * the bearer afterwards. */
void ews_session_prepare(EwsSession *self);

/* The thread; @user is the EwsSession. */
void *ews_session_run(void *user);

/* The number of an op that is to come; @user is the EwsSession. Any thread. */
uint64_t ews_session_next_serial(void *user);
