/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling a new mailbox from the command line: directories of messages, and synthetic ones.
 * Before the server listens, main thread.
 */
#pragma once

#include "tests/ewsd/store.h"

/* FOLDER/PATH=DIR */
bool import_mail(Store *store, const char *spec, GError **error);
/* FOLDER/PATH=COUNT[,BYTES] */
bool import_fill(Store *store, const char *spec, GError **error);
/* FOLDER/PATH=read */
bool import_rights(Store *store, const char *spec, GError **error);
