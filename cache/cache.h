/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The door of cache/: the mailbox as last known here.
 *
 * A tree of nodes (folders and items) in an SQLite index, message bytes in blob files, and one
 * sync thread that keeps both true to the server. Reading functions are for any thread, answer
 * from the index, may touch the disk and never wait for the network. What needs the server is
 * asked for with a callback (await, fetch, sync), which is called exactly once, on the sync
 * thread, possibly before the asking call returned; it must not block.
 *
 * Nodes are handed out as immutable snapshots with a reference count: true when taken, never
 * changing after. Node ids are never used twice in one index, and rows of what was deleted stay
 * for a while (gone.h): an id that the kernel still holds never names another file.
 *
 * Errors are of EWS_ERROR's domain. Knows nothing of FUSE.
 */

typedef struct Cache Cache;
struct EwsFolder;
struct EwsSession;

/* What becomes of a message that is deleted. */
typedef enum CacheDisposal {
	CACHE_DISPOSAL_TRASH, /* to Deleted Items; inside it, soft */
	CACHE_DISPOSAL_SOFT,
	CACHE_DISPOSAL_HARD,
} CacheDisposal;

/* How it is learnt that something changed elsewhere. */
typedef enum CachePush {
	CACHE_PUSH_AUTO,   /* the server tells, by the best means that it has */
	CACHE_PUSH_STREAM, /* ... beginning with this, whatever is remembered of it */
	CACHE_PUSH_PULL,   /* ... beginning with this: it is asked whether there is news */
	CACHE_PUSH_OFF,    /* it does not tell: all is looked at every refresh_s */
} CachePush;

typedef struct CacheConfig {
	const char *state_dir; /* index, lock; made 0700 where missing */
	const char *cache_dir; /* blobs only: may be deleted at any time */
	const char *server;    /* URL; with account and root_path: whose index this is */
	const char *account;   /* user name; names the mailbox until the server told its address */
	const char *mailbox;   /* whose it is, by an address, if not the account's own; else NULL */
	const char *root_path; /* "" or "Inbox/Projects": the folder that is mounted */
	uint64_t cache_size;   /* bytes of blobs kept */
	unsigned refresh_s;
	unsigned timeout_s; /* of silence, for one who waits */
	bool prefetch;
	bool backup; /* a directory is listed only when refreshed within refresh_s */
	bool is_writable;
	bool is_guest;   /* the account has in that mailbox what rights it was given */
	bool is_archive; /* the online archive: of what every mailbox has, little is there */
	bool is_public;  /* the public folders: not synced; nothing that mailboxes have is there */
	bool can_send;         /* the hidden directory .send is there */
	unsigned settle_s;     /* how long a server may go on working after a connection was cut */
	unsigned delete_max;   /* more deletes than that in ten minutes are held; 0: no limit */
	uint64_t scratch_size; /* bytes of scratch files kept at most */
	CacheDisposal disposal;
	CachePush push;
	const char *layout; /* NULL: of files; else by marks, and so called: an index is of one */
	bool is_flat; /* every folder shows in the root, whose own messages are cache_inbox's */
	const char *names;  /* of files: a template (template.h); NULL: CACHE_NAMES_USUAL */
} CacheConfig;

typedef enum CacheKind {
	CACHE_KIND_DIR,
	CACHE_KIND_FILE,
} CacheKind;

typedef struct CacheNode {
	atomic_int refs;
	int64_t id;       /* CACHE_ROOT for the folder that is mounted, whatever it is */
	int64_t parent;   /* 0: of the root, or no longer in the tree */
	uint64_t ino;     /* st_ino: of the identity, stable over remounts and machines */
	uint32_t content; /* content number: other bytes, other number */
	CacheKind kind;
	unsigned rights;   /* EwsRights of the folder, or of the item's folder */
	int64_t size;      /* exact length in bytes; -1: not known yet */
	int64_t size_hint; /* item:Size, or 0 */
	int64_t mtime;     /* microseconds since 1970 */
	int64_t ctime;
	uint32_t subdirs; /* of a directory */
	bool is_listed;   /* a directory whose contents were complete once */
	bool is_here;     /* the bytes of this content number are in the cache */
	bool is_suspect;  /* the server says the item changed: fetch again before trusting */
	bool has_error;   /* the server cannot give or take this item's content; see details */
	bool is_local;    /* the bytes are here and nowhere else: a new message, a scratch file */
	bool is_scratch;  /* kept here and never sent; of a directory also all below it */
	char *name;       /* own */
} CacheNode;

#define CACHE_ROOT 1
#define CACHE_SEND_NAME ".send" /* in the root with can_send: a directory, found but not listed */

CacheNode *cache_node_ref(CacheNode *self);
void cache_node_unref(CacheNode *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheNode, cache_node_unref)

#define CACHE_NAMES_USUAL "{date}_{party}_{subject}.{key}"

/* Whether messages can be called so (CacheConfig.names); the error is for people. */
bool cache_names_check(const char *names, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Makes the directories, takes the lock (held by another: BUSY, and the message says by which
 * process), opens the index and drops what the last run left. An index that was made for another
 * server, account, mailbox or folder is refused (LOCAL). No network, no thread. */
Cache *cache_open(const CacheConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The primary address of somebody else's mailbox, as the server told it the last time; owned, NULL:
 * it has not. And as it is now: before cache_start. */
char *cache_mailbox(Cache *self);
void cache_set_mailbox(Cache *self, const char *address);

/* By which of its distinguished folders the mailbox is entered: "msgfolderroot". Where only
 * another is open to us, that one: it is what the first word of root_path means, and all there is.
 * Remembered. Before cache_start, and only while there is no tree. */
const char *cache_entry(Cache *self);
void cache_set_entry(Cache *self, const char *name);

/* What the server has just said of that folder, so that the first refresh need not ask again.
 * Taken. Before cache_start, or never. */
void cache_take_top(Cache *self, struct EwsFolder *top);

/* Starts the sync thread, which begins with a refresh. @session is borrowed until cache_stop. */
void cache_start(Cache *self, struct EwsSession *session);

/* Answers every waiter with CANCELLED and joins the sync thread. The order at the end is
 * cache_stop, ews_session_stop, cache_free: the session's last answers still find the inbox. */
void cache_stop(Cache *self);
void cache_free(Cache *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_free)

/* TRUE when the index already holds a tree to show (an earlier mount completed the hierarchy). */
bool cache_has_tree(Cache *self);

/* --- changes ---------------------------------------------------------------------------- */

typedef enum CacheChangeKind {
	CACHE_CHANGE_GONE,       /* @name in directory @parent no longer names @node */
	CACHE_CHANGE_MEMBERS,    /* directory @node: entries, mtime, link count */
	CACHE_CHANGE_ATTRIBUTES, /* @node: times, size, rights; the bytes are the same */
	CACHE_CHANGE_CONTENT,    /* @node (@content is the old number) has other bytes: the entry
				    @name in @parent must be looked up again */
	/* For people rather than the kernel: what somebody else did. */
	CACHE_CHANGE_ARRIVED, /* @name in directory @parent, which was listed before, is @node now;
				 what was GONE before under another name was moved */
	CACHE_CHANGE_TOUCHED, /* @node's properties were changed; @content not 0: its content too */
	CACHE_CHANGE_SETTLED, /* a refresh is over: what is GONE and has not arrived is gone */
} CacheChangeKind;

typedef struct CacheChange {
	CacheChangeKind kind;
	int64_t node;
	int64_t parent;
	uint32_t content;
	char *name; /* own; NULL for kinds without */
} CacheChange;

void cache_change_free(CacheChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheChange, cache_change_free)

/* After each transaction, on the sync thread, without any lock held. @change is handed over.
 * Set before cache_start. */
typedef void (*CacheListener)(CacheChange *change, void *user);
void cache_listen(Cache *self, CacheListener listener, void *user);

/* --- reading the index (any thread) ------------------------------------------------------- */

/* NOT_FOUND when there never was such a node since the start; one that was deleted is still
 * told, with parent 0 (who has it open may ask). lookup finds only what is there. */
CacheNode *cache_get(Cache *self, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
CacheNode *cache_lookup(Cache *self, int64_t parent, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The children of @dir with an id above @after, in order of id, until @each returns false. The
 * node is borrowed for the call (take a reference to keep it). */
typedef bool (*CacheEach)(const CacheNode *node, void *user);
bool cache_list(Cache *self, int64_t dir, int64_t after, CacheEach each, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same with a name above @after, in order of name as bytes. */
bool cache_list_by_name(Cache *self, int64_t dir, const char *after, CacheEach each, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the tree is shown flat: the Inbox; CACHE_ROOT where that is not in the mounted part. Known
 * before there is a tree. */
bool cache_inbox(Cache *self, int64_t *ret_node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As cache_list: every folder below the mounted one, at any depth, and none that is scratch. */
bool cache_list_dirs(Cache *self, int64_t after, CacheEach each, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What is known of an item beyond its node; for extended attributes. Strings may be NULL. */
typedef struct CacheDetails {
	char *item_id;
	char *change_key;
	char *item_class;
	char *subject;
	char *from;
	char *to;
	char *message_id;
	char *categories; /* "a, b" */
	char *error;      /* why the content cannot be had */
	int64_t received; /* microseconds, EWS_TIME_NONE */
	int64_t sent;
	int64_t created;
	int64_t modified;
	int importance; /* EwsImportance */
	int flag;       /* EwsFlag */
	bool is_read;
	bool has_attachments;
} CacheDetails;

CacheDetails *cache_details(Cache *self, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_details_free(CacheDetails *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheDetails, cache_details_free)

/* For statfs: bytes and items in the mounted part, quota -1 where the server does not tell. */
typedef struct CacheUsage {
	uint64_t bytes;
	uint64_t items;
	int64_t quota;
} CacheUsage;
bool cache_usage(Cache *self, CacheUsage *ret_usage, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- marks ------------------------------------------------------------------------------- */

/*
 * What mail programs mark messages with in a Maildir, as a set. SEEN and FLAGGED are the server's,
 * DRAFT is at first; what the server has no word for is kept here, with the node. OLD is no letter:
 * some program has taken the message out of `new`.
 */
#define CACHE_MARK_SEEN (UINT64_C(1) << 0)
#define CACHE_MARK_FLAGGED (UINT64_C(1) << 1)
#define CACHE_MARK_DRAFT (UINT64_C(1) << 2)
#define CACHE_MARK_PASSED (UINT64_C(1) << 3)
#define CACHE_MARK_REPLIED (UINT64_C(1) << 4)
#define CACHE_MARK_TRASHED (UINT64_C(1) << 5)
#define CACHE_MARK_OLD (UINT64_C(1) << 6)
#define CACHE_MARK_KEYWORD(n) (UINT64_C(1) << (8 + (n))) /* 0 to 25: a program's own, a to z */

bool cache_marks(Cache *self, int64_t id, uint64_t *ret_marks,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* As cache_lookup and cache_list; a directory has none. */
CacheNode *cache_lookup_marked(Cache *self, int64_t parent, const char *name, uint64_t *ret_marks,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
typedef bool (*CacheEachMarked)(const CacheNode *node, uint64_t marks, void *user);
bool cache_list_marked(Cache *self, int64_t dir, int64_t after, CacheEachMarked each, void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- bytes (any thread) -------------------------------------------------------------------- */

/* An open, pinned blob: stays readable, whatever is evicted or changed, until closed. */
typedef struct CacheBlob CacheBlob;

/* NOT_FOUND when the bytes of this content number are not here: fetch, then try again. */
CacheBlob *cache_blob_open(Cache *self, int64_t id, uint32_t content,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for who has just looked the node up. */
CacheBlob *cache_blob_open_node(Cache *self, const CacheNode *node, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;
int cache_blob_fd(const CacheBlob *self);
int64_t cache_blob_size(const CacheBlob *self);
void cache_blob_close(CacheBlob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheBlob, cache_blob_close)

/* The length of a pinned blob of a content number that may be outdated: -1 when none is open. */
int64_t cache_blob_pinned_size(Cache *self, int64_t id, uint32_t content);

/* --- views (any thread) -------------------------------------------------------------------- */

/* What others make of a message (its text, for a person to read) is theirs to know. The index
 * remembers how long it was, and a stamp of all that it was made of; here is what of that is not
 * in the bytes. */
typedef struct CacheView {
	int64_t stamp; /* as noted last; 0: never */
	int64_t size;
	char *categories; /* own; "a, b"; may be NULL, as the following may be 0 */
	int importance;   /* EwsImportance */
	int flag;         /* EwsFlag */
	bool is_read;
	bool is_item; /* FALSE: nothing but the bytes is known of it */
} CacheView;

bool cache_view(Cache *self, int64_t id, CacheView *ret_view,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_view_clear(CacheView *self);

/* Not at once in the index: a crash may lose it. */
void cache_view_note(Cache *self, int64_t id, int64_t stamp, int64_t size);

/* --- asking the server -------------------------------------------------------------------- */

/* @error is borrowed, NULL for success. On the sync thread, exactly once; must not block. */
typedef void (*CacheDone)(void *user, const GError *error);

/* TRUE when a listing of @dir may be given now: complete once, and with `backup` also fresh.
 * Starts a refresh behind it when the last one is older than refresh_s, unless the server tells of
 * changes by itself. */
bool cache_listing_ready(Cache *self, int64_t dir);

/* Done when cache_listing_ready would be true; the folder goes first in line. Errors: what kept
 * the listing from being whole (OFFLINE, BUSY, AUTH, NOT_FOUND …) after timeout_s without
 * progress, or at once when known offline. */
void cache_await_listing(Cache *self, int64_t dir, CacheDone done, void *user);

typedef enum CacheReason {
	CACHE_REASON_STAT, /* the length is wanted */
	CACHE_REASON_OPEN, /* the bytes are wanted, and will stay pinned */
	CACHE_REASON_READ, /* the bytes are wanted now */
} CacheReason;

/* Done when the item's bytes (STAT: its length) are here, or with the error that keeps them
 * away. Joins a fetch that is under way; the first miss of a folder goes alone, the second makes
 * a scan, after which the reader's next items are fetched ahead. An item with an error of its
 * own is asked for again only after its ChangeKey moved or an hour passed. @done may be NULL
 * (a hint that the item will be wanted). */
void cache_fetch(Cache *self, int64_t id, CacheReason reason, CacheDone done, void *user);

/* Done when the listings below @dir (all: CACHE_ROOT), and with @with_bytes every item's bytes'
 * lengths and, as far as the cache holds them, bytes, are as new as this call; CORRUPT when
 * single items could not be had (the message says how many). No silence limit of its own: ends
 * with an error when the session does (OFFLINE, AUTH), or at @deadline_us (monotonic; 0: none). */
void cache_sync(Cache *self, int64_t dir, bool with_bytes, int64_t deadline_us, CacheDone done,
	void *user);

/* --- searching ----------------------------------------------------------------------------- */

/* INVALID, and what is wrong with it, for what is no query (ews/query.h). */
bool cache_query_check(const char *query, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a search may find; more is TOO_BIG. */
#define CACHE_FOUND_MAX 10000

/* @nodes (of int64_t, growing; borrowed) are the messages that the server finds, as the tree shows
 * them now, or NULL with @error. On the sync thread (for INVALID on the caller's), exactly once;
 * must not block. */
typedef void (*CacheFoundDone)(void *user, const GArray *nodes, const GError *error);

/* Asks for what fits @query in @dir and all below it. What was found and is not in the index yet is
 * waited for. Ends after timeout_s of silence, or at once when known offline. */
void cache_search(Cache *self, int64_t dir, const char *query, CacheFoundDone done, void *user);

/* --- status -------------------------------------------------------------------------------- */

typedef struct CacheFolderStatus {
	char *path;     /* own; "/" for the mounted folder */
	bool is_listed; /* complete once */
	int64_t as_of;  /* microseconds since 1970 of the last complete sync; 0: never */
	uint64_t items;
	uint64_t failed; /* items whose content cannot be had */
} CacheFolderStatus;

/* How it is learnt of changes elsewhere, now. */
typedef struct CacheNews {
	CachePush by;   /* STREAM, PULL; OFF: by looking only */
	unsigned every_s; /* OFF: between two looks; PULL: between two questions; STREAM: 0 */
	int64_t since;  /* microseconds since 1970 */
	uint64_t hints; /* so far */
} CacheNews;

typedef struct CacheStatus {
	uint64_t folders, folders_done;   /* first sync */
	uint64_t items;                   /* known here */
	uint64_t items_expected;          /* TotalCounts added up */
	uint64_t items_sized, items_here; /* prefetch: length known; bytes here */
	uint64_t items_failed;
	uint64_t bytes_here; /* blobs in the cache */
	uint64_t cache_size;
	double items_per_s;   /* of the last seconds; 0: idle */
	int64_t seconds_left; /* -1: nobody knows */
	int64_t refreshed_at; /* microseconds since 1970; 0: never */
	bool is_refreshing, is_prefetching;
	CacheNews news;
	char *error;            /* own; what keeps the last refresh from completing */
	GPtrArray *folder_list; /* own, of CacheFolderStatus, by path */
} CacheStatus;

/* TRUE while a refresh is under way, or is about to be. */
bool cache_is_refreshing(Cache *self);

/* From memory and index, never waits for the server. */
CacheStatus *cache_status(Cache *self);
void cache_status_free(CacheStatus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheStatus, cache_status_free)

/* Directories with what was only here and that a person must look at (rescue.h): the index broke,
 * or was removed. Owned paths, NULL-terminated. */
char **cache_rescued(Cache *self);

/* --- writing (any thread) ------------------------------------------------------------------- */

/*
 * Each of these is done here, and safe against the death of the process, when it returns: the tree
 * shows it, and the journal knows what the server is to be told. They never wait for the server.
 * Further errors than those named: DENIED (no right to), INVALID, NO_SPACE, LOCAL. The kernel did
 * these changes itself, so the listener hears nothing of them.
 *
 * What names are taken: a name that ends in .eml, .ics, .vcf is a message; the names that known
 * tools give to their temporary files, and all below a directory that begins with a dot, are
 * scratch: kept here; any other is refused with INVALID.
 */

/* A file that can be written. Several may be open on one node; its bytes are one file. */
typedef struct CacheFile CacheFile;

/* A new, empty file. EXISTS when the name is taken. */
CacheFile *cache_create(Cache *self, int64_t dir, const char *name, CacheNode **ret_node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A file that is there. NOT_FOUND when its bytes are not here and @is_truncated is false: fetch,
 * then try again; STALE when @content is no longer its content number. The content number stays
 * while a program writes here: the kernel's pages are right. */
CacheFile *cache_file_open(Cache *self, int64_t id, uint32_t content, bool is_truncated,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Before bytes are written into cache_file_fd up to @end; TOO_BIG over the limit. */
bool cache_file_prepare(CacheFile *self, int64_t end, GError **error) G_GNUC_WARN_UNUSED_RESULT;
int cache_file_fd(const CacheFile *self);
bool cache_file_truncate(CacheFile *self, int64_t size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* FLUSH: what was written is now safe against the death of the process; the error that is due:
 * INVALID for bytes that are not empty and no message (they stay as they are, unsent), what a
 * write ran into, what the server said of an earlier version. */
bool cache_file_flush(CacheFile *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* RELEASE. The last one finishes the message: its intent is released. */
void cache_file_close(CacheFile *self);

/* The mount went away while it was open, and no RELEASE will come: as after a crash. What was not
 * flushed is unfinished. */
void cache_file_abandon(CacheFile *self);

/* copy_file_range of the whole of @from into the new, empty file @to: its bytes are taken over
 * here, and the server will be asked to copy. INVALID when it is not that simple: copy by hand. */
bool cache_file_copy(CacheFile *to, int64_t from, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* POSIX rename. @can_replace false: RENAME_NOREPLACE. Errors: NOT_FOUND, EXISTS, NOT_EMPTY,
 * FORBIDDEN (a distinguished folder), INVALID (a name that is neither; a directory into itself),
 * UNSUPPORTED (between scratch and folders for directories: EXDEV). Into .send: the message will
 * be sent. */
bool cache_rename(Cache *self, int64_t dir, const char *name, int64_t to_dir, const char *to_name,
	bool can_replace, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same, and of a message its marks with it. Under its own name: only these. */
typedef struct CacheRename {
	int64_t dir;
	const char *name;
	int64_t to_dir;
	const char *to_name;
	bool can_replace;
	bool has_marks;
	uint64_t marks;
} CacheRename;
bool cache_rename_marked(Cache *self, const CacheRename *what,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_set_marks(Cache *self, int64_t id, uint64_t marks,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool cache_unlink(Cache *self, int64_t dir, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

CacheNode *cache_mkdir(Cache *self, int64_t dir, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NOT_EMPTY, BUSY when the folder is not listed yet, FORBIDDEN. */
bool cache_rmdir(Cache *self, int64_t dir, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What can be set of an item. On an existing one: all but sent; on a new one all. A scratch file
 * takes only received (its mtime) for itself and keeps the rest for the message it becomes. */
enum {
	CACHE_FIELD_SUBJECT = 1 << 0,
	CACHE_FIELD_IS_READ = 1 << 1,
	CACHE_FIELD_IMPORTANCE = 1 << 2,
	CACHE_FIELD_CATEGORIES = 1 << 3,
	CACHE_FIELD_FLAG = 1 << 4,
	CACHE_FIELD_RECEIVED = 1 << 5, /* also st_mtime */
	CACHE_FIELD_SENT = 1 << 6,
};
typedef struct CacheFields {
	unsigned set; /* CACHE_FIELD_ bits: which of these count */
	const char *subject;
	const char *categories; /* "a, b"; NULL or "": none */
	int64_t received;       /* microseconds; a message keeps whole seconds */
	int64_t sent;
	int importance; /* EwsImportance */
	int flag;       /* EwsFlag */
	bool is_read;
} CacheFields;
bool cache_set_fields(Cache *self, int64_t id, const CacheFields *fields,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE for a message that ewsfs made, here or elsewhere: a restore, also one that is repeated, may
 * set any attribute on it; what cannot be kept is dropped. */
bool cache_is_new(Cache *self, int64_t id);

/* --- what waits to be sent ------------------------------------------------------------------ */

/* Done when the server has all that was asked of it for this node (of a directory: for it and its
 * entries, those that left too; of the root: everything) before this call, or with the error that
 * kept it from that. What lingers goes at once. Scratch and unfinished files: at once. fsync
 * finishes a message that is still open. */
void cache_fsync(Cache *self, int64_t id, CacheDone done, void *user);

/* The same for those who want it cheaper, and now: what was flushed of it, and all changes so far,
 * are safe against a power cut. Blocks on the disk. */
bool cache_fsync_local(Cache *self, int64_t id, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Done when nothing waits any more; at @deadline_us (monotonic; 0: none) with OFFLINE or BUSY. The
 * error of what could not be sent and was parked does not count: see cache_queue. */
void cache_drain(Cache *self, int64_t deadline_us, CacheDone done, void *user);

typedef enum CacheQueuedState {
	CACHE_QUEUED_WAITING,
	CACHE_QUEUED_SENDING,
	CACHE_QUEUED_IN_DOUBT, /* sent, and the answer was lost: being looked for */
	CACHE_QUEUED_HELD,     /* over delete_max: confirm or discard */
	CACHE_QUEUED_FAILED,   /* the server refused: retry or discard */
	CACHE_QUEUED_OPEN,     /* a message that is still written */
	CACHE_QUEUED_UNFINISHED, /* ... whose writer died */
	CACHE_QUEUED_MAYBE_SENT, /* a mail that may have been sent: a person must decide */
	CACHE_QUEUED_SCRATCH,
} CacheQueuedState;

typedef struct CacheQueued {
	int64_t node;
	CacheQueuedState state;
	char *path;    /* own; "/Inbox/a.eml" */
	char *what;    /* own; "create", "move, update", "delete" … */
	char *error;   /* own; the server's words; NULL */
	int64_t since; /* microseconds since 1970 */
	int64_t bytes; /* of content; 0 where none */
	unsigned tries;
} CacheQueued;

/* Everything that is only here, oldest first; of CacheQueued. From the index. */
GPtrArray *cache_queue(Cache *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void cache_queued_free(CacheQueued *self);

typedef struct CacheQueueCounts {
	unsigned waiting; /* WAITING, SENDING, IN_DOUBT */
	unsigned held;
	unsigned failed; /* FAILED, UNFINISHED, MAYBE_SENT */
	unsigned open;
	unsigned scratch;
	uint64_t scratch_bytes;
} CacheQueueCounts;
void cache_queue_counts(Cache *self, CacheQueueCounts *ret_counts);

/* The bytes of a queued node, whatever its state; NOT_FOUND when it has none. Owned fd. */
int cache_queued_open(Cache *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @node 0: all of that state. Retry: FAILED and UNFINISHED ones go once more. Discard: FAILED,
 * UNFINISHED, MAYBE_SENT and HELD changes are taken back, new bytes are lost, and the tree shows
 * what the server has. Confirm: HELD deletes go. NOT_FOUND when there is none. */
bool cache_queue_retry(Cache *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_queue_discard(Cache *self, int64_t node, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool cache_queue_confirm(Cache *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;
