/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/mountinfo.h"

static const char table[] =
	"22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
	"23 22 0:5 / /proc rw - proc proc rw\n"
	"90 22 0:50 / /data/u/My\\040Mail rw,nosuid master:1 propagate_from:2 - fuse.ewsfs "
	"https://h/EWS#A\\040B rw,user_id=0\n"
	"91 90 0:51 / /data/u/My\\040Mail/Inbox rw - tmpfs tmpfs rw\n"
	"92 22 0:52 / /data/u/Mail2 rw - fuse.sshfs u@h: rw\n"
	"93 22 0:53 / /data/u/Mail2 rw - fuse.ewsfs work rw\n"
	"half a line\n";

static void test_parse(void)
{
	g_autoptr(GPtrArray) entries = fs_mountinfo_parse(table);
	const FsMountEntry *entry = fs_mountinfo_at(entries, "/data/u/My Mail");

	g_assert_cmpuint(entries->len, ==, 6);
	g_assert_true(fs_mountinfo_is_ours(entry));
	g_assert_cmpstr(entry->source, ==, "https://h/EWS#A B");
	g_assert_null(fs_mountinfo_at(entries, "/data/u"));
	g_assert_false(fs_mountinfo_is_ours(NULL));
}

static void test_stacked(void)
{
	g_autoptr(GPtrArray) entries = fs_mountinfo_parse(table);

	g_assert_cmpstr(fs_mountinfo_at(entries, "/data/u/Mail2")->source, ==, "work");
	g_assert_cmpstr(fs_mountinfo_above(entries, "/data/u/Mail2/Inbox")->source, ==, "work");
}

static void test_above(void)
{
	g_autoptr(GPtrArray) entries = fs_mountinfo_parse(table);

	g_assert_true(fs_mountinfo_is_ours(fs_mountinfo_above(entries, "/data/u/My Mail/Sent/x")));
	g_assert_cmpstr(fs_mountinfo_above(entries, "/data/u/My Mail/Inbox/x")->type, ==, "tmpfs");
	g_assert_cmpstr(fs_mountinfo_above(entries, "/data/u/My Mailbox")->path, ==, "/");
	g_assert_cmpstr(fs_mountinfo_above(entries, "/data/u/Mail23")->path, ==, "/");
}

static void test_below(void)
{
	g_assert_cmpstr(fs_mountinfo_below("/m", "/m"), ==, "");
	g_assert_cmpstr(fs_mountinfo_below("/m", "/m/a/b"), ==, "a/b");
	g_assert_cmpstr(fs_mountinfo_below("/", "/a/b"), ==, "a/b");
	g_assert_null(fs_mountinfo_below("/m", "/mm"));
	g_assert_null(fs_mountinfo_below("/m", "/"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/mountinfo/reads-the-kernels-table", test_parse);
	g_test_add_func("/fs/mountinfo/the-last-mount-is-the-one-seen", test_stacked);
	g_test_add_func("/fs/mountinfo/finds-the-mount-above", test_above);
	g_test_add_func("/fs/mountinfo/says-what-lies-below", test_below);
	return g_test_run();
}
