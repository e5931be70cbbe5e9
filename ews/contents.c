/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/contents.h"

#include <pthread.h>

#include "ews/error.h"
#include "ews/secret.h"

#define TIMEOUT_MS 5000
/* There is none, or we are not told. */
#define NONE_US (INT64_C(3600) * G_USEC_PER_SEC)
/* Nobody answered. */
#define SILENCE_US (INT64_C(30) * G_USEC_PER_SEC)
/* Exchange has no more; a server that names more is not believed. */
#define CONTENTS_MAX 1000

typedef struct Question {
	/* set at start, then const */
	EwsContents *owner; /* borrowed */
	EwsContent *about;  /* borrowed: from the owner; ews thread only */
	char *guid;         /* own, as all below */
	char *asked;        /* GUID@domain */
	char *url;
	char *user;
	char *secret;
	EwsAuthKind kind;
	EwsTls tls; /* borrowed: from http, which lives longer */

	atomic_bool is_over;
	/* its thread's, until it is over */
	char *address; /* own; NULL: */
	GError *error; /* own */

	bool is_stale; /* ews thread only: it was put to a server that is left */
} Question;

struct EwsContents {
	/* set at start, then const */
	EwsRoute *route; /* own */
	EwsContentMemory memory;
	void (*wake)(void *user);
	void *user; /* borrowed: for wake */

	atomic_bool is_given_up;

	/* ews thread only */
	GHashTable *all;    /* own; guid → EwsContent (own) */
	GQueue asked;       /* borrowed EwsContent: those that wait for their question */
	Question *question; /* own; NULL: none is under way */
	pthread_t thread;   /* of the question */
	int64_t until_us;   /* monotonic: nothing is asked before */
	bool is_refused;    /* since we were not let in */
};

static void free_content(void *data)
{
	EwsContent *content = data;

	g_free(content->guid);
	g_free(content->address);
	g_free(content);
}

static void free_question(Question *question)
{
	g_free(question->guid);
	g_free(question->asked);
	g_free(question->url);
	g_free(question->user);
	ews_secret_free(question->secret);
	g_free(question->address);
	g_clear_error(&question->error);
	g_free(question);
}

EwsContents *ews_contents_new(const EwsConfig *config, void (*wake)(void *user), void *user)
{
	EwsContents *self = config->route ? g_new0(EwsContents, 1) : NULL;

	if (!self)
		return NULL;
	self->route = ews_route_copy(config->route);
	self->memory = config->memory;
	self->wake = wake;
	self->user = user;
	self->all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_content);
	g_queue_init(&self->asked);
	return self;
}

void ews_contents_free(EwsContents *self)
{
	if (!self)
		return;
	atomic_store(&self->is_given_up, true);
	if (self->question) {
		pthread_join(self->thread, NULL);
		free_question(self->question);
	}
	g_queue_clear(&self->asked);
	g_hash_table_unref(self->all);
	ews_route_free(self->route);
	g_free(self);
}

/* --- the thread of a question ------------------------------------------------------------ */

static char *recall(const EwsContents *self, const Question *question)
{
	char *address =
		self->memory.recall
			? self->memory.recall(self->memory.user, question->url, question->guid)
			: NULL;

	if (!ews_route_is_address(address))
		g_clear_pointer(&address, g_free);
	return address;
}

static char *ask_server(EwsContents *self, Question *question)
{
	const EwsCredentials credentials = {question->kind, question->user, question->secret};
	const EwsRouteQuestion asked = {
		.url = question->url,
		.address = question->asked,
		.credentials = &credentials,
		.tls = question->tls,
		.timeout_ms = TIMEOUT_MS,
		.is_given_up = &self->is_given_up,
	};
	char *address = ews_route_find_content(&asked, &question->error);

	if (address && self->memory.remember)
		self->memory.remember(self->memory.user, question->url, question->guid, address);
	return address;
}

static void *run(void *data)
{
	Question *question = data;
	EwsContents *self = question->owner;

	pthread_setname_np(pthread_self(), "ewsfs-content");
	question->address = recall(self, question);
	if (!question->address)
		question->address = ask_server(self, question);
	atomic_store(&question->is_over, true);
	self->wake(self->user);
	return NULL;
}

/* --- asking ------------------------------------------------------------------------------ */

/* For all of them, asked for or not. */
static void close_for(EwsContents *self, int64_t until_us)
{
	EwsContent *content;

	self->until_us = until_us;
	while ((content = g_queue_pop_head(&self->asked)))
		content->is_asked = false;
}

static void put(EwsContents *self, EwsContent *content, const EwsHttp *http, int64_t now)
{
	EwsCredentials credentials = ews_http_credentials(http);
	Question *question = g_new0(Question, 1);
	int failed;

	question->owner = self;
	question->about = content;
	question->guid = g_strdup(content->guid);
	question->asked = ews_route_content(self->route, content->guid);
	question->url = g_strdup(ews_http_url(http));
	question->user = g_strdup(credentials.user);
	question->secret = g_strdup(credentials.secret);
	question->kind = credentials.kind;
	question->tls = *ews_http_tls(http);
	failed = pthread_create(&self->thread, NULL, run, question);
	if (failed == 0) {
		self->question = question;
		return;
	}
	g_warning("the thread that asks for public folder mailboxes: %s", g_strerror(failed));
	free_question(question);
	content->is_asked = false;
	close_for(self, now + SILENCE_US);
}

static void note_failure(EwsContents *self, EwsContent *content, const GError *error, int64_t now)
{
	self->is_refused = ews_error_is(error, EWS_ERROR_AUTH);
	if (ews_error_is(error, EWS_ERROR_NOT_FOUND) || ews_error_is(error, EWS_ERROR_PROTOCOL))
		content->until_us = now + NONE_US;
	else
		close_for(self, now + (self->is_refused ? NONE_US : SILENCE_US));
	g_message("which mailbox has the content of some public folders (%s) is not known: %s",
		content->guid, error->message);
}

static void take_answer(EwsContents *self, int64_t now)
{
	Question *question = g_steal_pointer(&self->question);
	EwsContent *content = question->about;

	pthread_join(self->thread, NULL);
	/* It stands in the queue once more. */
	if (!question->is_stale) {
		content->is_asked = false;
		if (question->address)
			content->address = g_steal_pointer(&question->address);
		else
			note_failure(self, content, question->error, now);
	}
	free_question(question);
}

void ews_contents_run(EwsContents *self, const EwsHttp *http, bool may_ask, int64_t now)
{
	if (!self)
		return;
	if (self->question && atomic_load(&self->question->is_over))
		take_answer(self, now);
	if (may_ask && !self->question && !g_queue_is_empty(&self->asked))
		put(self, g_queue_pop_head(&self->asked), http, now);
}

/* --- those that are known ---------------------------------------------------------------- */

static void ask_for(EwsContents *self, EwsContent *content)
{
	content->is_asked = true;
	g_queue_push_tail(&self->asked, content);
}

static EwsContent *add(EwsContents *self, const char *guid)
{
	EwsContent *content;

	if (g_hash_table_size(self->all) >= CONTENTS_MAX || !g_uuid_string_is_valid(guid))
		return NULL;
	content = g_new0(EwsContent, 1);
	content->guid = g_ascii_strdown(guid, -1);
	/* Autodiscover says of that mailbox, asked by its GUID, that its address is the anchor. */
	if (ews_route_leads_to(self->route, guid))
		content->address = g_strdup(self->route->anchor);
	g_hash_table_insert(self->all, content->guid, content);
	return content;
}

const EwsContent *ews_contents_get(EwsContents *self, const char *guid, int64_t now)
{
	g_autofree char *low = g_ascii_strdown(guid, -1);
	EwsContent *content = self ? g_hash_table_lookup(self->all, low) : NULL;

	if (!self)
		return NULL;
	if (!content)
		content = add(self, low);
	if (content && !content->address && !content->is_asked &&
		now >= MAX(content->until_us, self->until_us))
		ask_for(self, content);
	return content;
}

void ews_contents_forgive(EwsContents *self)
{
	if (self && !self->is_refused)
		self->until_us = 0;
}

void ews_contents_forget(EwsContents *self)
{
	GHashTableIter iter;
	gpointer value;

	if (!self)
		return;
	self->until_us = 0;
	self->is_refused = false;
	if (self->question)
		self->question->is_stale = true;
	g_queue_clear(&self->asked);
	g_hash_table_iter_init(&iter, self->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		EwsContent *content = value;

		content->until_us = 0;
		if (ews_route_leads_to(self->route, content->guid))
			continue;
		g_clear_pointer(&content->address, g_free);
		ask_for(self, content);
	}
}
