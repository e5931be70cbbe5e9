/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operations, a function each, called by the table in soap.c on the request's thread.
 * Each reads its own part of the request and writes one response message for each thing
 * asked for.
 */
#pragma once

#include "tests/ewsd/request.h"

void op_get_folder(Request *request);
void op_find_folder(Request *request);
void op_sync_folder_hierarchy(Request *request);
void op_sync_folder_items(Request *request);
void op_get_item(Request *request);
void op_resolve_names(Request *request);
