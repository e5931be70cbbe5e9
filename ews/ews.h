/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/access.h"
#include "ews/query.h"
#include "ews/route.h"
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
 *     until one bad item stands alone with its error; pages of what timed out likewise;
 *   - uses fewer connections where the server has too many of ours;
 *   - repeats what is safe to repeat once on a broken connection;
 *   - pauses all work on ErrorServerBusy, 503, 429 (the server's hint, our minimum, jitter);
 *   - gets a bearer token before anything is sent, and another before it expires or when the server
 *     does not take it; what was answered with 401 goes again then, changes too: it is certainly
 *     not done;
 *   - stops for good at the first real 401 (AUTH at once for every op, queued and to come);
 *   - known offline, answers OFFLINE at once; lets one op through as a probe when one is due.
 * It knows no files, no SQLite, no FUSE.
 *
 * What changes the mailbox is another matter: such a call leaves as it was put together, once, and
 * is never repeated here, since a server goes on working after the connection was cut. Each of
 * its ops ends with success, with an error that says it was certainly not done, or in doubt; what
 * to do then is the caller's to decide, who keeps a journal.
 */

typedef struct EwsSession EwsSession;
typedef struct EwsOp EwsOp;

typedef struct EwsConfig {
	const char *url;
	EwsAuthKind auth;
	const char *user;
	const char *password;       /* BASIC, NTLM */
	EwsTokenSource token;       /* BEARER; what it points to outlives the session */
	const char *impersonate;    /* whose mailbox, by its address; NULL: the account's own */
	bool is_archive;            /* distinguished folders are those of its online archive */
	const EwsRoute *route;      /* to public folders; NULL: the server finds its way */
	EwsContentMemory memory;    /* of what lies beyond the route */
	EwsTls tls;
	unsigned max_conns;
	unsigned timeout_s; /* of silence on a request */
	bool insecure_http; /* allow http to other than loopback */
} EwsConfig;

/* Checks the configuration (url, https or loopback: else UNSUPPORTED) and starts the thread; no
 * request is sent. Copies @config. */
EwsSession *ews_session_start(const EwsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Answers every op that is left with CANCELLED, joins the thread, frees. Ends a subscription first,
 * when online, which may take up to a second. NULL is fine. */
void ews_session_stop(EwsSession *self);

typedef enum EwsState {
	EWS_STATE_NEW,     /* nothing was asked yet */
	EWS_STATE_ONLINE,  /* the last request was answered */
	EWS_STATE_BUSY,    /* paused at the server's wish */
	EWS_STATE_OFFLINE, /* not reached; probed from time to time */
	EWS_STATE_STOPPED, /* sign-in refused: nothing is sent any more */
} EwsState;

/* How a server tells that something changed, the best first. */
typedef enum EwsPush {
	EWS_PUSH_STREAM, /* one request that stays open and is answered bit by bit */
	EWS_PUSH_PULL,   /* GetEvents from time to time */
	EWS_PUSH_NONE,   /* nothing of the kind: look for changes with a refresh */
} EwsPush;

/* A snapshot for people. */
typedef struct EwsStatus {
	EwsState state;
	uint64_t requests; /* sent so far */
	uint64_t bytes_in;
	uint64_t bytes_out;
	unsigned in_flight;
	unsigned conns;        /* so many may be, at most; fewer after the server had too many */
	unsigned page;         /* changes asked for in one SyncFolderItems */
	unsigned queued;
	int64_t resume_us;     /* BUSY: until when; OFFLINE: next probe (monotonic); else 0 */
	EwsPush push;          /* what the watch uses or tries (see ews_watch); NONE without one */
	bool is_listening;     /* and whether it is told of changes just now */
	char error[256];       /* what was wrong last, in one line; "" */
	bool is_signing_in;    /* nothing is sent before there is a token */
	char url[256];         /* where it is asked; long ones are cut */
	char server[64];       /* ServerVersionInfo in a word, "15.2.1544 (Exchange2016)"; "" */
} EwsStatus;

/* Any thread. */
void ews_session_status(EwsSession *self, EwsStatus *ret_status);

/* Any thread: when a byte last came from the server (monotonic microseconds; 0: never). */
int64_t ews_session_last_progress(EwsSession *self);

/* Any thread: when a byte of a call that changes something last left, or one of its answer came
 * (the same clock). Of an upload the answer is silent for as long as it takes. */
int64_t ews_session_last_change(EwsSession *self);

/* Called on the ews thread when EwsState changes. Set before the first submit. */
typedef void (*EwsStateChanged)(EwsState state, void *user);
void ews_session_listen(EwsSession *self, EwsStateChanged changed, void *user);

/* Called on the ews thread when the machine has slept, or was stopped: connections are new, a
 * subscription will be, and what is known is old. */
typedef void (*EwsWoke)(void *user);
void ews_session_on_wake(EwsSession *self, EwsWoke woke, void *user);

/* Any thread: the mailbox is at @url now. What is not on its way yet is asked there, as after
 * sleep; pauses that the former server asked for are over. The address is checked as at the
 * start. */
bool ews_session_move(EwsSession *self, const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

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

/* The server's own name for what went wrong ("ErrorQuotaExceeded"), where it gave one; else NULL.
 * Borrowed from the op. */
const char *ews_op_response_code(const EwsOp *op);

/* A label of the submitter's on the op (which node, which folder). Never used in ews/. */
void ews_op_set_tag(EwsOp *op, int64_t tag);
int64_t ews_op_tag(const EwsOp *op);

/* Before it is submitted: what @op is about is in the public folder mailbox with this GUID (of
 * several items, all of it). Where there is a route, such ops travel by themselves, and to that
 * mailbox as soon as its address is known. NULL: nobody says where it is. */
void ews_op_set_content(EwsOp *op, const char *guid);

/* Any thread: the distinguished folders that are asked for from now on are those of somebody
 * else's mailbox, by its primary address, where the server lets us. */
void ews_session_set_mailbox(EwsSession *self, const char *address);

/* GetFolder: one folder by id, or a distinguished one ("msgfolderroot"). */
EwsOp *ews_get_folder_new(const char *id);
EwsOp *ews_get_distinguished_folder_new(const char *name);
EwsFolder *ews_get_folder_take(EwsOp *op); /* owned; NULL after an error */

/* FindFolder below @root_id: one page. Deep, all that is below; or Shallow, what stands in it, and
 * many of these in a call. */
typedef struct EwsFolderPage {
	GPtrArray *folders; /* own, of EwsFolder */
	uint32_t next_offset;
	bool is_last;
} EwsFolderPage;
EwsOp *ews_find_folder_new(const char *root_id, uint32_t offset);
EwsOp *ews_find_subfolders_new(const char *root_id, uint32_t offset);
const EwsFolderPage *ews_find_folder_page(const EwsOp *op); /* both; borrowed from the op */

/* SyncFolderHierarchy below the distinguished folder @root: one page. @state NULL: from the
 * beginning. */
typedef struct EwsFolderSync {
	GPtrArray *changes; /* own, of EwsFolderChange */
	char *state;        /* own */
	bool is_last;
} EwsFolderSync;
EwsOp *ews_sync_folder_hierarchy_new(const char *root, const char *state);
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

/* FindItem, where nothing can be synced: one page of all that is in a folder, told as
 * SyncFolderItems tells a folder from the beginning, each item as a Create. @state NULL: the first
 * page; it says where the next one begins, and is good for the run that it was made in. STALE when
 * items have gone or come before that place meanwhile: from the beginning then. */
typedef struct EwsItemList {
	EwsItemSync page;
	int64_t total; /* items in the folder; -1: not said */
} EwsItemList;
EwsOp *ews_find_item_new(const char *folder_id, const char *state);
/* The same in another order: those that were modified last, the last one first. A single page; its
 * state leads nowhere. */
EwsOp *ews_find_newest_new(const char *folder_id);
const EwsItemList *ews_find_item_list(const EwsOp *op); /* borrowed from the op */

/* FindItem: what @query finds in a folder, the oldest first: a page of ids. As a server's AQS, or
 * as a Restriction; a server may ignore the former in silence, and then finds everything. The next
 * page is asked for with next_offset, and as @after the last id of this one: STALE when what is in
 * the folder has moved meanwhile. */
typedef struct EwsSearch {
	const char *folder_id;
	EwsQuery *query;
	bool is_aqs;
	int64_t offset;    /* 0: the first page */
	const char *after; /* NULL: the first page */
} EwsSearch;
typedef struct EwsFound {
	GPtrArray *ids; /* own, of char *; without @after */
	int64_t total;  /* of all pages; -1: not said */
	int64_t next_offset;
	bool is_last;
} EwsFound;
EwsOp *ews_search_new(const EwsSearch *asked);
const EwsFound *ews_search_found(const EwsOp *op); /* borrowed from the op; NULL after an error */

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

typedef enum EwsItemKind {
	EWS_ITEM_MESSAGE,
	EWS_ITEM_CALENDAR, /* never invites anyone */
	EWS_ITEM_CONTACT,
	EWS_ITEM_TASK,
} EwsItemKind;

/* GetItem with what an item of @kind has beside the listing properties, for where its MIME does not
 * say it: one item. Names and values in turn, as ews/op/get_details.c has it, NULL at the end. */
EwsOp *ews_get_details_new(const char *item_id, EwsItemKind kind);
char **ews_get_details_take(EwsOp *op); /* owned; NULL after an error */

/* ResolveNames: the primary SMTP address of @entry (the user's own sign-in name). */
EwsOp *ews_resolve_names_new(const char *entry);
const char *ews_resolve_names_address(const EwsOp *op); /* borrowed; NULL after an error */

/* --- changing the mailbox ----------------------------------------------------------------- */

/* One call: @count ops of one kind, alike in what is said once a call (target folder, way of
 * deleting) and in the mailbox that has their content. Takes the ops; @done gets each back with its
 * @users entry (@users NULL: NULL), as ews_submit. Leaves when a connection is free, as it is, and
 * once; but an op whose message cannot be read ends at once with LOCAL, and the others leave
 * without it. */
void ews_submit_call(EwsSession *self, EwsOp *const *ops, unsigned count, EwsPriority priority,
	EwsOpDone done, void *const *users);

typedef enum EwsChange {
	EWS_CREATES_ITEM,
	EWS_UPDATES_ITEM,
	EWS_DELETES_ITEM,
	EWS_MOVES_ITEM,
	EWS_COPIES_ITEM,
	EWS_SENDS_ITEM,
	EWS_CHANGES_FOLDER, /* create, update, move, delete */
} EwsChange;

/* How many ops of this kind the next call should carry: grows while the server answers within
 * seconds, halves when it is slow or a call failed as a whole. Any thread. */
unsigned ews_call_size(EwsSession *self, EwsChange change);

/* No call is bigger than this on the wire, base64 counted, but that of a single op: the
 * submitter's to keep, who asks the ops. */
#define EWS_CALL_BYTES_MAX (24 << 20)
/* What an op that changes something adds to its call. */
int64_t ews_op_wire_bytes(const EwsOp *op);

/* After an error: TRUE when the op may have been done all the same, or may still be (the
 * connection was lost after the request had left). FALSE: certainly not done. An op that cannot be
 * done twice (all but create, copy and send) is not in doubt when the server says that it failed,
 * for whatever reason. The table is ews/doubt.c. */
bool ews_op_is_in_doubt(const EwsOp *op);

/* After an error: TRUE when the call was refused as a whole, certainly not done, and perhaps
 * because of another op in it: try again in two halves. */
bool ews_op_is_refused_whole(const EwsOp *op);

/* What an item is to have: members count only with their bit in @set. Borrowed by the makers of
 * ops, which copy what they need. */
enum {
	EWS_FIELD_SUBJECT = 1 << 0,
	EWS_FIELD_IS_READ = 1 << 1,
	EWS_FIELD_IMPORTANCE = 1 << 2,
	EWS_FIELD_CATEGORIES = 1 << 3, /* NULL or none: removed */
	EWS_FIELD_FLAG = 1 << 4,
	EWS_FIELD_RECEIVED = 1 << 5,   /* 0x0E06 */
	EWS_FIELD_SENT = 1 << 6,       /* 0x0039 */
	EWS_FIELD_FILE_NAME = 1 << 7,  /* NULL: removed */
	EWS_FIELD_GUID = 1 << 8,       /* "GUID/attempt" */
	EWS_FIELD_UPLOAD = 1 << 9,     /* "LENGTH SHA256" of the bytes that were uploaded */
};
typedef struct EwsFields {
	unsigned set;
	const char *subject;
	const char *const *categories; /* NULL-terminated */
	const char *file_name;
	const char *guid;
	const char *upload;
	int64_t received; /* microseconds */
	int64_t sent;
	EwsImportance importance;
	EwsFlag flag;
	bool is_read;
} EwsFields;

/* Where MIME comes from: the first @size bytes of @fd, read with pread on the ews thread while it
 * leaves, never in memory as a whole; line ends become CRLF on the way. @fd is duplicated. */
typedef struct EwsUpload {
	int fd;
	int64_t size;
} EwsUpload;

/* CreateItem, SaveOnly. @is_draft false: not a draft (0x0E07), which no later call can change.
 * @item_class NULL: what the server makes of the MIME. Bcc lines of a draft go along as
 * BccRecipients, since the server drops them from MIME. */
EwsOp *ews_create_item_new(const char *folder_id, EwsItemKind kind, const EwsUpload *mime,
	const EwsFields *fields, bool is_draft, const char *item_class);
/* UpdateItem, AlwaysOverwrite, no read receipts, no meeting messages. @change_key may be NULL. */
EwsOp *ews_update_item_new(const char *item_id, const char *change_key, EwsItemKind kind,
	const EwsFields *fields);

typedef enum EwsDisposal {
	EWS_DISPOSAL_TRASH, /* MoveToDeletedItems */
	EWS_DISPOSAL_SOFT,
	EWS_DISPOSAL_HARD,
} EwsDisposal;
EwsOp *ews_delete_item_new(const char *item_id, EwsDisposal disposal);
EwsOp *ews_move_item_new(const char *item_id, const char *to_folder_id);
EwsOp *ews_copy_item_new(const char *item_id, const char *to_folder_id);
/* SendItem of a draft, with a copy to the Sent Items of the mailbox. */
EwsOp *ews_send_item_new(const char *item_id, const char *change_key);

EwsOp *ews_create_folder_new(const char *parent_id, const char *name);
EwsOp *ews_update_folder_new(const char *folder_id, const char *change_key, const char *name);
EwsOp *ews_move_folder_new(const char *folder_id, const char *to_folder_id);
EwsOp *ews_delete_folder_new(const char *folder_id, EwsDisposal disposal);

/* The id and ChangeKey that the server gave to what an op made or changed; borrowed from the op,
 * NULL where it gave none (a delete, a send, a move on some servers) and after an error. */
const char *ews_op_new_id(const EwsOp *op);
const char *ews_op_new_change_key(const EwsOp *op);

/* --- news ----------------------------------------------------------------------------------- */

/* All on the ews thread; none may block. */
typedef struct EwsNews {
	/* Something changed in this folder, which need not be in any listing; NULL: somewhere. No
	 * more than a hint: what it was, a sync tells. */
	void (*hint)(void *user, const char *folder_id);
	/* What happens from now on will be hinted at, what happened before perhaps not: sync. Comes
	 * again after each interruption. */
	void (*listening)(void *user);
	/* Nothing is hinted at until `listening` comes again: ask from time to time. */
	void (*deaf)(void *user);
	/* What this server was found to have, and is asked for from now on: worth remembering. */
	void (*found)(void *user, EwsPush push);
	void *user;
} EwsNews;

/* Subscribes to all folders (but see ews_watch_folders) and stays subscribed, over lost connections
 * and subscriptions, until the session is stopped. Begins with @first (what is remembered of this
 * server) and goes down to what the server has. A stream has a connection of its own, beside
 * max_conns, and counts as lost after five times timeout_s without even a keep-alive. @pull_s:
 * between two GetEvents. Once; any thread. Nothing is sent before the server has answered another
 * op, nor while it is away. */
void ews_watch(EwsSession *self, EwsPush first, unsigned pull_s, const EwsNews *news);

/* Any thread, after ews_watch: where the session is not about the account's own mailbox, a server
 * tells of those folders only that it is asked about; nothing is asked before. From then on it is
 * @ids, NULL-terminated; more than EWS_WATCH_FOLDERS_MAX cannot be asked about. */
#define EWS_WATCH_FOLDERS_MAX 1000
void ews_watch_folders(EwsSession *self, const char *const *ids);
