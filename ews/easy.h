/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>

#include "ews/access.h"

/*
 * What all our transfers have in common: http and https only, certificates always checked, TLS
 * 1.2 at least, redirects never followed, no proxy to loopback, our name. Any thread.
 */

/* Is it an address that we send a password to: https, or http to loopback (or to anywhere, when
 * @is_http_fine)? UNSUPPORTED with what to do, if not. */
bool ews_easy_check(const char *url, bool is_http_fine, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A host as it stands in an address. NULL is none. */
bool ews_easy_is_loopback(const char *host);

CURL *ews_easy_new(const char *url, const EwsTls *tls);

curl_off_t ews_easy_number(CURL *easy, CURLINFO info);
long ews_easy_long(CURL *easy, CURLINFO info);
