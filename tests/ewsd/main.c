/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ewsd: an EWS server for tests, benchmarks and the demo. This file reads the command line,
 * builds the mailbox, and runs the server until SIGTERM or SIGINT.
 */
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/ewsd/content.h"
#include "tests/ewsd/events.h"
#include "tests/ewsd/import.h"
#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/mime.h"
#include "tests/ewsd/server.h"

typedef struct Options {
	int port;
	int latency_ms;
	char *port_file;
	char *tls_cert;
	char *tls_key;
	char *state;
	char *schema;
	char *log;
	char *like;
	char **users;
	char **mail;
	char **fill;
	char **rights;
	char **mailboxes;
	char **shares;
	char **contents;
	gboolean has_archive;
	gboolean has_public;
	char **faults;
} Options;

static bool refuse(GError **error, const char *text)
{
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
	return false;
}

static bool check(const Options *o, int left, GError **error)
{
	if (left > 1)
		return refuse(error, "arguments are not expected");
	if (!o->users)
		return refuse(error, "--user NAME:PASSWORD is missing");
	for (char **user = o->users; *user; user++) {
		if (!strchr(*user, ':'))
			return refuse(error, "--user is NAME:PASSWORD");
	}
	if (!o->tls_cert != !o->tls_key)
		return refuse(error, "--tls-cert and --tls-key go together");
	if (o->like && strcmp(o->like, "real") != 0 && strcmp(o->like, "grommunio") != 0)
		return refuse(error, "--like knows only 'real' and 'grommunio'");
	if (o->port < 0 || o->port > 65535 || o->latency_ms < 0)
		return refuse(error, "--port or --latency is out of range");
	return true;
}

static bool read_options(Options *o, int argc, char **argv, GError **error)
{
	const GOptionEntry entries[] = {
		{"port", 0, 0, G_OPTION_ARG_INT, &o->port, "listen there (0: any)", "N"},
		{"port-file", 0, 0, G_OPTION_ARG_FILENAME, &o->port_file,
			"write the port there once listening", "FILE"},
		{"tls-cert", 0, 0, G_OPTION_ARG_FILENAME, &o->tls_cert, "serve https", "FILE"},
		{"tls-key", 0, 0, G_OPTION_ARG_FILENAME, &o->tls_key, "with this key", "FILE"},
		{"user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->users,
			"who may come in; the first owns the mailbox", "NAME:PASSWORD"},
		{"mail", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->mail,
			"import every file below DIR", "FOLDER/PATH=DIR"},
		{"fill", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->fill,
			"make synthetic messages", "FOLDER/PATH=COUNT[,BYTES]"},
		{"rights", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->rights,
			"make a folder read-only", "FOLDER/PATH=read"},
		{"mailbox", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->mailboxes,
			"there is another one", "ADDRESS[,ALIAS]"},
		{"share", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->shares,
			"what others may do there", "ADDRESS[:FOLDER/PATH]=read|edit"},
		{"archive", 0, 0, G_OPTION_ARG_NONE, &o->has_archive,
			"the owner has an archive", NULL},
		{"public", 0, 0, G_OPTION_ARG_NONE, &o->has_public,
			"there are public folders", NULL},
		{"content", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->contents,
			"which mailbox has what is in a public folder",
			"public:FOLDER/PATH=NAME[,unlisted]"},
		{"state", 0, 0, G_OPTION_ARG_FILENAME, &o->state,
			"keep the mailbox there", "FILE"},
		{"latency", 0, 0, G_OPTION_ARG_INT, &o->latency_ms,
			"before each request is looked at", "MS"},
		{"schema", 0, 0, G_OPTION_ARG_FILENAME, &o->schema,
			"check every request with DIR/soap-envelope.xsd", "DIR"},
		{"log", 0, 0, G_OPTION_ARG_FILENAME, &o->log, "a JSON line per request", "FILE"},
		{"fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->faults,
			"misbehave, see README.md", "SPEC"},
		{"like", 0, 0, G_OPTION_ARG_STRING, &o->like,
			"do what real servers do all the time", "real|grommunio"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- an EWS server for tests");

	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse(context, &argc, &argv, error) && check(o, argc, error);
}

static void options_clear(Options *o)
{
	g_free(o->port_file);
	g_free(o->tls_cert);
	g_free(o->tls_key);
	g_free(o->state);
	g_free(o->schema);
	g_free(o->log);
	g_free(o->like);
	g_strfreev(o->users);
	g_strfreev(o->mail);
	g_strfreev(o->fill);
	g_strfreev(o->rights);
	g_strfreev(o->mailboxes);
	g_strfreev(o->shares);
	g_strfreev(o->contents);
	g_strfreev(o->faults);
}

/* Each of `specs` into the mailbox that it names. */
static bool fill_with(World *world, char **specs,
	bool (*import)(Store *store, const char *spec, GError **error), GError **error)
{
	for (char **spec = specs; spec && *spec; spec++) {
		const char *rest;
		Mailbox *mailbox = mailbox_of_spec(world, *spec, &rest);

		if (!import(mailbox->store, rest, error))
			return false;
	}
	return true;
}

static bool fill_mailboxes(World *world, const Options *o, GError **error)
{
	if (!fill_with(world, o->mail, import_mail, error) ||
		!fill_with(world, o->fill, import_fill, error) ||
		!fill_with(world, o->contents, content_put, error) ||
		!fill_with(world, o->rights, import_rights, error))
		return false;
	/* Last: a share is of the folders that are there. */
	for (char **spec = o->shares; spec && *spec; spec++) {
		if (!mailbox_share(world, *spec, error))
			return false;
	}
	return true;
}

static bool add_mailboxes(World *world, const Options *o, GError **error)
{
	bool is_fresh;

	mailbox_add_own(world);
	for (char **spec = o->mailboxes; spec && *spec; spec++) {
		if (!mailbox_add(world, STORE_MAILBOX, *spec, o->state, &is_fresh, error))
			return false;
	}
	return (!o->has_archive || mailbox_add(world, STORE_ARCHIVE, NULL, o->state, &is_fresh,
					   error)) &&
	       (!o->has_public ||
		       mailbox_add(world, STORE_PUBLIC, NULL, o->state, &is_fresh, error));
}

/* The names of those that autodiscover knows. */
static GPtrArray *list_contents(char **specs)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (char **spec = specs; spec && *spec; spec++) {
		bool is_listed;
		g_autofree char *all = content_spec(*spec, &is_listed);
		const char *equals = strrchr(all, '=');

		if (is_listed && equals)
			g_ptr_array_add(names, g_strdup(equals + 1));
	}
	return names;
}

static bool world_start(World *world, const Options *o, GError **error)
{
	bool is_fresh;

	world->owner = mailbox_address_of(o->users[0]);
	world->mailboxes = g_ptr_array_new();
	world->like_real = o->like != NULL;
	world->like_grommunio = o->like && strcmp(o->like, "grommunio") == 0;
	world->contents = list_contents(o->contents);
	world->faults = fault_list_new();
	for (char **spec = o->faults; spec && *spec; spec++) {
		if (!fault_list_add(world->faults, *spec, error))
			return false;
	}
	world->log = log_open(o->log, error);
	if (!world->log)
		return false;
	world->store = store_open(o->state ? o->state : "", STORE_MAILBOX, &is_fresh, error);
	if (!world->store)
		return false;
	world->events = events_new(world->store);
	/* A mailbox that is kept was filled when it was new. */
	if (!add_mailboxes(world, o, error) || (is_fresh && !fill_mailboxes(world, o, error)))
		return false;
	store_listen(world->store, events_hear, world->events);
	return true;
}

static void world_stop(World *world)
{
	mailbox_free_all(world);
	g_clear_pointer(&world->contents, g_ptr_array_unref);
	store_close(world->store);
	events_free(world->events);
	log_close(world->log);
	fault_list_free(world->faults);
	g_free(world->owner);
}

static gboolean quit(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void loop_run(void)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	guint term = g_unix_signal_add(SIGTERM, quit, loop);
	guint interrupt = g_unix_signal_add(SIGINT, quit, loop);

	g_main_loop_run(loop);
	g_source_remove(term);
	g_source_remove(interrupt);
}

/* g_file_set_contents renames into place: a reader sees no file or the whole number. */
static bool tell_port(const Options *o, const Server *server, GError **error)
{
	g_autofree char *text = g_strdup_printf("%u\n", server_port(server));

	if (o->port_file)
		return g_file_set_contents(o->port_file, text, -1, error);
	printf("%s", text);
	fflush(stdout);
	return true;
}

static bool serve_until_signal(World *world, const Options *o, GError **error)
{
	g_autoptr(GTlsCertificate) certificate = NULL;
	ServerOptions options = {.port = (unsigned)o->port, .users = o->users,
		.latency_ms = (unsigned)o->latency_ms};
	Server *server;
	bool ok;

	if (o->tls_cert) {
		certificate = g_tls_certificate_new_from_files(o->tls_cert, o->tls_key, error);
		if (!certificate)
			return false;
		options.certificate = certificate;
	}
	if (o->schema) {
		options.schema = soap_schema_load(o->schema, error);
		if (!options.schema)
			return false;
	}
	server = server_start(world, &options, error);
	ok = server && tell_port(o, server, error);
	if (ok)
		loop_run();
	/* A request that is still at work needs the world: leave it to the kernel. */
	if (server && !server_stop(server))
		_exit(0);
	soap_schema_free(options.schema);
	return ok;
}

int main(int argc, char **argv)
{
	Options o = {0};
	World world = {0};
	g_autoptr(GError) error = NULL;
	bool ok;

	signal(SIGPIPE, SIG_IGN);
	mime_start();
	xmlInitParser();
	ok = read_options(&o, argc, argv, &error) && world_start(&world, &o, &error)
		&& serve_until_signal(&world, &o, &error);
	if (!ok)
		fprintf(stderr, "ewsd: %s\n", error->message);
	world_stop(&world);
	options_clear(&o);
	return ok ? 0 : 2;
}
