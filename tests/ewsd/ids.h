/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What clients must treat as opaque: item and folder ids, change keys, sync states. They
 * look like those of Exchange (long, base64, case-sensitive), name their mailbox, and are
 * refused when one character differs. Pure, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { IDS_KEY = 16, IDS_TEXT = 160, IDS_CHANGE_KEY = 48 };

typedef struct IdsKey {
	uint8_t guid[IDS_KEY];
} IdsKey;

typedef enum IdsKind { IDS_FOLDER = 1, IDS_ITEM = 7 } IdsKind;

void ids_encode(const IdsKey *key, IdsKind kind, int64_t number, char text[IDS_TEXT]);
bool ids_decode(const IdsKey *key, IdsKind kind, const char *text, int64_t *ret_number);
void ids_change_key(const IdsKey *key, int64_t number, char text[IDS_CHANGE_KEY]);
bool ids_change_key_is(const IdsKey *key, int64_t number, const char *text);

/*
 * Where a sync stands. While `listing`, the first list goes from the newest item to the
 * oldest and `at_received`, `at_id` is the last one told; `since` is the change number at
 * which the list began, so that nothing that happens meanwhile is lost. After that, changes
 * above `since` are told in their order, and `base` is where this run of pages began.
 */
typedef struct SyncPoint {
	int64_t kind;	/* 'I' or 'H' */
	int64_t folder;
	int64_t listing;
	int64_t base;
	int64_t since;
	int64_t at_received;
	int64_t at_id;
} SyncPoint;

char *ids_sync_encode(const IdsKey *key, const SyncPoint *point);
bool ids_sync_decode(const IdsKey *key, const char *text, SyncPoint *ret_point);
