/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mailbox: folders, items, their bodies, and what is needed to tell changes since some
 * moment. One SQLite connection behind one lock: callers hold it (`store_lock`) around every
 * call below and around a `store_begin`/`store_commit` pair, and never while they write to a
 * client. Every change takes the next number of one counter for the whole mailbox; items and
 * folders get their ids from it too. SQL errors are our own mistakes and end the program.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/ewsd/ids.h"

typedef struct Store Store;

enum { ITEM_SEARCH_KEY = 16 };

/* What a folder is to people who the mailbox is not of; new ones are as their parent. */
typedef enum FolderShare { FOLDER_SHARE_NONE, FOLDER_SHARE_READ, FOLDER_SHARE_EDIT } FolderShare;

typedef enum StoreKind { STORE_MAILBOX, STORE_ARCHIVE, STORE_PUBLIC } StoreKind;

/* The mailbox in which Exchange keeps public folders. */
#define STORE_PUBLIC_GUID "1ec2a236-ed93-4f88-b9c6-33e63fa4aa44"

typedef enum ItemState { ITEM_NORMAL = 0, ITEM_SOFT_DELETED = 1 } ItemState;

typedef struct Folder {
	int64_t id;
	int64_t parent;
	int64_t seq;	/* last change of the folder itself */
	int64_t cseq;	/* when it came */
	int64_t commit;	/* last change of anything in it, ms */
	int64_t deleted;
	int64_t total;
	int64_t unread;
	int64_t size;
	int64_t children;
	int64_t hidden;
	int64_t is_search;
	int64_t read_only;
	int64_t share;	/* FolderShare: what those may who the mailbox is not of */
	bool is_closed;	/* to who asks now */
	char *name;
	char *class;
	char *dist;	/* distinguished id, or NULL */
} Folder;

typedef struct Item {
	int64_t id;
	int64_t folder;
	int64_t seq;	/* last change of any kind */
	int64_t cseq;	/* when it came to this folder */
	int64_t useq;	/* last change of more than the read flag */
	int64_t received;
	int64_t sent;
	int64_t created;
	int64_t modified;
	int64_t size;
	int64_t body;	/* 0: none */
	int64_t seed;	/* synthetic: the MIME is made from this */
	int64_t seed_bytes;
	int64_t state;
	int64_t assoc;
	int64_t is_read;
	int64_t is_draft;
	int64_t has_attach;
	int64_t importance;
	int64_t sensitivity;
	int64_t flag;	/* 0, 1 complete, 2 flagged */
	int64_t wants_receipt;
	char *class;
	char *subject;
	char *from_name;
	char *from_addr;
	char *to;	/* lines "name<TAB>address" */
	char *cc;
	char *bcc;
	char *reply_to;
	char *display_to;
	char *display_cc;
	char *msgid;
	char *in_reply_to;
	char *refs;
	char *categories;	/* lines */
	char *search_key;	/* base64 */
	char *author;	/* last modified name */
} Item;

typedef enum StoreEvent {
	STORE_CREATED, STORE_DELETED, STORE_MODIFIED, STORE_MOVED, STORE_COPIED,
} StoreEvent;

typedef struct StoreNews {
	StoreEvent event;
	bool is_folder;
	int64_t id;
	int64_t parent;
	int64_t old_id;
	int64_t old_parent;
} StoreNews;

typedef void (*StoreListener)(const StoreNews *news, void *data);

/* An empty path is a mailbox that is gone with the process. */
Store *store_open(const char *path, StoreKind kind, bool *ret_fresh, GError **error);
void store_close(Store *self);
void store_listen(Store *self, StoreListener listener, void *data);
const IdsKey *store_key(const Store *self);
void store_lock(Store *self);
void store_unlock(Store *self);
void store_begin(Store *self);
void store_commit(Store *self);
/* Takes back what was done since the begin. */
void store_rollback(Store *self);
int64_t store_seq(const Store *self);
int64_t store_next(Store *self);
/* A statement, reset, cached under its text. */
sqlite3_stmt *store_sql(Store *self, const char *sql);
bool store_step(Store *self, sqlite3_stmt *stmt);
void store_run(Store *self, const char *sql, int64_t a, int64_t b);
int64_t store_number(Store *self, const char *sql, int64_t a, int64_t b);
/* Sync states from before this number are refused. */
int64_t store_oldest_state(Store *self);
void store_forget_states(Store *self);
void store_tell(Store *self, const StoreNews *news);

/* folders: store_folder.c */
void folder_free(Folder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Folder, folder_free)
Folder *folder_get(Store *store, int64_t id);
Folder *folder_by_dist(Store *store, const char *dist);
Folder *folder_by_name(Store *store, int64_t parent, const char *name);
/* Children, or with `deep` everything below, in a stable order. */
GPtrArray *folder_below(Store *store, int64_t parent, bool deep);
bool folder_is_below(Store *store, int64_t id, int64_t ancestor);
void folder_insert(Store *store, Folder *folder);
void folder_save(Store *store, Folder *folder, StoreEvent event, int64_t old_parent);
void folder_remove(Store *store, int64_t id);
void folder_empty(Store *store, int64_t id);
int64_t folder_make_path(Store *store, const char *path);
void folder_touch(Store *store, int64_t id, int deleted);
GPtrArray *folder_changed(Store *store, int64_t since);
GArray *folder_gone(Store *store, int64_t since);
void store_folders_create(Store *store, StoreKind kind);
/* The folder and all below it; 0: the whole mailbox. */
void folder_share(Store *store, int64_t id, FolderShare share);
/* Whether folders are, on this thread from now on, what they are to one who the mailbox is not of:
 * is_closed and read_only say what may be done there. */
void folder_look_as(bool guest);

/* items: store_item.c */
Item *item_new(void);
void item_free(Item *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Item, item_free)
/* `from` starts at the first of ITEM_COLUMNS. */
extern const char *const ITEM_COLUMNS;
Item *item_from_row(sqlite3_stmt *row);
Item *item_get(Store *store, int64_t id);
void item_insert(Store *store, Item *item);
typedef enum ItemChange { ITEM_CHANGE_READ, ITEM_CHANGE_ANY } ItemChange;
void item_save(Store *store, Item *item, ItemChange change);
/* The item gets a new id; `item` is brought up to date. */
void item_move(Store *store, Item *item, int64_t folder, ItemState state);
int64_t item_copy(Store *store, const Item *item, int64_t folder);
void item_remove(Store *store, const Item *item);
int64_t item_body_add(Store *store, GBytes *mime);
GBytes *item_body(Store *store, int64_t body);
void item_prop_set(Store *store, int64_t item, const char *key, const char *value);
char *item_prop(Store *store, int64_t item, const char *key);
void folder_prop_set(Store *store, int64_t folder, const char *key, const char *value);
char *folder_prop(Store *store, int64_t folder, const char *key);
