/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover_probe.h"

#include <pthread.h>
#include <string.h>

#include "ews/error.h"
#include "ews/fetch.h"

#define BODY_MAX (256 * 1024)
#define NOTE_MAX 300

EwsDiscoverProbe *ews_discover_probe_new(EwsDiscoverRole role, const char *host, unsigned hops)
{
	EwsDiscoverProbe *self = g_new0(EwsDiscoverProbe, 1);

	self->role = role;
	self->host = g_strdup(host);
	self->hops = hops;
	self->notes = g_ptr_array_new_with_free_func(g_free);
	return self;
}

void ews_discover_probe_free(EwsDiscoverProbe *self)
{
	if (!self)
		return;
	ews_discover_said_clear(&self->said);
	g_clear_pointer(&self->hosts, g_ptr_array_unref);
	g_ptr_array_unref(self->notes);
	g_free(self->pox_url);
	g_free(self->host);
	g_free(self);
}

/* --- notes ------------------------------------------------------------------------------- */

/* Servers' words may be of any kind, and this is for a terminal. */
static void note(EwsDiscoverProbe *self, const char *what, const char *outcome)
{
	g_autofree char *line = g_strdup_printf("%s: %s", what, outcome);

	for (char *c = line; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	if (strlen(line) > NOTE_MAX)
		*g_utf8_find_prev_char(line, line + NOTE_MAX) = '\0';
	g_ptr_array_add(self->notes, g_steal_pointer(&line));
}

static void note_status(EwsDiscoverProbe *self, const char *url, int status)
{
	g_autofree char *words = g_strdup_printf("HTTP %d", status);

	note(self, url, words);
}

/* curl's words begin with the address already. */
static void note_error(EwsDiscoverProbe *self, const char *url, const GError *error)
{
	const char *words = error->message;

	if (ews_error_is(error, EWS_ERROR_CANCELLED))
		return;
	if (g_str_has_prefix(words, url) && g_str_has_prefix(words + strlen(url), ": "))
		words += strlen(url) + 2;
	note(self, url, words);
	self->is_distrusted = self->is_distrusted || ews_error_is(error, EWS_ERROR_TLS);
}

/* --- a question -------------------------------------------------------------------------- */

typedef struct Question {
	const char *url;
	const char *body; /* NULL: a GET */
	EwsDiscoverReader read;
} Question;

static EwsFetched *ask(EwsDiscoverProbe *self, EwsDiscoverAsker *asker, const Question *question)
{
	int64_t left_ms = (asker->deadline_us - g_get_monotonic_time()) / 1000;
	g_autoptr(GError) error = NULL;
	EwsFetched *got = NULL;
	const EwsFetch fetch = {
		.url = question->url,
		.body = question->body,
		.content_type = "text/xml; charset=utf-8",
		.credentials = self->credentials,
		.tls = *asker->tls,
		.is_http_fine = self->role == EWS_DISCOVER_HTTP,
		.timeout_ms = (unsigned)CLAMP(left_ms, 1, asker->timeout_ms),
		.body_max = BODY_MAX,
		.is_given_up = &asker->is_given_up,
	};

	if (left_ms <= 0)
		g_set_error_literal(&error, EWS_ERROR, EWS_ERROR_OFFLINE, "no time is left");
	else if (atomic_load(&asker->is_given_up))
		g_set_error_literal(&error, EWS_ERROR, EWS_ERROR_CANCELLED, "no longer asked");
	else if (self->role != EWS_DISCOVER_HTTP && !g_str_has_prefix(question->url, "https://"))
		g_set_error_literal(&error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "it is not https");
	else
		got = asker->means->fetch(asker->means->user, &fetch, &error);
	if (!got)
		note_error(self, question->url, error);
	self->is_reached = self->is_reached || got;
	return got;
}

static bool is_redirect(const EwsFetched *got)
{
	return got->location && got->status >= 300 && got->status < 400;
}

static void note_said(EwsDiscoverProbe *self, const char *url)
{
	const EwsDiscoverSaid *said = &self->said;
	g_autofree char *words = NULL;

	if (said->url)
		words = g_strconcat("EWS is at ", said->url, NULL);
	else if (said->redirect_url)
		words = g_strconcat("go on at ", said->redirect_url, NULL);
	else if (said->redirect_address)
		words = g_strconcat("go on with ", said->redirect_address, NULL);
	else if (said->problem)
		words = g_strdup_printf("it says \"%s\"", said->problem);
	note(self, url, words ? words : "it knows no EWS for this address");
}

static bool is_answered(const EwsDiscoverProbe *self)
{
	const EwsDiscoverSaid *said = &self->said;

	return said->url || said->redirect_url || said->redirect_address;
}

/* A fault comes with 500, and some say what is wrong with 400. */
static bool may_hold_words(int status)
{
	return status == 200 || status == 400 || status == 500;
}

static void read_answer(EwsDiscoverProbe *self, const Question *question, const EwsFetched *got)
{
	g_autoptr(GError) error = NULL;

	if (is_redirect(got)) {
		self->said.redirect_url = g_strdup(got->location);
		note_said(self, question->url);
		return;
	}
	if (!may_hold_words(got->status)) {
		note_status(self, question->url, got->status);
		return;
	}
	ews_discover_said_clear(&self->said);
	if (question->read(got->body, got->len, &self->said, &error))
		note_said(self, question->url);
	else if (got->status == 200)
		note_error(self, question->url, error);
	else
		note_status(self, question->url, got->status);
}

/* FALSE: no more is to be asked here. */
static bool pose(EwsDiscoverProbe *self, EwsDiscoverAsker *asker, const Question *question)
{
	g_autoptr(EwsFetched) got = ask(self, asker, question);

	if (!got)
		return false;
	if (got->status != 401) {
		read_answer(self, question, got);
		return !is_answered(self);
	}
	note(self, question->url,
		self->credentials ? "the sign-in is refused" : "it wants to know who asks");
	self->asks_who = true;
	self->has_refused = self->credentials;
	return false;
}

/* --- those who are asked ----------------------------------------------------------------- */

static bool pose_pox(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	g_autofree char *url =
		self->pox_url
			? g_strdup(self->pox_url)
			: g_strdup_printf("https://%s/autodiscover/autodiscover.xml", self->host);
	g_autofree char *body = ews_discover_write_pox(asker->address);
	const Question question = {.url = url, .body = body, .read = ews_discover_read_pox};

	return pose(self, asker, &question);
}

static void pose_soap(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	g_autofree char *url =
		g_strdup_printf("https://%s/autodiscover/autodiscover.svc", self->host);
	g_autofree char *body = ews_discover_write_soap(asker->address);
	const Question question = {.url = url, .body = body, .read = ews_discover_read_soap};

	pose(self, asker, &question);
	self->asks_by_soap = self->asks_who;
}

static void ask_host(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	/* Who wanted to know who asks was asked the rest before. */
	if ((self->credentials && self->asks_by_soap) || pose_pox(self, asker))
		pose_soap(self, asker);
}

/* For everybody to know: what wants to know more is something else, and where it sends people to
 * is where POX does, if anywhere. */
static void ask_json(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	g_autofree char *path = ews_discover_write_json_path(asker->address);
	g_autofree char *url = g_strdup_printf("https://%s%s", self->host, path);
	const Question question = {.url = url, .read = ews_discover_read_json};
	g_autoptr(EwsFetched) got = ask(self, asker, &question);

	if (got && got->status == 200)
		read_answer(self, &question, got);
	else if (got)
		note_status(self, url, got->status);
}

static void ask_http(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	g_autofree char *url =
		g_strdup_printf("http://%s/autodiscover/autodiscover.xml", self->host);
	const Question question = {.url = url};
	g_autoptr(EwsFetched) got = ask(self, asker, &question);

	if (!got)
		return;
	if (is_redirect(got))
		read_answer(self, &question, got);
	else
		note_status(self, url, got->status);
}

static void ask_srv(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	g_autofree char *name = g_strdup_printf("SRV _autodiscover._tcp.%s", self->host);
	g_autoptr(GError) error = NULL;

	self->hosts = asker->means->srv(asker->means->user, self->host, &error);
	if (!self->hosts) {
		note_error(self, name, error);
		return;
	}
	for (guint i = 0; i < self->hosts->len; i++)
		note(self, name, self->hosts->pdata[i]);
}

void ews_discover_probe_run(EwsDiscoverProbe *self, EwsDiscoverAsker *asker)
{
	switch (self->role) {
	case EWS_DISCOVER_HOST:
		ask_host(self, asker);
		break;
	case EWS_DISCOVER_JSON:
		ask_json(self, asker);
		break;
	case EWS_DISCOVER_HTTP:
		ask_http(self, asker);
		break;
	case EWS_DISCOVER_SRV:
		ask_srv(self, asker);
		break;
	}
}

/* --- all at once ------------------------------------------------------------------------- */

typedef struct Wave {
	EwsDiscoverAsker *asker; /* borrowed */
	pthread_mutex_t lock;
	pthread_cond_t ended;
} Wave;

typedef struct Job {
	Wave *wave;              /* borrowed */
	EwsDiscoverProbe *probe; /* borrowed; its own thread's until it has ended */
	pthread_t thread;
	bool is_started;
	bool has_ended; /* guarded by wave->lock */
} Job;

static void *run_job(void *user)
{
	Job *job = user;
	Wave *wave = job->wave;

	pthread_setname_np(pthread_self(), "ewsfs-ask");
	ews_discover_probe_run(job->probe, wave->asker);
	pthread_mutex_lock(&wave->lock);
	job->has_ended = true;
	pthread_cond_signal(&wave->ended);
	pthread_mutex_unlock(&wave->lock);
	return NULL;
}

/* One over plain http is nobody's, whatever else is thought of it later. */
static bool knows_address(const EwsDiscoverProbe *probe)
{
	return probe->said.url && g_ascii_strncasecmp(probe->said.url, "https://", 8) == 0;
}

/* TRUE: no need to wait for the others. */
static bool is_decided(const Job *jobs, guint count)
{
	for (guint i = 0; i < count; i++) {
		if (!jobs[i].has_ended)
			return false;
		if (knows_address(jobs[i].probe))
			return true;
	}
	return true;
}

void ews_discover_probe_all(GPtrArray *probes, EwsDiscoverAsker *asker)
{
	Wave wave = {
		.asker = asker,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
	};
	g_autofree Job *jobs = g_new0(Job, probes->len);

	atomic_store(&asker->is_given_up, false);
	for (guint i = 0; i < probes->len; i++) {
		jobs[i] = (Job){.wave = &wave, .probe = probes->pdata[i]};
		jobs[i].is_started = pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]) == 0;
		if (!jobs[i].is_started)
			run_job(&jobs[i]);
	}
	pthread_mutex_lock(&wave.lock);
	while (!is_decided(jobs, probes->len))
		pthread_cond_wait(&wave.ended, &wave.lock);
	pthread_mutex_unlock(&wave.lock);
	atomic_store(&asker->is_given_up, true);
	for (guint i = 0; i < probes->len; i++)
		if (jobs[i].is_started)
			pthread_join(jobs[i].thread, NULL);
}
