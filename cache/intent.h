/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/cache.h"
#include "cache/db.h"

/*
 * The journal: what the server is still to be told, a row a node.
 *
 * The tree shows how things are to be (node, item, local); an intent says which steps lead the
 * server there. That is what makes many operations few: a second rename changes the node and finds
 * the step already asked for; what was created and deleted again cancels out. Asking for a step
 * is a pure change of the struct (the functions here), made in the transaction that changes the
 * tree. A step that was sent is `doing` until its answer is known: what is asked for meanwhile
 * becomes a further step, so that nothing is taken back that may have happened already.
 *
 *   asked for        nothing sent yet          the create is on its way      on the server
 *   new content      the create carries it     create again, old one removed same; after a move
 *                                                                            that was sent
 *   move             the create goes there     move after it                 move; back: nothing
 *   fields, name     the create carries them   update after it               update, merged
 *   delete           cancels out               delete after it               delete; the rest
 *                                                                            is dropped
 *
 * Any thread, inside a transaction.
 */

/* Steps, in the order in which they are taken. Of a directory: CreateFolder, MoveFolder,
 * UpdateFolder, DeleteFolder. */
typedef enum CacheTodo {
	CACHE_TODO_MAKE = 1 << 0,       /* CreateItem */
	CACHE_TODO_COPY = 1 << 1,       /* CopyItem */
	CACHE_TODO_MOVE = 1 << 2,       /* MoveItem */
	CACHE_TODO_UPDATE = 1 << 3,     /* UpdateItem */
	CACHE_TODO_SEND = 1 << 4,       /* SendItem */
	CACHE_TODO_REMOVE_OLD = 1 << 5, /* soft DeleteItem of the item that it replaced */
	CACHE_TODO_DELETE = 1 << 6,     /* DeleteItem */
} CacheTodo;

/* Further bits of fields, beside CACHE_FIELD_. */
enum {
	CACHE_INTENT_NAME = 1 << 8, /* our named property: the file name */
	CACHE_INTENT_GUID = 1 << 9, /* a copy's own */
};

typedef enum CacheIntentState {
	CACHE_INTENT_QUEUED = 0,
	CACHE_INTENT_SENDING = 1,
	CACHE_INTENT_DOUBT = 2,  /* sent, and the answer was lost */
	CACHE_INTENT_HELD = 3,   /* over delete_max */
	CACHE_INTENT_FAILED = 4, /* refused; a person may retry or discard */
	CACHE_INTENT_OPEN = 5,   /* a message that is not finished */
	CACHE_INTENT_MAYBE_SENT = 6,
} CacheIntentState;

typedef struct CacheIntent {
	/* as the row has it */
	int64_t node;
	int64_t seq;
	CacheIntentState state;
	unsigned todo;
	unsigned doing;
	unsigned fields;
	unsigned sent_fields;
	int64_t sent_folder;
	bool is_urgent;
	bool is_trash; /* it was deleted from inside Deleted Items, or replaced: softly */
	int64_t after;
	int64_t source;
	int64_t old_folder;
	int64_t old_print;
	int64_t old_parent;
	int64_t moved_to; /* folder.id that a MoveItem led to which may have been done; 0: none */
	unsigned attempt;
	int64_t sent_at;
	int64_t since;
	int64_t touched;
	int64_t not_before;
	unsigned tries;
	char *sent_sha256; /* own, as all below */
	char *old_id;      /* of a directory that moves or goes: its FolderId */
	char *old_name;
	char *sent_name; /* of a directory that may have been made: under which name */
	char *guid;
	char *item_class;
	char *error;

	/* looked up beside it */
	CacheKind kind;
	int64_t dir;    /* where it is in the tree; 0: it was deleted */
	int64_t target; /* folder.id of dir; 0: not on the server yet */
	int64_t folder; /* folder.id where the item is on the server; 0: nowhere */
	char *target_id;   /* of where the next step leads; of one that is repeated, as before */
	char *id; /* ItemId or FolderId; NULL: not on the server */
	char *change_key;
	char *source_id; /* of the item that it is a copy of */
	char *content;   /* of id: the mailbox that has its content (cache/content.h), as the three
	                  * below */
	char *target_content; /* of target */
	char *source_content; /* of source_id */
	char *old_content;    /* of old_folder */
	char *name;
	int64_t bytes;   /* of the content that a create carries */
	bool is_blocked; /* what it comes after is not over */
	bool is_first;   /* of one that leaves: it was not sent as it is before */
	bool is_drafts;  /* dir is the Drafts folder */
	bool to_send;    /* dir is .send */
} CacheIntent;

CacheIntent *cache_intent_new(int64_t node, CacheKind kind);
void cache_intent_free(CacheIntent *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheIntent, cache_intent_free)

/* --- asking: pure -------------------------------------------------------------------------- */

/* New content is finished; @old_id (NULL: none) is the item that it replaces. */
void cache_intent_ask_make(CacheIntent *self, const char *old_id, int64_t old_folder);
/* It was written with what it was: what else was asked for is still to be done. */
void cache_intent_drop_make(CacheIntent *self);
/* It is to be deleted, and was certainly not made: what the server has of it is what it had before;
 * over if that is nothing. */
void cache_intent_drop_birth(CacheIntent *self);
void cache_intent_ask_copy(CacheIntent *self, int64_t source);
/* What it was to be a copy of is not what it was any more: it is made of its own bytes. Not while
 * the copy is on its way. */
void cache_intent_drop_copy(CacheIntent *self);
/* The node is in self->dir now, whose folder is self->target. */
void cache_intent_ask_move(CacheIntent *self);
void cache_intent_ask_fields(CacheIntent *self, unsigned fields);
void cache_intent_ask_delete(CacheIntent *self);

/* Nothing is replaced (any more). */
void cache_intent_forget_old(CacheIntent *self);

/* The directory is to be made (again): under the name, and where, it was asked for first, since it
 * may be there already. It is renamed and moved after. */
void cache_intent_repeat_dir(CacheIntent *self);
/* It was made so: what is still to be done to have it as the tree shows it. */
void cache_intent_dir_made(CacheIntent *self);

/* The step that was under way is done. */
void cache_intent_step_done(CacheIntent *self, CacheTodo step);

/* TRUE when a move of the message was sent, and it is not known to be where that leads. */
bool cache_intent_may_have_moved(const CacheIntent *self);

/* TRUE of a directory whose CreateFolder was sent and may have been done. */
bool cache_intent_may_be_made(const CacheIntent *self);

/* TRUE when it was deleted while it was on its way to be made. */
bool cache_intent_is_unwanted(const CacheIntent *self);

/* TRUE when the server has nothing of it, as far as is known: it can be taken back without a word.
 * One that was sent before (attempt) may still turn up: cache_own_disown. */
bool cache_intent_is_unsent(const CacheIntent *self);
bool cache_intent_is_over(const CacheIntent *self);

/* The step that comes next, or 0: in their order, but for a move that may have been done, which is
 * settled before anything else. */
CacheTodo cache_intent_next(const CacheIntent *self);

/* The mailbox that this step of an item is told: for a move or a copy the one that it is taken
 * from. Borrowed; NULL: it is not known, or a directory, whose steps none of them has to know; "":
 * it is not known yet. */
const char *cache_intent_content(const CacheIntent *self, CacheTodo step);

/* "create", "move, update": for people. Owned. */
char *cache_intent_describe(const CacheIntent *self);

/* --- rows ---------------------------------------------------------------------------------- */

/* The intent of a node, or NULL without an error. */
bool cache_intent_get(CacheConn *conn, int64_t node, CacheIntent **ret_intent,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, or a new one (with seq and since set). */
CacheIntent *cache_intent_take(CacheConn *conn, int64_t node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Writes the row; one that is over goes. @is_touched: it lingers from now. */
bool cache_intent_put(CacheConn *conn, CacheIntent *self, bool is_touched,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* @source is about to change, or to go: what is to be a copy of it and has not left is made of its
 * own bytes. One that is still open looks for itself when it is finished. */
bool cache_intent_drop_copies(CacheConn *conn, int64_t source,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A folder of this name in @dir that is on its way out, or may be made under it before it gets
 * another; or 0. */
bool cache_intent_find_leaving(CacheConn *conn, int64_t dir, const char *name, int64_t *ret_node,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Those in a state, oldest first, at most @max; of CacheIntent. */
GPtrArray *cache_intent_list(CacheConn *conn, CacheIntentState state, unsigned max,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The item that a further content takes the place of. */
typedef struct CacheReplaced {
	const char *item_id; /* NULL: none */
	int64_t folder;
	int64_t print; /* as somebody else would have to change it; 0: not known */
} CacheReplaced;

/* New content is finished: cache_intent_ask_make, which replaces @old. An item that it was to
 * replace before, and that is another one, is removed by itself. */
bool cache_intent_replace(CacheConn *conn, CacheIntent *self, const CacheReplaced *old,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
