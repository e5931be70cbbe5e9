/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/err.h"

#include <errno.h>

#include "ews/error.h"
#include "fs/exit.h"

typedef struct Case {
	EwsErrorCode code;
	int number;
	FsExit status;
} Case;

static const Case cases[] = {
	{EWS_ERROR_NOT_FOUND, ENOENT, FS_EXIT_MAILBOX},
	{EWS_ERROR_EXISTS, EEXIST, FS_EXIT_NOT_EWS},
	{EWS_ERROR_DENIED, EACCES, FS_EXIT_AUTH},
	{EWS_ERROR_AUTH, EACCES, FS_EXIT_AUTH},
	{EWS_ERROR_STALE, ESTALE, FS_EXIT_NOT_EWS},
	{EWS_ERROR_BUSY, EBUSY, FS_EXIT_OFFLINE},
	{EWS_ERROR_OFFLINE, EHOSTUNREACH, FS_EXIT_OFFLINE},
	{EWS_ERROR_TLS, EHOSTUNREACH, FS_EXIT_TLS},
	{EWS_ERROR_TOO_BIG, EFBIG, FS_EXIT_NOT_EWS},
	{EWS_ERROR_NO_SPACE, ENOSPC, FS_EXIT_LOCAL},
	{EWS_ERROR_UNSUPPORTED, EIO, FS_EXIT_NOT_EWS},
	{EWS_ERROR_CORRUPT, EIO, FS_EXIT_NOT_EWS},
	{EWS_ERROR_PROTOCOL, EIO, FS_EXIT_NOT_EWS},
	{EWS_ERROR_LOCAL, EIO, FS_EXIT_LOCAL},
	{EWS_ERROR_CANCELLED, EINTR, FS_EXIT_OFFLINE},
	{EWS_ERROR_INVALID, EINVAL, FS_EXIT_NOT_EWS},
	{EWS_ERROR_FORBIDDEN, EPERM, FS_EXIT_NOT_EWS},
	{EWS_ERROR_NOT_EMPTY, ENOTEMPTY, FS_EXIT_NOT_EWS},
	{EWS_ERROR_QUOTA, EDQUOT, FS_EXIT_NOT_EWS},
};

static void test_numbers(void)
{
	g_assert_cmpuint(G_N_ELEMENTS(cases), ==, EWS_ERROR_QUOTA + 1);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = g_error_new(EWS_ERROR, (int)cases[i].code, "x");
		g_assert_cmpint(fs_err_number(error), ==, cases[i].number);
		g_assert_cmpint(fs_exit_of(error), ==, cases[i].status);
	}
}

static void test_foreign(void)
{
	g_autoptr(GError) error = g_error_new(G_FILE_ERROR, G_FILE_ERROR_ACCES, "x");
	g_autoptr(GError) unknown = g_error_new(EWS_ERROR, 99, "x");

	g_assert_cmpint(fs_err_number(error), ==, EIO);
	g_assert_cmpint(fs_err_number(unknown), ==, EIO);
	g_assert_cmpint(fs_err_number(NULL), ==, EIO);
	g_assert_cmpint(fs_exit_of(error), ==, FS_EXIT_LOCAL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/err/every-code-has-its-numbers", test_numbers);
	g_test_add_func("/fs/err/what-is-not-ours-is-eio", test_foreign);
	return g_test_run();
}
