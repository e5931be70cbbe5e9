/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/ews.h"
#include "ews/soap_write.h"

/*
 * EwsFields as XML: beside the MIME of a new item, in the schema's order, and as updates of an old
 * one, one property each. ews thread only, but for copying.
 */
EwsFields *ews_fields_copy(const EwsFields *fields);
void ews_fields_free(EwsFields *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EwsFields, ews_fields_free)

/* "t:Message", "t:CalendarItem", "t:Contact". */
const char *ews_fields_element(EwsItemKind kind);

/* Between MimeContent and the recipients, with what makes a message a draft or not. */
void ews_fields_write_new(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind,
	bool is_draft);
/* After the recipients. */
void ews_fields_write_new_read(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind);

/* <t:Updates> */
void ews_fields_write_updates(EwsWriter *writer, const EwsFields *fields, EwsItemKind kind);
