/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/ids.h"

#include <glib.h>
#include <string.h>

static void put64(uint8_t *to, uint64_t value)
{
	for (int i = 7; i >= 0; i--) {
		to[i] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | from[i];
	return value;
}

static uint64_t fnv(const IdsKey *key, const uint8_t *data, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < IDS_KEY; i++)
		hash = (hash ^ key->guid[i]) * 0x100000001b3u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ data[i]) * 0x100000001b3u;
	return hash;
}

static void encode(const uint8_t *data, size_t length, char *text)
{
	int state = 0;
	int save = 0;
	size_t n = g_base64_encode_step(data, length, FALSE, text, &state, &save);

	n += g_base64_encode_close(FALSE, text + n, &state, &save);
	text[n] = '\0';
}

/* 00 03 24 00, the mailbox as text of a GUID, then an entry id as long as Exchange's. */
static size_t layout(const IdsKey *key, IdsKind kind, int64_t number, uint8_t *data)
{
	size_t entry = kind == IDS_ITEM ? 70 : 46;
	uint8_t *p = data;
	char guid[40];

	g_snprintf(guid, sizeof(guid), "%08x-%04x-4000-8000-%012" G_GINT64_MODIFIER "x",
		(unsigned)get64(key->guid), (unsigned)(get64(key->guid) >> 48),
		get64(key->guid + 8) & 0xffffffffffffu);
	memcpy(p, "\0\3\44\0", 4);
	memcpy(p + 4, guid, 36);
	p += 40;
	p[0] = 0;
	p[1] = (uint8_t)entry;
	p += 2;
	memset(p, 0, entry);
	memcpy(p + 4, key->guid, IDS_KEY);
	p[20] = (uint8_t)kind;
	memcpy(p + 22, key->guid, IDS_KEY);
	if (kind == IDS_ITEM) {
		memcpy(p + 46, key->guid, IDS_KEY);
		put64(p + 38, fnv(key, (const uint8_t *)&number, sizeof(number)));
	}
	put64(p + entry - 8, (uint64_t)number);
	return (size_t)(p - data) + entry;
}

void ids_encode(const IdsKey *key, IdsKind kind, int64_t number, char text[IDS_TEXT])
{
	uint8_t data[128];

	encode(data, layout(key, kind, number, data), text);
}

bool ids_decode(const IdsKey *key, IdsKind kind, const char *text, int64_t *ret_number)
{
	char again[IDS_TEXT];
	size_t length = 0;
	g_autofree uint8_t *data = NULL;
	int64_t number;

	if (strlen(text) >= IDS_TEXT)
		return false;
	data = g_base64_decode(text, &length);
	if (length < 50)
		return false;
	number = (int64_t)get64(data + length - 8);
	ids_encode(key, kind, number, again);
	if (strcmp(again, text) != 0)
		return false;
	*ret_number = number;
	return true;
}

void ids_change_key(const IdsKey *key, int64_t number, char text[IDS_CHANGE_KEY])
{
	uint8_t data[30] = {9, 0, 0, 0, 22};

	memcpy(data + 8, key->guid, 14);
	put64(data + 22, (uint64_t)number);
	encode(data, sizeof(data), text);
}

bool ids_change_key_is(const IdsKey *key, int64_t number, const char *text)
{
	char want[IDS_CHANGE_KEY];

	ids_change_key(key, number, want);
	return strcmp(want, text) == 0;
}

enum { STATE_WORDS = 7, STATE_SIZE = STATE_WORDS * 8 + 8 };

char *ids_sync_encode(const IdsKey *key, const SyncPoint *point)
{
	const int64_t words[STATE_WORDS] = {point->kind, point->folder, point->listing,
		point->base, point->since, point->at_received, point->at_id};
	uint8_t data[STATE_SIZE];

	for (int i = 0; i < STATE_WORDS; i++)
		put64(data + i * 8, (uint64_t)words[i]);
	put64(data + STATE_WORDS * 8, fnv(key, data, STATE_WORDS * 8));
	return g_base64_encode(data, sizeof(data));
}

bool ids_sync_decode(const IdsKey *key, const char *text, SyncPoint *ret_point)
{
	size_t length = 0;
	g_autofree uint8_t *data = g_base64_decode(text, &length);
	int64_t w[STATE_WORDS];

	if (length != STATE_SIZE)
		return false;
	if (get64(data + STATE_WORDS * 8) != fnv(key, data, STATE_WORDS * 8))
		return false;
	for (int i = 0; i < STATE_WORDS; i++)
		w[i] = (int64_t)get64(data + i * 8);
	*ret_point = (SyncPoint){w[0], w[1], w[2], w[3], w[4], w[5], w[6]};
	return true;
}
