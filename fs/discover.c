/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/discover.h"

#include <stdio.h>
#include <string.h>

#include "ews/discover.h"
#include "ews/error.h"
#include "ews/secret.h"
#include "fs/config.h"
#include "fs/memory.h"
#include "fs/password.h"
#include "fs/person.h"
#include "fs/secret.h"
#include "fs/signin.h"
#include "fs/source.h"

#define MEMORY "server"
#define GROUP "server"
#define WEEK_S (7 * 24 * 3600)
#define HOUR_S 3600
#define AGAIN_MS 5000 /* a mount that ends waits so long for a question, at most */

/* --- what is remembered -------------------------------------------------- */

typedef struct Memory {
	char *url;       /* own; NULL: nothing is */
	char **accepted; /* own; hosts; NULL: none */
	int64_t age_s;
} Memory;

static void clear_memory(Memory *self)
{
	g_free(self->url);
	g_strfreev(self->accepted);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Memory, clear_memory)

/* Who can write here can read the mail; still, nothing but an https address is taken from it. */
static void recall(const FsConfig *config, Memory *ret_memory)
{
	g_autoptr(GKeyFile) file = fs_memory_load(config, MEMORY);
	int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;

	*ret_memory = (Memory){0};
	if (file == NULL)
		return;
	g_autofree char *address = g_key_file_get_string(file, GROUP, "address", NULL);
	g_autofree char *url = g_key_file_get_string(file, GROUP, "url", NULL);
	if (g_strcmp0(address, config->address) != 0)
		return;
	ret_memory->accepted = g_key_file_get_string_list(file, GROUP, "accepted", NULL, NULL);
	if (url == NULL || !g_str_has_prefix(url, "https://") || !fs_source_check_url(url, NULL))
		return;
	ret_memory->url = g_steal_pointer(&url);
	/* A clock that was set back makes it old, not young for ever. */
	ret_memory->age_s = now_s - g_key_file_get_int64(file, GROUP, "found", NULL);
	if (ret_memory->age_s < 0)
		ret_memory->age_s = WEEK_S;
}

static void save(const FsConfig *config, GKeyFile *file)
{
	fs_memory_save(config, MEMORY, file,
		" Where the server of this mailbox was found. May be removed at any time.");
}

/* Hosts stay accepted: those of before, and the new ones. */
static void remember(const FsConfig *config, const EwsDiscovered *found, const Memory *before)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GPtrArray) accepted = g_ptr_array_new();

	for (char **host = before->accepted; host != NULL && *host != NULL; host++)
		g_ptr_array_add(accepted, *host);
	for (guint i = 0; i < found->accepted->len; i++)
		g_ptr_array_add(accepted, found->accepted->pdata[i]);
	g_key_file_set_string(file, GROUP, "address", config->address);
	g_key_file_set_string(file, GROUP, "url", found->url);
	g_key_file_set_string(file, GROUP, "from", found->from);
	g_key_file_set_int64(file, GROUP, "found", g_get_real_time() / G_USEC_PER_SEC);
	if (accepted->len > 0)
		g_key_file_set_string_list(file, GROUP, "accepted",
			(const char *const *)accepted->pdata, accepted->len);
	save(config, file);
}

void fs_discover_forget(const FsConfig *config)
{
	g_auto(Memory) memory = {0};

	if (config->address == NULL)
		return;
	recall(config, &memory);
	if (memory.url == NULL || memory.age_s < HOUR_S)
		return;
	g_autoptr(GKeyFile) file = fs_memory_load(config, MEMORY);
	if (file == NULL)
		return;
	/* It stays, for when nobody can be asked. */
	g_key_file_set_int64(file, GROUP, "found", 0);
	save(config, file);
}

/* --- the person ---------------------------------------------------------- */

typedef struct Asking {
	const FsConfig *config; /* borrowed */
	char **password;        /* borrowed; the caller's */
	const FsDiscoverAgain *again; /* borrowed; NULL: a person may be asked */
	bool is_shown;
} Asking;

static bool accept_host(void *user, const char *from, const char *to)
{
	const Asking *self = user;

	return fs_person_trusts(self->config->address, from, to);
}

static bool give_credentials(void *user, EwsCredentials *ret_credentials, GError **error)
{
	const Asking *self = user;
	const FsConfig *config = self->config;

	/* A token is for a server, and which that is nobody knows yet. */
	if (config->password_file == NULL && config->password_command == NULL &&
		(config->token_command != NULL || config->client_id != NULL)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_AUTH,
			"there is no password, and tokens are for the server that is looked for");
		return false;
	}
	if (*self->password == NULL && self->again != NULL)
		*self->password = fs_password_find(self->config, error);
	else if (*self->password == NULL)
		*self->password = fs_password_get(self->config, error);
	if (*self->password == NULL)
		return false;
	*ret_credentials = (EwsCredentials){
		.kind = EWS_AUTH_BASIC,
		.user = self->config->user,
		.secret = *self->password,
	};
	return true;
}

static bool is_over(void *user)
{
	const Asking *self = user;

	return self->again != NULL && self->again->is_over(self->again->user);
}

static void say(void *user, const char *line)
{
	const Asking *self = user;

	if (self->is_shown)
		fprintf(stderr, "%s\n", line);
	else
		g_debug("%s", line);
}

/* --- both ---------------------------------------------------------------- */

static EwsDiscovered *ask(Asking *asking, const Memory *memory, GError **error)
{
	const FsConfig *config = asking->config;
	const EwsDiscover setup = {
		.address = config->address,
		.tls = fs_signin_tls(config),
		.known = (const char *const *)memory->accepted,
		.credentials = give_credentials,
		.accept = asking->again == NULL ? accept_host : NULL,
		.timeout_ms = asking->again == NULL ? 0 : AGAIN_MS,
		.is_over = is_over,
		.say = say,
		.user = asking,
	};

	return ews_discover(&setup, error);
}

/* At the terminal there is a person who gave an address and should know where it leads. */
static void tell(const FsConfig *config, const EwsDiscovered *found)
{
	g_autofree char *line = g_strdup_printf("the server of %s is %s (so says %s)",
		config->address, found->url, found->from);

	if (config->is_foreground)
		g_message("%s", line);
	else
		fprintf(stderr, "ewsfs: %s\n", line);
}

bool fs_discover_is_address(const char *text)
{
	g_autofree char *domain = text != NULL ? ews_discover_domain(text) : NULL;

	return domain != NULL;
}

bool fs_discover(FsConfig *config, char **password, GError **error)
{
	g_autoptr(EwsDiscovered) found = NULL;
	g_autoptr(GError) problem = NULL;
	g_auto(Memory) memory = {0};
	Asking asking = {.config = config, .password = password};

	if (config->address == NULL)
		return true;
	recall(config, &memory);
	if (memory.url != NULL && memory.age_s < WEEK_S) {
		config->url = g_steal_pointer(&memory.url);
		return true;
	}
	found = ask(&asking, &memory, &problem);
	if (found != NULL) {
		tell(config, found);
		remember(config, found, &memory);
		config->url = g_strdup(found->url);
		return true;
	}
	if (memory.url == NULL) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	g_message("the server that was known last is used, %s: %s", memory.url, problem->message);
	config->url = g_steal_pointer(&memory.url);
	return true;
}

bool fs_discover_again(const FsConfig *config, const FsDiscoverAgain *again, char **ret_url,
	GError **error)
{
	char *password = NULL;
	g_auto(Memory) memory = {0};
	Asking asking = {.config = config, .password = &password, .again = again};

	*ret_url = NULL;
	recall(config, &memory);
	if (memory.url == NULL || memory.age_s < HOUR_S)
		return true;
	g_autoptr(EwsDiscovered) found = ask(&asking, &memory, error);
	ews_secret_free(password);
	if (found == NULL)
		return false;
	remember(config, found, &memory);
	if (strcmp(found->url, memory.url) != 0)
		*ret_url = g_strdup(found->url);
	return true;
}

char *fs_discover_show(const FsConfig *config, GError **error)
{
	char *password = NULL;
	const Memory nothing = {0};
	Asking asking = {.config = config, .password = &password, .is_shown = true};
	g_autoptr(EwsDiscovered) found = ask(&asking, &nothing, error);

	ews_secret_free(password);
	return found != NULL ? g_strdup(found->url) : NULL;
}
