/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What can go wrong on the way to Exchange, said as what to do next.
 *
 * One domain for the whole program: cache/ passes these errors on, and uses them for its own
 * trouble (LOCAL, NO_SPACE), so that fs/err.c is the only place that turns them into errno
 * numbers. error.c holds the only table from ResponseCode, HTTP status, CURLcode and SOAP fault
 * to a code; the server's own words stay in the message.
 *
 * Any thread.
 */

#define EWS_ERROR (ews_error_quark())
GQuark ews_error_quark(void);

typedef enum EwsErrorCode {
	EWS_ERROR_NOT_FOUND,   /* it is not there: look again at the listing */
	EWS_ERROR_EXISTS,      /* the name is taken */
	EWS_ERROR_DENIED,      /* the account lacks the right */
	EWS_ERROR_AUTH,        /* sign-in refused: stop the account, never retry by itself */
	EWS_ERROR_STALE,       /* what we know is old: sync, then decide */
	EWS_ERROR_BUSY,        /* the server asks for patience: wait */
	EWS_ERROR_OFFLINE,     /* the server is not reached: wait */
	EWS_ERROR_TLS,         /* the server is not who it should be: a person must look */
	EWS_ERROR_TOO_BIG,     /* over a limit, the server's or ours */
	EWS_ERROR_NO_SPACE,    /* this machine's disk */
	EWS_ERROR_UNSUPPORTED, /* the server cannot do this, remember it */
	EWS_ERROR_CORRUPT,     /* this one item cannot be had whole; its neighbours can */
	EWS_ERROR_PROTOCOL,    /* an answer that makes no sense */
	EWS_ERROR_LOCAL,       /* this machine: disk, SQLite */
	EWS_ERROR_CANCELLED,   /* we gave up on it ourselves */
	EWS_ERROR_INVALID,     /* what was asked for makes no sense: other name, other bytes */
	EWS_ERROR_FORBIDDEN,   /* nobody may do this: to a distinguished folder, say */
	EWS_ERROR_NOT_EMPTY,   /* a folder with something in it */
	EWS_ERROR_QUOTA,       /* the mailbox is full */
} EwsErrorCode;

/* The error for a ResponseCode ("ErrorItemNotFound") with the server's @message; @code is never
 * "NoError". An unknown code is CORRUPT where it stood with one item, else PROTOCOL. */
GError *ews_error_from_response(const char *code, const char *message, gboolean is_item);

/* The error for an HTTP status other than 200, and 401 and 403 (ews/cause.h), whose body was no
 * SOAP fault. */
GError *ews_error_from_http(long status, const char *url);

/* The error for a CURLcode; @detail is curl's error buffer. Takes an int so that only ews/http.c
 * and error.c need curl's headers. */
GError *ews_error_from_curl(int code, const char *detail, const char *url);

/* errno number and context as LOCAL, or NO_SPACE for ENOSPC and EDQUOT. */
GError *ews_error_from_errno(int errnum, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* TRUE for an error of ours (EWS_ERROR domain) with this code. */
gboolean ews_error_is(const GError *error, EwsErrorCode code);

/* TRUE where waiting helps: BUSY, OFFLINE. */
gboolean ews_error_is_temporary(const GError *error);

/* What the session itself does about a ResponseCode, before anybody above hears of it. */
typedef enum EwsErrorAction {
	EWS_ERROR_ACTION_FAIL,    /* nothing: it is the answer */
	EWS_ERROR_ACTION_WAIT,    /* pause everything, then ask again */
	EWS_ERROR_ACTION_SMALLER, /* ask again in a smaller batch; alone it is the answer */
	EWS_ERROR_ACTION_AGAIN,   /* it was never tried: ask again */
	EWS_ERROR_ACTION_ONCE,    /* it may pass: ask once more, then it is the answer */
	EWS_ERROR_ACTION_STOP,    /* the account: nothing more is sent */
} EwsErrorAction;
EwsErrorAction ews_error_action(const char *code);

/* Is the code in the table? */
gboolean ews_error_is_known(const char *code);
/* The server failed, and says so: what it failed at may have been done all the same. */
gboolean ews_error_may_be_done(const char *code);
/* What is wrong is wrong with every call: asking in smaller ones cannot help. */
gboolean ews_error_is_for_all(const char *code);
