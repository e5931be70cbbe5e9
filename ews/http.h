/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/body.h"
#include "ews/ews.h"
#include "ews/soap_write.h"

/*
 * POSTs over a pool of kept connections (curl multi). Bytes only: knows no XML and repeats
 * nothing, but what curl repeats when a kept connection turns out to be dead before a byte came.
 * A post that may be sent only once is not repeated so, once a byte of its body was on its way,
 * unless the sending before was answered with 401.
 *
 * A stream is a post whose answer may go on for half an hour: over a connection of its own, which
 * no other post uses before or after, with no limit on silence and without gzip (what compresses,
 * holds back). How it ends says nothing of the kept connections.
 *
 * Where the session is about public folders and the way to them is known (ews/route.h), what is for
 * the mailbox that knows them, or for one with content, says so (X-PublicFolderMailbox).
 *
 * HTTP/1.1, Content-Length, no Expect, gzip accepted, cookies kept in memory, the same server asked
 * for where there are many (X-AnchorMailbox, X-PreferServerAffinity), certificates always
 * checked, redirects never followed (a POST with a password goes where it was told to go). Sizes
 * are capped (ews/reading.h). The address has passed ews_easy_check. ews thread only, but for wake
 * and last_progress.
 */
typedef struct EwsHttp EwsHttp;
typedef struct EwsHttpPost EwsHttpPost;

typedef enum EwsHttpFate {
	EWS_HTTP_ANSWERED,  /* an answer came, as much of it as was wanted, with any status */
	EWS_HTTP_UNREACHED, /* no connection, or none to be trusted */
	EWS_HTTP_BROKEN,    /* the connection ended before a byte of the answer */
	EWS_HTTP_CUT,       /* the connection ended inside the answer */
	EWS_HTTP_SILENT,    /* nothing came for too long */
	EWS_HTTP_UNREAD,    /* the body could not be read here; given up before its end */
} EwsHttpFate;

typedef struct EwsHttpEnd {
	EwsHttpFate fate;
	long status;           /* 0: none came */
	int64_t retry_after_s; /* -1: the server said none */
	bool is_sent;          /* the last byte of the body was given away */
	unsigned owner;        /* UNREAD: of the message that could not be read */
	unsigned token;        /* the number of the one it went with */
	const GError *error;   /* why, unless answered with 200 */
} EwsHttpEnd;

typedef struct EwsHttpEvents {
	/* A piece of the body. FALSE: no more is wanted, the connection is closed. */
	bool (*data)(void *user, const char *data, size_t len);
	/* Exactly once, unless the post was cancelled. May post anew. */
	void (*end)(void *user, const EwsHttpEnd *end);
	void *user;
} EwsHttpEvents;

typedef struct EwsHttpCounts {
	uint64_t requests;
	uint64_t bytes_in;
	uint64_t bytes_out;
} EwsHttpCounts;

/* Which mailbox a post is for. */
typedef struct EwsAim {
	EwsDestination to;
	const char *address; /* borrowed; of the one with the content; NULL: it is not said */
} EwsAim;

EwsHttp *ews_http_new(const EwsConfig *config);
/* Every post must have ended or been cancelled. */
void ews_http_free(EwsHttp *self);

/* Whose mailbox the posts are about. Borrowed, until it is set anew. */
const EwsWhose *ews_http_whose(const EwsHttp *self);
/* From now on it is this one's, by its primary address. NULL: the account's. */
void ews_http_set_mailbox(EwsHttp *self, const char *address);

/* What is posted from now on goes with this bearer token, the @number-th. */
void ews_http_set_token(EwsHttp *self, const char *token, unsigned number);

/* Takes @body. @is_once: it must not be sent twice; else it must be all text. */
EwsHttpPost *ews_http_post(EwsHttp *self, EwsBody *body, bool is_once, EwsAim aim,
	const EwsHttpEvents *events);
/* Takes @body, which must be all text. */
EwsHttpPost *ews_http_stream(EwsHttp *self, EwsBody *body, const EwsHttpEvents *events);
/* The last byte of the body was given away. */
bool ews_http_is_sent(const EwsHttpPost *post);
void ews_http_cancel(EwsHttpPost *post);

/* Waits for something to do, at most @timeout_ms, and does it. */
void ews_http_run(EwsHttp *self, int timeout_ms);
/* From inside `data`: there is something to post, so return before the rest is read. */
void ews_http_hurry(EwsHttp *self);
/* @fd being readable ends the wait too; it is not read. */
void ews_http_heed(EwsHttp *self, int fd);
/* What is posted from now on goes to @url, which has passed ews_easy_check, on new connections. */
void ews_http_move(EwsHttp *self, const char *url);
/* The connections that are kept now are not used any more. */
void ews_http_renew(EwsHttp *self);
/* Any thread: ends the wait. */
void ews_http_wake(EwsHttp *self);

/* Where the posts go, and how we sign in there; borrowed, the credentials until the next turn. */
const char *ews_http_url(const EwsHttp *self);
const EwsTls *ews_http_tls(const EwsHttp *self);
EwsCredentials ews_http_credentials(const EwsHttp *self);

const EwsHttpCounts *ews_http_counts(const EwsHttp *self);
/* Any thread: when a byte last came, but for streams (monotonic microseconds; 0: never). */
int64_t ews_http_last_progress(EwsHttp *self);
/* Any thread: when a byte of a post that is sent once last left, or one of its answer came. */
int64_t ews_http_last_change(EwsHttp *self);
