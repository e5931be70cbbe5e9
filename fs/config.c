/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/config.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/discover.h"
#include "fs/options.h"
#include "fs/places.h"
#include "fs/source.h"

#define CACHE_SIZE_DEFAULT (UINT64_C(10) << 30)
#define REFRESH_DEFAULT_S 60
#define TIMEOUT_DEFAULT_S 30
#define MAX_CONNS_DEFAULT 4
#define SETTLE_DEFAULT_S 65
#define FLUSH_TIMEOUT_DEFAULT_S 60
#define SCRATCH_SIZE_DEFAULT (UINT64_C(1) << 30)
#define FILE_MAX (1 << 20) /* a configuration file larger than this is something else */

/* The command line taken apart, before anything is believed. */
typedef struct Words {
	GPtrArray *options; /* own; the arguments of -o, borrowed from argv */
	const char *source;
	const char *mountpoint;
	FsAction action;
	bool is_foreground;
} Words;

const char *fs_config_usage(void)
{
	return "Usage: ewsfs [-f] [-o OPTION[,OPTION…]] SOURCE MOUNTPOINT\n"
	       "\n"
	       "SOURCE is a mail address, the address of an Exchange server,\n"
	       "https://HOST/EWS/Exchange.asmx, or the name of an account in the configuration\n"
	       "file. A part of the mailbox is mounted with me@example.org:FOLDER/PATH,\n"
	       "https://HOST/EWS/Exchange.asmx#FOLDER/PATH or NAME:FOLDER/PATH.\n"
	       "\n"
	       "  -f                    stay in front, log to stderr\n"
	       "  -o user=NAME          sign in as (default: the mail address)\n"
	       "  -o url=ADDRESS        the server, when it should not be looked for\n"
	       "  -o password_file=FILE password on the first line; readable by nobody else\n"
	       "  -o password_command=COMMAND\n"
	       "                        a command that prints the password\n"
	       "  -o token_command=COMMAND\n"
	       "                        a command that prints an OAuth2 token; or sign in once\n"
	       "                        with ewsfsctl login, with these:\n"
	       "  -o client_id=ID,tenant=NAME,authority=ADDRESS,scope=TEXT\n"
	       "  -o client_secret_file=FILE,impersonate=ADDRESS\n"
	       "                        an application that signs in by itself, for a mailbox\n"
	       "  -o mailbox=ADDRESS    somebody else's mailbox, as far as it is shared with you\n"
	       "  -o archive            the online archive of the mailbox\n"
	       "  -o public             the public folders\n"
	       "  -o auth=auto|basic|ntlm|negotiate|oauth2\n"
	       "                        how to sign in (default: auto, as the server offers)\n"
	       "  -o cacert=FILE        trust the certificates in this PEM file\n"
	       "  -o pinned_pubkey=sha256//HASH|FILE\n"
	       "                        the public key that the server must have\n"
	       "  -o client_cert=FILE,client_key=FILE\n"
	       "                        show this certificate (PEM) to the server\n"
	       "  -o insecure_http      allow a password over http to other machines\n"
	       "  -o state_dir=DIR      index (default: $XDG_STATE_HOME/ewsfs/NAME)\n"
	       "  -o cache_dir=DIR      messages read (default: $XDG_CACHE_HOME/ewsfs/NAME)\n"
	       "  -o cache_size=SIZE    how much of them to keep (default: 10G)\n"
	       "  -o layout=files|maildir|maildir++\n"
	       "                        what a folder looks like (default: files)\n"
	       "  -o names=TEMPLATE     what messages are called, of {date} {day} {time} {party}\n"
	       "                        {from} {to} {subject} {key}\n"
	       "                        (default: {date}_{party}_{subject}.{key})\n"
	       "  -o prefetch=on|off    fetch messages ahead (default: on)\n"
	       "  -o size=auto|exact    whether a scan waits for exact sizes (default: auto)\n"
	       "  -o backup             for backups: ro, size=exact, listings never old\n"
	       "  -o refresh=SECONDS    look for changes (default: 60)\n"
	       "  -o push=auto|stream|pull|off\n"
	       "                        how the server tells of changes by itself (default: auto)\n"
	       "  -o timeout=SECONDS    silence of the server that is waited for (default: 30)\n"
	       "  -o max_conns=N        connections to the server (default: 4)\n"
	       "  -o delete=trash|soft|hard\n"
	       "                        what becomes of deleted messages (default: trash)\n"
	       "  -o delete_max=N       hold more deletes than this in ten minutes (default: 0,\n"
	       "                        no limit)\n"
	       "  -o fsync=server|local who has a message when fsync returns (default: server)\n"
	       "  -o flush_timeout=SECONDS\n"
	       "                        to send what is left when unmounting (default: 60)\n"
	       "  -o settle=SECONDS     until a lost answer's work is over (default: 65)\n"
	       "  -o scratch_size=SIZE  room for temporary files (default: 1G)\n"
	       "  -o send               send what is moved into .send/\n"
	       "  -o umask=MODE,uid=USER,gid=GROUP\n"
	       "                        rights and owner that are shown\n"
	       "  -o ro                 mount read-only\n"
	       "  -o allow_other        let other users in\n"
	       "  -o log_level=error|warning|info|debug\n"
	       "  -h, --help            this text\n"
	       "  -V, --version         the version\n"
	       "\n"
	       "All of these are also keys of the configuration file; see ewsfs.conf(5).\n"
	       "Unmount with \"ewsfsctl umount MOUNTPOINT\", which sends what is left first.\n";
}

FsConfig *fs_config_new_default(void)
{
	FsConfig *self = g_new0(FsConfig, 1);

	self->folder = g_strdup("");
	self->cache_size = CACHE_SIZE_DEFAULT;
	self->refresh_s = REFRESH_DEFAULT_S;
	self->timeout_s = TIMEOUT_DEFAULT_S;
	self->max_conns = MAX_CONNS_DEFAULT;
	self->settle_s = SETTLE_DEFAULT_S;
	self->flush_timeout_s = FLUSH_TIMEOUT_DEFAULT_S;
	self->scratch_size = SCRATCH_SIZE_DEFAULT;
	self->uid = getuid();
	self->gid = getgid();
	self->sizes = FS_SIZES_AUTO;
	self->disposal = FS_DELETE_TRASH;
	self->fsync = FS_FSYNC_SERVER;
	self->push = FS_PUSH_AUTO;
	self->log_level = FS_LOG_INFO;
	self->prefetch = true;
	self->kernel_words = g_ptr_array_new_with_free_func(g_free);
	return self;
}

const char *fs_config_whose(const FsConfig *self)
{
	return self->mailbox != NULL ? self->mailbox : self->impersonate;
}

const char *fs_config_owner(const FsConfig *self)
{
	const char *whose = fs_config_whose(self);

	return whose != NULL ? whose : self->user;
}

void fs_config_free(FsConfig *self)
{
	if (self == NULL)
		return;
	g_free(self->source);
	g_free(self->account);
	g_free(self->address);
	g_free(self->url);
	g_free(self->folder);
	g_free(self->mountpoint);
	g_free(self->user);
	g_free(self->password_file);
	g_free(self->password_command);
	g_free(self->token_command);
	g_free(self->tenant);
	g_free(self->authority);
	g_free(self->client_id);
	g_free(self->client_secret_file);
	g_free(self->scope);
	g_free(self->impersonate);
	g_free(self->mailbox);
	g_free(self->cacert);
	g_free(self->pinned_pubkey);
	g_free(self->client_cert);
	g_free(self->client_key);
	g_free(self->names);
	g_free(self->cache_dir);
	g_free(self->state_dir);
	g_ptr_array_unref(self->kernel_words);
	g_free(self);
}

const char *fs_config_layout(const FsConfig *self)
{
	static const char *const names[] = {
		[FS_LAYOUT_FILES] = NULL,
		[FS_LAYOUT_MAILDIR] = "maildir",
		[FS_LAYOUT_MAILDIRPP] = "maildir++",
	};

	return names[self->layout];
}

bool fs_config_has_open(const FsConfig *self)
{
	return !(self->is_read_only && self->sizes == FS_SIZES_EXACT);
}

/* --- the command line ---------------------------------------------------- */

static bool take_switch(Words *words, int letter, bool is_helper)
{
	switch (letter) {
	case 'o':
		g_ptr_array_add(words->options, optarg);
		return true;
	case 'f':
		/* mount(8) says -f for "only pretend". */
		if (is_helper)
			words->action = FS_ACTION_NOTHING;
		else
			words->is_foreground = true;
		return true;
	case 'h':
		words->action = FS_ACTION_HELP;
		return true;
	case 'V':
		words->action = FS_ACTION_VERSION;
		return true;
	case 'n':
	case 's':
	case 'v':
	case 't':
	case 'N':
		return is_helper;
	default:
		return false;
	}
}

static bool take_operands(Words *words, int argc, char **argv, GError **error)
{
	int left = argc - optind;

	if (left != 2) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "%s; see ewsfs --help",
			left == 0   ? "SOURCE and MOUNTPOINT are missing"
			: left == 1 ? "MOUNTPOINT is missing"
				    : "too many arguments");
		return false;
	}
	words->source = argv[optind];
	words->mountpoint = argv[optind + 1];
	return true;
}

static bool read_words(Words *words, int argc, char **argv, GError **error)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	bool is_helper = argc > 0 && g_str_has_prefix(name != NULL ? name + 1 : argv[0], "mount.");
	int letter;

	optind = 0; /* from the beginning, also when a test comes a second time */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, is_helper ? "fo:hVnsvt:N:" : "fo:hV", longs,
			NULL)) != -1) {
		if (!take_switch(words, letter, is_helper)) {
			g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
				"unknown switch, or one without its value: \"%s\"; see ewsfs "
				"--help",
				argv[MAX(optind - 1, 0)]);
			return false;
		}
		if (words->action == FS_ACTION_HELP || words->action == FS_ACTION_VERSION)
			return true;
	}
	return take_operands(words, argc, argv, error);
}

/* --- the file ------------------------------------------------------------ */

char *fs_config_path(void)
{
	return g_build_filename(g_get_user_config_dir(), "ewsfs", "ewsfs.conf", NULL);
}

static bool refuse_account(const FsConfig *self, GKeyFile *file, const char *path, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
	g_autofree char *known = g_strjoinv(", ", groups);

	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
		"there is no account \"%s\" in %s (%s%s); a server's address begins with "
		"https://",
		self->account, path, *known != '\0' ? "it has: " : "it has none", known);
	return false;
}

static bool apply_key(FsConfig *self, GKeyFile *file, const char *key, const char *base,
	GError **error)
{
	g_autofree char *value = g_key_file_get_string(file, self->account, key, error);

	if (value == NULL)
		return false;
	g_strchomp(value);
	FsOption option = {.name = key, .value = value, .base = base, .is_file = true};
	return fs_options_set(self, &option, error);
}

bool fs_config_load(FsConfig *self, const char *data, gsize len, const char *path, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *base = g_path_get_dirname(path);

	if (!g_key_file_load_from_data(file, data, len, G_KEY_FILE_NONE, error)) {
		g_prefix_error(error, "%s: ", path);
		return false;
	}
	if (!g_key_file_has_group(file, self->account) && !fs_discover_is_address(self->account))
		return refuse_account(self, file, path, error);
	/* A mail address need not stand here. */
	if (!g_key_file_has_group(file, self->account)) {
		self->address = g_steal_pointer(&self->account);
		return true;
	}

	g_auto(GStrv) keys = g_key_file_get_keys(file, self->account, NULL, error);
	if (keys == NULL)
		return false;
	for (char **key = keys; *key != NULL; key++) {
		if (!apply_key(self, file, *key, base, error)) {
			g_prefix_error(error, "%s, account \"%s\": ", path, self->account);
			return false;
		}
	}
	return true;
}

static bool load_file(FsConfig *self, GError **error)
{
	g_autofree char *path = fs_config_path();
	g_autofree char *data = NULL;
	gsize len = 0;

	if (!g_file_test(path, G_FILE_TEST_EXISTS) && fs_discover_is_address(self->account)) {
		self->address = g_steal_pointer(&self->account);
		return true;
	}
	if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"SOURCE \"%s\" is no address (me@example.org, https://…), and for an "
			"account of that name there would have to be a file %s",
			self->account, path);
		return false;
	}
	if (!g_file_get_contents(path, &data, &len, error))
		return false;
	if (len > FILE_MAX) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_TOO_BIG, "%s is too big", path);
		return false;
	}
	return fs_config_load(self, data, len, path, error);
}

/* --- all of it ----------------------------------------------------------- */

static const char both_passwords[] = "password_file= and password_command= exclude each other";

static bool read_source(FsConfig *self, const char *text, GError **error)
{
	g_autoptr(FsSource) source = fs_source_new(text, error);

	if (source == NULL)
		return false;
	self->source = g_strdup(text);
	self->url = g_steal_pointer(&source->url);
	self->account = g_steal_pointer(&source->account);
	g_free(self->folder);
	self->folder = g_steal_pointer(&source->folder);
	return self->account == NULL || load_file(self, error);
}

static bool read_options(FsConfig *self, const Words *words, GError **error)
{
	g_autofree char *here = g_get_current_dir();
	g_autofree char *url = g_strdup(self->url);
	/* Two ways to say one thing: either of them here puts both of the file's aside. */
	g_autofree char *file = g_steal_pointer(&self->password_file);
	g_autofree char *command = g_steal_pointer(&self->password_command);

	if (file != NULL && command != NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, both_passwords);
		return false;
	}
	for (guint i = 0; i < words->options->len; i++) {
		const char *list = g_ptr_array_index(words->options, i);
		if (!fs_options_parse(self, list, here, error))
			return false;
	}
	if (self->password_file == NULL && self->password_command == NULL) {
		self->password_file = g_steal_pointer(&file);
		self->password_command = g_steal_pointer(&command);
	}
	if (url != NULL && self->account == NULL && g_strcmp0(url, self->url) != 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"SOURCE is the server's address already: url= contradicts it");
		return false;
	}
	return true;
}

/* curl would say that it has a problem with its certificates, and not which. */
static bool check_file(const char *option, const char *path, GError **error)
{
	struct stat attr;
	const char *problem = NULL;

	if (path == NULL)
		return true;
	if (access(path, R_OK) < 0 || stat(path, &attr) < 0)
		problem = g_strerror(errno);
	else if (S_ISDIR(attr.st_mode))
		problem = "it is a directory, and should be a file in PEM format";
	if (problem != NULL)
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "option \"%s\": %s: %s",
			option, path, problem);
	return problem == NULL;
}

static bool check_files(const FsConfig *self, GError **error)
{
	bool is_hash = self->pinned_pubkey != NULL &&
		g_str_has_prefix(self->pinned_pubkey, "sha256//");

	if (self->client_key != NULL && self->client_cert == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"client_key= is of no use without client_cert=");
		return false;
	}
	return check_file("cacert", self->cacert, error) &&
		check_file("client_cert", self->client_cert, error) &&
		check_file("client_key", self->client_key, error) &&
		check_file("pinned_pubkey", is_hash ? NULL : self->pinned_pubkey, error);
}

/* An address is kept only where there is something to be found by it. */
static bool settle_address(FsConfig *self, GError **error)
{
	if (self->address != NULL && self->user == NULL)
		self->user = g_strdup(self->address);
	if (self->url != NULL) {
		g_clear_pointer(&self->address, g_free);
		return fs_source_check_url(self->url, error);
	}
	if (self->address == NULL && fs_discover_is_address(self->account))
		self->address = g_strdup(self->account);
	if (self->address == NULL && fs_discover_is_address(self->user))
		self->address = g_strdup(self->user);
	if (self->address == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"account \"%s\" has no url=, and neither its name nor its user= is a mail "
			"address by which the server could be looked for", self->account);
		return false;
	}
	if (self->user == NULL)
		self->user = g_strdup(self->address);
	return true;
}

/* They are nobody's. */
static bool judge_public(const FsConfig *self, GError **error)
{
	if (!self->is_public || (self->mailbox == NULL && !self->is_archive))
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
		"%s and public exclude each other: public folders are in no mailbox",
		self->is_archive ? "archive" : "mailbox=");
	return false;
}

static bool judge_mailbox(const FsConfig *self, GError **error)
{
	if (!judge_public(self, error))
		return false;
	if (self->mailbox == NULL)
		return true;
	if (self->is_archive) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"mailbox= and archive exclude each other: it is the account's own archive");
		return false;
	}
	if (!fs_discover_is_address(self->mailbox)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"mailbox=%s: that is no mail address, like shared@example.org",
			self->mailbox);
		return false;
	}
	if (self->impersonate != NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"mailbox= and impersonate= exclude each other: one opens what a mailbox "
			"shares, the other all of it, as if it were one's own");
		return false;
	}
	return true;
}

static bool judge(FsConfig *self, GError **error)
{
	if (!settle_address(self, error))
		return false;
	if (self->user == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"nobody says who signs in: give -o user=NAME");
		return false;
	}
	if (self->password_file != NULL && self->password_command != NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, both_passwords);
		return false;
	}
	if (!judge_mailbox(self, error))
		return false;
	if (self->names != NULL && self->layout != FS_LAYOUT_FILES) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"names= and layout=%s exclude each other: in a Maildir names tell flags",
			fs_config_layout(self));
		return false;
	}
	if (self->backup && self->has_sizes && self->sizes != FS_SIZES_EXACT) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"backup means size=exact: size=auto contradicts it");
		return false;
	}
	return check_files(self, error);
}

static void conclude(FsConfig *self, const Words *words)
{
	if (self->backup) {
		self->is_read_only = true;
		self->sizes = FS_SIZES_EXACT;
	}
	/* An account that may send is mounted read-only at times, or its archive, or the public
	 * folders: that is no contradiction. */
	if (self->is_read_only || self->is_archive || self->is_public)
		self->can_send = false;
	/* Nobody tells of them. */
	if (self->is_public)
		self->push = FS_PUSH_OFF;
	self->is_foreground = words->is_foreground;
	self->mountpoint = g_strdup(words->mountpoint);
	fs_places_fill(self);
}

FsConfig *fs_config_new(int argc, char **argv, FsAction *ret_action, GError **error)
{
	g_autoptr(GPtrArray) options = g_ptr_array_new();
	g_autoptr(FsConfig) self = fs_config_new_default();
	Words words = {.options = options, .action = FS_ACTION_MOUNT};

	if (!read_words(&words, argc, argv, error))
		return NULL;
	*ret_action = words.action;
	if (words.action == FS_ACTION_HELP || words.action == FS_ACTION_VERSION)
		return g_steal_pointer(&self);
	if (!read_source(self, words.source, error) || !read_options(self, &words, error) ||
		!judge(self, error))
		return NULL;
	conclude(self, &words);
	return g_steal_pointer(&self);
}

FsConfig *fs_config_new_account(const char *source, GPtrArray *options, GError **error)
{
	g_autoptr(FsConfig) self = fs_config_new_default();
	Words words = {.options = options, .action = FS_ACTION_NOTHING};

	if (!read_source(self, source, error) || !read_options(self, &words, error) ||
		!judge(self, error))
		return NULL;
	fs_places_fill(self);
	return g_steal_pointer(&self);
}
