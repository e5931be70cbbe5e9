/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The nouns, as Exchange names them. Plain records: made by the readers in op/, owned by whoever
 * holds them, passed on by pointer. Strings are UTF-8, made valid on the way in, and NULL where
 * the server said nothing. No behaviour lives here.
 */

/* Times are microseconds since 1970 UTC; EWS_TIME_NONE where the server said none. */
#define EWS_TIME_NONE INT64_MIN

/* EffectiveRights, as bits. */
typedef enum EwsRights {
	EWS_RIGHT_READ = 1 << 0,
	EWS_RIGHT_MODIFY = 1 << 1,
	EWS_RIGHT_DELETE = 1 << 2,
	EWS_RIGHT_CREATE_CONTENTS = 1 << 3,
	EWS_RIGHT_CREATE_HIERARCHY = 1 << 4,
	EWS_RIGHTS_ALL = (1 << 5) - 1,
} EwsRights;

typedef struct EwsFolder {
	char *id;           /* own */
	char *change_key;   /* own */
	char *parent_id;    /* own */
	char *display_name; /* own */
	char *folder_class; /* own, "IPF.Note" where the server gives none */
	bool is_search;     /* the element was SearchFolder */
	bool is_hidden;     /* PidTagAttributeHidden, 0x10F4 */
	int64_t total_count; /* -1 where not said; likewise below */
	int64_t unread_count;
	int64_t child_count;
	int64_t size;          /* PidTagMessageSizeExtended, 0x0E08: bytes of the items in it */
	int64_t commit_time;   /* 0x670A: moves with every change of the contents */
	int64_t deleted_count; /* 0x670B */
	char *replica; /* own; of a public folder: the mailbox with its content, by GUID; 0x6698 */
	unsigned rights;       /* EwsRights; EWS_RIGHTS_ALL where not said */
} EwsFolder;

typedef enum EwsImportance {
	EWS_IMPORTANCE_LOW,
	EWS_IMPORTANCE_NORMAL,
	EWS_IMPORTANCE_HIGH,
} EwsImportance;

typedef enum EwsFlag {
	EWS_FLAG_NONE,
	EWS_FLAG_FLAGGED,
	EWS_FLAG_COMPLETE,
} EwsFlag;

typedef struct EwsItem {
	char *id;           /* own; up to 512 bytes, compared byte by byte */
	char *change_key;   /* own */
	char *item_class;   /* own */
	char *subject;      /* own */
	char *from_name;    /* own */
	char *from_address; /* own */
	char *display_to;   /* own; "Name; Name" */
	char *message_id;   /* own; InternetMessageId */
	char *file_name;    /* own; our named property: the name a user gave */
	char *guid;         /* own; our named property: "GUID/attempt" of the create that made it */
	char **categories;  /* own, NULL-terminated; NULL for none */
	uint8_t *search_key; /* own; PidTagSearchKey, 0x300B */
	size_t search_key_len;
	int64_t received;
	int64_t sent;
	int64_t created;
	int64_t modified;
	int64_t size; /* item:Size, the server's measure, not the MIME's length; -1: not said */
	EwsImportance importance;
	EwsFlag flag;
	bool is_read;
	bool is_draft;
	bool is_submitted; /* on its way out: the server is about to send it */
	bool has_attachments;
	bool has_properties; /* false where only the id came */
} EwsItem;

typedef enum EwsChangeKind {
	EWS_CHANGE_CREATE,
	EWS_CHANGE_UPDATE,
	EWS_CHANGE_DELETE,    /* only the id is set */
	EWS_CHANGE_READ_FLAG, /* only id and is_read are set */
} EwsChangeKind;

typedef struct EwsItemChange {
	EwsChangeKind kind;
	EwsItem *item; /* own */
} EwsItemChange;

typedef struct EwsFolderChange {
	EwsChangeKind kind;
	EwsFolder *folder; /* own */
} EwsFolderChange;

EwsFolder *ews_folder_new(void);
void ews_folder_free(EwsFolder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsFolder, ews_folder_free)

EwsItem *ews_item_new(void);
void ews_item_free(EwsItem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsItem, ews_item_free)

void ews_item_change_free(EwsItemChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsItemChange, ews_item_change_free)
void ews_folder_change_free(EwsFolderChange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsFolderChange, ews_folder_change_free)
