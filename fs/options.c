/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/options.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "ews/error.h"
#include "fs/config.h"

/*
 * The kinds of value, the table of options, and the words of mount(8).
 *
 * A kind is a function from text to a field of FsConfig. It says what is allowed when the text
 * is not; the name of the option is put in front by the caller.
 */
typedef struct Row Row;
typedef bool (*Reader)(const Row *row, void *field, const FsOption *option, GError **error);

struct Row {
	const char *name;
	Reader read;
	size_t offset;
	uint64_t min, max;    /* of numbers */
	const char *words[6]; /* of choices: what each enum value is called */
	bool has_no_value;
};

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, text);
	return false;
}

/* --- kinds --------------------------------------------------------------- */

static bool read_text(const Row *row, void *field, const FsOption *option, GError **error)
{
	char **text = field;

	if (*option->value == '\0')
		return refuse(error, "the value is empty");
	g_free(*text);
	*text = g_strdup(option->value);
	return true;
}

/* The daemon changes to / later, so every path is made absolute now. */
static bool read_path(const Row *row, void *field, const FsOption *option, GError **error)
{
	char **path = field;

	if (*option->value == '\0')
		return refuse(error, "the path is empty");
	g_free(*path);
	if (g_str_has_prefix(option->value, "~/"))
		*path = g_build_filename(g_get_home_dir(), option->value + 2, NULL);
	else
		*path = g_canonicalize_filename(option->value, option->base);
	return true;
}

/* Hashes of public keys as curl writes them, or a file with one. */
static bool read_pin(const Row *row, void *field, const FsOption *option, GError **error)
{
	if (g_str_has_prefix(option->value, "sha256//"))
		return read_text(row, field, option, error);
	return read_path(row, field, option, error);
}

static bool read_number(const Row *row, void *field, const FsOption *option, GError **error)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(option->value, 10, row->min, row->max, &number, NULL))
		return refuse(error, "\"%s\" is not a number from %" G_GUINT64_FORMAT
			" to %" G_GUINT64_FORMAT, option->value, row->min, row->max);
	*(unsigned *)field = (unsigned)number;
	return true;
}

/* "10G", "512 M": powers of 1024; "B" or "iB" may follow. */
static bool read_size(const Row *row, void *field, const FsOption *option, GError **error)
{
	static const char suffixes[] = "KMGT";
	const char *rest = option->value;
	char *end = NULL;
	unsigned shift = 0;

	errno = 0;
	guint64 number = g_ascii_strtoull(rest, &end, 10);
	bool is_number = g_ascii_isdigit(*rest) && errno == 0;
	while (*end == ' ')
		end++;
	const char *suffix = *end != '\0' ? strchr(suffixes, g_ascii_toupper(*end)) : NULL;
	if (suffix != NULL) {
		shift = 10 * (unsigned)(suffix - suffixes + 1);
		end++;
	}
	bool is_ended = *end == '\0' || g_ascii_strcasecmp(end, "b") == 0 ||
		(suffix != NULL && g_ascii_strcasecmp(end, "ib") == 0);
	if (!is_number || !is_ended || number > (UINT64_MAX >> 1 >> shift))
		return refuse(error, "\"%s\" is not a size, like 500M or 10G (K, M, G, T)",
			option->value);
	*(uint64_t *)field = number << shift;
	return true;
}

static bool read_flag(const Row *row, void *field, const FsOption *option, GError **error)
{
	static const char *const yes[] = {"on", "yes", "true", "1", NULL};
	static const char *const no[] = {"off", "no", "false", "0", NULL};
	const char *value = option->value != NULL ? option->value : "on";
	bool is_yes = g_strv_contains(yes, value);

	if (!is_yes && !g_strv_contains(no, value))
		return refuse(error, "\"%s\" is neither on nor off", value);
	*(bool *)field = is_yes;
	return true;
}

static bool read_choice(const Row *row, void *field, const FsOption *option, GError **error)
{
	for (unsigned i = 0; row->words[i] != NULL; i++) {
		if (g_str_equal(option->value, row->words[i])) {
			*(unsigned *)field = i;
			return true;
		}
	}
	g_autofree char *allowed = g_strjoinv(", ", (char **)row->words);
	return refuse(error, "\"%s\" is none of: %s", option->value, allowed);
}

static bool read_octal(const Row *row, void *field, const FsOption *option, GError **error)
{
	char *end = NULL;
	unsigned long bits = strtoul(option->value, &end, 8);

	if (!g_ascii_isdigit(*option->value) || *end != '\0' || bits > 0777)
		return refuse(error, "\"%s\" is not an octal mode from 000 to 777", option->value);
	*(mode_t *)field = (mode_t)bits;
	return true;
}

static bool read_uid(const Row *row, void *field, const FsOption *option, GError **error)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(option->value, 10, 0, UINT32_MAX - 1, &number, NULL)) {
		*(uid_t *)field = (uid_t)number;
		return true;
	}
	const struct passwd *entry = getpwnam(option->value);
	if (entry == NULL)
		return refuse(error, "there is no user \"%s\" here", option->value);
	*(uid_t *)field = entry->pw_uid;
	return true;
}

static bool read_gid(const Row *row, void *field, const FsOption *option, GError **error)
{
	guint64 number;

	if (g_ascii_string_to_unsigned(option->value, 10, 0, UINT32_MAX - 1, &number, NULL)) {
		*(gid_t *)field = (gid_t)number;
		return true;
	}
	const struct group *entry = getgrnam(option->value);
	if (entry == NULL)
		return refuse(error, "there is no group \"%s\" here", option->value);
	*(gid_t *)field = entry->gr_gid;
	return true;
}

static bool read_sizes(const Row *row, void *field, const FsOption *option, GError **error)
{
	FsConfig *config = (FsConfig *)((char *)field - row->offset);

	config->has_sizes = true;
	return read_choice(row, field, option, error);
}

/* --- the table ----------------------------------------------------------- */

#define AT(member) .offset = offsetof(FsConfig, member)

static const Row rows[] = {
	{"url", read_text, AT(url)},
	{"user", read_text, AT(user)},
	{"password_file", read_path, AT(password_file)},
	{"password_command", read_text, AT(password_command)},
	{"token_command", read_text, AT(token_command)},
	{"tenant", read_text, AT(tenant)},
	{"authority", read_text, AT(authority)},
	{"client_id", read_text, AT(client_id)},
	{"client_secret_file", read_path, AT(client_secret_file)},
	{"scope", read_text, AT(scope)},
	{"impersonate", read_text, AT(impersonate)},
	{"mailbox", read_text, AT(mailbox)},
	{"archive", read_flag, AT(is_archive), .has_no_value = true},
	{"public", read_flag, AT(is_public), .has_no_value = true},
	{"auth", read_choice, AT(auth), .words = {"auto", "basic", "ntlm", "negotiate", "oauth2"}},
	{"cacert", read_path, AT(cacert)},
	{"pinned_pubkey", read_pin, AT(pinned_pubkey)},
	{"client_cert", read_path, AT(client_cert)},
	{"client_key", read_path, AT(client_key)},
	{"cache_dir", read_path, AT(cache_dir)},
	{"state_dir", read_path, AT(state_dir)},
	{"cache_size", read_size, AT(cache_size)},
	{"refresh", read_number, AT(refresh_s), 1, 86400},
	{"timeout", read_number, AT(timeout_s), 1, 3600},
	{"max_conns", read_number, AT(max_conns), 1, 64},
	{"settle", read_number, AT(settle_s), 0, 3600},
	{"flush_timeout", read_number, AT(flush_timeout_s), 0, 86400},
	{"delete_max", read_number, AT(delete_max), 0, 1000000},
	{"scratch_size", read_size, AT(scratch_size)},
	{"delete", read_choice, AT(disposal), .words = {"trash", "soft", "hard"}},
	{"fsync", read_choice, AT(fsync), .words = {"server", "local"}},
	{"push", read_choice, AT(push), .words = {"auto", "stream", "pull", "off"}},
	{"layout", read_choice, AT(layout), .words = {"files", "maildir", "maildir++"}},
	{"names", read_text, AT(names)},
	{"send", read_flag, AT(can_send), .has_no_value = true},
	{"umask", read_octal, AT(umask)},
	{"uid", read_uid, AT(uid)},
	{"gid", read_gid, AT(gid)},
	{"prefetch", read_flag, AT(prefetch), .has_no_value = true},
	{"size", read_sizes, AT(sizes), .words = {"auto", "exact"}},
	{"backup", read_flag, AT(backup), .has_no_value = true},
	{"ro", read_flag, AT(is_read_only), .has_no_value = true},
	{"allow_other", read_flag, AT(allow_other), .has_no_value = true},
	{"insecure_http", read_flag, AT(insecure_http), .has_no_value = true},
	{"log_level", read_choice, AT(log_level), .words = {"error", "warning", "info", "debug"}},
};

/* What mount(8) and fstab say to every filesystem, and what a FUSE mount is without being told. */
static const char *const silent_words[] = {
	"_netdev", "nofail", "noauto", "auto", "user", "nouser", "users", "owner", "group",
	"defaults", "suid", "dev", "exec", "async", "nosuid", "nodev", "atime", "noatime",
	"diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime",
	"lazytime", "nolazytime", "iversion", "noiversion", "nomand", "silent", "loud", NULL,
};

/* Those that the kernel keeps for us. nosuid and nodev are always so. */
static const char *const kernel_words[] = {"noexec", "sync", "dirsync", NULL};

static const Row *find_row(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (g_str_equal(rows[i].name, name))
			return &rows[i];
	}
	return NULL;
}

/* --- a word that is almost one of ours ----------------------------------- */

#define NEAR_MAX 3 /* edits: more is another word */
#define WORD_MAX 32

static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t len = strlen(b);

	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			unsigned change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[len];
}

static const char *nearest(const char *name)
{
	const char *best = NULL;
	unsigned least = NEAR_MAX;

	if (strlen(name) > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		unsigned far = distance(name, rows[i].name);
		if (far < least && far < strlen(rows[i].name)) {
			least = far;
			best = rows[i].name;
		}
	}
	return best;
}

static bool refuse_unknown(const FsOption *option, GError **error)
{
	const char *hint = nearest(option->name);

	if (g_str_equal(option->name, "password") || g_str_equal(option->name, "pass"))
		return refuse(error, "unknown option \"%s\": everyone could read it; use "
			"password_file= or password_command=", option->name);
	if (g_str_equal(option->name, "token") || g_str_equal(option->name, "client_secret"))
		return refuse(error, "unknown option \"%s\": everyone could read it; use "
			"token_command= or client_secret_file=", option->name);
	if (hint != NULL)
		return refuse(error, "unknown option \"%s\": did you mean \"%s\"?", option->name,
			hint);
	return refuse(error, "unknown option \"%s\"", option->name);
}

/* --- one option, and a list of them -------------------------------------- */

static bool take_mount_word(FsConfig *config, const FsOption *option)
{
	const char *name = option->name;

	if (option->is_file)
		return false;
	if (g_str_has_prefix(name, "x-") || g_str_has_prefix(name, "X-") ||
		g_str_equal(name, "comment"))
		return true;
	if (option->value != NULL)
		return false;
	if (g_str_equal(name, "rw")) {
		config->is_read_only = false;
		return true;
	}
	if (g_strv_contains(kernel_words, name)) {
		g_ptr_array_add(config->kernel_words, g_strdup(name));
		return true;
	}
	return g_strv_contains(silent_words, name);
}

bool fs_options_set(FsConfig *config, const FsOption *option, GError **error)
{
	if (take_mount_word(config, option))
		return true;

	const Row *row = find_row(option->name);
	if (row == NULL)
		return refuse_unknown(option, error);
	if (option->value == NULL && !row->has_no_value)
		return refuse(error, "option \"%s\" needs a value: %s=…", row->name, row->name);
	if (!row->read(row, (char *)config + row->offset, option, error)) {
		g_prefix_error(error, "option \"%s\": ", row->name);
		return false;
	}
	return true;
}

/* The next element of the list, without its escapes; NULL at the end. */
static char *next_element(const char **list)
{
	g_autoptr(GString) element = g_string_new(NULL);
	const char *c = *list;

	if (*c == '\0')
		return NULL;
	for (; *c != '\0' && *c != ','; c++) {
		if (*c == '\\' && (c[1] == ',' || c[1] == '\\'))
			c++;
		g_string_append_c(element, *c);
	}
	*list = *c == ',' ? c + 1 : c;
	return g_string_free(g_steal_pointer(&element), FALSE);
}

bool fs_options_parse(FsConfig *config, const char *list, const char *base, GError **error)
{
	for (;;) {
		g_autofree char *element = next_element(&list);
		if (element == NULL)
			return true;
		if (*element == '\0')
			continue;
		char *equals = strchr(element, '=');
		if (equals != NULL)
			*equals = '\0';
		FsOption option = {
			.name = element,
			.value = equals != NULL ? equals + 1 : NULL,
			.base = base,
		};
		if (!fs_options_set(config, &option, error))
			return false;
	}
}
