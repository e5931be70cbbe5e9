/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/login.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/error.h"

#define USER "ines@example.org"
#define SERVER "mail.example.org"

static char *directory; /* own; of this run */

static FsLogin *make(const char *user, const char *server)
{
	FsLogin *login = g_new0(FsLogin, 1);

	login->user = g_strdup(user);
	login->server = g_strdup(server);
	login->authority = g_strdup("https://login.example.org/t");
	login->client_id = g_strdup("id");
	login->scope = g_strdup("scope offline_access");
	login->refresh = g_strdup("r1");
	login->access = g_strdup("a1");
	login->issued_us = 1;
	login->expires_us = INT64_C(1800000000000000);
	return login;
}

static void save(const char *user, const char *server)
{
	g_autoptr(FsLogin) login = make(user, server);
	g_autoptr(GError) error = NULL;

	g_assert_true(fs_login_save(login, &error));
	g_assert_no_error(error);
}

/* The one file there is. */
static char *the_file(void)
{
	g_autofree char *place = g_build_filename(directory, "ewsfs", "login", NULL);
	g_autoptr(GDir) dir = g_dir_open(place, 0, NULL);
	const char *name;
	char *path = NULL;

	while ((name = g_dir_read_name(dir)) != NULL) {
		if (g_str_has_suffix(name, ".lock"))
			continue;
		g_assert_null(path);
		path = g_build_filename(place, name, NULL);
	}
	return path;
}

static void forget(const char *user, const char *server)
{
	g_assert_true(fs_login_forget(user, server, NULL));
}

static void test_kept(void)
{
	struct stat attr;
	g_autoptr(GError) error = NULL;

	g_assert_false(fs_login_is_there(USER, SERVER));
	g_assert_null(fs_login_load(USER, SERVER, &error));
	g_assert_no_error(error);
	save(USER, SERVER);
	g_autofree char *path = the_file();
	g_assert_cmpint(stat(path, &attr), ==, 0);
	g_assert_cmpint(attr.st_mode & 0777, ==, 0600);
	g_assert_true(fs_login_is_there(USER, SERVER));
	g_autoptr(FsLogin) login = fs_login_load(USER, SERVER, NULL);
	g_assert_cmpstr(login->authority, ==, "https://login.example.org/t");
	g_assert_cmpstr(login->refresh, ==, "r1");
	g_assert_cmpstr(login->access, ==, "a1");
	g_assert_cmpint(login->expires_us, ==, INT64_C(1800000000000000));
	g_assert_false(login->is_in_keyring);
	forget(USER, SERVER);
	g_assert_false(fs_login_is_there(USER, SERVER));
	g_assert_false(fs_login_forget(USER, SERVER, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

/* A token is for one server; nobody else gets it, whatever he is called. */
static void test_whose(void)
{
	static const char *const others[][2] = {
		{USER, "mail.example.org:8443"},
		{USER, "evil.example.org"},
		{"ines@example.org_mail", SERVER},
		{"INES@example.org", SERVER},
		{"../../x", "../y"},
	};

	save(USER, SERVER);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		g_assert_false(fs_login_is_there(others[i][0], others[i][1]));
		g_assert_null(fs_login_load(others[i][0], others[i][1], NULL));
	}
	forget(USER, SERVER);
	save("../../x", "../y");
	g_autofree char *path = the_file();
	g_assert_nonnull(path);
	forget("../../x", "../y");
}

static void refuse(const char *because)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(fs_login_load(USER, SERVER, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_AUTH);
	if (strstr(error->message, because) == NULL)
		g_error("\"%s\" does not say \"%s\"", error->message, because);
}

static void test_refused(void)
{
	save(USER, SERVER);
	g_autofree char *path = the_file();

	g_assert_cmpint(chmod(path, 0640), ==, 0);
	refuse("can be read by others");
	g_assert_cmpint(chmod(path, 0600), ==, 0);
	g_assert_true(g_file_set_contents(path, "{\"user\":\"else\"}", -1, NULL));
	g_assert_cmpint(chmod(path, 0600), ==, 0);
	refuse("of another account");
	g_assert_true(g_file_set_contents(path, "rubbish", -1, NULL));
	g_assert_cmpint(chmod(path, 0600), ==, 0);
	refuse("is broken");
	forget(USER, SERVER);
}

static void test_lock(void)
{
	g_autoptr(GError) error = NULL;
	int first = fs_login_lock(USER, SERVER, 0, NULL, NULL);
	int other = fs_login_lock(USER, "another", 0, NULL, NULL);

	g_assert_cmpint(first, >=, 0);
	g_assert_cmpint(other, >=, 0);
	g_assert_cmpint(fs_login_lock(USER, SERVER, 0, NULL, &error), ==, -1);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_BUSY);
	/* Nobody waits who has given up. */
	static const atomic_bool is_given_up = true;
	g_clear_error(&error);
	g_assert_cmpint(fs_login_lock(USER, SERVER, 1000, &is_given_up, &error), ==, -1);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CANCELLED);
	fs_login_unlock(first);
	first = fs_login_lock(USER, SERVER, 0, NULL, NULL);
	g_assert_cmpint(first, >=, 0);
	fs_login_unlock(first);
	fs_login_unlock(other);
}

int main(int argc, char **argv)
{
	directory = g_dir_make_tmp("ewsfs-login-XXXXXX", NULL);
	g_setenv("XDG_DATA_HOME", directory, TRUE);
	g_setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:", TRUE);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/login/kept-for-its-owner-alone", test_kept);
	g_test_add_func("/fs/login/one-user-at-one-server", test_whose);
	g_test_add_func("/fs/login/files-that-are-none", test_refused);
	g_test_add_func("/fs/login/one-at-a-time", test_lock);
	int status = g_test_run();
	g_autofree char *line = g_strdup_printf("rm -rf '%s'", directory);
	g_assert_cmpint(system(line), ==, 0);
	g_free(directory);
	return status;
}
