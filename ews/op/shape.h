/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * The pieces of XML that several operations share: which properties are asked for in a listing,
 * and the tables that read them into EwsItem and EwsFolder. ews thread only.
 */

/* The property set and the name under which the name a user gave to a file is kept. */
#define EWS_PROPERTY_SET       "c11ff724-aa03-4555-9952-8fa248a11c3e"
#define EWS_PROPERTY_FILE_NAME "ewsfs-name"

/* <m:ItemShape> with the listing properties. */
void ews_shape_write_items(EwsWriter *writer);
/* <m:ItemShape> with the MIME content and the class. */
void ews_shape_write_mime(EwsWriter *writer);
/* <m:FolderShape> with the listing properties. */
void ews_shape_write_folders(EwsWriter *writer);

/* Inside an item's element; reading->record is an EwsItem. End its element with the function. */
extern const EwsElement ews_shape_item[];
void ews_shape_end_item(EwsReading *reading);

/* Inside a folder's element; reading->record is an EwsFolder. */
extern const EwsElement ews_shape_folder[];
/* What the name of the folder's element says. */
void ews_shape_start_folder(EwsReading *reading);
/* Fills in what servers leave out. */
void ews_shape_end_folder(EwsReading *reading);

/* ItemId, FolderId into the record. */
void ews_shape_item_id(EwsReading *reading);
void ews_shape_folder_id(EwsReading *reading);
