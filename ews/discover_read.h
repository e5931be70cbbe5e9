/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What is said to an autodiscover service and what it answers: POX, SOAP, JSON (V2). Pure; any
 * thread. Nothing here judges whether an address may be believed.
 *
 * XML is read as answers of EWS are (ews/soap_read.h): no document type, no entities, no network,
 * caps on depth and text. What is too long is dropped, not cut: half an address is another one.
 */
#define EWS_DISCOVER_TEXT_MAX 2048

/* At most one of them says where to go on; NULL where nothing was said. */
typedef struct EwsDiscoverSaid {
	char *url;              /* own; where EWS is */
	char *redirect_url;     /* own; ask there */
	char *redirect_address; /* own; ask for this one instead */
	char *problem;          /* own; the server's own words, in one line */
} EwsDiscoverSaid;

void ews_discover_said_clear(EwsDiscoverSaid *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(EwsDiscoverSaid, ews_discover_said_clear)

/* What to POST. */
char *ews_discover_write_pox(const char *address);
char *ews_discover_write_soap(const char *address);
/* Path and query of a GET. */
char *ews_discover_write_json_path(const char *address);

/* PROTOCOL when the document is nothing of the kind. @ret_said is set or untouched. */
typedef bool (*EwsDiscoverReader)(const char *data, size_t len, EwsDiscoverSaid *ret_said,
	GError **error);
bool ews_discover_read_pox(const char *data, size_t len, EwsDiscoverSaid *ret_said,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool ews_discover_read_soap(const char *data, size_t len, EwsDiscoverSaid *ret_said,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool ews_discover_read_json(const char *data, size_t len, EwsDiscoverSaid *ret_said,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
