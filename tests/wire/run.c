/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs .case files: canned answers, given by a fake server to a real session.
 *
 *     run PATH...                 runs them, of a directory all; TAP on stdout
 *     run --requests DIR PATH...  and keeps every request in DIR, to be checked with the schema
 *
 * A case is a text file (tests/README.md, "wire"):
 *
 *     # what it shows
 *     op: get-item-mime ID          one line an op (tests/wire/describe.h); sent as one batch,
 *                                   those that change something as one call
 *     cold: yes                     no greeting before the ops (the first request of a session)
 *     timeout: 1                    of silence, in seconds
 *     mailbox: ada@example.org      whose the session is about
 *     archive: yes                  it is about the online archive
 *     public: ANCHOR MAILBOX        about public folders, by this route
 *     content: GUID GUID            in which mailbox that is what each op is about; "-": not told
 *     requests: 3                   how many must have been sent
 *     --- answer 200 [piece=N] [cut=N] [mute]
 *     the body; the last answer is given again and again
 *     --- header Retry-After: 1     for the answer before
 *     --- found 200                 an answer of autodiscover beside EWS, likewise
 *     --- sought *pattern*          which the requests to that must match, each its own
 *     --- request
 *     the body of the first request, line breaks and indentation left out
 *     --- head [N] *pattern*        which the head of the Nth, or first, request must match
 *     --- nohead *pattern*          which it must not match
 *     --- sent N *pattern*          which the body of the Nth request must match
 *     --- result
 *     a pattern for each line that tests/wire/describe.c says, in the order of the ops
 *
 * In bodies {{hex EFBBBF}}, {{repeat N TEXT}} and {{base64 TEXT}} stand for what they say;
 * {{open OP}} and {{close OP}} for the envelope around response messages, {{ok OP}} and {{end OP}}
 * for a successful message's begin and end, {{error OP CODE}} for a failed one, {{item ID TEXT}}
 * for GetItem's message with TEXT as MIME. In a pattern "*" matches anything.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews/inbox.h"
#include "tests/wire/change.h"
#include "tests/wire/describe.h"
#include "tests/wire/fake.h"

typedef struct Case {
	GPtrArray *ops;      /* own, of strings */
	GPtrArray *answers;  /* own until given away, of FakeAnswer */
	GString *request;    /* own */
	GPtrArray *heads;    /* own, of strings */
	GPtrArray *no_heads; /* own, of strings */
	GPtrArray *found;    /* own until given away, of FakeAnswer */
	GPtrArray *sought;   /* own, of strings */
	char **route;        /* own; anchor, mailbox; NULL: none */
	char **contents;     /* own; GUIDs, "-"; NULL: none */
	GPtrArray *sent;     /* own, of strings: "N PATTERN" */
	GString *result;     /* own */
	char *mailbox;       /* own; NULL: nobody else's */
	bool is_cold;
	bool is_archive;
	unsigned timeout_s;
	int requests;
} Case;

typedef struct Run {
	EwsSession *session;
	EwsInbox *inbox;
	GPtrArray *described; /* own */
} Run;

/* --- reading a case ---------------------------------------------------------------------- */

static void append_hex(GString *out, const char *hex)
{
	for (; hex[0] && hex[1]; hex += 2)
		g_string_append_c(out,
			(char)(g_ascii_xdigit_value(hex[0]) * 16 + g_ascii_xdigit_value(hex[1])));
}

/* What stands for {{WORD OP}}: "%s" is OP. */
static const struct {
	const char *word;
	const char *xml;
} snippets[] = {
	{ "open ", "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
		   "<m:%sResponse"
		   " xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
		   " xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
		   "<m:ResponseMessages>" },
	{ "close ", "</m:ResponseMessages></m:%sResponse></s:Body></s:Envelope>" },
	{ "ok ", "<m:%sResponseMessage ResponseClass=\"Success\">"
		 "<m:ResponseCode>NoError</m:ResponseCode>" },
	{ "end ", "</m:%sResponseMessage>" },
};

static const char error_xml[] =
	"<m:%sResponseMessage ResponseClass=\"Error\"><m:MessageText>The server's words."
	"</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
	"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Items/></m:%sResponseMessage>";

static const char item_xml[] =
	"<m:GetItemResponseMessage ResponseClass=\"Success\">"
	"<m:ResponseCode>NoError</m:ResponseCode><m:Items><t:Message>"
	"<t:MimeContent CharacterSet=\"UTF-8\">%s</t:MimeContent><t:ItemId Id=\"%s\""
	" ChangeKey=\"k\"/><t:ItemClass>IPM.Note</t:ItemClass></t:Message></m:Items>"
	"</m:GetItemResponseMessage>";

static char *base64_of(const char *text)
{
	g_autofree char *plain = g_strcompress(text);

	return g_base64_encode((const guchar *)plain, strlen(plain));
}

static void append_replaced(GString *out, const char *xml, const char *op)
{
	g_auto(GStrv) parts = g_strsplit(xml, "%s", -1);
	g_autofree char *all = g_strjoinv(op, parts);

	g_string_append(out, all);
}

static bool append_snippet(GString *out, const char *macro)
{
	g_auto(GStrv) words = g_strsplit(macro, " ", 3);

	for (size_t i = 0; i < G_N_ELEMENTS(snippets); i++) {
		if (!g_str_has_prefix(macro, snippets[i].word))
			continue;
		append_replaced(out, snippets[i].xml, words[1]);
		return true;
	}
	if (g_str_equal(words[0], "error")) {
		g_string_append_printf(out, error_xml, words[1], words[2], words[1]);
		return true;
	}
	if (g_str_equal(words[0], "item")) {
		g_autofree char *mime = base64_of(words[2]);

		g_string_append_printf(out, item_xml, mime, words[1]);
		return true;
	}
	return false;
}

static void append_macro(GString *out, const char *macro)
{
	char *rest = NULL;

	if (g_str_has_prefix(macro, "hex ")) {
		append_hex(out, macro + 4);
	} else if (g_str_has_prefix(macro, "repeat ")) {
		unsigned long count = strtoul(macro + 7, &rest, 10);

		for (unsigned long i = 0; i < count; i++)
			g_string_append(out, rest + 1);
	} else if (g_str_has_prefix(macro, "base64 ")) {
		g_autofree char *text = base64_of(macro + 7);

		g_string_append(out, text);
	} else if (!append_snippet(out, macro)) {
		g_error("no such macro: %s", macro);
	}
}

static void append_expanded(GString *out, const char *line)
{
	const char *open;

	while ((open = strstr(line, "{{"))) {
		const char *close = strstr(open, "}}");
		g_autofree char *macro = g_strndup(open + 2, (gsize)(close - open - 2));

		g_string_append_len(out, line, open - line);
		append_macro(out, macro);
		line = close + 2;
	}
	g_string_append(out, line);
}

static void read_key(Case *self, const char *line)
{
	if (!*line || *line == '#')
		return;
	if (g_str_has_prefix(line, "op: "))
		g_ptr_array_add(self->ops, g_strdup(line + 4));
	else if (g_str_equal(line, "cold: yes"))
		self->is_cold = true;
	else if (g_str_equal(line, "archive: yes"))
		self->is_archive = true;
	else if (g_str_has_prefix(line, "public: "))
		self->route = g_strsplit(line + 8, " ", 2);
	else if (g_str_has_prefix(line, "content: "))
		self->contents = g_strsplit(line + 9, " ", -1);
	else if (g_str_has_prefix(line, "mailbox: "))
		self->mailbox = g_strdup(line + 9);
	else if (g_str_has_prefix(line, "timeout: "))
		self->timeout_s = (unsigned)atoi(line + 9);
	else if (g_str_has_prefix(line, "requests: "))
		self->requests = atoi(line + 10);
	else
		g_error("no such line: %s", line);
}

static FakeAnswer *read_answer(const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	FakeAnswer *answer = fake_answer_new(atoi(words[0]), "");

	for (char **word = words + 1; *word; word++) {
		if (g_str_has_prefix(*word, "piece="))
			answer->piece = (gsize)atoi(*word + 6);
		else if (g_str_has_prefix(*word, "cut="))
			answer->cut = atoi(*word + 4);
		else if (g_str_equal(*word, "mute"))
			answer->is_mute = true;
		else
			g_error("no such word: %s", *word);
	}
	return answer;
}

static void add_header(FakeAnswer *answer, const char *header)
{
	char *all = g_strconcat(answer->headers ? answer->headers : "", header, "\r\n", NULL);

	g_free(answer->headers);
	answer->headers = all;
}

/* Where the lines of the section that begins here go. */
static GString *read_section(Case *self, const char *line)
{
	if (g_str_has_prefix(line, "answer ")) {
		FakeAnswer *answer = read_answer(line + 7);

		g_ptr_array_add(self->answers, answer);
		return answer->body;
	}
	if (g_str_has_prefix(line, "found ")) {
		FakeAnswer *answer = read_answer(line + 6);

		g_ptr_array_add(self->found, answer);
		return answer->body;
	}
	if (g_str_has_prefix(line, "header "))
		add_header(self->answers->pdata[self->answers->len - 1], line + 7);
	else if (g_str_has_prefix(line, "nohead "))
		g_ptr_array_add(self->no_heads, g_strdup(line + 7));
	else if (g_str_has_prefix(line, "head "))
		g_ptr_array_add(self->heads, g_strdup(line + 5));
	else if (g_str_has_prefix(line, "sought "))
		g_ptr_array_add(self->sought, g_strdup(line + 7));
	else if (g_str_has_prefix(line, "sent "))
		g_ptr_array_add(self->sent, g_strdup(line + 5));
	else if (g_str_equal(line, "request"))
		return self->request;
	else if (g_str_equal(line, "result"))
		return self->result;
	else
		g_error("no such section: %s", line);
	return NULL;
}

/* Bodies and requests are one long line each; the lines of a result stay. */
static void append_line(Case *self, GString *section, const char *line)
{
	if (section == self->result)
		g_string_append_printf(section, "%s\n", line);
	else
		append_expanded(section, line + strspn(line, "\t "));
}

static Case *read_case(const char *path)
{
	Case *self = g_new0(Case, 1);
	GString *section = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	g_autoptr(GError) error = NULL;

	if (!g_file_get_contents(path, &text, NULL, &error))
		g_error("%s", error->message);
	self->ops = g_ptr_array_new_with_free_func(g_free);
	self->answers = g_ptr_array_new();
	self->found = g_ptr_array_new();
	self->sought = g_ptr_array_new_with_free_func(g_free);
	self->heads = g_ptr_array_new_with_free_func(g_free);
	self->no_heads = g_ptr_array_new_with_free_func(g_free);
	self->sent = g_ptr_array_new_with_free_func(g_free);
	self->request = g_string_new(NULL);
	self->result = g_string_new(NULL);
	self->timeout_s = 20;
	self->requests = -1;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line && (line[1] || **line); line++) {
		if (g_str_has_prefix(*line, "--- "))
			section = read_section(self, *line + 4);
		else if (section)
			append_line(self, section, *line);
		else
			read_key(self, *line);
	}
	return self;
}

static void free_case(Case *self)
{
	g_ptr_array_unref(self->ops);
	g_ptr_array_unref(self->answers);
	g_ptr_array_unref(self->heads);
	g_ptr_array_unref(self->no_heads);
	g_ptr_array_unref(self->found);
	g_ptr_array_unref(self->sought);
	g_strfreev(self->route);
	g_strfreev(self->contents);
	g_ptr_array_unref(self->sent);
	g_string_free(self->request, TRUE);
	g_string_free(self->result, TRUE);
	g_free(self->mailbox);
	g_free(self);
}

/* --- running it -------------------------------------------------------------------------- */

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static void submit_call(Run *self)
{
	g_autofree EwsOp **ops = g_new(EwsOp *, self->described->len);
	g_autofree void **users = g_new(void *, self->described->len);

	for (guint i = 0; i < self->described->len; i++) {
		ops[i] = ((Described *)self->described->pdata[i])->op;
		users[i] = self->inbox;
	}
	ews_submit_call(self->session, ops, self->described->len, EWS_PRIORITY_SCAN, on_done,
		users);
}

static void submit_all(Run *self)
{
	if (change_is(((Described *)self->described->pdata[0])->what)) {
		submit_call(self);
		return;
	}
	for (guint i = 0; i < self->described->len; i++) {
		Described *described = self->described->pdata[i];

		ews_submit(self->session, described->op, EWS_PRIORITY_SCAN, on_done, self->inbox);
	}
}

/* On the ews thread, so that all ops are there before it looks again: one batch. */
static void on_greeted(EwsOp *op, void *user)
{
	ews_op_free(op);
	submit_all(user);
}

static const char greeting[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
	"<m:GetFolderResponse"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
	"<m:ResponseMessages><m:GetFolderResponseMessage ResponseClass=\"Success\">"
	"<m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>"
	"<t:FolderId Id=\"root\"/></t:Folder></m:Folders></m:GetFolderResponseMessage>"
	"</m:ResponseMessages></m:GetFolderResponse></s:Body></s:Envelope>";

static Fake *start_server(Case *self)
{
	Fake *fake = fake_new();

	if (!self->is_cold)
		fake_add(fake, fake_answer_new(200, greeting));
	for (guint i = 0; i < self->answers->len; i++)
		fake_add(fake, self->answers->pdata[i]);
	for (guint i = 0; i < self->found->len; i++)
		fake_add_found(fake, self->found->pdata[i]);
	return fake;
}

static void lead(const Case *self, const GPtrArray *described)
{
	for (guint i = 0; self->contents && i < described->len; i++) {
		g_assert(self->contents[i]);
		if (!g_str_equal(self->contents[i], "-"))
			ews_op_set_content(((Described *)described->pdata[i])->op,
				self->contents[i]);
	}
}

static char *run_ops(const Case *self, const Fake *fake)
{
	g_autofree char *url = fake_url(fake);
	g_autoptr(EwsRoute) route =
		self->route ? ews_route_new(self->route[0], self->route[1]) : NULL;
	EwsConfig config = {
		.url = url,
		.user = route ? "me@example.org" : "me",
		.password = "secret",
		.max_conns = 1,
		.timeout_s = self->timeout_s,
		.is_archive = self->is_archive,
		.route = route,
	};
	Run run = { .session = ews_session_start(&config, NULL) };
	GString *result = g_string_new(NULL);

	if (self->mailbox)
		ews_session_set_mailbox(run.session, self->mailbox);
	run.inbox = ews_inbox_new(NULL, NULL);
	run.described = g_ptr_array_new_with_free_func((GDestroyNotify)described_free);
	for (guint i = 0; i < self->ops->len; i++) {
		g_ptr_array_add(run.described, described_new(self->ops->pdata[i]));
		g_assert(run.described->pdata[i]);
	}
	lead(self, run.described);
	if (self->is_cold)
		submit_all(&run);
	else
		ews_submit(run.session, ews_get_distinguished_folder_new("msgfolderroot"),
			EWS_PRIORITY_SCAN, on_greeted, &run);
	for (guint i = 0; i < self->ops->len; i++)
		g_assert(ews_inbox_take(run.inbox, INT64_MAX));
	ews_session_stop(run.session);
	for (guint i = 0; i < run.described->len; i++)
		described_print(run.described->pdata[i], result);
	ews_inbox_free(run.inbox, NULL);
	g_ptr_array_unref(run.described);
	return g_string_free(result, FALSE);
}

static bool complain(const char *what, const char *wanted, const char *got)
{
	printf("# %s\n#   wanted: %s\n#   got:    %s\n", what, wanted, got);
	return false;
}

static bool check_result(const Case *self, const char *got)
{
	g_auto(GStrv) wanted_lines = g_strsplit(self->result->str, "\n", -1);
	g_auto(GStrv) got_lines = g_strsplit(got, "\n", -1);
	bool is_good = true;

	if (g_strv_length(wanted_lines) != g_strv_length(got_lines))
		return complain("number of lines", self->result->str, got);
	for (guint i = 0; wanted_lines[i]; i++)
		if (!g_pattern_match_simple(wanted_lines[i], got_lines[i]))
			is_good = complain("result", wanted_lines[i], got_lines[i]);
	return is_good;
}

static char *without_breaks(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	return g_strjoinv("", lines);
}

static bool check_sent(const Case *self, const GPtrArray *requests, guint first)
{
	bool is_good = true;

	for (guint i = 0; i < self->sent->len; i++) {
		char *pattern = NULL;
		guint at = first + (guint)strtoul(self->sent->pdata[i], &pattern, 10) - 1;
		const char *body = at < requests->len ? requests->pdata[at] : "nothing";

		if (!g_pattern_match_simple(pattern + 1, body))
			is_good = complain("sent", pattern + 1, body);
	}
	return is_good;
}

/* "[N ]PATTERN". */
static bool check_head(const char *wanted, const GPtrArray *heads, guint first)
{
	char *pattern = NULL;
	guint nth = (guint)strtoul(wanted, &pattern, 10);
	guint at = first + MAX(nth, 1) - 1;
	const char *head = at < heads->len ? heads->pdata[at] : "nothing";

	pattern += nth > 0;
	return g_pattern_match_simple(pattern, head) || complain("head", pattern, head);
}

/* All that was asked, or, where nothing is said of it, nothing. */
static bool check_sought(const Case *self, Fake *fake)
{
	g_autoptr(GPtrArray) sought = fake_sought(fake);
	bool is_good = true;

	if (sought->len != self->sought->len)
		return complain("number of requests to autodiscover", "as described", "others");
	for (guint i = 0; i < sought->len; i++)
		if (!g_pattern_match_simple(self->sought->pdata[i], sought->pdata[i]))
			is_good = complain("sought", self->sought->pdata[i], sought->pdata[i]);
	return is_good;
}

static bool check_requests(const Case *self, Fake *fake)
{
	g_autoptr(GPtrArray) requests = fake_requests(fake);
	g_autoptr(GPtrArray) heads = fake_heads(fake);
	guint first = self->is_cold ? 0 : 1;
	g_autofree char *body = without_breaks(requests->pdata[first]);
	g_autofree char *count = g_strdup_printf("%u", requests->len - first);
	g_autofree char *wanted = g_strdup_printf("%d", self->requests);
	bool is_good = true;

	if (self->requests >= 0 && !g_str_equal(count, wanted))
		is_good = complain("number of requests", wanted, count);
	if (self->request->len > 0 && !g_str_equal(self->request->str, body))
		is_good = complain("request", self->request->str, body);
	is_good = check_sent(self, requests, first) && is_good;
	for (guint i = 0; i < self->no_heads->len; i++)
		if (g_pattern_match_simple(self->no_heads->pdata[i], heads->pdata[first]))
			is_good = complain("nohead", self->no_heads->pdata[i],
				heads->pdata[first]);
	for (guint i = 0; i < self->heads->len; i++)
		is_good = check_head(self->heads->pdata[i], heads, first) && is_good;
	return check_sought(self, fake) && is_good;
}

static void keep_requests(Fake *fake, const char *directory, const char *path)
{
	g_autoptr(GPtrArray) requests = fake_requests(fake);
	g_autofree char *name = g_path_get_basename(path);

	for (guint i = 0; i < requests->len; i++) {
		g_autofree char *file = g_strdup_printf("%s/%s.%u.xml", directory, name, i);

		if (!g_file_set_contents(file, requests->pdata[i], -1, NULL))
			g_error("cannot write %s", file);
	}
}

static bool run_case(const char *path, const char *directory)
{
	Case *self = read_case(path);
	Fake *fake = start_server(self);
	g_autofree char *got = run_ops(self, fake);
	bool is_good = check_result(self, got);

	is_good = check_requests(self, fake) && is_good;
	if (directory)
		keep_requests(fake, directory, path);
	fake_free(fake);
	free_case(self);
	return is_good;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The case files that @path names: itself, or all in it. */
static void add_paths(GPtrArray *paths, const char *path)
{
	GDir *directory = g_dir_open(path, 0, NULL);
	const char *name;

	if (!directory) {
		g_ptr_array_add(paths, g_strdup(path));
		return;
	}
	while ((name = g_dir_read_name(directory)))
		if (g_str_has_suffix(name, ".case"))
			g_ptr_array_add(paths, g_build_filename(path, name, NULL));
	g_dir_close(directory);
	g_ptr_array_sort(paths, by_name);
}

int main(int argc, char **argv)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	const char *directory = NULL;
	int first = 1;
	int failed = 0;

	if (argc > 2 && g_str_equal(argv[1], "--requests")) {
		directory = argv[2];
		first = 3;
	}
	for (int i = first; i < argc; i++)
		add_paths(paths, argv[i]);
	printf("1..%u\n", paths->len);
	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *name = g_path_get_basename(paths->pdata[i]);
		bool is_good = run_case(paths->pdata[i], directory);

		printf("%s %u - %s\n", is_good ? "ok" : "not ok", i + 1, name);
		fflush(stdout);
		failed += !is_good;
	}
	return failed > 0;
}
