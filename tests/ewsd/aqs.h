/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QueryString: the common part of AQS as Exchange takes it, as SQL over the items table. Words are
 * found as whole words, with * as beginnings of words; words without a property in subject, body,
 * sender and recipients. Pure.
 */
#pragma once

#include "tests/ewsd/restrict.h"

/* NULL, or the code of what is wrong. */
const char *aqs_where(Where *where, const char *query);
