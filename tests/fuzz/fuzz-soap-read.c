/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SOAP reader with answers of any kind, for every operation, in pieces of any size.
 *
 * The first two bytes choose the operation and how the pieces vary; the rest is the answer. Beside
 * not crashing, the same answer must read the same in one piece.
 */
#include <stdint.h>
#include <string.h>

#include "tests/wire/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
	"get-item-mime X", "get-item X", "sync-items X S", "sync-hierarchy", "find-folder X 3",
	"get-folder X", "get-distinguished inbox", "resolve me",
	"get-details X 1", "find-items X", "find-newest X", "find-subfolders X",
	"search aqs X 0 - a", "search restriction X 0 - a b",
	"create-item F message sent a", "update-item X - message read=1", "delete-item X trash",
	"move-item X F", "send-item X CK", "create-folder P N", "update-folder X - N",
	"move-folder X P", "delete-folder X trash", "subscribe pull X",
};

/* Pieces of 1 to 64 bytes, sometimes of a few thousand. */
static gsize vary(void *user)
{
	uint32_t *state = user;

	*state = *state * 1664525 + 1013904223;
	return (*state >> 30) == 0 ? *state >> 20 : 1 + (*state >> 26);
}

static gsize at_once(void *user)
{
	return G_MAXINT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GString) in_pieces = g_string_new(NULL);
	g_autoptr(GString) whole = g_string_new(NULL);
	const char *what;
	uint32_t state;

	if (size < 2)
		return 0;
	what = words[data[0] % G_N_ELEMENTS(words)];
	state = data[1];
	feed_answer(what, (const char *)data + 2, size - 2, vary, &state, in_pieces);
	feed_answer(what, (const char *)data + 2, size - 2, at_once, NULL, whole);
	/* What is wrong with a document may be said in other words when it is seen sooner. */
	if (!strstr(whole->str, "broken: "))
		g_assert_cmpstr(in_pieces->str, ==, whole->str);
	return 0;
}
