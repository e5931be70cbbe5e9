/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/exit.h"

#include "ews/error.h"

FsExit fs_exit_of(const GError *error)
{
	if (error->domain != EWS_ERROR)
		return FS_EXIT_LOCAL;
	switch ((EwsErrorCode)error->code) {
	case EWS_ERROR_OFFLINE:
	case EWS_ERROR_BUSY:
	case EWS_ERROR_CANCELLED:
		return FS_EXIT_OFFLINE;
	case EWS_ERROR_TLS:
		return FS_EXIT_TLS;
	case EWS_ERROR_AUTH:
	case EWS_ERROR_DENIED:
		return FS_EXIT_AUTH;
	case EWS_ERROR_NOT_FOUND:
		return FS_EXIT_MAILBOX;
	case EWS_ERROR_PROTOCOL:
	case EWS_ERROR_UNSUPPORTED:
	case EWS_ERROR_CORRUPT:
	case EWS_ERROR_STALE:
	case EWS_ERROR_EXISTS:
	case EWS_ERROR_TOO_BIG:
	case EWS_ERROR_INVALID:
	case EWS_ERROR_FORBIDDEN:
	case EWS_ERROR_NOT_EMPTY:
	case EWS_ERROR_QUOTA:
		return FS_EXIT_NOT_EWS;
	case EWS_ERROR_NO_SPACE:
	case EWS_ERROR_LOCAL:
		return FS_EXIT_LOCAL;
	}
	return FS_EXIT_LOCAL;
}

const char *fs_exit_advice(FsExit status)
{
	switch (status) {
	case FS_EXIT_OFFLINE:
		return "check the address and the network";
	case FS_EXIT_TLS:
		return "if the server is right, give its certificate authority with -o cacert=FILE";
	case FS_EXIT_AUTH:
		return "what user=, auth= and the password may be is in ewsfs(1), Signing in";
	case FS_EXIT_NOT_EWS:
		return "check the address: it usually ends in /EWS/Exchange.asmx";
	case FS_EXIT_MAILBOX:
		return "check the name of the folder, and that this user has a mailbox";
	case FS_EXIT_OK:
	case FS_EXIT_USAGE:
	case FS_EXIT_MOUNTPOINT:
	case FS_EXIT_LOCAL:
	case FS_EXIT_BY_ERROR:
		return NULL;
	}
	return NULL;
}
