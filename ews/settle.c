/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/settle.h"

#include "ews/governor.h"

#define SENT_MAX    24 /* of all kinds of trouble together; halving from 100 to 1 takes 8 */
#define BUSY_MAX    8
#define STOPPED_MAX 5
#define MISSING_MAX 1
#define BROKEN_MAX  1

static bool within(uint8_t *count, unsigned max)
{
	return (*count)++ < max;
}

static void halve(EwsOp *op, unsigned count)
{
	op->batch_max = MAX(MIN(op->batch_max, count / 2), 1);
}

bool ews_settle(EwsOp *op, EwsTrouble trouble, unsigned count)
{
	if (op->sent >= SENT_MAX)
		return false;
	switch (trouble) {
	case EWS_TROUBLE_NONE:
		return false;
	case EWS_TROUBLE_BUSY:
		return within(&op->busy, BUSY_MAX);
	case EWS_TROUBLE_SURPLUS:
		op->batch_max = MAX(MIN(op->batch_max, count), 1);
		return within(&op->stopped, STOPPED_MAX);
	case EWS_TROUBLE_STOPPED:
		return within(&op->stopped, STOPPED_MAX);
	case EWS_TROUBLE_MISSING:
		halve(op, count);
		return within(&op->missing, MISSING_MAX);
	case EWS_TROUBLE_BROKEN:
		if (count == 1)
			return within(&op->broken, BROKEN_MAX);
		halve(op, count);
		return true;
	case EWS_TROUBLE_REJECTED:
		if (count == 1)
			return false;
		halve(op, count);
		return true;
	case EWS_TROUBLE_TOO_MUCH:
		/* The governor has made the next page smaller. */
		if (count == 1)
			return op->page > EWS_PAGE_MIN;
		halve(op, count);
		return true;
	}
	return false;
}
