/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/config.h"

#include <string.h>
#include <unistd.h>

#include "fs/options.h"

#define URL "https://h/EWS/Exchange.asmx"

/* Blanks divide the words of the command line. */
static FsConfig *parse(const char *line, FsAction *ret_action, GError **error)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	return fs_config_new((int)g_strv_length(words), words, ret_action, error);
}

static FsConfig *parse_ok(const char *line)
{
	g_autoptr(GError) error = NULL;
	FsAction action;
	FsConfig *config = parse(line, &action, &error);

	g_assert_no_error(error);
	g_assert_cmpint(action, ==, FS_ACTION_MOUNT);
	return config;
}

static void refuse(const char *line, const char *because)
{
	g_autoptr(GError) error = NULL;
	FsAction action;
	g_autoptr(FsConfig) config = parse(line, &action, &error);

	g_assert_null(config);
	if (strstr(error->message, because) == NULL)
		g_error("\"%s\": \"%s\" does not say \"%s\"", line, error->message, because);
}

static void write_file(const char *text)
{
	g_autofree char *path = fs_config_path();
	g_autofree char *directory = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(directory, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_defaults(void)
{
	g_autoptr(FsConfig) config = parse_ok("ewsfs -o user=me " URL " /mnt");

	g_assert_cmpstr(config->url, ==, URL);
	g_assert_cmpstr(config->source, ==, URL);
	g_assert_cmpstr(config->mountpoint, ==, "/mnt");
	g_assert_cmpstr(config->folder, ==, "");
	g_assert_cmpuint(config->cache_size, ==, UINT64_C(10) << 30);
	g_assert_cmpuint(config->refresh_s, ==, 60);
	g_assert_cmpuint(config->timeout_s, ==, 30);
	g_assert_cmpuint(config->max_conns, ==, 4);
	g_assert_cmpuint(config->uid, ==, getuid());
	g_assert_cmpuint(config->settle_s, ==, 65);
	g_assert_cmpuint(config->flush_timeout_s, ==, 60);
	g_assert_cmpuint(config->delete_max, ==, 0);
	g_assert_cmpuint(config->scratch_size, ==, UINT64_C(1) << 30);
	g_assert_cmpint(config->disposal, ==, FS_DELETE_TRASH);
	g_assert_cmpint(config->fsync, ==, FS_FSYNC_SERVER);
	g_assert_true(config->prefetch);
	g_assert_false(config->is_read_only);
	g_assert_false(config->can_send);
	g_assert_true(fs_config_has_open(config));
	g_assert_true(g_str_has_prefix(config->state_dir, g_get_user_state_dir()));
	g_assert_true(g_str_has_prefix(config->cache_dir, g_get_user_cache_dir()));
}

static void test_options(void)
{
	g_autoptr(FsConfig) config = parse_ok(
		"ewsfs " URL "#Inbox /mnt -f -o "
		"user=me,password_file=/p,cache_dir=/c,state_dir=s -o cache_size=500M,prefetch=off,"
		"size=exact,refresh=5,max_conns=2,timeout=7,cacert=/dev/"
		"null,umask=027,uid=12,gid=13,ro,"
		"allow_other,log_level=debug,insecure_http");
	g_autofree char *state = g_canonicalize_filename("s", NULL);

	g_assert_true(config->is_foreground);
	g_assert_cmpstr(config->folder, ==, "Inbox");
	g_assert_cmpstr(config->user, ==, "me");
	g_assert_cmpstr(config->password_file, ==, "/p");
	g_assert_cmpstr(config->cache_dir, ==, "/c");
	g_assert_cmpstr(config->state_dir, ==, state);
	g_assert_cmpuint(config->cache_size, ==, 500 << 20);
	g_assert_false(config->prefetch);
	g_assert_cmpint(config->sizes, ==, FS_SIZES_EXACT);
	g_assert_cmpuint(config->refresh_s, ==, 5);
	g_assert_cmpuint(config->max_conns, ==, 2);
	g_assert_cmpuint(config->timeout_s, ==, 7);
	g_assert_cmpstr(config->cacert, ==, "/dev/null");
	g_assert_cmpuint(config->umask, ==, 027);
	g_assert_cmpuint(config->uid, ==, 12);
	g_assert_cmpuint(config->gid, ==, 13);
	g_assert_true(config->allow_other);
	g_assert_cmpint(config->log_level, ==, FS_LOG_DEBUG);
	g_assert_true(config->insecure_http);
	g_assert_false(fs_config_has_open(config));
}

static void test_writing(void)
{
	g_autoptr(FsConfig) config =
		parse_ok("ewsfs " URL " /mnt -o user=me,delete=hard,settle=0,"
			 "flush_timeout=5,fsync=local,delete_max=100,scratch_size=3M,send");

	g_assert_cmpint(config->disposal, ==, FS_DELETE_HARD);
	g_assert_cmpint(config->fsync, ==, FS_FSYNC_LOCAL);
	g_assert_cmpuint(config->settle_s, ==, 0);
	g_assert_cmpuint(config->flush_timeout_s, ==, 5);
	g_assert_cmpuint(config->delete_max, ==, 100);
	g_assert_cmpuint(config->scratch_size, ==, 3 << 20);
	g_assert_true(config->can_send);
	g_autoptr(FsConfig) readonly = parse_ok("ewsfs " URL " /mnt -o user=me,send,ro");
	g_assert_false(readonly->can_send);
}

static void test_oauth(void)
{
	g_autoptr(FsConfig) config =
		parse_ok("ewsfs " URL " /mnt -o user=me,token_command=t,tenant=x,client_id=i,"
			 "client_secret_file=/s,authority=https://a/b,scope=s,impersonate=m@x");
	g_autoptr(GPtrArray) options = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	g_assert_cmpstr(config->token_command, ==, "t");
	g_assert_cmpstr(config->tenant, ==, "x");
	g_assert_cmpstr(config->client_id, ==, "i");
	g_assert_cmpstr(config->client_secret_file, ==, "/s");
	g_assert_cmpstr(config->authority, ==, "https://a/b");
	g_assert_cmpstr(config->scope, ==, "s");
	g_assert_cmpstr(config->impersonate, ==, "m@x");
	/* Without a mount point. */
	g_ptr_array_add(options, (char *)"user=me,client_id=i");
	g_autoptr(FsConfig) account = fs_config_new_account(URL, options, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(account->client_id, ==, "i");
	g_assert_null(fs_config_new_account("no-such-account", options, &error));
	g_assert_nonnull(error);
}

static void test_mailbox(void)
{
	g_autoptr(FsConfig) config =
		parse_ok("ewsfs " URL " /mnt -o user=me,mailbox=ada@example.org");

	g_assert_cmpstr(config->mailbox, ==, "ada@example.org");
	g_assert_false(config->is_archive);
	g_autoptr(FsConfig) archive = parse_ok("ewsfs " URL " /mnt -o user=me,archive,send");
	g_assert_true(archive->is_archive);
	g_assert_false(archive->can_send);
	refuse("ewsfs " URL " /mnt -o user=me,mailbox=a@b.c,archive", "exclude each other");
	g_autoptr(FsConfig) public =
		parse_ok("ewsfs " URL " /mnt -o user=me,public,send,push=stream");
	g_assert_true(public->is_public);
	g_assert_false(public->can_send);
	g_assert_cmpint(public->push, ==, FS_PUSH_OFF);
	refuse("ewsfs " URL " /mnt -o user=me,mailbox=a@b.c,public", "in no mailbox");
	refuse("ewsfs " URL " /mnt -o user=me,archive,public", "in no mailbox");
	refuse("ewsfs " URL " /mnt -o user=me,mailbox=ada", "no mail address");
	refuse("ewsfs " URL " /mnt -o user=me,mailbox=", "empty");
	refuse("ewsfs " URL " /mnt -o user=me,mailbox=a@b.c,impersonate=a@b.c",
		"exclude each other");
}

static void test_names(void)
{
	g_autoptr(FsConfig) usual = parse_ok("ewsfs -o user=me " URL " /mnt");
	g_autoptr(FsConfig) chosen = parse_ok(
		"ewsfs -o user=me,names={day}-{subject}_{key},ro " URL " /mnt");
	g_autoptr(FsConfig) maildir = parse_ok("ewsfs -o user=me,layout=maildir " URL " /mnt");

	g_assert_null(usual->names);
	g_assert_cmpstr(chosen->names, ==, "{day}-{subject}_{key}");
	g_assert_true(chosen->is_read_only);
	g_assert_null(maildir->names);
	refuse("ewsfs -o user=me,names= " URL " /mnt", "option \"names\": the value is empty");
	refuse("ewsfs -o user=me,names " URL " /mnt", "needs a value");
	refuse("ewsfs -o user=me,layout=maildir,names={key} " URL " /mnt",
		"names= and layout=maildir exclude each other");
	refuse("ewsfs -o user=me,layout=maildir++,names={key} " URL " /mnt",
		"names= and layout=maildir++ exclude each other");
}

static void test_backup(void)
{
	g_autoptr(FsConfig) config = parse_ok("ewsfs -o user=me,backup " URL " /mnt");

	g_assert_true(config->is_read_only);
	g_assert_cmpint(config->sizes, ==, FS_SIZES_EXACT);
	g_assert_false(fs_config_has_open(config));
	refuse("ewsfs -o user=me,backup,size=auto " URL " /mnt", "contradicts");
}

static void test_mount_words(void)
{
	g_autoptr(FsConfig) config = parse_ok(
		"ewsfs " URL " /mnt -o rw,_netdev,nofail,noauto,users,"
		"auto,defaults,nosuid,nodev,noexec,dev,suid,exec,relatime,x-systemd.automount,"
		"x-gvfs-name=A,user,user=me,comment=z");

	g_assert_cmpstr(config->user, ==, "me");
	g_assert_cmpuint(config->kernel_words->len, ==, 1);
	g_assert_cmpstr(g_ptr_array_index(config->kernel_words, 0), ==, "noexec");
}

static void test_later_wins(void)
{
	g_autoptr(FsConfig) config = parse_ok("ewsfs " URL " /mnt -o user=a,ro -o user=b,rw");

	g_assert_cmpstr(config->user, ==, "b");
	g_assert_false(config->is_read_only);
}

static void test_escapes(void)
{
	g_autoptr(FsConfig) config = parse_ok("ewsfs " URL " /mnt "
					      "-o user=D\\\\me,password_command=pass\\,x=y,,ro");

	g_assert_cmpstr(config->user, ==, "D\\me");
	g_assert_cmpstr(config->password_command, ==, "pass,x=y");
	g_assert_true(config->is_read_only);
}

static void test_refused(void)
{
	static const struct {
		const char *options, *because;
	} cases[] = {
		{"usr=me", "did you mean \"user\""},
		{"chache_dir=/c", "did you mean \"cache_dir\""},
		{"nonsense", "unknown option \"nonsense\""},
		{"password=x", "password_file"},
		{"token=x", "token_command"},
		{"client_secret=x", "client_secret_file"},
		{"token_command=", "empty"},
		{"user", ""},
		{"user=", "empty"},
		{"user=me,cache_size=10X", "10G"},
		{"user=me,cache_size=-1", "10G"},
		{"user=me,cache_size=99999999999999T", "10G"},
		{"user=me,cache_size=", "10G"},
		{"user=me,size=sure", "auto, exact"},
		{"user=me,log_level=loud", "error, warning, info, debug"},
		{"user=me,prefetch=maybe", "on nor off"},
		{"user=me,umask=9", "octal"},
		{"user=me,umask=1000", "octal"},
		{"user=me,timeout=0", "from 1"},
		{"user=me,max_conns=many", "number"},
		{"user=me,uid=no-such-user-here", "no user"},
		{"user=me,refresh", "needs a value"},
		{"user=me,password_file=/a,password_command=b", "exclude"},
		{"user=me,delete=twice", "trash, soft, hard"},
		{"user=me,fsync=never", "server, local"},
		{"user=me,settle=soon", "number"},
		{"user=me,flush_timeout=-1", "number"},
		{"user=me,delete_max=", "number"},
		{"user=me,scratch_size=1Q", "10G"},
		{"user=me,send=perhaps", "on nor off"},
		{"user=me,cacert=/no/such.pem", "/no/such.pem: No such file"},
		{"user=me,cacert=/tmp", "PEM"},
		{"user=me,url=https://other/e", "address already"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *line =
			g_strdup_printf("ewsfs -o %s " URL " /mnt", cases[i].options);
		refuse(line, cases[i].because);
	}
	refuse("ewsfs", "missing");
	refuse("ewsfs " URL, "MOUNTPOINT is missing");
	refuse("ewsfs " URL " /mnt x", "too many");
	refuse("ewsfs -q " URL " /mnt", "-q");
	refuse("ewsfs " URL " /mnt", "user=");
	refuse("ewsfs -o user=me http:/h /mnt", "");
}

typedef struct SizeCase {
	const char *text;
	uint64_t size;
} SizeCase;

static const SizeCase sizes[] = {
	{"0", 0},
	{"1000", 1000},
	{"4k", 4096},
	{"2M", 2 << 20},
	{"1GiB", 1 << 30},
	{"1T", UINT64_C(1) << 40},
	{"3GB", UINT64_C(3) << 30},
	{"5B", 5},
};

static void test_sizes(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *line =
			g_strdup_printf("ewsfs -o user=me,cache_size=%s " URL " /m", sizes[i].text);
		g_autoptr(FsConfig) config = parse_ok(line);
		g_assert_cmpuint(config->cache_size, ==, sizes[i].size);
	}
}

static void test_actions(void)
{
	static const struct {
		const char *line;
		FsAction action;
	} cases[] = {
		{"ewsfs -h", FS_ACTION_HELP},
		{"ewsfs --help x y z", FS_ACTION_HELP},
		{"ewsfs -V", FS_ACTION_VERSION},
		{"ewsfs --version", FS_ACTION_VERSION},
		{"/sbin/mount.ewsfs " URL " /mnt -f -o user=me", FS_ACTION_NOTHING},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		FsAction action = FS_ACTION_MOUNT;
		g_autoptr(FsConfig) config = parse(cases[i].line, &action, &error);
		g_assert_no_error(error);
		g_assert_nonnull(config);
		g_assert_cmpint(action, ==, cases[i].action);
	}
}

static void test_helper(void)
{
	g_autoptr(FsConfig) config =
		parse_ok("/sbin/mount.ewsfs " URL " /mnt -n -s -v -t fuse.ewsfs -o rw,user=me");

	g_assert_cmpstr(config->user, ==, "me");
	g_assert_false(config->is_foreground);
	refuse("ewsfs " URL " /mnt -n -o user=me", "-n");
}

/* --- the file ------------------------------------------------------------ */

static void test_account(void)
{
	write_file("# two of them\n[home]\nurl=" URL "\nuser=me\nsize=exact\nprefetch=off\n"
		   "password_file=pw\ncache_dir=~/c\n[other]\nnonsense=1\n");
	g_autoptr(FsConfig) config = parse_ok("ewsfs home:Inbox/A /mnt -o size=auto,user=you");
	g_autofree char *path = fs_config_path();
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *beside = g_build_filename(directory, "pw", NULL);
	g_autofree char *at_home = g_build_filename(g_get_home_dir(), "c", NULL);

	g_assert_cmpstr(config->source, ==, "home:Inbox/A");
	g_assert_cmpstr(config->url, ==, URL);
	g_assert_cmpstr(config->folder, ==, "Inbox/A");
	g_assert_cmpstr(config->user, ==, "you");
	g_assert_cmpint(config->sizes, ==, FS_SIZES_AUTO);
	g_assert_false(config->prefetch);
	g_assert_cmpstr(config->password_file, ==, beside);
	g_assert_cmpstr(config->cache_dir, ==, at_home);
}

/* What the command line says about the password replaces what the file says, whichever way. */
static void test_password_wins(void)
{
	write_file("[home]\nurl=" URL "\nuser=me\npassword_file=/f\n[both]\nurl=" URL "\nuser=me\n"
		   "password_file=/f\npassword_command=c\n");
	g_autoptr(FsConfig) config = parse_ok("ewsfs home /mnt -o password_command=c");

	g_assert_null(config->password_file);
	g_assert_cmpstr(config->password_command, ==, "c");
	refuse("ewsfs both /mnt", "exclude");
}

static void test_file_refused(void)
{
	write_file("[home]\nurl=" URL "\nuser=me\nrefersh=7\n[bad]\nurl=" URL "\ntimeout=x\n"
		   "[word]\nurl=" URL
		   "\nuser=me\nnofail=\n[bare]\nuser=me\n[leak]\nurl=https://a:b@h/\n"
		   "user=me\n");
	refuse("ewsfs home /mnt", "did you mean \"refresh\"");
	refuse("ewsfs home /mnt", "account \"home\"");
	refuse("ewsfs bad /mnt", "timeout");
	refuse("ewsfs word /mnt", "nofail");
	refuse("ewsfs bare /mnt", "no url=");
	refuse("ewsfs leak /mnt", "must not hold");
	refuse("ewsfs hoem /mnt", "home, bad");
	write_file("no group\n");
	refuse("ewsfs home /mnt", "ewsfs.conf");
}

/* A mail address stands for a server that is looked for; what is given counts more. */
static void test_addresses(void)
{
	static const struct {
		const char *line, *address, *user, *url, *account, *folder;
	} cases[] = {
		{"ewsfs a@b.test /mnt", "a@b.test", "a@b.test", NULL, NULL, ""},
		{"ewsfs a@b.test:Inbox/X /mnt", "a@b.test", "a@b.test", NULL, NULL, "Inbox/X"},
		{"ewsfs -o user=D\\\\a a@b.test /mnt", "a@b.test", "D\\a", NULL, NULL, ""},
		{"ewsfs -o url=" URL " a@b.test /mnt", NULL, "a@b.test", URL, NULL, ""},
		{"ewsfs in@file.test /mnt", NULL, "x", URL, "in@file.test", ""},
		{"ewsfs me@file.test /mnt", "me@file.test", "me@file.test", NULL, "me@file.test",
			""},
		{"ewsfs work /mnt", "a@c.test", "a@c.test", NULL, "work", ""},
	};

	write_file("[in@file.test]\nurl=" URL "\nuser=x\n[me@file.test]\nrefresh=9\n"
		   "[work]\nuser=a@c.test\n[odd]\nuser=D\\\\a\n");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(FsConfig) config = parse_ok(cases[i].line);
		g_assert_cmpstr(config->address, ==, cases[i].address);
		g_assert_cmpstr(config->user, ==, cases[i].user);
		g_assert_cmpstr(config->url, ==, cases[i].url);
		g_assert_cmpstr(config->account, ==, cases[i].account);
		g_assert_cmpstr(config->folder, ==, cases[i].folder);
	}
	refuse("ewsfs odd /mnt", "no url=");
	refuse("ewsfs -o user=me,url=https://other/e " URL " /mnt", "contradicts");
	refuse("ewsfs a@b@c /mnt", "a@b@c");
}

static void test_no_file(void)
{
	g_autofree char *path = fs_config_path();

	unlink(path);
	refuse("ewsfs home /mnt", "https://");
}

int main(int argc, char **argv)
{
	/* Before GLib looks. (Its own G_TEST_OPTION_ISOLATE_DIRS leaks what it replaces.) */
	g_autofree char *home = g_dir_make_tmp("ewsfs-config-XXXXXX", NULL);
	g_setenv("HOME", home, TRUE);
	g_setenv("XDG_CONFIG_HOME", home, TRUE);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/config/defaults", test_defaults);
	g_test_add_func("/fs/config/takes-every-option", test_options);
	g_test_add_func("/fs/config/writing-has-its-options", test_writing);
	g_test_add_func("/fs/config/oauth", test_oauth);
	g_test_add_func("/fs/config/mailbox", test_mailbox);
	g_test_add_func("/fs/config/names-are-of-files", test_names);
	g_test_add_func("/fs/config/backup-is-read-only-and-exact", test_backup);
	g_test_add_func("/fs/config/mount-words-are-silent", test_mount_words);
	g_test_add_func("/fs/config/the-later-option-wins", test_later_wins);
	g_test_add_func("/fs/config/commas-can-be-escaped", test_escapes);
	g_test_add_func("/fs/config/errors-name-the-option", test_refused);
	g_test_add_func("/fs/config/sizes-have-suffixes", test_sizes);
	g_test_add_func("/fs/config/help-and-version", test_actions);
	g_test_add_func("/fs/config/mounts-helper-switches", test_helper);
	g_test_add_func("/fs/config/file-then-command-line", test_account);
	g_test_add_func("/fs/config/one-way-to-the-password", test_password_wins);
	g_test_add_func("/fs/config/file-errors-name-the-account", test_file_refused);
	g_test_add_func("/fs/config/addresses-stand-for-servers", test_addresses);
	g_test_add_func("/fs/config/no-file-is-explained", test_no_file);
	int status = g_test_run();
	g_autofree char *directory = g_build_filename(home, "ewsfs", NULL);
	rmdir(directory);
	rmdir(home);
	return status;
}
