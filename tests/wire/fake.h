/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * An HTTP server on loopback that gives canned answers in order (the last one again and again)
 * and remembers what it was asked. A thread a connection; answers and requests are under a lock.
 */
typedef struct Fake Fake;

typedef struct FakeAnswer {
	int status;
	char *headers; /* lines that end in \r\n, or NULL */
	GString *body;
	gsize piece;   /* bytes at a time; 0: all at once */
	gssize cut;    /* closes the connection after so many bytes; -1: does not */
	bool is_mute;  /* reads the request, says nothing, keeps the connection */
} FakeAnswer;

Fake *fake_new(void);
void fake_free(Fake *self);
/* Takes @answer. */
void fake_add(Fake *self, FakeAnswer *answer);
/* Takes @answer, which autodiscover beside EWS gives: by itself, in its own order. There is one
 * before it is asked. */
void fake_add_found(Fake *self, FakeAnswer *answer);
FakeAnswer *fake_answer_new(int status, const char *body);

/* http://127.0.0.1:PORT/EWS/Exchange.asmx; owned. */
char *fake_url(const Fake *self);
/* The bodies of the requests so far, and their heads; and both in one of those to autodiscover,
 * which are not among them; owned, of strings. */
GPtrArray *fake_requests(Fake *self);
GPtrArray *fake_heads(Fake *self);
GPtrArray *fake_sought(Fake *self);
