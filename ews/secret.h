/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Passwords, tokens, and what is made of them.
 */

/* Overwrites it first. NULL is none. */
void ews_secret_free(char *secret);
