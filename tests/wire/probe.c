/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mailbox read through ews/ alone: lists folders, syncs one of them, fetches all its messages,
 * and says what came of it as one line of JSON. What the tests of faults and the throughput
 * figures of ews/ are made of.
 *
 *     probe [OPTION...] URL USER PASSWORD [FOLDER]
 *
 * FOLDER is a DisplayName; without one only the folders are listed. The numbers in "errors" are
 * counts by error code.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"

typedef struct Options {
	int conns;
	int timeout_s;
	char *cacert;
	char *priority;
	gboolean no_fetch;
	gboolean print_items;
} Options;

typedef struct Message {
	char *id; /* own */
	int64_t size;
	GChecksum *sum; /* own; made anew at each begin */
	uint64_t bytes;
	unsigned begun;
} Message;

typedef struct Probe {
	EwsSession *session;
	EwsInbox *inbox; /* of EwsOp that are done */
	EwsPriority priority;
	GPtrArray *messages; /* own, of Message */
	unsigned folders, changes, pages, fetched;
	uint64_t bytes;
	unsigned errors[EWS_ERROR_QUOTA + 1];
	char *first_error;
	bool print_items;
} Probe;

static const char *const code_names[] = {
	"not_found", "exists", "denied", "auth", "stale", "busy", "offline", "tls", "too_big",
	"no_space", "unsupported", "corrupt", "protocol", "local", "cancelled",
	"invalid", "forbidden", "not_empty", "quota",
};
G_STATIC_ASSERT(G_N_ELEMENTS(code_names) == EWS_ERROR_QUOTA + 1);

static void free_message(Message *self)
{
	g_free(self->id);
	if (self->sum)
		g_checksum_free(self->sum);
	g_free(self);
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static bool is_good(Probe *self, const EwsOp *op)
{
	const GError *error = ews_op_error(op);

	if (!error)
		return true;
	g_assert(error->domain == EWS_ERROR);
	self->errors[error->code]++;
	if (!self->first_error)
		self->first_error = g_strdup(error->message);
	return false;
}

/* Submits one and waits for it. */
static EwsOp *ask(Probe *self, EwsOp *op)
{
	ews_submit(self->session, op, self->priority, on_done, self->inbox);
	return ews_inbox_take(self->inbox, INT64_MAX);
}

static char *find_in_page(Probe *self, const EwsFolderPage *page, const char *name)
{
	char *id = NULL;

	self->folders += page->folders->len;
	for (guint i = 0; i < page->folders->len; i++) {
		const EwsFolder *folder = page->folders->pdata[i];

		if (!id && g_strcmp0(folder->display_name, name) == 0)
			id = g_strdup(folder->id);
	}
	return id;
}

/* The id of the folder with that name; owned. */
static char *find_folder(Probe *self, const char *name)
{
	g_autoptr(EwsOp) root = ask(self, ews_get_distinguished_folder_new("msgfolderroot"));
	g_autoptr(EwsFolder) folder = NULL;
	char *id = NULL;
	uint32_t offset = 0;
	bool is_last = false;

	if (!is_good(self, root))
		return NULL;
	folder = ews_get_folder_take(root);
	while (!is_last) {
		g_autoptr(EwsOp) op = ask(self, ews_find_folder_new(folder->id, offset));
		g_autofree char *found = NULL;

		if (!is_good(self, op))
			break;
		found = find_in_page(self, ews_find_folder_page(op), name);
		if (!id)
			id = g_steal_pointer(&found);
		offset = ews_find_folder_page(op)->next_offset;
		is_last = ews_find_folder_page(op)->is_last;
	}
	return id;
}

static void remember(Probe *self, const EwsItemSync *page)
{
	for (guint i = 0; i < page->changes->len; i++) {
		const EwsItemChange *change = page->changes->pdata[i];
		Message *message;

		if (change->kind != EWS_CHANGE_CREATE)
			continue;
		message = g_new0(Message, 1);
		message->id = g_strdup(change->item->id);
		message->size = change->item->size;
		g_ptr_array_add(self->messages, message);
	}
}

static void list(Probe *self, const char *folder_id)
{
	g_autofree char *state = NULL;
	bool is_last = false;

	while (!is_last) {
		g_autoptr(EwsOp) op = ask(self, ews_sync_folder_items_new(folder_id, state));
		const EwsItemSync *page;

		if (!is_good(self, op))
			return;
		page = ews_sync_folder_items_page(op);
		remember(self, page);
		self->pages++;
		self->changes += page->changes->len;
		g_free(state);
		state = g_strdup(page->state);
		is_last = page->is_last;
	}
}

static bool begin(void *user, GError **error)
{
	Message *message = user;

	if (message->sum)
		g_checksum_free(message->sum);
	message->sum = g_checksum_new(G_CHECKSUM_SHA256);
	message->bytes = 0;
	message->begun++;
	return true;
}

static bool write_some(void *user, const void *data, size_t len, GError **error)
{
	Message *message = user;

	g_checksum_update(message->sum, data, (gssize)len);
	message->bytes += len;
	return true;
}

static void fetch(Probe *self)
{
	/* All at once: one that goes alone has fewer tries than one of a batch. */
	ews_hold(self->session);
	for (guint i = 0; i < self->messages->len; i++) {
		Message *message = self->messages->pdata[i];
		EwsSink sink = { begin, write_some, message };
		EwsOp *op = ews_get_item_mime_new(message->id, message->size, &sink);

		ews_op_set_tag(op, i);
		ews_submit(self->session, op, self->priority, on_done, self->inbox);
	}
	ews_release(self->session);
	for (guint i = 0; i < self->messages->len; i++) {
		g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, INT64_MAX);
		const Message *message = self->messages->pdata[ews_op_tag(op)];

		if (!is_good(self, op)) {
			if (self->print_items)
				printf("%s - %s\n", message->id, ews_op_error(op)->message);
			continue;
		}
		self->fetched++;
		self->bytes += message->bytes;
		if (self->print_items)
			printf("%s %s %" G_GUINT64_FORMAT "\n", message->id,
				g_checksum_get_string(message->sum), (guint64)message->bytes);
	}
}

static void report(Probe *self, double list_s, double fetch_s)
{
	g_autofree char *words = g_strescape(self->first_error ? self->first_error : "", NULL);
	const char *comma = "";
	EwsStatus status;

	ews_session_status(self->session, &status);
	printf("{\"folders\":%u,\"listed\":%u,\"pages\":%u,\"fetched\":%u,\"bytes\":%" PRIu64
	       ",\"list_s\":%.3f,\"fetch_s\":%.3f,\"requests\":%" PRIu64
	       ",\"state\":%d,\"server\":\"%s\",\"errors\":{",
		self->folders, self->messages->len, self->pages, self->fetched, self->bytes, list_s,
		fetch_s, status.requests, (int)status.state, status.server);
	for (unsigned i = 0; i < G_N_ELEMENTS(code_names); i++) {
		if (self->errors[i] == 0)
			continue;
		printf("%s\"%s\":%u", comma, code_names[i], self->errors[i]);
		comma = ",";
	}
	printf("},\"first_error\":\"%s\"}\n", words);
}

static void run(Probe *self, const char *name, bool no_fetch)
{
	int64_t start = g_get_monotonic_time();
	g_autofree char *folder_id = find_folder(self, name);
	int64_t listed;

	if (folder_id)
		list(self, folder_id);
	listed = g_get_monotonic_time();
	if (!no_fetch)
		fetch(self);
	report(self, (double)(listed - start) / 1e6,
		(double)(g_get_monotonic_time() - listed) / 1e6);
}

static EwsPriority priority_of(const char *word)
{
	if (g_strcmp0(word, "waiting") == 0)
		return EWS_PRIORITY_WAITING;
	return g_strcmp0(word, "background") == 0 ? EWS_PRIORITY_BACKGROUND : EWS_PRIORITY_SCAN;
}

static bool read_options(Options *o, int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{ "conns", 0, 0, G_OPTION_ARG_INT, &o->conns, "requests in flight", "N" },
		{ "timeout", 0, 0, G_OPTION_ARG_INT, &o->timeout_s, "of silence", "S" },
		{ "cacert", 0, 0, G_OPTION_ARG_FILENAME, &o->cacert, "trusted", "PEM" },
		{ "priority", 0, 0, G_OPTION_ARG_STRING, &o->priority,
			"waiting, scan or background", "WORD" },
		{ "no-fetch", 0, 0, G_OPTION_ARG_NONE, &o->no_fetch, "only list", NULL },
		{ "items", 0, 0, G_OPTION_ARG_NONE, &o->print_items,
			"a line for each message: id, SHA-256, bytes", NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("URL USER PASSWORD [FOLDER]");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && *argc >= 4)
		return true;
	fprintf(stderr, "probe: %s\n", error ? error->message : "see --help");
	return false;
}

int main(int argc, char **argv)
{
	Options o = { .conns = 4, .timeout_s = 30 };
	g_autoptr(GError) error = NULL;
	Probe self = { 0 };
	EwsConfig config;

	if (!read_options(&o, &argc, &argv))
		return 2;
	config = (EwsConfig){
		.url = argv[1],
		.user = argv[2],
		.password = argv[3],
		.tls.cacert = o.cacert,
		.max_conns = (unsigned)o.conns,
		.timeout_s = (unsigned)o.timeout_s,
	};
	self.session = ews_session_start(&config, &error);
	if (!self.session) {
		fprintf(stderr, "probe: %s\n", error->message);
		return 1;
	}
	self.inbox = ews_inbox_new(NULL, NULL);
	self.priority = priority_of(o.priority);
	self.messages = g_ptr_array_new_with_free_func((GDestroyNotify)free_message);
	self.print_items = o.print_items;
	run(&self, argc > 4 ? argv[4] : NULL, o.no_fetch);
	ews_session_stop(self.session);
	ews_inbox_free(self.inbox, NULL);
	g_ptr_array_unref(self.messages);
	g_free(self.first_error);
	g_free(o.cacert);
	g_free(o.priority);
	return 0;
}
