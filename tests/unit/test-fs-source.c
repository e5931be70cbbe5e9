/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/source.h"

#include <string.h>

#include "fs/config.h"
#include "fs/places.h"

static void test_forms(void)
{
	static const struct {
		const char *text, *url, *account, *folder;
	} cases[] = {
		{"https://h/EWS/Exchange.asmx", "https://h/EWS/Exchange.asmx", NULL, ""},
		{"https://h:444/e#Inbox/A b", "https://h:444/e", NULL, "Inbox/A b"},
		{"http://[::1]:80/e#", "http://[::1]:80/e", NULL, ""},
		{"me@example.org", NULL, "me@example.org", ""},
		{"me@example.org:Inbox/A", NULL, "me@example.org", "Inbox/A"},
		{"work", NULL, "work", ""},
		{"work:", NULL, "work", ""},
		{"work:/Inbox//Größe/", NULL, "work", "Inbox/Größe"},
		{"work:a:b", NULL, "work", "a:b"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(FsSource) source = fs_source_new(cases[i].text, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(source->url, ==, cases[i].url);
		g_assert_cmpstr(source->account, ==, cases[i].account);
		g_assert_cmpstr(source->folder, ==, cases[i].folder);
	}
}

static void test_refused(void)
{
	static const char *const texts[] = {
		"",
		":Inbox",
		"work:..",
		"work:Inbox/./x",
		"https://h/e#..",
		"ftp://h/e",
		"https:///e",
		"https://",
		"://x",
		"https://me@h/e",
		"https://me:word@h/e",
		"work\xff",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_null(fs_source_new(texts[i], &error));
		g_assert_nonnull(error);
		g_assert_null(strstr(error->message, "word@"));
	}
}

static char *name_of(const char *url, const char *account, const char *user, const char *folder)
{
	g_autoptr(FsConfig) config = fs_config_new_default();

	config->url = g_strdup(url);
	config->account = g_strdup(account);
	config->user = g_strdup(user);
	g_free(config->folder);
	config->folder = g_strdup(folder);
	return fs_places_name(config);
}

static void test_names(void)
{
	g_autofree char *whole = name_of("https://h:444/e", NULL, "D\\me", "");
	g_autofree char *again = name_of("https://h:444/e", NULL, "D\\me", "");
	g_autofree char *part = name_of("https://h:444/e", NULL, "D\\me", "Inbox/ü");
	g_autofree char *other = name_of("https://h:444/f", NULL, "D\\me", "");
	g_autofree char *account = name_of("https://h:444/e", ".work", "me", "");

	g_assert_true(g_str_has_prefix(whole, "h-444_D-me-"));
	g_assert_cmpstr(whole, ==, again);
	g_assert_cmpstr(whole, !=, other);
	g_assert_true(g_str_has_prefix(part, "h-444_D-me_Inbox---"));
	g_assert_true(g_str_has_prefix(account, "_work_me-"));
	g_assert_null(strchr(part, '/'));
}

/* A server that is looked for may be another one tomorrow; the mailbox is the same. */
static void test_names_of_addresses(void)
{
	g_autoptr(FsConfig) config = fs_config_new_default();

	config->address = g_strdup("me@example.org");
	config->user = g_strdup("me@example.org");
	g_autofree char *name = fs_places_name(config);
	config->url = g_strdup("https://found/e");
	g_autofree char *found = fs_places_name(config);
	g_free(config->user);
	config->user = g_strdup("D\\me");
	g_autofree char *other = fs_places_name(config);

	g_assert_true(g_str_has_prefix(name, "me@example.org-"));
	g_assert_cmpstr(name, ==, found);
	g_assert_true(g_str_has_prefix(other, "me@example.org_D-me-"));
}

/* Parts of a name must not run into each other. */
static void test_names_differ(void)
{
	g_autofree char *one = name_of("https://h/e", NULL, "me", "a");
	g_autofree char *two = name_of("https://h/e", NULL, "me_a", "");
	g_autofree char *three = name_of("https://h/e", NULL, "me", "a/b");
	g_autofree char *four = name_of("https://h/e", NULL, "me", "a-b");

	g_assert_cmpstr(one, !=, two);
	g_assert_cmpstr(three, !=, four);
}

static char *name_for(const char *mailbox, const char *impersonate, bool is_archive)
{
	g_autoptr(FsConfig) config = fs_config_new_default();

	config->url = g_strdup("https://h/e");
	config->user = g_strdup("me");
	config->mailbox = g_strdup(mailbox);
	config->impersonate = g_strdup(impersonate);
	config->is_archive = is_archive;
	return fs_places_name(config);
}

static char *public_name(void)
{
	g_autoptr(FsConfig) config = fs_config_new_default();

	config->url = g_strdup("https://h/e");
	config->user = g_strdup("me");
	config->is_public = true;
	return fs_places_name(config);
}

static void test_names_of_mailboxes(void)
{
	g_autofree char *own = name_for(NULL, NULL, false);
	g_autofree char *ada = name_for("ada@x", NULL, false);
	g_autofree char *bob = name_for("bob@x", NULL, false);
	g_autofree char *other = name_for(NULL, "ada@x", false);
	g_autofree char *another = name_for(NULL, "bob@x", false);
	g_autofree char *archive = name_for(NULL, NULL, true);
	g_autofree char *archived = name_for(NULL, "ada@x", true);
	g_autofree char *public = public_name();

	g_assert_true(g_str_has_prefix(own, "h_me-"));
	g_assert_true(g_str_has_prefix(ada, "h_me_ada@x-"));
	g_assert_cmpstr(ada, !=, bob);
	g_assert_cmpstr(other, !=, another);
	g_assert_cmpstr(other, !=, own);
	g_assert_true(g_str_has_prefix(archive, "h_me_archive-"));
	g_assert_cmpstr(archive, !=, own);
	g_assert_cmpstr(archived, !=, other);
	g_assert_true(g_str_has_prefix(public, "h_me_public-"));
	g_assert_cmpstr(strrchr(public, '-'), !=, strrchr(own, '-'));
	g_assert_cmpstr(strrchr(public, '-'), !=, strrchr(archive, '-'));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/source/address-or-account-and-folder", test_forms);
	g_test_add_func("/fs/source/refuses-what-names-nothing", test_refused);
	g_test_add_func("/fs/places/names-are-readable-and-stable", test_names);
	g_test_add_func("/fs/places/other-mailboxes-have-other-names", test_names_differ);
	g_test_add_func("/fs/places/addresses-outlive-servers", test_names_of_addresses);
	g_test_add_func("/fs/places/each-mailbox-its-own", test_names_of_mailboxes);
	return g_test_run();
}
