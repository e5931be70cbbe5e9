/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/doubt.h"

#include "ews/error.h"

/* Done twice, these make two; of the others the second time says "not found" or changes nothing. */
static bool makes_two(EwsChange change)
{
	return change == EWS_CREATES_ITEM || change == EWS_COPIES_ITEM || change == EWS_SENDS_ITEM;
}

bool ews_doubt_brings_id(EwsChange change)
{
	return change == EWS_CREATES_ITEM || change == EWS_COPIES_ITEM || change == EWS_MOVES_ITEM;
}

/* --- one op's message -------------------------------------------------------------------- */

EwsCertainty ews_doubt_message(EwsChange change, const char *code, bool is_busy, unsigned count)
{
	if (is_busy)
		return EWS_CERTAIN;
	if (makes_two(change) && (!*code || ews_error_may_be_done(code)))
		return EWS_DOUBTED;
	if (count > 1 && ews_error_action(code) == EWS_ERROR_ACTION_SMALLER)
		return EWS_REFUSED;
	return EWS_CERTAIN;
}

/* --- the rest of a call ------------------------------------------------------------------ */

/* A server that names a reason has looked at the request and not begun; one that only says that
 * it failed may have failed in the middle (docs/wire.md, "Faults in the middle of a call"). */
static EwsCertainty of_fault(EwsChange change, const EwsCallEnd *end)
{
	const EwsFault *fault = end->fault;
	const char *code = fault->code;

	if (fault->is_busy)
		return EWS_CERTAIN;
	if (!code && fault->is_client)
		return EWS_REFUSED;
	if (!code || !ews_error_is_known(code) || ews_error_may_be_done(code))
		return end->count == 1 && !makes_two(change) ? EWS_CERTAIN : EWS_DOUBTED;
	return ews_error_is_for_all(code) ? EWS_CERTAIN : EWS_REFUSED;
}

/* What stood before the mailbox, or refused to open it. */
static EwsCertainty of_page(const EwsCallEnd *end)
{
	switch (end->status) {
	case 400:
	case 405: /* gromox's way to say that the request is too big */
	case 413:
		return EWS_REFUSED;
	case 429:
	case 503:
		return EWS_CERTAIN;
	}
	if (!end->is_sent)
		return EWS_CERTAIN;
	if (end->status >= 300 && end->status < 400)
		return end->is_passing ? EWS_DOUBTED : EWS_CERTAIN;
	return end->status > 400 && end->status < 500 ? EWS_CERTAIN : EWS_DOUBTED;
}

EwsCertainty ews_doubt_call(EwsChange change, const EwsCallEnd *end)
{
	if (end->fate != EWS_HTTP_ANSWERED) {
		if (end->fate == EWS_HTTP_UNREAD)
			return EWS_REFUSED;
		return end->is_sent ? EWS_DOUBTED : EWS_CERTAIN;
	}
	if (end->fault)
		return of_fault(change, end);
	if (!end->is_soap)
		return of_page(end);
	if (!end->is_whole)
		return end->is_sent ? EWS_DOUBTED : EWS_CERTAIN;
	/* It answered, but not for this op, which may be done: then a move left its id behind. */
	return makes_two(change) || ews_doubt_brings_id(change) ? EWS_DOUBTED : EWS_CERTAIN;
}
