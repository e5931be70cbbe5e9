/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>

#include "ews/discover.h"
#include "ews/error.h"

/*
 * A network for ews/discover.h that is made of rows: what an address answers, whether it wants to
 * know who asks, how long it takes; and a person who is asked. Everything is written down.
 */

#define ME "ines@example.org"
#define AUTO "autodiscover.example.org"
#define POX "/autodiscover/autodiscover.xml"
#define SOAP "/autodiscover/autodiscover.svc"
#define JSON "/autodiscover/autodiscover.json/v1.0/" ME "?Protocol=EWS"

typedef struct Row {
	char *url;      /* own */
	char *body;     /* own; NULL */
	char *location; /* own; NULL */
	int status;     /* 0: not reached */
	bool asks_who;
	unsigned delay_ms;
} Row;

typedef struct World {
	pthread_mutex_t lock;
	GPtrArray *rows;  /* own, of Row */
	GPtrArray *log;   /* own, of char *: "URL", "URL as ines" */
	GPtrArray *asked; /* own, of char *: what the person was shown */
	GPtrArray *lines; /* own, of char *: what was said meanwhile */
	const char *srv;  /* host, or NULL */
	const char *const *known;
	const char *password; /* NULL: there is none */
	unsigned timeout_ms;
	unsigned credentials_asked;
	bool is_accepting;
} World;

void net_set_up(World *world, const void *data);
void net_tear_down(World *world, const void *data);
/* A row; its answer may be changed yet. */
Row *net_put(World *world, int status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Rows of services that know it. */
Row *net_put_pox(World *world, const char *host, const char *url);
Row *net_put_soap(World *world, const char *host, const char *url);
Row *net_put_json(World *world, const char *host, const char *url);
Row *net_put_302(World *world, const char *url, const char *to);
/* POX that says something else. */
Row *net_put_account(World *world, const char *host, const char *element, const char *text);
/* The search, and what it must come to. */
EwsDiscovered *net_discover(World *world, const char *address, GError **error);
bool net_was_fetched(const World *world, const char *what);
bool net_was_said(const World *world, const char *words);
/* How often the password left, to whomever. */
unsigned net_count_told(const World *world);
void net_assert_found(World *world, const char *url);
char *net_assert_lost(World *world, EwsErrorCode code);
