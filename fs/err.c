/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/err.h"

#include <errno.h>
#include <stdbool.h>

#include "ews/error.h"

/*
 * BUSY is EBUSY and not EAGAIN: on a file that is always ready, EAGAIN makes some run-times wait
 * for a readiness that never comes, and io_uring try again in circles. TLS is EHOSTUNREACH
 * because to the caller it is the same: the right server is not reached; .ewsfs/status says why.
 */
static const int numbers[] = {
	[EWS_ERROR_NOT_FOUND] = ENOENT,
	[EWS_ERROR_EXISTS] = EEXIST,
	[EWS_ERROR_DENIED] = EACCES,
	[EWS_ERROR_AUTH] = EACCES,
	[EWS_ERROR_STALE] = ESTALE,
	[EWS_ERROR_BUSY] = EBUSY,
	[EWS_ERROR_OFFLINE] = EHOSTUNREACH,
	[EWS_ERROR_TLS] = EHOSTUNREACH,
	[EWS_ERROR_TOO_BIG] = EFBIG,
	[EWS_ERROR_NO_SPACE] = ENOSPC,
	[EWS_ERROR_UNSUPPORTED] = EIO,
	[EWS_ERROR_CORRUPT] = EIO,
	[EWS_ERROR_PROTOCOL] = EIO,
	[EWS_ERROR_LOCAL] = EIO,
	[EWS_ERROR_CANCELLED] = EINTR,
	[EWS_ERROR_INVALID] = EINVAL,
	[EWS_ERROR_FORBIDDEN] = EPERM,
	[EWS_ERROR_NOT_EMPTY] = ENOTEMPTY,
	[EWS_ERROR_QUOTA] = EDQUOT,
};

int fs_err_number(const GError *error)
{
	if (error == NULL || error->domain != EWS_ERROR)
		return EIO;
	if (error->code < 0 || error->code >= (int)G_N_ELEMENTS(numbers))
		return EIO;
	return numbers[error->code];
}

/* Trouble of this machine is news each time. The state of the server is told once, where it
 * changes, and a walk over ten thousand files must not say it ten thousand times. */
static void log_error(const GError *error, const char *what)
{
	bool is_local = ews_error_is(error, EWS_ERROR_LOCAL) ||
		ews_error_is(error, EWS_ERROR_NO_SPACE) || error->domain != EWS_ERROR;

	if (is_local)
		g_warning("%s: %s", what, error->message);
	else if (!ews_error_is(error, EWS_ERROR_NOT_FOUND))
		g_debug("%s: %s", what, error->message);
}

void fs_err_reply(fuse_req_t req, const GError *error, const char *what)
{
	log_error(error, what);
	fuse_reply_err(req, fs_err_number(error));
}
