/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/access.h"
#include "ews/error.h"
#include "ews/governor.h"

/*
 * The bearer token of a session: got when something is to be sent, replaced some minutes before
 * it expires and when the server does not take it.
 *
 * The source may block (a command, a server that gives tokens), so it is called on a thread
 * that does nothing else. A token has a number, by which a refusal that comes late is known to
 * be about one that was replaced meanwhile. ews thread only, but for new and free; @now is
 * monotonic, in microseconds.
 */
typedef struct EwsBearer EwsBearer;

typedef enum EwsBearerNews {
	EWS_BEARER_SAME,
	EWS_BEARER_FRESH,  /* there is another one */
	EWS_BEARER_FAILED, /* there is none, and none was to be had: ews_bearer_error */
} EwsBearerNews;

/* @wake: on any thread, when it is time for the next turn. */
EwsBearer *ews_bearer_new(const EwsTokenSource *source, void (*wake)(void *user), void *user,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits for a call to the source that is under way. */
void ews_bearer_free(EwsBearer *self);

/* One turn. @is_wanted: something waits to be sent. */
EwsBearerNews ews_bearer_run(EwsBearer *self, bool is_wanted, int64_t now);
/* When it wants its next turn, whatever happens. */
int64_t ews_bearer_due(const EwsBearer *self, int64_t now);

/* NULL: there is none that is worth sending. Borrowed until the next turn. */
const char *ews_bearer_get(const EwsBearer *self, int64_t now);
unsigned ews_bearer_number(const EwsBearer *self);
/* Why none was to be had; borrowed until the next turn. */
const GError *ews_bearer_error(const EwsBearer *self);

/* The server took the one of this number. */
void ews_bearer_accepted(EwsBearer *self, unsigned number);
/* The server answered 401 to it. TRUE: another is there or will be asked for, so what was sent with
 * it can be sent again. FALSE: another would be refused as well. */
bool ews_bearer_refused(EwsBearer *self, unsigned number, int64_t now);

/* What a request was signed with, and left when; ews_bearer_judge says what a 401 to it means. */
typedef struct EwsSigned {
	EwsBearer *bearer; /* borrowed; NULL: with something that has no end, as a password */
	unsigned number;   /* of its token */
	int64_t sent_us;   /* monotonic */
} EwsSigned;

/* The server answered 401, which @error says. TRUE: only a token was refused, and another will do.
 * FALSE: the governor was told, and lets nothing leave, or not for now. */
bool ews_bearer_judge(const EwsSigned *how, EwsGovernor *governor, const GError *error,
	int64_t now);
