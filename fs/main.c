/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/cache.h"
#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "ews/secret.h"
#include "fs/ahead.h"
#include "fs/budget.h"
#include "fs/config.h"
#include "fs/contents.h"
#include "fs/control.h"
#include "fs/daemon.h"
#include "fs/discover.h"
#include "fs/drain.h"
#include "fs/enter.h"
#include "fs/exit.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/log.h"
#include "fs/maildirplace.h"
#include "fs/maildirroot.h"
#include "fs/mount.h"
#include "fs/mountpoint.h"
#include "fs/moved.h"
#include "fs/notify.h"
#include "fs/park.h"
#include "fs/previous.h"
#include "fs/route.h"
#include "fs/secret.h"
#include "fs/signals.h"
#include "fs/signin.h"
#include "fs/socket.h"
#include "fs/searches.h"
#include "fs/token.h"
#include "fs/watch.h"
#include "fs/words.h"
#include "fs/workshop.h"
#include "view/text.h"

/*
 * From a command line to a mount, and back: the steps in order, and what each failure is called.
 *
 * The order at the end matters. A signal first lets what waits be sent, while the mount serves on.
 * The kernel's notifications stop while requests are still served (one of them may wait for a
 * request), those who wait are answered, the mount is taken away; what waits then is sent behind
 * it, before the cache ends what it was asked for, the session what is on the wire, and only then
 * is anything freed.
 *
 * Starts and stops the session, which beside it only fs/enter.c and fs/moved.c see (ews/ews.h),
 * and reports on it.
 */

#define ARENAS_MAX 2 /* of malloc: each costs memory that an idle mount has no use for */
#define MMAP_THRESHOLD (128 * 1024) /* fixed, so that large buffers go back to the system */
#define DRAIN_LOOK_US (20 * 1000)
#define OPEN_FILES_MIN 65536        /* wanted: every open message is a descriptor */

typedef struct Program {
	FsConfig *config;       /* own */
	FsSignals *signals;     /* own */
	EwsSession *session;    /* own */
	FsEnter *enter;         /* own */
	Cache *cache;           /* own */
	FsSocket *socket;       /* own */
	FsDrain *drain;         /* own */
	FsMoved *moved;         /* own; NULL: the server's address was given */
	FsMount *mount;         /* own */
	FsSignin signin;        /* own; the password until the session has it */
	Fs fs;
	int ready; /* the parent waits at the other end; -1: nobody does */
	FsAction action;
	bool is_cache_started;
} Program;

static bool read_config(Program *self, int argc, char **argv, GError **error)
{
	self->config = fs_config_new(argc, argv, &self->action, error);
	self->fs.config = self->config;
	return self->config != NULL;
}

/* --- steps before the network -------------------------------------------- */

static bool prepare_process(Program *self, GError **error)
{
	struct rlimit files;

	mallopt(M_ARENA_MAX, ARENAS_MAX);
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	umask(077);
	view_init();
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < OPEN_FILES_MIN) {
		files.rlim_cur = MIN(files.rlim_max, OPEN_FILES_MIN);
		setrlimit(RLIMIT_NOFILE, &files);
	}
	fs_log_start(self->config->log_level, self->config->is_foreground);
	/* GLib sets up its errors at the first one: now, while there is one thread. */
	g_error_free(g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, ""));
	return true;
}

/* Before anybody is asked for a password. */
static bool check_names(Program *self, GError **error)
{
	return cache_names_check(self->config->names, error);
}

static bool check_fuse(Program *self, GError **error)
{
	if (access("/dev/fuse", R_OK | W_OK) == 0)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "/dev/fuse: no FUSE here"));
	return false;
}

static bool check_mountpoint(Program *self, GError **error)
{
	char *path = fs_mountpoint_prepare(self->config->mountpoint, error);

	if (path == NULL)
		return false;
	g_free(self->config->mountpoint);
	self->config->mountpoint = path;
	return true;
}

static bool find_server(Program *self, GError **error)
{
	return fs_discover(self->config, &self->signin.password, error);
}

static bool sign_in(Program *self, GError **error)
{
	return fs_signin(&self->signin, self->config, error);
}

/* From here on, in the background, this is the child. */
static bool go_behind(Program *self, GError **error)
{
	if (!self->config->is_foreground && !fs_daemon_start(&self->ready, error))
		return false;
	self->signals = fs_signals_new();
	return true;
}

/* --- session and cache --------------------------------------------------- */

static bool start_session(Program *self, GError **error)
{
	const FsConfig *config = self->config;
	g_autoptr(EwsRoute) route = fs_route_find(config, &self->signin);
	EwsConfig ews = {
		.url = config->url,
		.user = config->user,
		.password = self->signin.password,
		.auth = self->signin.kind,
		.token = {fs_token_fetch, fs_token_give_up, self->signin.token},
		.impersonate = config->impersonate,
		.is_archive = config->is_archive,
		.route = route,
		.tls = fs_signin_tls(config),
		.max_conns = config->max_conns,
		.timeout_s = config->timeout_s,
		.insecure_http = config->insecure_http,
	};

	fs_route_memory(config, &ews.memory);
	self->session = ews_session_start(&ews, error);
	ews_secret_free(g_steal_pointer(&self->signin.password));
	if (self->session == NULL)
		return false;
	self->moved = fs_moved_new(config, self->session);
	return true;
}

/* The ewsfs that was mounted before may still be sending. */
static Cache *open_when_free(const CacheConfig *config, unsigned patience_s, GError **error)
{
	g_autoptr(FsPrevious) previous = fs_previous_new(config->state_dir, patience_s);

	for (;;) {
		g_autoptr(GError) problem = NULL;
		Cache *cache = cache_open(config, &problem);
		if (cache != NULL)
			return cache;
		if (!ews_error_is(problem, EWS_ERROR_BUSY)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return NULL;
		}
		if (!fs_previous_wait(previous, problem, error))
			return NULL;
	}
}

/* To whoever mounts, not to the log alone: each time, until a person has looked. */
static void tell_rescued(const Program *self)
{
	g_auto(GStrv) paths = cache_rescued(self->cache);

	for (guint i = 0; paths[i] != NULL; i++) {
		g_warning("%s: holds what the server does not have; look, then remove it",
			paths[i]);
		if (!self->config->is_foreground)
			fprintf(stderr, "ewsfs: %s: holds what the server does not have; look, "
				"then remove it\n", paths[i]);
	}
}

static bool open_cache(Program *self, GError **error)
{
	static const CacheDisposal disposals[] = {
		[FS_DELETE_TRASH] = CACHE_DISPOSAL_TRASH,
		[FS_DELETE_SOFT] = CACHE_DISPOSAL_SOFT,
		[FS_DELETE_HARD] = CACHE_DISPOSAL_HARD,
	};
	static const CachePush pushes[] = {
		[FS_PUSH_AUTO] = CACHE_PUSH_AUTO,
		[FS_PUSH_STREAM] = CACHE_PUSH_STREAM,
		[FS_PUSH_PULL] = CACHE_PUSH_PULL,
		[FS_PUSH_OFF] = CACHE_PUSH_OFF,
	};
	const FsConfig *config = self->config;
	CacheConfig cache = {
		.state_dir = config->state_dir,
		.cache_dir = config->cache_dir,
		/* Whichever server it is on. */
		.server = config->address != NULL ? config->address : config->url,
		.account = config->user,
		.mailbox = fs_config_whose(config),
		.is_guest = config->mailbox != NULL,
		.is_archive = config->is_archive,
		.is_public = config->is_public,
		.root_path = config->folder,
		.cache_size = config->cache_size,
		.refresh_s = config->refresh_s,
		.timeout_s = config->timeout_s,
		.prefetch = config->prefetch,
		.backup = config->backup,
		.is_writable = !config->is_read_only,
		.can_send = config->can_send,
		.settle_s = config->settle_s,
		.delete_max = config->delete_max,
		.scratch_size = config->scratch_size,
		.disposal = disposals[config->disposal],
		.push = pushes[config->push],
		.layout = fs_config_layout(config),
		.is_flat = config->layout == FS_LAYOUT_MAILDIRPP,
		.names = config->names,
	};

	self->cache = open_when_free(&cache, config->flush_timeout_s, error);
	self->fs.cache = self->cache;
	if (self->cache != NULL)
		tell_rescued(self);
	return self->cache != NULL;
}

static bool ask_server(Program *self, GError **error)
{
	self->enter = fs_enter_new(self->config, self->session, self->cache);
	return fs_enter_run(self->enter, error);
}

/* --- the first listing --------------------------------------------------- */

typedef struct Wait {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
	GError *error; /* own */
} Wait;

/* On the sync thread. */
static void root_listed(void *user, const GError *error)
{
	Wait *wait = user;

	pthread_mutex_lock(&wait->lock);
	wait->is_done = true;
	wait->error = error != NULL ? g_error_copy(error) : NULL;
	pthread_cond_signal(&wait->done);
	pthread_mutex_unlock(&wait->lock);
}

static bool start_cache(Program *self, GError **error)
{
	bool has_tree = cache_has_tree(self->cache);
	Wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

	/* Before the cache starts: it tells what changed from then on. */
	self->fs.watch = fs_watch_new(self->cache);
	self->fs.notify = fs_notify_new(self->cache, self->fs.watch);
	cache_start(self->cache, self->session);
	self->is_cache_started = true;
	if (has_tree)
		return true;
	cache_await_listing(self->cache, CACHE_ROOT, root_listed, &wait);
	pthread_mutex_lock(&wait.lock);
	while (!wait.is_done)
		pthread_cond_wait(&wait.done, &wait.lock);
	pthread_mutex_unlock(&wait.lock);
	if (wait.error == NULL)
		return true;
	g_propagate_error(error, wait.error);
	return false;
}

/* --- the server, for .ewsfs/status --------------------------------------- */

static void look_at_server(FsServer *ret_server, void *user)
{
	static const char *const states[] = {
		[EWS_STATE_NEW] = "not asked yet",
		[EWS_STATE_ONLINE] = "online",
		[EWS_STATE_BUSY] = "busy",
		[EWS_STATE_OFFLINE] = "offline",
		[EWS_STATE_STOPPED] = "sign-in refused",
	};
	Program *self = user;
	EwsStatus status;

	ews_session_status(self->session, &status);
	int64_t wait_us = status.resume_us - g_get_monotonic_time();
	bool is_signing_in = status.is_signing_in && status.state < EWS_STATE_OFFLINE;
	*ret_server = (FsServer){
		.state = is_signing_in ? "signing in" : states[status.state],
		.requests = status.requests,
		.bytes_in = status.bytes_in,
		.bytes_out = status.bytes_out,
		.in_flight = status.in_flight,
		.conns = status.conns,
		.page = status.page,
		.is_page_small = status.page < EWS_SYNC_PAGE_MAX,
		.queued = status.queued,
		.is_away = status.state == EWS_STATE_OFFLINE || status.state == EWS_STATE_STOPPED,
		.resume_s = status.resume_us > 0 && wait_us > 0
				    ? (wait_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC
				    : 0,
	};
	g_strlcpy(ret_server->url, status.url, sizeof(ret_server->url));
	g_strlcpy(ret_server->error, status.error, sizeof(ret_server->error));
	g_strlcpy(ret_server->version, status.server, sizeof(ret_server->version));
}

/* --- the mount ----------------------------------------------------------- */

static bool open_socket(Program *self, GError **error)
{
	Fs *fs = &self->fs;

	fs->has_open = fs_config_has_open(self->config);
	fs->mounted_at = g_get_real_time();
	fs->look = look_at_server;
	fs->look_user = self;
	fs->budget = fs_budget_new();
	fs->park = fs_park_new(fs->budget);
	fs->control = fs_control_new();
	fs->handles = fs_handles_new();
	fs->workshop = fs_workshop_new(self->config->cache_dir);
	fs->ahead = fs_ahead_new(fs);
	fs->contents = fs_contents_new();
	fs->zone = g_time_zone_new_local();
	fs->searches = fs_searches_new();
	fs->maildir = self->config->layout != FS_LAYOUT_FILES ? fs_maildir_new() : NULL;
	self->socket = fs_socket_new(fs, self->config->state_dir, error);
	if (self->socket == NULL)
		return false;
	fs->socket_path = fs_socket_path(self->socket);
	fs_socket_start(self->socket);
	self->drain = fs_drain_new(fs);
	return true;
}

static bool mount_it(Program *self, GError **error)
{
	self->mount = fs_mount_new(&self->fs, self->config->mountpoint, error);
	return self->mount != NULL;
}

/* --- ending -------------------------------------------------------------- */

static void say_what_waits(Program *self, const char *when)
{
	g_autofree char *changes =
		fs_words_count(fs_drain_left(self->drain), "change", "changes");

	g_message("%s %s %s", changes, when, self->config->mountpoint);
}

static void begin_to_end(void *user)
{
	Program *self = user;

	fs_socket_leave(self->socket);
	if (fs_drain_begin(self->drain))
		say_what_waits(self, "to be sent before the end of");
}

static bool is_drained(void *user)
{
	Program *self = user;

	return fs_drain_is_over(self->drain);
}

static void hurry(void *user)
{
	Program *self = user;

	fs_drain_give_up(self->drain);
}

/* Both wait for requests that are being served. */
static void stop_telling(void *user)
{
	Program *self = user;

	fs_ahead_stop(self->fs.ahead);
	fs_notify_stop(self->fs.notify);
}

/* Nobody sees the mount any more, and what was open is closed or abandoned. */
static void drain_behind(Program *self)
{
	fs_socket_leave(self->socket);
	if (fs_drain_begin(self->drain)) {
		say_what_waits(self, "to be sent behind");
		fs_signals_allow(self->signals, self->config->flush_timeout_s);
		while (!fs_drain_is_over(self->drain))
			g_usleep(DRAIN_LOOK_US);
		fs_signals_allow(self->signals, 0);
	}
	fs_drain_report(self->drain);
}

static void serve(Program *self)
{
	struct fuse_session *session = fs_mount_session(self->mount);
	const FsSignalsHooks hooks = {
		.begin = begin_to_end,
		.is_ready = is_drained,
		.hurry = hurry,
		.before = stop_telling,
		.user = self,
	};

	if (self->config->is_read_only)
		fs_notify_shapes(self->fs.notify);
	if (self->fs.maildir != NULL)
		fs_notify_maildir(self->fs.notify, fs_maildirroot_is(&self->fs));
	self->fs.session = session;
	fs_signals_attach(self->signals, session, &hooks);
	fs_notify_start(self->fs.notify, session);
	if (self->ready >= 0)
		fs_daemon_ready(self->ready);
	self->ready = -1;
	g_info("%s is mounted at %s", self->config->source, self->config->mountpoint);
	fs_mount_loop(self->mount);
	fs_signals_ending(self->signals);
	stop_telling(self);
	fs_park_drain(self->fs.park);
	fs_workshop_stop(self->fs.workshop);
	fs_mount_unmount(self->mount);
	g_info("%s is unmounted", self->config->mountpoint);
	fs_handles_free(self->fs.handles);
	self->fs.handles = NULL;
	drain_behind(self);
}

/* --- the end ------------------------------------------------------------- */

/* From any step on. What was never made is NULL, and fine. */
static void take_down(Program *self)
{
	if (self->socket != NULL)
		fs_socket_stop(self->socket);
	if (self->is_cache_started)
		cache_stop(self->cache);
	fs_moved_stop(self->moved);
	ews_session_stop(self->session);
	fs_moved_free(self->moved);
	fs_drain_free(self->drain);
	fs_socket_free(self->socket);
	fs_notify_free(self->fs.notify);
	fs_watch_free(self->fs.watch);
	fs_handles_free(self->fs.handles);
	fs_ahead_free(self->fs.ahead);
	fs_workshop_free(self->fs.workshop);
	fs_shelf_free(self->fs.contents);
	g_clear_pointer(&self->fs.zone, g_time_zone_unref);
	fs_maildir_free(self->fs.maildir);
	cache_free(self->cache);
	fs_searches_free(self->fs.searches);
	fs_park_free(self->fs.park);
	fs_mount_free(self->mount);
	fs_budget_free(self->fs.budget);
	fs_control_free(self->fs.control);
	fs_enter_free(self->enter);
	fs_signals_free(self->signals);
	ews_secret_free(self->signin.password);
	fs_token_free(self->signin.token);
	fs_config_free(self->config);
}

static void complain(const GError *error, FsExit status)
{
	const char *advice = fs_exit_advice(status);

	fprintf(stderr, "ewsfs: %s%s%s\n", error->message, advice != NULL ? "; " : "",
		advice != NULL ? advice : "");
}

typedef struct Step {
	bool (*run)(Program *self, GError **error);
	FsExit failure;
	bool has_said_all; /* the error needs no advice */
} Step;

static const Step steps[] = {
	{prepare_process, FS_EXIT_LOCAL, true},
	{check_names, FS_EXIT_USAGE, true},
	{check_fuse, FS_EXIT_LOCAL, true},
	{check_mountpoint, FS_EXIT_MOUNTPOINT, true},
	{find_server, FS_EXIT_BY_ERROR, true},
	{sign_in, FS_EXIT_AUTH, true},
	{go_behind, FS_EXIT_LOCAL, true},
	{start_session, FS_EXIT_USAGE, true},
	{open_cache, FS_EXIT_LOCAL, true},
	{ask_server, FS_EXIT_BY_ERROR, false},
	{start_cache, FS_EXIT_BY_ERROR, false},
	{open_socket, FS_EXIT_LOCAL, true},
	{mount_it, FS_EXIT_MOUNTPOINT, true},
};

static FsExit take_steps(Program *self)
{
	for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_autoptr(GError) error = NULL;
		if (steps[i].run(self, &error))
			continue;
		FsExit status = steps[i].failure;
		if (status == FS_EXIT_BY_ERROR)
			status = fs_exit_of(error);
		complain(error, steps[i].has_said_all ? FS_EXIT_OK : status);
		return status;
	}
	return FS_EXIT_OK;
}

static FsExit mount_and_serve(Program *self)
{
	FsExit status = take_steps(self);

	if (status == FS_EXIT_OK)
		serve(self);
	take_down(self);
	return status;
}

int main(int argc, char **argv)
{
	Program self = {.ready = -1};
	g_autoptr(GError) error = NULL;

	fs_secret_harden();
	if (!read_config(&self, argc, argv, &error)) {
		complain(error, FS_EXIT_USAGE);
		return FS_EXIT_USAGE;
	}
	switch (self.action) {
	case FS_ACTION_HELP:
		fputs(fs_config_usage(), stdout);
		break;
	case FS_ACTION_VERSION:
		printf("ewsfs %s\n", EWSFS_VERSION);
		break;
	case FS_ACTION_NOTHING:
		break;
	case FS_ACTION_MOUNT:
		return (int)mount_and_serve(&self);
	}
	fs_config_free(self.config);
	return FS_EXIT_OK;
}
