/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover.h"

#include <curl/curl.h>
#include <libxml/parser.h>
#include <string.h>

#include "ews/discover_probe.h"
#include "ews/discover_srv.h"
#include "ews/error.h"
#include "ews/fetch.h"

/*
 * The search: waves of probes. What a wave tells of other hosts is judged here, and those that may
 * be asked are the next wave; when none is left, those who wanted to know who asks are told, one
 * after the other, and in the end Microsoft is asked.
 */
#define TIMEOUT_MS 10000
#define SEARCH_S 60
#define HOPS_MAX 10
#define PROBES_MAX 64 /* in all: whoever answers with ever new hosts must not keep us busy */
#define REFUSALS_MAX 2
#define NOTES_MAX 40
#define MICROSOFT "outlook.office365.com"

typedef struct Search {
	const EwsDiscover *setup; /* borrowed */
	EwsDiscoverAsker asker;
	char *address;         /* own; changes with a redirect to another one */
	char *domain;          /* own; of it */
	GPtrArray *probes;     /* own; all so far: what was reached, who asks */
	GHashTable *visited;   /* own, of char *: what was asked already for this address */
	GHashTable *addresses; /* own, of char *: that were looked for */
	GPtrArray *notes;      /* own, of char * */
	GPtrArray *accepted;   /* own, of char *: hosts */
	GPtrArray *wave;       /* own, of borrowed probes: who is asked next */
	char *refused;         /* own; the last one that was not accepted; NULL */
	EwsCredentials credentials;
	GError *no_credentials; /* own; why there are none */
	char *url;              /* own; the result */
	char *from;             /* own */
	unsigned refusals;
	bool has_credentials;
	bool has_asked; /* for credentials */
	bool is_deaf;   /* for what the rest of this wave says of other places */
} Search;

/* --- addresses --------------------------------------------------------------------------- */

#define ADDRESS_MAX 254

char *ews_discover_domain(const char *address)
{
	const char *at = strrchr(address, '@');
	g_autofree char *domain = NULL;

	if (!at || at == address || strlen(address) > ADDRESS_MAX ||
		!g_utf8_validate(address, -1, NULL))
		return NULL;
	for (const char *c = address; c < at; c++)
		if (g_ascii_iscntrl(*c) || *c == ' ' || *c == '@' || *c == '/' || *c == ':')
			return NULL;
	domain = g_hostname_to_ascii(at + 1);
	if (!domain || !g_ascii_isalnum(*domain) || g_hostname_is_ip_address(domain))
		return NULL;
	for (char *c = domain; *c; c++) {
		if (!g_ascii_isalnum(*c) && *c != '-' && *c != '.')
			return NULL;
		*c = g_ascii_tolower(*c);
	}
	return domain[strlen(domain) - 1] == '.' || strstr(domain, "..") ? NULL
									 : g_steal_pointer(&domain);
}

/* Where a request may go: https, printable ASCII, a host, nobody's name or password in it. The
 * host with its port where it has one; NULL: not such a thing. */
static char *host_of(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	g_autofree char *lower = NULL;

	for (const char *c = url; *c; c++)
		if (!g_ascii_isgraph(*c) || *c == '\\' || *c == '"' || *c == '<' || *c == '>')
			return NULL;
	if (!host || !*host || strlen(url) > EWS_DISCOVER_TEXT_MAX || g_uri_get_userinfo(uri) ||
		!g_str_has_prefix(url, "https://"))
		return NULL;
	for (const char *c = host; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("-._", *c))
			return NULL;
	lower = g_ascii_strdown(host, -1);
	if (g_uri_get_port(uri) > 0 && g_uri_get_port(uri) != 443)
		return g_strdup_printf("%s:%d", lower, g_uri_get_port(uri));
	return g_steal_pointer(&lower);
}

static bool is_within(const char *host, const char *domain)
{
	size_t len = strlen(domain), host_len = strcspn(host, ":");

	if (host_len < len || g_ascii_strncasecmp(host + host_len - len, domain, len) != 0)
		return false;
	return host_len == len || host[host_len - len - 1] == '.';
}

/* --- who may be asked -------------------------------------------------------------------- */

static void note(Search *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void add_note(Search *self, const char *line)
{
	if (self->notes->len < NOTES_MAX)
		g_ptr_array_add(self->notes, g_strdup(line));
	if (self->setup->say)
		self->setup->say(self->setup->user, line);
}

static void note(Search *self, const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	add_note(self, line);
}

static bool is_known(const Search *self, const char *host)
{
	/* Microsoft's, for its own and for hybrids. Nobody else gets a name in them. */
	static const char *const microsoft[] = {
		"outlook.office365.com",
		"outlook.office.com",
		"autodiscover-s.outlook.com",
		"autodiscover.outlook.com",
		"outlook.office365.us",
		"autodiscover-s.office365.us",
		"partner.outlook.cn",
		"autodiscover-s.partner.outlook.cn",
	};
	const char *const *known = self->setup->known;

	for (size_t i = 0; i < G_N_ELEMENTS(microsoft); i++)
		if (g_ascii_strcasecmp(host, microsoft[i]) == 0)
			return true;
	for (; known && *known; known++)
		if (g_ascii_strcasecmp(host, *known) == 0)
			return true;
	for (guint i = 0; i < self->accepted->len; i++)
		if (g_ascii_strcasecmp(host, self->accepted->pdata[i]) == 0)
			return true;
	return is_within(host, self->domain);
}

/* A person may take as long as people take. */
static void allow_for_person(Search *self, int64_t begin_us)
{
	self->asker.deadline_us += g_get_monotonic_time() - begin_us;
}

/* @to is an address of a server or of a mailbox, @host what of it is to be known. */
static bool may_go_to(Search *self, const char *from, const char *to, const char *host)
{
	const EwsDiscover *setup = self->setup;

	int64_t begin_us = g_get_monotonic_time();

	if (is_known(self, host))
		return true;
	bool is_accepted = setup->accept && setup->accept(setup->user, from, to);
	allow_for_person(self, begin_us);
	if (is_accepted) {
		g_ptr_array_add(self->accepted, g_strdup(host));
		return true;
	}
	note(self, "%s: it names %s, which is not in %s and was not accepted", from, to,
		self->domain);
	g_free(self->refused);
	self->refused = g_strdup(to);
	return false;
}

static EwsDiscoverProbe *add_probe(Search *self, EwsDiscoverRole role, const char *host,
	unsigned hops)
{
	EwsDiscoverProbe *probe = ews_discover_probe_new(role, host, hops);

	g_ptr_array_add(self->probes, probe);
	g_ptr_array_add(self->wave, probe);
	return probe;
}

static bool is_new(Search *self, const char *what)
{
	return g_hash_table_add(self->visited, g_strdup(what));
}

/* A host to be asked next, for V2 and by POX at @pox_url (NULL: at the usual place). */
static void add_host(Search *self, const char *host, const char *pox_url, unsigned hops)
{
	g_autofree char *usual = g_strdup_printf("https://%s/autodiscover/autodiscover.xml", host);
	g_autofree char *json = g_strdup_printf("json %s", host);

	if (hops > HOPS_MAX || self->probes->len >= PROBES_MAX) {
		note(self, "https://%s: not asked, it is the end of too many redirects", host);
		return;
	}
	if (is_new(self, json))
		add_probe(self, EWS_DISCOVER_JSON, host, hops);
	if (is_new(self, pox_url ? pox_url : usual))
		add_probe(self, EWS_DISCOVER_HOST, host, hops)->pox_url = g_strdup(pox_url);
}

/* The one most likely to be it comes first: an answer counts when all before it are through. */
static void add_domain(Search *self, unsigned hops)
{
	g_autofree char *autodiscover = g_strconcat("autodiscover.", self->domain, NULL);

	add_host(self, autodiscover, NULL, hops);
	add_host(self, self->domain, NULL, hops);
	add_probe(self, EWS_DISCOVER_SRV, self->domain, hops);
	add_probe(self, EWS_DISCOVER_HTTP, autodiscover, hops);
}

/* --- what was said ----------------------------------------------------------------------- */

/* As people are told of him. */
static char *name_of(const EwsDiscoverProbe *probe)
{
	return g_strdup_printf("%s://%s", probe->role == EWS_DISCOVER_HTTP ? "http" : "https",
		probe->host);
}

static void go_on_at(Search *self, const EwsDiscoverProbe *probe, const char *url)
{
	g_autofree char *host = host_of(url);
	g_autofree char *from = name_of(probe);

	if (!host)
		note(self, "%s: it names %s, and only https is followed", from, url);
	else if (may_go_to(self, from, url, host))
		add_host(self, host, url, probe->hops + 1);
}

static void go_on_with(Search *self, const EwsDiscoverProbe *probe, const char *address)
{
	g_autofree char *domain = ews_discover_domain(address);
	g_autofree char *from = name_of(probe);
	unsigned hops = probe->hops + 1;

	for (const char *c = address; *c; c++)
		if (!g_ascii_isgraph(*c))
			g_clear_pointer(&domain, g_free);
	if (!domain || hops > HOPS_MAX) {
		note(self, "%s: it names %s, %s", from, address,
			domain ? "and these are too many redirects" : "which is no mail address");
		return;
	}
	/* A tenant's first domain, which every tenant has. */
	if (!is_within(domain, "onmicrosoft.com") && !may_go_to(self, from, address, domain))
		return;
	if (!g_hash_table_add(self->addresses, g_strdup(address)))
		return;
	g_free(self->address);
	self->address = g_strdup(address);
	self->asker.address = self->address;
	g_free(self->domain);
	self->domain = g_steal_pointer(&domain);
	/* The same hosts may be asked for another address; what the old ones want is over. */
	g_hash_table_remove_all(self->visited);
	for (guint i = 0; i < self->probes->len; i++)
		((EwsDiscoverProbe *)self->probes->pdata[i])->asks_who = false;
	self->is_deaf = true;
	g_ptr_array_set_size(self->wave, 0);
	add_domain(self, hops);
}

static void hear_srv(Search *self, const EwsDiscoverProbe *probe)
{
	g_autofree char *from = g_strdup_printf("SRV _autodiscover._tcp.%s", probe->host);

	for (guint i = 0; i < probe->hosts->len && i < EWS_DISCOVER_HOSTS_MAX; i++) {
		const char *name = probe->hosts->pdata[i];
		g_autofree char *url =
			g_strdup_printf("https://%s/autodiscover/autodiscover.xml", name);
		g_autofree char *host = strpbrk(name, "/?#") ? NULL : host_of(url);

		if (host && may_go_to(self, from, url, host))
			add_host(self, host, NULL, probe->hops + 1);
	}
}

static void hear(Search *self, const EwsDiscoverProbe *probe)
{
	for (guint i = 0; i < probe->notes->len; i++)
		add_note(self, probe->notes->pdata[i]);
	if (self->is_deaf)
		return;
	if (probe->hosts)
		hear_srv(self, probe);
	else if (probe->said.redirect_url)
		go_on_at(self, probe, probe->said.redirect_url);
	else if (probe->said.redirect_address)
		go_on_with(self, probe, probe->said.redirect_address);
}

/* An address of EWS that is none is as good as nothing said. */
static void judge_url(Search *self, EwsDiscoverProbe *probe)
{
	g_autofree char *host = probe->said.url ? host_of(probe->said.url) : NULL;

	if (!probe->said.url || host)
		return;
	note(self, "https://%s: it names %s, and only https is used", probe->host, probe->said.url);
	g_clear_pointer(&probe->said.url, g_free);
}

static bool conclude(Search *self, const EwsDiscoverProbe *probe)
{
	if (!probe->said.url)
		return false;
	self->url = g_strdup(probe->said.url);
	self->from = g_strdup(probe->host);
	return true;
}

/* --- waves ------------------------------------------------------------------------------- */

/* TRUE: found. */
static bool run_wave(Search *self)
{
	g_autoptr(GPtrArray) asked = self->wave;
	bool is_found = false;

	self->wave = g_ptr_array_new();
	self->is_deaf = false;
	ews_discover_probe_all(asked, &self->asker);
	for (guint i = 0; i < asked->len; i++) {
		judge_url(self, asked->pdata[i]);
		if (!is_found)
			is_found = conclude(self, asked->pdata[i]);
	}
	for (guint i = 0; i < asked->len; i++) {
		self->is_deaf = self->is_deaf || is_found;
		hear(self, asked->pdata[i]);
	}
	return is_found;
}

static bool get_credentials(Search *self)
{
	const EwsDiscover *setup = self->setup;
	int64_t begin_us = g_get_monotonic_time();

	if (!self->has_asked && setup->credentials)
		self->has_credentials =
			setup->credentials(setup->user, &self->credentials, &self->no_credentials);
	if (!self->has_asked && self->no_credentials)
		note(self, "signing in: %s", self->no_credentials->message);
	self->has_asked = true;
	allow_for_person(self, begin_us);
	return self->has_credentials;
}

/* The next who wanted to know who asks, told. */
static bool tell_who(Search *self)
{
	for (guint i = 0; i < self->probes->len; i++) {
		EwsDiscoverProbe *probe = self->probes->pdata[i];

		if (!probe->asks_who || probe->credentials || probe->has_refused)
			continue;
		if (self->refusals >= REFUSALS_MAX || !get_credentials(self))
			return false;
		/* Asked again as another probe: what it said then counts anew. */
		probe->asks_who = false;
		EwsDiscoverProbe *told =
			add_probe(self, EWS_DISCOVER_HOST, probe->host, probe->hops);
		told->pox_url = g_strdup(probe->pox_url);
		told->asks_by_soap = probe->asks_by_soap;
		told->credentials = &self->credentials;
		return true;
	}
	return false;
}

static void count_refusals(Search *self)
{
	self->refusals = 0;
	for (guint i = 0; i < self->probes->len; i++) {
		const EwsDiscoverProbe *probe = self->probes->pdata[i];

		self->refusals += probe->has_refused;
	}
}

static bool ask_microsoft(Search *self)
{
	if (!is_new(self, "json " MICROSOFT))
		return false;
	add_probe(self, EWS_DISCOVER_JSON, MICROSOFT, 0);
	return true;
}

static bool is_over(const Search *self)
{
	return self->setup->is_over && self->setup->is_over(self->setup->user);
}

static void search(Search *self)
{
	add_domain(self, 0);
	while (self->wave->len > 0 || tell_who(self) || ask_microsoft(self)) {
		if (is_over(self) || run_wave(self))
			return;
		count_refusals(self);
	}
}

/* --- the end ----------------------------------------------------------------------------- */

static EwsErrorCode failure(const Search *self)
{
	bool is_reached = false, asks_who = false, is_distrusted = false;

	for (guint i = 0; i < self->probes->len; i++) {
		const EwsDiscoverProbe *probe = self->probes->pdata[i];

		/* Somebody who could have known it. */
		is_reached = is_reached || (probe->is_reached &&
			probe->role != EWS_DISCOVER_HTTP && strcmp(probe->host, MICROSOFT) != 0);
		asks_who = asks_who || probe->asks_who || probe->has_refused;
		is_distrusted = is_distrusted || probe->is_distrusted;
	}
	if (asks_who)
		return EWS_ERROR_AUTH;
	if (self->refused)
		return EWS_ERROR_DENIED;
	if (is_reached)
		return EWS_ERROR_NOT_FOUND;
	return is_distrusted ? EWS_ERROR_TLS : EWS_ERROR_OFFLINE;
}

static void complain(const Search *self, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "no server was found for %s; what was tried:", self->setup->address);
	for (guint i = 0; i < self->notes->len; i++)
		g_string_append_printf(text, "\n  %s", (const char *)self->notes->pdata[i]);
	if (self->refused)
		g_string_append_printf(text,
			"\nIf %s is right, accept it at a terminal "
			"(\"ewsfsctl discover %s\" shows the address), or give the address of EWS "
			"with -o url=",
			self->refused, self->setup->address);
	else
		g_string_append(text, "\nThe address can be given with "
				      "-o url=https://HOST/EWS/Exchange.asmx");
	g_set_error_literal(error, EWS_ERROR, (int)failure(self), text->str);
}

static EwsFetched *fetch_really(void *user, const EwsFetch *fetch, GError **error)
{
	return ews_fetch(fetch, error);
}

static GPtrArray *srv_really(void *user, const char *domain, GError **error)
{
	return ews_discover_srv(domain, error);
}

/* What libraries set up at their first use: now, while this is one thread. */
static void prepare_libraries(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	xmlInitParser();
	g_error_free(g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, ""));
}

static void begin(Search *self, const EwsDiscover *setup)
{
	static const EwsDiscoverMeans network = {.fetch = fetch_really, .srv = srv_really};

	*self = (Search){
		.setup = setup,
		.address = g_strdup(setup->address),
		.domain = ews_discover_domain(setup->address),
		.probes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_discover_probe_free),
		.visited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.notes = g_ptr_array_new_with_free_func(g_free),
		.accepted = g_ptr_array_new_with_free_func(g_free),
		.wave = g_ptr_array_new(),
	};
	g_hash_table_add(self->addresses, g_strdup(setup->address));
	self->asker.means = setup->means ? setup->means : &network;
	self->asker.tls = &setup->tls;
	self->asker.address = self->address;
	self->asker.timeout_ms = setup->timeout_ms > 0 ? setup->timeout_ms : TIMEOUT_MS;
	self->asker.deadline_us = g_get_monotonic_time() + SEARCH_S * G_USEC_PER_SEC;
}

static void clear(Search *self)
{
	g_ptr_array_unref(self->wave);
	g_ptr_array_unref(self->probes);
	g_ptr_array_unref(self->notes);
	g_clear_pointer(&self->accepted, g_ptr_array_unref);
	g_hash_table_unref(self->visited);
	g_hash_table_unref(self->addresses);
	g_clear_error(&self->no_credentials);
	g_free(self->refused);
	g_free(self->address);
	g_free(self->domain);
	g_free(self->url);
	g_free(self->from);
}

EwsDiscovered *ews_discover(const EwsDiscover *setup, GError **error)
{
	EwsDiscovered *result = NULL;
	Search self;

	prepare_libraries();
	begin(&self, setup);
	if (!self.domain) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "\"%s\" is no mail address",
			setup->address);
	} else {
		search(&self);
		if (!self.url)
			complain(&self, error);
	}
	if (self.url) {
		result = g_new0(EwsDiscovered, 1);
		result->url = g_steal_pointer(&self.url);
		result->from = g_steal_pointer(&self.from);
		result->accepted = g_steal_pointer(&self.accepted);
	}
	clear(&self);
	return result;
}

void ews_discovered_free(EwsDiscovered *self)
{
	if (!self)
		return;
	g_ptr_array_unref(self->accepted);
	g_free(self->url);
	g_free(self->from);
	g_free(self);
}
