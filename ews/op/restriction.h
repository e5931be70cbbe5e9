/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/query.h"
#include "ews/soap_write.h"

/*
 * A query as a Restriction, for servers that do not know AQS. Words are found inside of words, and
 * only among what can be searched so: recipients as they are shown. What servers refuse is not
 * said: GreaterThanOrEqual, the body and the recipients by their names (docs/wire.md, "AQS may be
 * ignored"). ews thread only.
 */
void ews_restriction_write(EwsWriter *writer, const EwsQuery *query);
