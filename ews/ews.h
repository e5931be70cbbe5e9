/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/types.h"

/*
 * The door of ews/: a session with one server for one account, and the operations it takes.
 *
 * A session owns the ews thread, which alone touches curl, the XML parser and the queue. Any
 * thread may make an op and submit it; submitting gives the op away until @done is called with
 * it, on the ews thread, exactly once. @done owns the op from then on, may only look at it and
 * post it to an inbox, and whoever ends up with it frees it.
 *
 * One op is one thing wanted (one item, one page of a folder). The session makes batches of
 * them: N ops of a kind become one SOAP call, and each op is answered at the end of its own
 * response message, while the rest of the answer still streams.
 *
 * What the session does by itself, so that nobody above has to:
 *   - orders by priority, holds at most max_conns requests in flight and keeps one of them free
 *     for those whom a person waits for;
 *   - sizes batches by time, count and summed size; halves what failed as a whole or timed out,
 *     until one bad item stands alone with its error;
 *   - repeats what is safe to repeat once on a broken connection;
 *   - pauses all work on ErrorServerBusy, 503, 429 (the server's hint, our minimum, jitter);
 *   - stops for good at the first real 401 (AUTH at once for every op, queued and to come);
 *   - known offline, answers OFFLINE at once; lets one op through as a probe when one is due.
 * It knows no files, no SQLite, no FUSE, and never changes anything on the server in this version.
 */

typedef struct EwsSession EwsSession;
typedef struct EwsOp EwsOp;

typedef struct EwsConfig {
	const char *url;
	const char *user;
	const char *password;
	const char *cacert; /* PEM file; NULL: the system's */
	unsigned max_conns;
	unsigned timeout_s;  /* of silence on a request */
	bool insecure_http;  /* allow http to other than loopback */
} EwsConfig;

/* Checks the configuration (url, https or loopback: else UNSUPPORTED) and starts the thread; no
 * request is sent. Copies @config. */
EwsSession *ews_session_start(const EwsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Answers every op that is left with CANCELLED, joins the thread, frees. NULL is fine. */
void ews_session_stop(EwsSession *self);

typedef enum EwsState {
	EWS_STATE_NEW,     /* nothing was asked yet */
	EWS_STATE_ONLINE,  /* the last request was answered */
	EWS_STATE_BUSY,    /* paused at the server's wish */
	EWS_STATE_OFFLINE, /* not reached; probed from time to time */
	EWS_STATE_STOPPED, /* sign-in refused: nothing is sent any more */
} EwsState;

/* A snapshot for people. */
typedef struct EwsStatus {
	EwsState state;
	uint64_t requests; /* sent so far */
	uint64_t bytes_in;
	uint64_t bytes_out;
	unsigned in_flight;
	unsigned queued;
	int64_t resume_us;     /* BUSY: until when; OFFLINE: next probe (monotonic); else 0 */
	char error[256];       /* what was wrong last, in one line; "" */
	char server[64];       /* ServerVersionInfo in a word, "15.2.1544 (Exchange2016)"; "" */
} EwsStatus;

/* Any thread. */
void ews_session_status(EwsSession *self, EwsStatus *ret_status);

/* Any thread: when a byte last came from the server (monotonic microseconds; 0: never). */
int64_t ews_session_last_progress(EwsSession *self);

/* Called on the ews thread when EwsState changes. Set before the first submit. */
typedef void (*EwsStateChanged)(EwsState state, void *user);
void ews_session_listen(EwsSession *self, EwsStateChanged changed, void *user);

/* --- operations ------------------------------------------------------------------------- */

typedef enum EwsPriority {
	EWS_PRIORITY_WAITING,    /* somebody waits for just this */
	EWS_PRIORITY_SCAN,       /* somebody walks along and waits, or will in a moment */
	EWS_PRIORITY_BACKGROUND, /* nobody waits */
	EWS_PRIORITY_COUNT,
} EwsPriority;

typedef void (*EwsOpDone)(EwsOp *op, void *user);

/* Takes @op; @done gets it back. Returns a serial number for ews_raise. */
uint64_t ews_submit(EwsSession *self, EwsOp *op, EwsPriority priority, EwsOpDone done, void *user);

/* Any thread: between the two, what is submitted (by anyone) gathers, so that many ops that belong
 * together leave as full batches and not one by one as fast as they come. Keep it short. */
void ews_hold(EwsSession *self);
void ews_release(EwsSession *self);

/* A queued op becomes more urgent; one that has left already is let go on. Any thread. */
void ews_raise(EwsSession *self, uint64_t serial, EwsPriority priority);

/* Answers a queued op with CANCELLED; one that has left already is let go on. Any thread. */
void ews_cancel(EwsSession *self, uint64_t serial);

void ews_op_free(EwsOp *op);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsOp, ews_op_free)

/* What went wrong, or NULL. Borrowed from the op. */
const GError *ews_op_error(const EwsOp *op);

/* A label of the submitter's on the op (which node, which folder). Never used in ews/. */
void ews_op_set_tag(EwsOp *op, int64_t tag);
int64_t ews_op_tag(const EwsOp *op);

/* GetFolder: one folder by id, or a distinguished one ("msgfolderroot"). */
EwsOp *ews_get_folder_new(const char *id);
EwsOp *ews_get_distinguished_folder_new(const char *name);
EwsFolder *ews_get_folder_take(EwsOp *op); /* owned; NULL after an error */

/* FindFolder, Deep, below @root_id: one page. */
typedef struct EwsFolderPage {
	GPtrArray *folders; /* own, of EwsFolder */
	uint32_t next_offset;
	bool is_last;
} EwsFolderPage;
EwsOp *ews_find_folder_new(const char *root_id, uint32_t offset);
const EwsFolderPage *ews_find_folder_page(const EwsOp *op); /* borrowed from the op */

/* SyncFolderHierarchy below msgfolderroot: one page. @state NULL: from the beginning. */
typedef struct EwsFolderSync {
	GPtrArray *changes; /* own, of EwsFolderChange */
	char *state;        /* own */
	bool is_last;
} EwsFolderSync;
EwsOp *ews_sync_folder_hierarchy_new(const char *state);
const EwsFolderSync *ews_sync_folder_hierarchy_page(const EwsOp *op);

/* SyncFolderItems: one page, with the listing properties. @state NULL: from the beginning. */
#define EWS_SYNC_PAGE_MAX 512
typedef struct EwsItemSync {
	GPtrArray *changes; /* own, of EwsItemChange */
	char *state;        /* own */
	bool is_last;
} EwsItemSync;
EwsOp *ews_sync_folder_items_new(const char *folder_id, const char *state);
const EwsItemSync *ews_sync_folder_items_page(const EwsOp *op);

/* Where MIME goes while it streams. Both are called on the ews thread. @begin is called before
 * the first byte, and again when the item is fetched anew after a broken answer: what came
 * before is void. An error from either ends this item, not its batch. */
typedef struct EwsSink {
	bool (*begin)(void *user, GError **error);
	bool (*write)(void *user, const void *data, size_t len, GError **error);
	void *user;
} EwsSink;

/* GetItem with MIME: one item. @size_hint is item:Size, or -1; @sink is copied. Succeeds only
 * when the whole content came and was good base64. The result has id, change_key, item_class. */
EwsOp *ews_get_item_mime_new(const char *item_id, int64_t size_hint, const EwsSink *sink);

/* GetItem without MIME, with the listing properties: one item. */
EwsOp *ews_get_item_new(const char *item_id);
EwsItem *ews_get_item_take(EwsOp *op); /* both kinds; owned; NULL after an error */

/* ResolveNames: the primary SMTP address of @entry (the user's own sign-in name). */
EwsOp *ews_resolve_names_new(const char *entry);
const char *ews_resolve_names_address(const EwsOp *op); /* borrowed; NULL after an error */
