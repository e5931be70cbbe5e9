/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "fs/ctl/ctl.h"

/*
 * The command line of ewsfsctl; what the commands do is in fs/ctl/. Under another name it is
 * another program: umount.fuse.ewsfs, which umount(8) runs, and sendmail.
 */

static const char usage[] =
	"Usage: ewsfsctl status [--json] [PATH]\n"
	"       ewsfsctl sync --wait[=SECONDS] [--fetch] [PATH]\n"
	"       ewsfsctl flush [--timeout=SECONDS] [PATH]\n"
	"       ewsfsctl umount [-f] [--timeout=SECONDS] DIRECTORY\n"
	"       ewsfsctl queue [--json] [PATH]\n"
	"       ewsfsctl retry [--all | PATH|ID...]\n"
	"       ewsfsctl discard [--yes] [--all | PATH|ID...]\n"
	"       ewsfsctl confirm [PATH]\n"
	"       ewsfsctl watch [--json] [PATH]\n"
	"       ewsfsctl discover [-o OPTIONS] ADDRESS\n"
	"       ewsfsctl login [--browser] [-o OPTIONS] ACCOUNT|ADDRESS\n"
	"       ewsfsctl logout [-o OPTIONS] ACCOUNT|ADDRESS\n"
	"       ewsfsctl send [-t] [-i] [-f FROM] [--wait] [ADDRESS...] <MESSAGE\n"
	"\n"
	"PATH is the mount point or anything below it; without it, --mount=DIRECTORY or\n"
	"EWSFS_MOUNT, the current directory, or the only mailbox that is mounted.\n"
	"\n"
	"  status   what the mount is doing; --json for programs\n"
	"  sync     bring all below PATH up to date with the server, and with --fetch every\n"
	"           message's bytes too; exit status 0 when, and only when, all of it is done\n"
	"  flush    send what waits; exit status 0 when, and only when, nothing is left\n"
	"  umount   send what waits, then unmount; with -f also when something is left\n"
	"  queue    what is only here: waiting, held, refused, being written\n"
	"  retry    send again what the server refused\n"
	"  discard  give up what it refused and what is held; asks first\n"
	"  confirm  let held deletes go\n"
	"  watch    print what others change, as it is seen; until the mount ends\n"
	"  discover look for the server of a mail address, and show how\n"
	"  login    sign in by OAuth2, with a code that is entered in any browser, or by an\n"
	"           address that is copied to a browser and back; the mounts go on with it\n"
	"  logout   forget that\n"
	"  send     send a message, as sendmail(8) does\n";

typedef struct Command {
	const char *name;
	CtlExit (*run)(const CtlArguments *arguments);
	const char *letters;
	const struct option *options;
	int operands_max;
} Command;

static const struct option status_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"mount", required_argument, NULL, 'm'},
	{0},
};

static const struct option sync_options[] = {
	{"wait", optional_argument, NULL, 's'},
	{"fetch", no_argument, NULL, 'F'},
	{"mount", required_argument, NULL, 'm'},
	{0},
};

static const struct option flush_options[] = {
	{"timeout", required_argument, NULL, 't'},
	{"mount", required_argument, NULL, 'm'},
	{0},
};

static const struct option umount_options[] = {
	{"force", no_argument, NULL, 'f'},
	{"timeout", required_argument, NULL, 't'},
	{0},
};

static const struct option decision_options[] = {
	{"all", no_argument, NULL, 'a'},
	{"yes", no_argument, NULL, 'y'},
	{"mount", required_argument, NULL, 'm'},
	{0},
};

static const struct option mount_options[] = {
	{"mount", required_argument, NULL, 'm'},
	{0},
};

static const struct option login_options[] = {
	{"browser", no_argument, NULL, 'b'},
	{"device", no_argument, NULL, 'd'},
	{0},
};

static const Command commands[] = {
	{"status", ctl_do_status, "", status_options, 1},
	{"sync", ctl_do_sync, "", sync_options, 1},
	{"flush", ctl_do_flush, "", flush_options, 1},
	{"umount", ctl_do_umount, "f", umount_options, 1},
	{"queue", ctl_do_queue, "", status_options, 1},
	{"retry", ctl_do_retry, "", decision_options, G_MAXINT},
	{"discard", ctl_do_discard, "y", decision_options, G_MAXINT},
	{"confirm", ctl_do_confirm, "", mount_options, 1},
	{"watch", ctl_do_watch, "", status_options, 1},
	{"discover", ctl_do_discover, "o:", login_options + 2, 1},
	{"login", ctl_do_login, "o:", login_options, 1},
	{"logout", ctl_do_logout, "o:", login_options + 2, 1},
};

static bool take_seconds(CtlArguments *arguments, guint64 min)
{
	guint64 seconds;

	if (!g_ascii_string_to_unsigned(optarg, 10, min, G_MAXINT, &seconds, NULL))
		return false;
	arguments->seconds = (int64_t)seconds;
	return true;
}

static bool take_switch(CtlArguments *arguments, int letter)
{
	switch (letter) {
	case 'j':
		arguments->is_json = true;
		return true;
	case 'F':
		arguments->is_fetching = true;
		return true;
	case 's':
		arguments->is_waiting = true;
		return optarg == NULL || take_seconds(arguments, 1);
	case 't':
		return take_seconds(arguments, 0);
	case 'f':
		arguments->is_forced = true;
		return true;
	case 'a':
		arguments->is_all = true;
		return true;
	case 'y':
		arguments->is_sure = true;
		return true;
	case 'b':
		arguments->is_by_browser = true;
		return true;
	case 'd':
		arguments->is_by_browser = false;
		return true;
	case 'o':
		if (arguments->mount_options == NULL)
			arguments->mount_options = g_ptr_array_new();
		g_ptr_array_add(arguments->mount_options, optarg);
		return true;
	case 'm':
		arguments->mount = optarg;
		return true;
	default:
		return false;
	}
}

/* argv[0] is the command. */
static CtlExit run_command(const Command *command, int argc, char **argv)
{
	CtlArguments arguments = {.seconds = -1};
	int letter;
	CtlExit status;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, command->letters, command->options, NULL)) != -1) {
		if (!take_switch(&arguments, letter)) {
			fputs(usage, stderr);
			return ctl_say(CTL_EXIT_USAGE, "%s: \"%s\" is not understood",
				command->name, argv[optind - 1]);
		}
	}
	arguments.operands = argv + optind;
	if (argc - optind > command->operands_max)
		status = ctl_say(CTL_EXIT_USAGE, "%s: one argument at most", command->name);
	else
		status = command->run(&arguments);
	g_clear_pointer(&arguments.mount_options, g_ptr_array_unref);
	return status;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *self = argc > 0 ? (slash != NULL ? slash + 1 : argv[0]) : "";
	const char *name = argc > 1 ? argv[1] : "";

	if (g_str_has_prefix(self, "umount."))
		return ctl_umount_helper(argc, argv);
	if (g_str_equal(self, "sendmail"))
		return ctl_send(argc, argv);
	if (g_str_equal(name, "-h") || g_str_equal(name, "--help")) {
		fputs(usage, stdout);
		return CTL_EXIT_DONE;
	}
	if (g_str_equal(name, "-V") || g_str_equal(name, "--version")) {
		puts("ewsfsctl " EWSFS_VERSION);
		return CTL_EXIT_DONE;
	}
	if (g_str_equal(name, "send"))
		return ctl_send(argc - 1, argv + 1);
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (g_str_equal(commands[i].name, name))
			return (int)run_command(&commands[i], argc - 1, argv + 1);
	}
	fputs(usage, stderr);
	return CTL_EXIT_USAGE;
}
