/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libsecret/secret.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * ewsfs-keyring VERB KIND USER SERVER: the one program of ewsfs that talks to the keyring, run by
 * fs/keyring.c. VERB is find (the secret on standard output), store (from standard input), forget.
 * Exit status 0: done; 1: there is none, or no keyring.
 *
 * People can put a password there too: secret-tool store --label=Mail service ewsfs kind password
 * user USER server HOST
 */

#define SECRET_MAX_LEN (256 << 10)

/* The name is not matched: secret-tool has none to give. */
static const SecretSchema schema = {
	.name = "ewsfs.Secret",
	.flags = SECRET_SCHEMA_DONT_MATCH_NAME,
	.attributes =
		{
			{"service", SECRET_SCHEMA_ATTRIBUTE_STRING},
			{"kind", SECRET_SCHEMA_ATTRIBUTE_STRING},
			{"user", SECRET_SCHEMA_ATTRIBUTE_STRING},
			{"server", SECRET_SCHEMA_ATTRIBUTE_STRING},
		},
};

static GHashTable *attributes_of(char **argv)
{
	return secret_attributes_build(&schema, "service", "ewsfs", "kind", argv[2], "user",
		argv[3], "server", argv[4], NULL);
}

static gboolean find(GHashTable *attributes)
{
	char *secret = secret_password_lookupv_sync(&schema, attributes, NULL, NULL);
	size_t len = secret != NULL ? strlen(secret) : 0;
	gboolean is_done = secret != NULL && write(STDOUT_FILENO, secret, len) == (ssize_t)len;

	secret_password_free(secret);
	return is_done;
}

static gboolean store(GHashTable *attributes)
{
	static char secret[SECRET_MAX_LEN + 1];
	g_autofree char *label = g_strdup_printf("ewsfs: %s for %s at %s",
		(char *)g_hash_table_lookup(attributes, "kind"),
		(char *)g_hash_table_lookup(attributes, "user"),
		(char *)g_hash_table_lookup(attributes, "server"));
	size_t len = fread(secret, 1, SECRET_MAX_LEN, stdin);
	gboolean is_done = len > 0 && len < SECRET_MAX_LEN &&
			   secret_password_storev_sync(&schema, attributes,
				   SECRET_COLLECTION_DEFAULT, label, secret, NULL, NULL);

	explicit_bzero(secret, sizeof(secret));
	return is_done;
}

int main(int argc, char **argv)
{
	gboolean is_done = FALSE;

	prctl(PR_SET_DUMPABLE, 0);
	if (argc != 5)
		return 1;
	g_autoptr(GHashTable) attributes = attributes_of(argv);
	if (strcmp(argv[1], "find") == 0)
		is_done = find(attributes);
	else if (strcmp(argv[1], "store") == 0)
		is_done = store(attributes);
	else if (strcmp(argv[1], "forget") == 0)
		is_done = secret_password_clearv_sync(&schema, attributes, NULL, NULL);
	/* What the libraries keep to the end need not be taken apart (and is no leak of ours). */
	_exit(is_done ? 0 : 1);
}
