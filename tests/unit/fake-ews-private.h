/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "tests/unit/fake-ews.h"

#include <pthread.h>

/* What fake-ews.c and fake-ews-change.c share. All is called with the session's lock held. */

/* A folder, and what happened in it: a state is how much of the log was told. */
typedef struct FakeFolder {
	EwsFolder *folder; /* own */
	GPtrArray *items;  /* own; of EwsItem */
	GPtrArray *log;    /* own; of EwsItemChange */
	int surplus;
	bool is_gone;
} FakeFolder;

typedef struct Trouble {
	char *prefix; /* own */
	EwsErrorCode code;
	char *words;  /* own; the server's code, or NULL */
	bool is_lost; /* in doubt; else the op was not done */
	bool is_done; /* lost, and done all the same */
	int times;
} Trouble;

struct EwsOp {
	char *line; /* own; what is written down of it */
	void (*answer)(EwsSession *session, EwsOp *op);
	char *id;    /* own */
	char *state; /* own */
	EwsSink sink;
	int64_t tag;
	char *content; /* own; the mailbox that it is led to, by its GUID */
	uint64_t serial;
	EwsPriority priority;
	EwsOpDone done;
	void *user;
	bool is_answered;  /* the answer is made, and held */
	GError *error;     /* own */
	EwsFolder *folder; /* own */
	EwsItem *item;     /* own */
	char **details;    /* own */
	EwsFolderPage found;
	EwsFolderSync hierarchy;
	EwsItemList list; /* SyncFolderItems: its page only */
	EwsFound search;
	bool is_aqs;

	/* of what changes something */
	char *target;      /* own; a folder */
	char *name;        /* own */
	EwsFields *fields; /* own */
	GString *mime;     /* own */
	EwsDisposal disposal;
	bool is_draft;
	bool is_in_doubt;
	bool is_refused_whole;
	char *response_code;  /* own */
	char *new_id;         /* own */
	char *new_change_key; /* own */
};

struct EwsSession {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* guarded by lock */
	GQueue ops;          /* of EwsOp; waiting for their answers */
	GPtrArray *held;     /* own; of EwsOp */
	char *hold_prefix;   /* own */
	bool holds_answers;  /* what is held was answered when it was asked */
	GPtrArray *troubles; /* own; of Trouble */
	GPtrArray *lines;    /* own; of char * */
	GPtrArray *folders;  /* own; of FakeFolder */
	GHashTable *mimes;   /* own; ItemId → bytes */
	unsigned page_size;
	unsigned call_size;
	unsigned made; /* ids of new items and folders */
	unsigned sent; /* messages that went out */
	bool leaves_drafts;
	bool ignores_aqs;
	unsigned version; /* of the hierarchy */
	unsigned spoiled; /* states of an earlier era are refused */
	const EwsNews *news; /* borrowed: from ews_watch; NULL: nobody listens */
	EwsWoke woke;        /* NULL: nobody asked */
	void *woke_user;     /* borrowed: from ews_session_on_wake */
	EwsPush first;       /* as he said */
	const char *server;  /* borrowed: from the test; what the server says that it is */
	int64_t commits;
	int64_t progress_us;
	uint64_t serial;
	bool is_silent;
	bool is_ids_only;
	bool is_public;
	bool is_busy; /* an answer is being delivered */
	bool is_stopping;
};

/* NULL: there is none (or it is gone). */
FakeFolder *fake_find_folder(EwsSession *self, const char *id);
/* G_MAXUINT: it has none. */
guint fake_find_item(const FakeFolder *folder, const char *id);
EwsFolder *fake_copy_folder(const EwsFolder *from);
/* What is not for public folders: TRUE, and the op is refused, where these are some. */
bool fake_refuses_public(EwsSession *self, EwsOp *op);
/* When it is asked: of another mailbox than has its content, a server finds nothing; it is written
 * down ("Misled GetItem ID"). */
void fake_look_where_it_goes(EwsSession *self, EwsOp *op);
/* Something in it has changed. */
void fake_touch(EwsSession *self, FakeFolder *folder);

/* Creates or updates, and logs. Takes @item, but not @mime. */
void fake_put_item(EwsSession *self, FakeFolder *folder, EwsItem *item, const char *mime);
/* Takes out and logs. */
void fake_drop_item(EwsSession *self, FakeFolder *folder, const char *item_id, bool is_told);
void fake_put_folder(EwsSession *self, const char *id, const char *parent, const char *name);

EwsOp *fake_op_new(const char *name, const char *id, const char *state,
	void (*answer)(EwsSession *, EwsOp *));
void fake_refuse_op(EwsOp *op, EwsErrorCode code);
/* Frees what fake-ews-change.c put into it. */
void fake_op_clear_change(EwsOp *op);
