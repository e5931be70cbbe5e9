/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What this mount is to be: command line and configuration file, made into one record.
 *
 * Read once in main, before any thread starts; const ever after. fs/options.c knows each option,
 * fs/source.c what SOURCE may look like, fs/places.c the default directories; this file puts them
 * in order (the file first, so that the command line wins) and judges the whole.
 */

typedef enum FsSizes {
	FS_SIZES_AUTO,  /* a scan gets the server's estimate after a while */
	FS_SIZES_EXACT, /* a stat waits until the length is known */
} FsSizes;

typedef enum FsDelete {
	FS_DELETE_TRASH, /* to Deleted Items; inside it, soft */
	FS_DELETE_SOFT,
	FS_DELETE_HARD,
} FsDelete;

typedef enum FsFsync {
	FS_FSYNC_SERVER, /* returns when the server has it */
	FS_FSYNC_LOCAL,  /* ... when this machine does */
} FsFsync;

typedef enum FsPush {
	FS_PUSH_AUTO,   /* the server tells of changes, by the best means that it has */
	FS_PUSH_STREAM, /* ... beginning with this */
	FS_PUSH_PULL,
	FS_PUSH_OFF,    /* only by looking */
} FsPush;

typedef enum FsLayout {
	FS_LAYOUT_FILES,   /* a folder is a directory of messages */
	FS_LAYOUT_MAILDIR, /* ... is a Maildir, and has its subfolders beside cur, new and tmp */
	FS_LAYOUT_MAILDIRPP, /* ... is a Maildir in the root, called .A.B; the Inbox is the root */
} FsLayout;

typedef enum FsAuth {
	FS_AUTH_AUTO, /* what the server offers and the person has */
	FS_AUTH_BASIC,
	FS_AUTH_NTLM,
	FS_AUTH_NEGOTIATE,
	FS_AUTH_OAUTH2,
} FsAuth;

typedef enum FsLogLevel {
	FS_LOG_ERROR,
	FS_LOG_WARNING,
	FS_LOG_INFO,
	FS_LOG_DEBUG,
} FsLogLevel;

typedef struct FsConfig {
	char *source;           /* own; as given: what the mount table shows */
	char *account;          /* own; the group in the configuration file, or NULL */
	char *address;          /* own; by which url is found (fs/discover.h); NULL: it was given */
	char *url;              /* own; NULL until it is found */
	char *folder;           /* own; "" for the whole mailbox, else "Inbox/Projects" */
	char *mountpoint;       /* own; as given; fs/mountpoint.c makes it absolute */
	char *user;             /* own */
	char *password_file;    /* own, or NULL */
	char *password_command; /* own, or NULL */
	char *token_command;    /* own, or NULL */
	char *tenant;           /* own, or NULL; as are the next, see fs/authority.h */
	char *authority;
	char *client_id;
	char *client_secret_file;
	char *scope;
	char *impersonate;      /* own, or NULL; whose mailbox it is that an application opens */
	char *mailbox;          /* own, or NULL; somebody else's that is open to us: an address */
	char *cacert;           /* own, or NULL; as are the next three */
	char *pinned_pubkey;
	char *client_cert;
	char *client_key;
	char *names;            /* own; a template (CacheConfig.names), or NULL */
	char *cache_dir;        /* own */
	char *state_dir;        /* own */
	uint64_t cache_size;
	unsigned refresh_s;
	unsigned timeout_s;
	unsigned max_conns;
	unsigned settle_s;
	unsigned flush_timeout_s; /* at unmount */
	unsigned delete_max;      /* 0: no limit */
	uint64_t scratch_size;
	mode_t umask;
	uid_t uid;
	gid_t gid;
	FsAuth auth;
	FsSizes sizes;
	FsDelete disposal;
	FsFsync fsync;
	FsPush push;
	FsLayout layout;
	FsLogLevel log_level;
	bool has_sizes; /* sizes was chosen, not left to the default */
	bool prefetch;
	bool backup;
	bool is_read_only;
	bool is_archive; /* the online archive of the account is mounted, not its mailbox */
	bool is_public;  /* the public folders are */
	bool can_send; /* only where a mailbox is mounted to be written to */
	bool allow_other;
	bool insecure_http;
	bool is_foreground;
	GPtrArray *kernel_words; /* own; nosuid, noexec …: passed on to the mount */
} FsConfig;

typedef enum FsAction {
	FS_ACTION_MOUNT,
	FS_ACTION_HELP,
	FS_ACTION_VERSION,
	FS_ACTION_NOTHING, /* mount(8) only wanted to know whether it would work */
} FsAction;

/* The whole command line, and the file it points at. With another action than MOUNT only that
 * is known. The error is one line for people. */
FsConfig *fs_config_new(int argc, char **argv, FsAction *ret_action,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_config_free(FsConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsConfig, fs_config_free)

/* Whose mailbox is mounted, by its address; NULL: that of whoever signs in. */
const char *fs_config_whose(const FsConfig *self);

/* The same, for people: without one, who signs in. */
const char *fs_config_owner(const FsConfig *self);

/* What `ewsfsctl login` needs of it: an account, a mail address or an EWS address, and the
 * arguments of -o. Nothing is mounted. */
FsConfig *fs_config_new_account(const char *source, GPtrArray *options,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The configuration file that is read unless the caller says otherwise. */
char *fs_config_path(void);

/* For tests and the fuzzer: one account's group out of @data into @self. */
bool fs_config_load(FsConfig *self, const char *data, gsize len, const char *path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A record with the defaults and nothing else. */
FsConfig *fs_config_new_default(void);

/* What the index is told of it: NULL, "maildir" or "maildir++". */
const char *fs_config_layout(const FsConfig *self);

/* FALSE for the mounts that answer OPEN with ENOSYS: read-only, and every size exact. */
bool fs_config_has_open(const FsConfig *self);

const char *fs_config_usage(void);
