/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads recorded answers and says what is in them:
 *
 *     read WORDS FILE [PIECE]
 *
 * WORDS as in tests/wire/describe.h; PIECE bytes at a time, all at once without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/wire/feed.h"

static gsize piece_of(void *user)
{
	return *(gsize *)user;
}

int main(int argc, char **argv)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *data = NULL;
	gsize len;
	gsize piece;

	if (argc < 3 || !g_file_get_contents(argv[2], &data, &len, NULL)) {
		fprintf(stderr, "read WORDS FILE [PIECE]\n");
		return 2;
	}
	piece = argc > 3 ? (gsize)atoi(argv[3]) : len;
	if (g_str_has_prefix(argv[1], "get-stream "))
		feed_stream(argv[1], data, len, piece_of, &piece, out);
	else
		feed_answer(argv[1], data, len, piece_of, &piece, out);
	fputs(out->str, stdout);
	return 0;
}
