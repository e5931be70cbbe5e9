/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover_srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdbool.h>
#include <string.h>

#include "ews/error.h"

#define ANSWER_MAX (16 * 1024)
#define RECORDS_MAX 64
#define TRY_S 2 /* each name server, each time */
#define TRIES 2
#define HTTPS_PORT 443
#define HEAD_LEN 6 /* priority, weight, port */

typedef struct Record {
	char *host; /* own */
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
} Record;

static void free_record(void *data)
{
	Record *record = data;

	g_free(record->host);
	g_free(record);
}

static int by_rank(const void *a, const void *b)
{
	const Record *one = *(Record *const *)a, *other = *(Record *const *)b;

	if (one->priority != other->priority)
		return one->priority < other->priority ? -1 : 1;
	return one->weight == other->weight ? 0 : one->weight > other->weight ? -1 : 1;
}

/* A name that may stand in an address: the resolver library lets others pass as "\ddd". */
static bool is_host(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-._", *c))
			return false;
	return *name && *name != '.' && *name != '-';
}

static Record *read_record(ns_msg *message, const ns_rr *rr)
{
	const uint8_t *data = ns_rr_rdata(*rr);
	char host[NS_MAXDNAME];
	Record *record;

	if (ns_rr_type(*rr) != ns_t_srv || ns_rr_rdlen(*rr) <= HEAD_LEN)
		return NULL;
	if (ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + HEAD_LEN, host,
		    sizeof(host)) < 0 ||
		!is_host(host))
		return NULL;
	record = g_new0(Record, 1);
	record->host = g_ascii_strdown(host, -1);
	record->priority = (uint16_t)ns_get16(data);
	record->weight = (uint16_t)ns_get16(data + 2);
	record->port = (uint16_t)ns_get16(data + 4);
	return record;
}

static GPtrArray *names_of(const GPtrArray *records)
{
	GPtrArray *hosts = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < records->len && i < EWS_DISCOVER_HOSTS_MAX; i++) {
		const Record *record = records->pdata[i];

		g_ptr_array_add(hosts,
			record->port == HTTPS_PORT
				? g_strdup(record->host)
				: g_strdup_printf("%s:%u", record->host, record->port));
	}
	return hosts;
}

GPtrArray *ews_discover_srv_read(const uint8_t *answer, size_t len, GError **error)
{
	g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func(free_record);
	ns_msg message;
	ns_rr rr;

	if (len > ANSWER_MAX || ns_initparse(answer, (int)len, &message) < 0) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the name server's answer cannot be read");
		return NULL;
	}
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && i < RECORDS_MAX; i++) {
		Record *record = ns_parserr(&message, ns_s_an, i, &rr) == 0
					 ? read_record(&message, &rr)
					 : NULL;

		if (record)
			g_ptr_array_add(records, record);
	}
	if (records->len == 0) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"there is no such record");
		return NULL;
	}
	g_ptr_array_sort(records, by_rank);
	return names_of(records);
}

GPtrArray *ews_discover_srv(const char *domain, GError **error)
{
	g_autofree char *name = g_strdup_printf("_autodiscover._tcp.%s", domain);
	g_autofree uint8_t *answer = g_malloc(ANSWER_MAX);
	struct __res_state state = {0};
	int len;

	if (res_ninit(&state) < 0) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_LOCAL,
			"the resolver cannot be used");
		return NULL;
	}
	state.retrans = TRY_S;
	state.retry = TRIES;
	len = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);
	int reason = state.res_h_errno;
	res_nclose(&state);
	if (len >= 0)
		return ews_discover_srv_read(answer, MIN((size_t)len, ANSWER_MAX), error);
	if (reason == HOST_NOT_FOUND || reason == NO_DATA)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"there is no such record");
	else
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_OFFLINE, "no name server answers");
	return NULL;
}
