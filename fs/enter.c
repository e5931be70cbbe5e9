/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/enter.h"

#include <string.h>

#include "cache/cache.h"
#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "fs/config.h"
#include "fs/discover.h"
#include "fs/signin.h"

/* With an index to show, how long the server is given to refuse the password. */
#define QUICK_LOOK_US (500 * 1000)
/* Without one, how often over it is given timeout=: a busy server can put off for long. */
#define LOOKS 3

struct FsEnter {
	const FsConfig *config; /* borrowed, as are the next two */
	EwsSession *session;
	Cache *cache;
	EwsInbox *answers; /* own; ops when they are done */
	int64_t asked;     /* so many questions: the tag of the last */
	int64_t deadline_us;
	bool has_tree;
};

static void free_op(void *op)
{
	ews_op_free(op);
}

FsEnter *fs_enter_new(const FsConfig *config, EwsSession *session, Cache *cache)
{
	FsEnter *self = g_new0(FsEnter, 1);

	self->config = config;
	self->session = session;
	self->cache = cache;
	self->answers = ews_inbox_new(NULL, NULL);
	self->has_tree = cache_has_tree(cache);
	return self;
}

void fs_enter_free(FsEnter *self)
{
	if (self == NULL)
		return;
	ews_inbox_free(self->answers, free_op);
	g_free(self);
}

/* --- asking -------------------------------------------------------------- */

/* On the ews thread. */
static void answered(EwsOp *op, void *user)
{
	FsEnter *self = user;

	ews_inbox_post(self->answers, op);
}

/* NULL: no answer yet, and it is not waited for any longer. */
static EwsOp *ask(FsEnter *self, EwsOp *question)
{
	EwsOp *op;

	ews_op_set_tag(question, ++self->asked);
	ews_submit(self->session, question, EWS_PRIORITY_WAITING, answered, self);
	while ((op = ews_inbox_take(self->answers, self->deadline_us)) != NULL) {
		if (ews_op_tag(op) == self->asked)
			return op;
		ews_op_free(op);
	}
	return NULL;
}

static bool is_answered_with(const EwsOp *op, const char *code)
{
	return op != NULL && g_strcmp0(ews_op_response_code(op), code) == 0;
}

/* Takes the place of *@op. */
static void ask_for(FsEnter *self, const char *folder, EwsOp **op)
{
	g_clear_pointer(op, ews_op_free);
	*op = ask(self, ews_get_distinguished_folder_new(folder));
}

/* --- whose mailbox ------------------------------------------------------- */

static void use_mailbox(FsEnter *self, const char *address)
{
	ews_session_set_mailbox(self->session, address);
	cache_set_mailbox(self->cache, address);
}

/* Owned; NULL: the server does not say. */
static char *primary_address(FsEnter *self)
{
	g_autofree char *entry = g_strconcat("smtp:", self->config->mailbox, NULL);
	g_autoptr(EwsOp) op = ask(self, ews_resolve_names_new(entry));

	return op != NULL ? g_strdup(ews_resolve_names_address(op)) : NULL;
}

static void use_primary(FsEnter *self, EwsOp **op)
{
	g_autofree char *address = primary_address(self);

	if (address == NULL)
		return;
	g_message("%s is an address of the mailbox %s", self->config->mailbox, address);
	use_mailbox(self, address);
	ask_for(self, cache_entry(self->cache), op);
}

/* It will be there again: by the name that it had. */
static void use_known(FsEnter *self)
{
	g_autofree char *address = cache_mailbox(self->cache);

	if (address != NULL)
		use_mailbox(self, address);
}

/* --- by which folder ----------------------------------------------------- */

static bool is_closed(const EwsOp *op)
{
	const GError *problem = op != NULL ? ews_op_error(op) : NULL;

	return (ews_error_is(problem, EWS_ERROR_DENIED) ||
		       ews_error_is(problem, EWS_ERROR_NOT_FOUND)) &&
	       !is_answered_with(op, "ErrorNonExistentMailbox") &&
	       !is_answered_with(op, "ErrorNonPrimarySmtpAddress");
}

/* What the protocol calls the folder that the path begins with; NULL: it has no name there. */
static const char *distinguished_name(const char *path)
{
	static const char *const names[] = {"inbox", "drafts", "sentitems", "deleteditems",
		"outbox", "junkemail", "calendar", "contacts", "tasks", "notes", "journal"};
	g_autoptr(GString) word = g_string_new(NULL);

	for (const char *c = path; *c != '\0' && *c != '/'; c++)
		if (*c != ' ')
			g_string_append_c(word, g_ascii_tolower(*c));
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_str_equal(word->str, names[i]))
			return names[i];
	return NULL;
}

static void use_folder(FsEnter *self, EwsOp **op)
{
	const char *name = distinguished_name(self->config->folder);
	g_autoptr(EwsOp) narrow = NULL;

	if (name == NULL)
		return;
	ask_for(self, name, &narrow);
	if (narrow == NULL || ews_op_error(narrow) != NULL)
		return;
	g_message("%s: not all of it is open to us, but its folder \"%s\" is",
		self->config->mailbox, name);
	cache_set_entry(self->cache, name);
	ews_op_free(*op);
	*op = g_steal_pointer(&narrow);
}

/* --- what is made of the answer ------------------------------------------ */

static bool is_put_off(FsEnter *self, GError **error)
{
	EwsStatus status;

	ews_session_status(self->session, &status);
	g_set_error(error, EWS_ERROR, EWS_ERROR_BUSY, "%s: no answer yet%s%s", self->config->url,
		*status.error != '\0' ? ": " : "", status.error);
	return false;
}

/* Servers have several words for that, some of which sound as if they were no servers at all. */
static GError *no_public(const FsConfig *config, const GError *problem)
{
	bool is_denied = ews_error_is(problem, EWS_ERROR_DENIED);

	return g_error_new(EWS_ERROR, is_denied ? EWS_ERROR_DENIED : EWS_ERROR_NOT_FOUND,
		"this server has no public folders for %s: %s",
		fs_config_owner(config), problem->message);
}

/* In the words of who asked for that mailbox. */
static GError *explained(const FsEnter *self, const EwsOp *op, const GError *problem)
{
	const FsConfig *config = self->config;

	if (config->is_public && (is_closed(op) || ews_error_is(problem, EWS_ERROR_UNSUPPORTED)))
		return no_public(config, problem);
	GError *error = g_error_copy(problem);
	if (config->is_archive && is_closed(op))
		g_prefix_error(&error, "%s has no online archive on this server: ",
			fs_config_owner(config));
	if (config->mailbox == NULL)
		return error;
	if (is_answered_with(op, "ErrorNonExistentMailbox"))
		g_prefix_error(&error,
			"mailbox=%s: there is no mailbox of that address: ", config->mailbox);
	else if (is_answered_with(op, "ErrorNonPrimarySmtpAddress"))
		g_prefix_error(&error,
			"mailbox=%s: it is not the primary address of its mailbox, "
			"and which is that, the server does not tell: ",
			config->mailbox);
	else if (is_closed(op) && *config->folder != '\0')
		g_prefix_error(&error,
			"mailbox=%s: neither all of it nor its folder \"%s\" is "
			"open to %s: ",
			config->mailbox, config->folder, config->user);
	else if (is_closed(op))
		g_prefix_error(&error,
			"mailbox=%s: it is not open to %s as a whole; a folder of "
			"it that is shared can be mounted by itself, as SOURCE:Inbox or "
			"SOURCE#Inbox: ",
			config->mailbox, config->user);
	return error;
}

static bool judge(FsEnter *self, EwsOp *op, GError **error)
{
	const GError *problem = op != NULL ? ews_op_error(op) : NULL;

	if (op != NULL && problem == NULL) {
		cache_take_top(self->cache, ews_get_folder_take(op));
		return true;
	}
	if (!self->has_tree && (problem == NULL || !ews_error_is(problem, EWS_ERROR_AUTH)))
		fs_discover_forget(self->config);
	if (ews_error_is(problem, EWS_ERROR_AUTH))
		fs_signin_forget(self->config);
	if (op == NULL && !self->has_tree)
		return is_put_off(self, error);
	if (problem == NULL)
		return true;
	if (self->has_tree && !ews_error_is(problem, EWS_ERROR_AUTH)) {
		g_message("mounted from what is known here: %s", problem->message);
		return true;
	}
	g_propagate_error(error, explained(self, op, problem));
	return false;
}

bool fs_enter_run(FsEnter *self, GError **error)
{
	const FsConfig *config = self->config;
	g_autoptr(EwsOp) op = NULL;

	self->deadline_us = g_get_monotonic_time() +
			    (self->has_tree ? QUICK_LOOK_US
					    : LOOKS * (int64_t)config->timeout_s * G_USEC_PER_SEC);
	if (config->mailbox != NULL)
		use_mailbox(self, config->mailbox);
	ask_for(self, cache_entry(self->cache), &op);
	if (is_answered_with(op, "ErrorNonPrimarySmtpAddress"))
		use_primary(self, &op);
	if (config->mailbox != NULL && !self->has_tree && is_closed(op))
		use_folder(self, &op);
	if (config->mailbox != NULL && self->has_tree && (op == NULL || ews_op_error(op) != NULL))
		use_known(self);
	return judge(self, op, error);
}
