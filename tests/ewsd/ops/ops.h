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
void op_create_folder(Request *request);
void op_update_folder(Request *request);
void op_move_folder(Request *request);
void op_delete_folder(Request *request);
void op_empty_folder(Request *request);
void op_sync_folder_hierarchy(Request *request);
void op_sync_folder_items(Request *request);
void op_get_item(Request *request);
void op_find_item(Request *request);
void op_create_item(Request *request);
void op_update_item(Request *request);
void op_delete_item(Request *request);
void op_move_item(Request *request);
void op_copy_item(Request *request);
void op_send_item(Request *request);
void op_subscribe(Request *request);
void op_unsubscribe(Request *request);
void op_get_events(Request *request);
void op_get_streaming_events(Request *request);
void op_resolve_names(Request *request);
void op_convert_id(Request *request);
void op_get_user_configuration(Request *request);
void op_get_server_time_zones(Request *request);
