/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/login.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/secret.h"
#include "fs/json.h"
#include "fs/keyring.h"
#include "fs/places.h"
#include "fs/secret.h"

#define NAME_MAX_LEN 120 /* bytes of the readable part */
#define LOOK_US (50 * 1000)
#define LOCK_PATIENCE 2 /* times the timeout of a request */
#define KIND "login"

void fs_login_free(FsLogin *self)
{
	if (self == NULL)
		return;
	g_free(self->user);
	g_free(self->server);
	g_free(self->authority);
	g_free(self->client_id);
	g_free(self->scope);
	ews_secret_free(self->refresh);
	ews_secret_free(self->access);
	g_free(self);
}

/* --- where it is --------------------------------------------------------- */

/* Readable, and different for different users and servers. */
static char *path_of(const char *user, const char *server, const char *suffix)
{
	g_autoptr(GString) name = g_string_new(NULL);
	g_autofree char *both = g_strdup_printf("%s\n%s", user, server);
	g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, both, -1);

	fs_places_append(name, user, NAME_MAX_LEN);
	g_string_append_c(name, '_');
	fs_places_append(name, server, NAME_MAX_LEN);
	/* Not hidden. */
	if (*name->str == '.')
		*name->str = '_';
	g_string_append_printf(name, "-%.8s%s", hash, suffix);
	return g_build_filename(g_get_user_data_dir(), "ewsfs", "login", name->str, NULL);
}

static bool make_directory(const char *path, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);

	if (g_mkdir_with_parents(directory, 0700) == 0)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "%s", directory));
	return false;
}

static void sync_directory(const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		g_debug("%s: %s", directory, g_strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* --- as text ------------------------------------------------------------- */

static char *write_text(const FsLogin *self)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	fs_json_begin(json, NULL);
	fs_json_text(json, "user", self->user);
	fs_json_text(json, "server", self->server);
	fs_json_text(json, "authority", self->authority);
	fs_json_text(json, "client_id", self->client_id);
	fs_json_text(json, "scope", self->scope);
	fs_json_text(json, "refresh_token", self->refresh);
	fs_json_text(json, "access_token", self->access);
	fs_json_number(json, "issued_us", self->issued_us);
	fs_json_number(json, "expires_us", self->expires_us);
	json_builder_end_object(json);
	return fs_json_to_text(json, false);
}

/* The file of one that is in the keyring. */
static char *write_marker(void)
{
	g_autoptr(JsonBuilder) json = json_builder_new();

	fs_json_begin(json, NULL);
	fs_json_flag(json, "keyring", true);
	json_builder_end_object(json);
	return fs_json_to_text(json, false);
}

static FsLogin *read_object(JsonObject *object)
{
	FsLogin *self = g_new0(FsLogin, 1);

	self->user = g_strdup(fs_json_get_text(object, "user", NULL));
	self->server = g_strdup(fs_json_get_text(object, "server", NULL));
	self->authority = g_strdup(fs_json_get_text(object, "authority", NULL));
	self->client_id = g_strdup(fs_json_get_text(object, "client_id", NULL));
	self->scope = g_strdup(fs_json_get_text(object, "scope", NULL));
	self->refresh = g_strdup(fs_json_get_text(object, "refresh_token", NULL));
	self->access = g_strdup(fs_json_get_text(object, "access_token", NULL));
	self->issued_us = fs_json_get_number(object, "issued_us", 0);
	self->expires_us = fs_json_get_number(object, "expires_us", 0);
	return self;
}

/* --- reading ------------------------------------------------------------- */

bool fs_login_is_there(const char *user, const char *server)
{
	g_autofree char *path = path_of(user, server, "");

	return access(path, F_OK) == 0;
}

/* NULL without an error where there is no file. */
static JsonObject *read_file(const char *path, GError **error)
{
	struct stat attr;

	if (stat(path, &attr) < 0 && errno == ENOENT)
		return NULL;
	char *text = fs_secret_from_file("the stored sign-in", path, error);
	if (text == NULL)
		return NULL;
	JsonObject *object = fs_json_parse(text);
	ews_secret_free(text);
	if (object == NULL)
		g_set_error(error, EWS_ERROR, EWS_ERROR_AUTH,
			"the stored sign-in %s is broken: sign in again with \"ewsfsctl login\"",
			path);
	return object;
}

static FsLogin *read_keyring(const char *user, const char *server, GError **error)
{
	const FsKeyringKey key = {.kind = KIND, .user = user, .server = server};
	char *text = fs_keyring_find(&key);
	g_autoptr(JsonObject) object = text != NULL ? fs_json_parse(text) : NULL;

	ews_secret_free(text);
	if (object == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_BUSY,
			"the sign-in is in the keyring, which is locked or does not answer");
		return NULL;
	}
	FsLogin *self = read_object(object);
	self->is_in_keyring = true;
	return self;
}

FsLogin *fs_login_load(const char *user, const char *server, GError **error)
{
	g_autofree char *path = path_of(user, server, "");
	g_autoptr(GError) problem = NULL;
	g_autoptr(JsonObject) object = read_file(path, &problem);

	if (object == NULL) {
		if (problem != NULL)
			g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	g_autoptr(FsLogin) self = fs_json_get_flag(object, "keyring")
					  ? read_keyring(user, server, error)
					  : read_object(object);
	if (self == NULL)
		return NULL;
	/* By its own words too: whatever somebody did with the file. */
	if (g_strcmp0(self->user, user) == 0 && g_strcmp0(self->server, server) == 0 &&
		self->authority != NULL && self->client_id != NULL && self->scope != NULL)
		return g_steal_pointer(&self);
	g_set_error(error, EWS_ERROR, EWS_ERROR_AUTH,
		"the stored sign-in %s is of another account or broken: sign in again with "
		"\"ewsfsctl login\"",
		path);
	return NULL;
}

/* --- writing ------------------------------------------------------------- */

static bool write_file(const char *path, const char *text, GError **error)
{
	if (!make_directory(path, error))
		return false;
	if (!g_file_set_contents_full(path, text, -1,
		    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error))
		return false;
	sync_directory(path);
	return true;
}

static bool store_in_keyring(FsLogin *self, const char *text)
{
	const FsKeyringKey key = {.kind = KIND, .user = self->user, .server = self->server};
	bool is_stored = fs_keyring_store(&key, text);

	if (!is_stored)
		g_message("the keyring does not take the sign-in: it is kept in a file");
	self->is_in_keyring = is_stored;
	return is_stored;
}

bool fs_login_save(FsLogin *self, GError **error)
{
	g_autofree char *path = path_of(self->user, self->server, "");
	g_autofree char *marker = write_marker();
	char *text = write_text(self);
	bool is_elsewhere = self->is_in_keyring && store_in_keyring(self, text);
	bool is_done = write_file(path, is_elsewhere ? marker : text, error);

	ews_secret_free(text);
	if (!is_done)
		g_prefix_error(error, "the sign-in cannot be stored: ");
	return is_done;
}

bool fs_login_forget(const char *user, const char *server, GError **error)
{
	const FsKeyringKey key = {.kind = KIND, .user = user, .server = server};
	g_autofree char *path = path_of(user, server, "");
	bool was_in_keyring = fs_keyring_forget(&key);

	if (unlink(path) == 0) {
		sync_directory(path);
		return true;
	}
	if (was_in_keyring && errno == ENOENT)
		return true;
	if (errno == ENOENT)
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
			"there is no stored sign-in of %s at %s", user, server);
	else
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
	return false;
}

/* --- one at a time ------------------------------------------------------- */

static GError *why_not_locked(const char *path, bool is_taken, bool is_given_up)
{
	if (!is_taken)
		return ews_error_from_errno(errno, "%s", path);
	if (is_given_up)
		return g_error_new(EWS_ERROR, EWS_ERROR_CANCELLED, "given up");
	return g_error_new(EWS_ERROR, EWS_ERROR_BUSY,
		"another ewsfs is signing in with this account");
}

int fs_login_lock(const char *user, const char *server, unsigned timeout_s,
	const atomic_bool *is_given_up, GError **error)
{
	int64_t until_us =
		g_get_monotonic_time() + LOCK_PATIENCE * (int64_t)timeout_s * G_USEC_PER_SEC;
	g_autofree char *path = path_of(user, server, ".lock");
	int fd = -1;

	if (!make_directory(path, error))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		bool is_taken = errno == EWOULDBLOCK || errno == EINTR;
		bool is_over = is_given_up != NULL && atomic_load(is_given_up);
		if (is_taken && !is_over && g_get_monotonic_time() < until_us) {
			g_usleep(LOOK_US);
			continue;
		}
		g_propagate_error(error, why_not_locked(path, is_taken, is_over));
		close(fd);
		return -1;
	}
	return fd;
}

void fs_login_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}
