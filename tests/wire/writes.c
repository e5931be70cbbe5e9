/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mailbox changed through ews/ alone: makes a folder, creates messages in it, changes, copies,
 * moves and deletes them, and deletes the folder; says what came of each step as a line of JSON.
 * Nothing is tried twice.
 *
 *     writes [--timeout S] URL USER PASSWORD COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"

typedef struct Writes {
	EwsSession *session;
	EwsInbox *inbox; /* of EwsOp that are done */
	GPtrArray *ids;  /* own: what the last step made or changed */
	char *folder_id; /* own */
	char *root_id;   /* own */
	unsigned count;
} Writes;

typedef EwsOp *(*Make)(Writes *self, unsigned index);

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

/* --- the steps' ops ---------------------------------------------------------------------- */

static EwsOp *make_folder(Writes *self, unsigned index)
{
	return ews_create_folder_new(self->root_id, "Writes");
}

static EwsOp *rename_folder(Writes *self, unsigned index)
{
	return ews_update_folder_new(self->folder_id, NULL, "Written");
}

static EwsOp *delete_folder(Writes *self, unsigned index)
{
	return ews_delete_folder_new(self->folder_id, EWS_DISPOSAL_TRASH);
}

static EwsOp *create(Writes *self, unsigned index)
{
	g_autofree char *text = g_strdup_printf(
		"From: a@example.org\nSubject: %u\nMessage-ID: <%u@x>\n\nText.\n", index, index);
	g_autofree char *guid = g_strdup_printf("guid-%u/1", index);
	EwsFields fields = { .set = EWS_FIELD_GUID | EWS_FIELD_IS_READ | EWS_FIELD_RECEIVED,
		.guid = guid, .received = INT64_C(1795328993000000) };
	EwsUpload mime = { memfd_create("mime", MFD_CLOEXEC), (int64_t)strlen(text) };
	EwsOp *op;

	g_assert_cmpint(write(mime.fd, text, strlen(text)), ==, (ssize_t)strlen(text));
	op = ews_create_item_new(self->folder_id, EWS_ITEM_MESSAGE, &mime, &fields, false, NULL);
	close(mime.fd);
	return op;
}

static EwsOp *update(Writes *self, unsigned index)
{
	static const char *const categories[] = { "Red", "Two words", NULL };
	EwsFields fields = { .set = EWS_FIELD_FLAG | EWS_FIELD_IS_READ | EWS_FIELD_CATEGORIES |
			EWS_FIELD_IMPORTANCE | EWS_FIELD_SUBJECT | EWS_FIELD_FILE_NAME,
		.flag = EWS_FLAG_FLAGGED, .is_read = true, .categories = categories,
		.importance = EWS_IMPORTANCE_HIGH, .subject = "New", .file_name = "n.eml" };

	return ews_update_item_new(self->ids->pdata[index], NULL, EWS_ITEM_MESSAGE, &fields);
}

static EwsOp *copy(Writes *self, unsigned index)
{
	return ews_copy_item_new(self->ids->pdata[index], self->folder_id);
}

static EwsOp *move(Writes *self, unsigned index)
{
	return ews_move_item_new(self->ids->pdata[index], self->root_id);
}

static EwsOp *delete(Writes *self, unsigned index)
{
	return ews_delete_item_new(self->ids->pdata[index], EWS_DISPOSAL_SOFT);
}

/* --- a step ------------------------------------------------------------------------------ */

typedef struct Report {
	unsigned calls, done, doubted, refused, failed;
	char *first_error; /* own */
} Report;

static void note(Report *report, const EwsOp *op)
{
	const GError *error = ews_op_error(op);

	if (!error)
		report->done++;
	else if (ews_op_is_in_doubt(op))
		report->doubted++;
	else if (ews_op_is_refused_whole(op))
		report->refused++;
	else
		report->failed++;
	if (error && !report->first_error)
		report->first_error = g_strescape(error->message, NULL);
}

/* One call, waited for; the ids that came go into @ids. */
static void run_call(Writes *self, Make make, unsigned first, unsigned count, Report *report,
	GPtrArray *ids)
{
	g_autofree EwsOp **ops = g_new(EwsOp *, count);
	g_autofree void **users = g_new(void *, count);

	for (unsigned i = 0; i < count; i++) {
		ops[i] = make(self, first + i);
		users[i] = self->inbox;
	}
	ews_submit_call(self->session, ops, count, EWS_PRIORITY_SCAN, on_done, users);
	report->calls++;
	for (unsigned i = 0; i < count; i++) {
		g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, INT64_MAX);

		note(report, op);
		if (ews_op_new_id(op))
			g_ptr_array_add(ids, g_strdup(ews_op_new_id(op)));
	}
}

/* Takes over the ids that came, if it @makes new ones. */
static void step(Writes *self, const char *name, EwsChange change, Make make, unsigned count,
	bool makes)
{
	GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
	int64_t start = g_get_monotonic_time();
	Report report = { 0 };

	for (unsigned at = 0; at < count;) {
		unsigned size = MIN(ews_call_size(self->session, change), count - at);

		run_call(self, make, at, size, &report, ids);
		at += size;
	}
	printf("{\"step\":\"%s\",\"calls\":%u,\"done\":%u,\"doubted\":%u,\"refused\":%u,"
	       "\"failed\":%u,\"seconds\":%.3f,\"first_error\":\"%s\"}\n",
		name, report.calls, report.done, report.doubted, report.refused, report.failed,
		(double)(g_get_monotonic_time() - start) / 1e6,
		report.first_error ? report.first_error : "");
	g_free(report.first_error);
	if (makes) {
		g_ptr_array_unref(self->ids);
		self->ids = ids;
	} else {
		g_ptr_array_unref(ids);
	}
}

static char *find_root(Writes *self)
{
	g_autoptr(EwsOp) op = NULL;
	g_autoptr(EwsFolder) folder = NULL;

	ews_submit(self->session, ews_get_distinguished_folder_new("msgfolderroot"),
		EWS_PRIORITY_SCAN, on_done, self->inbox);
	op = ews_inbox_take(self->inbox, INT64_MAX);
	folder = ews_get_folder_take(op);
	return folder ? g_strdup(folder->id) : NULL;
}

static bool run(Writes *self)
{
	self->root_id = find_root(self);
	if (!self->root_id)
		return false;
	step(self, "make-folder", EWS_CHANGES_FOLDER, make_folder, 1, true);
	if (self->ids->len != 1)
		return false;
	self->folder_id = g_strdup(self->ids->pdata[0]);
	step(self, "create", EWS_CREATES_ITEM, create, self->count, true);
	step(self, "update", EWS_UPDATES_ITEM, update, self->ids->len, false);
	step(self, "copy", EWS_COPIES_ITEM, copy, self->ids->len, false);
	step(self, "move", EWS_MOVES_ITEM, move, self->ids->len, true);
	step(self, "delete", EWS_DELETES_ITEM, delete, self->ids->len, false);
	step(self, "delete-again", EWS_DELETES_ITEM, delete, self->ids->len, false);
	step(self, "rename-folder", EWS_CHANGES_FOLDER, rename_folder, 1, false);
	step(self, "delete-folder", EWS_CHANGES_FOLDER, delete_folder, 1, false);
	return true;
}

int main(int argc, char **argv)
{
	unsigned timeout_s = 30;
	g_autoptr(GError) error = NULL;
	Writes self = { 0 };
	EwsConfig config;
	bool is_good;

	if (argc > 2 && strcmp(argv[1], "--timeout") == 0) {
		timeout_s = (unsigned)atoi(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc != 5) {
		fprintf(stderr, "writes [--timeout S] URL USER PASSWORD COUNT\n");
		return 2;
	}
	config = (EwsConfig){ .url = argv[1], .user = argv[2], .password = argv[3],
		.max_conns = 4, .timeout_s = timeout_s };
	self.count = (unsigned)atoi(argv[4]);
	self.session = ews_session_start(&config, &error);
	if (!self.session) {
		fprintf(stderr, "writes: %s\n", error->message);
		return 1;
	}
	self.inbox = ews_inbox_new(NULL, NULL);
	self.ids = g_ptr_array_new_with_free_func(g_free);
	is_good = run(&self);
	ews_session_stop(self.session);
	ews_inbox_free(self.inbox, NULL);
	g_ptr_array_unref(self.ids);
	g_free(self.folder_id);
	g_free(self.root_id);
	return is_good ? 0 : 1;
}
