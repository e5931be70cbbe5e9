/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <curl/curl.h>

#include "ews/access.h"

/*
 * Credentials onto a request. One kind only is ever offered: what the server would rather have is
 * found out once, before (ews/offer.h), and never by a password that goes along in vain. Basic and
 * Bearer leave with the first request (nobody asks twice for what we know). Copies what it is given
 * and wipes it when freed or replaced. One thread at a time.
 */
typedef struct EwsAuth EwsAuth;

/* Can this libcurl sign in so? UNSUPPORTED with what to do, if not. */
bool ews_auth_check(EwsAuthKind kind, GError **error) G_GNUC_WARN_UNUSED_RESULT;

EwsAuth *ews_auth_new(const EwsCredentials *credentials);
void ews_auth_free(EwsAuth *self);
/* Another token, or password. */
void ews_auth_replace(EwsAuth *self, const char *secret);
/* What it signs in with; borrowed until it is replaced. */
EwsCredentials ews_auth_credentials(const EwsAuth *self);
void ews_auth_apply(const EwsAuth *self, CURL *easy);
