/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <curl/curl.h>

/*
 * Credentials onto a request. Basic, sent with the first request (nobody asks twice for what we
 * know); another way to sign in is another apply(). Copies what it is given and wipes it when
 * freed. ews thread only, but for new and free.
 */
typedef struct EwsAuth EwsAuth;

EwsAuth *ews_auth_new(const char *user, const char *password);
void ews_auth_free(EwsAuth *self);
void ews_auth_apply(const EwsAuth *self, CURL *easy);
