/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The SRV record `_autodiscover._tcp.DOMAIN`. DNS is not to be believed: what it names is a
 * proposal. Any thread.
 */
#define EWS_DISCOVER_HOSTS_MAX 4

/* Own, of char *, "host" or "host:port", the best first; asks the network, for some seconds at
 * most. NOT_FOUND: there is no such record. OFFLINE: nobody answers. */
GPtrArray *ews_discover_srv(const char *domain, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same from the bytes of an answer. Pure. */
GPtrArray *ews_discover_srv_read(const uint8_t *answer, size_t len,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
