/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * The pieces of XML that several operations share: which properties are asked for in a listing,
 * and the tables that read them into EwsItem and EwsFolder. ews thread only.
 */

/* Our property set, and in it: the name that a user gave to a file, what made the item
 * ("GUID/attempt"), and length and hash of the bytes that were uploaded. */
#define EWS_PROPERTY_SET       "c11ff724-aa03-4555-9952-8fa248a11c3e"
#define EWS_PROPERTY_FILE_NAME "ewsfs-name"
#define EWS_PROPERTY_GUID      "Guid"
#define EWS_PROPERTY_UPLOAD    "Upload"

#define EWS_TAG_MESSAGE_FLAGS 0x0E07 /* PidTagMessageFlags */
#define EWS_TAG_RECEIVED 0x0E06      /* PidTagMessageDeliveryTime */
#define EWS_TAG_SENT 0x0039          /* PidTagClientSubmitTime */

/* In PidTagMessageFlags. */
#define EWS_FLAGS_READ 0x01
#define EWS_FLAGS_SUBMITTED 0x04
#define EWS_FLAGS_UNSENT 0x08

/* <t:ExtendedFieldURI> of a property by tag, and of a String of ours. */
void ews_shape_write_tag(EwsWriter *writer, unsigned tag, const char *type);
void ews_shape_write_named(EwsWriter *writer, const char *name);

/* <m:ItemShape> with the listing properties. */
void ews_shape_write_items(EwsWriter *writer);
/* <m:ItemShape> with the MIME content and the class. */
void ews_shape_write_mime(EwsWriter *writer);
/* <m:FolderShape> with the listing properties; and with what only public folders have. */
void ews_shape_write_folders(EwsWriter *writer);
void ews_shape_write_public_folders(EwsWriter *writer);

/* Inside an item's element; reading->record is an EwsItem. End its element with the function. */
extern const EwsElement ews_shape_item[];
void ews_shape_end_item(EwsReading *reading);

/* Inside a folder's element; reading->record is an EwsFolder. */
extern const EwsElement ews_shape_folder[];
/* What the name of the folder's element says. */
void ews_shape_start_folder(EwsReading *reading);
/* Fills in what servers leave out. */
void ews_shape_end_folder(EwsReading *reading);

/* Inside the response message of a change: the id that it gives, into the op. */
extern const EwsElement ews_shape_new_id[];

/* ItemId, FolderId into the record. */
void ews_shape_item_id(EwsReading *reading);
void ews_shape_folder_id(EwsReading *reading);
