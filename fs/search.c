/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/search.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/maildirplace.h"
#include "fs/page.h"
#include "fs/park.h"
#include "fs/searches.h"

#define IN "in:"

/* As for a listing that is under way (fs/dir.c): so long a LOOKUP may be parked. */
#define LOOKUP_US (2 * (int64_t)G_USEC_PER_SEC)

/* --- numbers ----------------------------------------------------------------------------- */

typedef enum Kind {
	KIND_ROOT,    /* .search */
	KIND_IN,      /* in:FOLDER, by its node */
	KIND_QUERY,   /* by its serial number */
	KIND_LINK,    /* .search/QUERY/NAME, by the node of the message */
	KIND_IN_LINK, /* .search/in:FOLDER/QUERY/NAME */
} Kind;

static fuse_ino_t ino_of(Kind kind, int64_t id)
{
	return fs_inode_make_hidden(FS_INODE_SEARCH,
		(uint64_t)kind << FS_INODE_ID_BITS | (uint64_t)id);
}

static Kind kind_of(fuse_ino_t ino)
{
	return (Kind)(fs_inode_content(ino) & 0xff);
}

#define INO_ROOT ino_of(KIND_ROOT, 1)

/* --- attributes -------------------------------------------------------------------------- */

static struct stat directory_attr(const Fs *fs, fuse_ino_t ino, int64_t found_at)
{
	int64_t at_us = found_at != 0 ? found_at : fs->mounted_at;
	struct timespec time = {.tv_sec = at_us / G_USEC_PER_SEC};

	return (struct stat){
		.st_ino = ino,
		.st_mode = S_IFDIR | (0500 & ~fs->config->umask),
		.st_nlink = 2,
		.st_uid = fs->config->uid,
		.st_gid = fs->config->gid,
		.st_blksize = 4096,
		.st_atim = time,
		.st_mtim = time,
		.st_ctim = time,
	};
}

/* Where the message is, from the root: "Inbox/a.eml"; NULL: nowhere. */
static char *path_of(const Fs *fs, const CacheNode *node)
{
	g_autoptr(GString) path = g_string_new(node->name);
	g_autoptr(CacheNode) dir = NULL;
	int64_t parent = node->parent;

	while (parent > 0 && parent != CACHE_ROOT && path->len < PATH_MAX) {
		g_clear_pointer(&dir, cache_node_unref);
		dir = cache_get(fs->cache, parent, NULL);
		if (dir == NULL)
			return NULL;
		g_string_prepend_c(path, '/');
		g_string_prepend(path, dir->name);
		parent = dir->parent;
	}
	return parent == CACHE_ROOT && path->len < PATH_MAX - 16
		       ? g_string_free(g_steal_pointer(&path), FALSE)
		       : NULL;
}

static char *target_of(const Fs *fs, fuse_ino_t ino, const CacheNode *node)
{
	g_autofree char *path =
		fs->maildir != NULL ? fs_maildir_path(fs, node) : path_of(fs, node);

	return path != NULL
		       ? g_strconcat(kind_of(ino) == KIND_LINK ? "../../" : "../../../", path, NULL)
		       : NULL;
}

/* FALSE: it leads nowhere any more. */
static bool fill_link(const Fs *fs, fuse_ino_t ino, const CacheNode *node, struct stat *ret_attr)
{
	g_autofree char *target = target_of(fs, ino, node);

	if (target == NULL)
		return false;
	fs_attr_fill(fs->config, node, ret_attr);
	ret_attr->st_ino = ino;
	ret_attr->st_mode = S_IFLNK | 0777;
	ret_attr->st_nlink = 1;
	ret_attr->st_size = (off_t)strlen(target);
	ret_attr->st_blocks = 0;
	return true;
}

static void get_link_attributes(fuse_req_t req, const Fs *fs, fuse_ino_t ino)
{
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), NULL);
	struct stat attr;

	if (node != NULL && fill_link(fs, ino, node, &attr))
		fuse_reply_attr(req, &attr, 0);
	else
		fuse_reply_err(req, ESTALE);
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);
	g_auto(FsSearchPlace) place = {0};

	if (kind_of(ino) == KIND_LINK || kind_of(ino) == KIND_IN_LINK) {
		get_link_attributes(req, fs, ino);
		return;
	}
	if (kind_of(ino) == KIND_QUERY &&
		!fs_searches_get(fs->searches, fs, fs_inode_node(ino), &place)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	struct stat attr = directory_attr(fs, ino, place.found_at);
	fuse_reply_attr(req, &attr, 0);
}

static void read_link(fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), NULL);
	g_autofree char *target = node != NULL ? target_of(fs, ino, node) : NULL;

	if (target != NULL)
		fuse_reply_readlink(req, target);
	else
		fuse_reply_err(req, ESTALE);
}

/* --- names ------------------------------------------------------------------------------- */

static void reply_directory(fuse_req_t req, const Fs *fs, fuse_ino_t ino, int64_t found_at)
{
	struct fuse_entry_param entry = {.ino = ino, .attr = directory_attr(fs, ino, found_at)};

	fuse_reply_entry(req, &entry);
}

/* What a name cannot hold: %2F is a slash, and %25 a percent sign where one of these is meant. */
static char *decode(const char *name)
{
	GString *out = g_string_new(NULL);

	for (; *name != '\0'; name++) {
		bool is_slash = g_ascii_strncasecmp(name, "%2F", 3) == 0;
		bool is_percent = strncmp(name, "%25", 3) == 0;
		g_string_append_c(out, is_slash ? '/' : *name);
		name += is_slash || is_percent ? 2 : 0;
	}
	return g_string_free(out, FALSE);
}

static CacheNode *find_folder(const Fs *fs, const char *path, GError **error)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	CacheNode *node = cache_get(fs->cache, CACHE_ROOT, error);

	for (char **name = names; *name != NULL && node != NULL; name++) {
		g_autoptr(CacheNode) dir = node;
		if (**name == '\0')
			node = cache_node_ref(dir);
		else
			node = cache_lookup(fs->cache, dir->id, *name, error);
	}
	return node;
}

static void look_up_folder(fuse_req_t req, const Fs *fs, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = decode(name + strlen(IN));
	g_autoptr(CacheNode) node = find_folder(fs, path, &error);

	if (node == NULL)
		fs_err_reply(req, error, "search");
	else if (node->kind != CACHE_KIND_DIR || node->is_scratch || *path == '\0')
		fuse_reply_err(req, ENOENT);
	else
		reply_directory(req, fs, ino_of(KIND_IN, node->id), 0);
}

static void look_up_query(fuse_req_t req, const Fs *fs, fuse_ino_t parent, const char *name)
{
	bool is_in = kind_of(parent) == KIND_IN;
	g_autoptr(GError) error = NULL;
	g_autofree char *query = decode(name);
	g_auto(FsSearchPlace) place = {0};

	if (!cache_query_check(query, &error)) {
		g_message("%s", error->message);
		fuse_reply_err(req, fs_err_number(error));
		return;
	}
	int64_t serial = fs_searches_open(fs->searches, is_in ? fs_inode_node(parent) : CACHE_ROOT,
		is_in, query);
	fs_searches_get(fs->searches, fs, serial, &place);
	reply_directory(req, fs, ino_of(KIND_QUERY, serial), place.found_at);
}

static void reply_link(fuse_req_t req, const Fs *fs, const FsSearchPlace *place, const char *name)
{
	int64_t id = fs_found_find(place->found, fs, name);
	g_autoptr(CacheNode) node = id != 0 ? cache_get(fs->cache, id, NULL) : NULL;
	struct fuse_entry_param entry = {
		.ino = ino_of(place->is_in ? KIND_IN_LINK : KIND_LINK, id),
	};

	if (node != NULL && fill_link(fs, entry.ino, node, &entry.attr))
		fuse_reply_entry(req, &entry);
	else
		fuse_reply_err(req, ENOENT);
}

static void reply_searched(FsParked *parked, FsParkedHow how, const GError *error)
{
	const Fs *fs = fs_of(parked->req);
	g_auto(FsSearchPlace) place = {0};

	if (how == FS_PARKED_LATE)
		fuse_reply_err(parked->req, EBUSY);
	else if (how == FS_PARKED_FAILED)
		fs_err_reply(parked->req, error, "search");
	else if (fs_searches_get(fs->searches, fs, fs_inode_node(parked->ino), &place) &&
		 place.found != NULL)
		reply_link(parked->req, fs, &place, parked->extra);
	else
		fuse_reply_err(parked->req, ESTALE);
}

static void look_up_link(fuse_req_t req, const Fs *fs, fuse_ino_t parent, const char *name)
{
	int64_t serial = fs_inode_node(parent);
	g_auto(FsSearchPlace) place = {0};

	if (!fs_searches_get(fs->searches, fs, serial, &place)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (place.found != NULL) {
		reply_link(req, fs, &place, name);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, parent, reply_searched);
	parked->extra = g_strdup(name);
	fs_parked_enter(parked, g_get_monotonic_time() + LOOKUP_US);
	fs_searches_await(fs->searches, fs, serial, parked);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);

	if (parent == FUSE_ROOT_ID)
		reply_directory(req, fs, INO_ROOT, 0);
	else if (parent == INO_ROOT && g_str_has_prefix(name, IN))
		look_up_folder(req, fs, name);
	else if (kind_of(parent) == KIND_ROOT || kind_of(parent) == KIND_IN)
		look_up_query(req, fs, parent, name);
	else
		look_up_link(req, fs, parent, name);
}

/* --- listing ----------------------------------------------------------------------------- */

/* What was found before is shown when the server is away, as any directory is; but not to backups,
 * who want nothing old. */
static bool may_be_old(const Fs *fs, fuse_ino_t ino, const GError *error)
{
	g_auto(FsSearchPlace) place = {0};

	return !fs->config->backup && ews_error_is_temporary(error) &&
	       fs_searches_get(fs->searches, fs, fs_inode_node(ino), &place) && place.found != NULL;
}

static void reply_opened(FsParked *parked, FsParkedHow how, const GError *error)
{
	if (how == FS_PARKED_DONE || may_be_old(fs_of(parked->req), parked->ino, error))
		fuse_reply_open(parked->req, &parked->info);
	else
		fs_err_reply(parked->req, error, "search");
}

static void open_directory(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);
	int64_t serial = fs_inode_node(ino);
	g_auto(FsSearchPlace) place = {0};

	if (kind_of(ino) != KIND_QUERY) {
		fuse_reply_open(req, info);
		return;
	}
	if (!fs_searches_get(fs->searches, fs, serial, &place)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	if (place.is_fresh) {
		fuse_reply_open(req, info);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_opened);
	parked->info = *info;
	fs_parked_enter(parked, 0);
	fs_searches_await(fs->searches, fs, serial, parked);
}

/* A link's cookie is its message's id and this, so that another search meanwhile moves nothing. */
#define COOKIE_OF (FS_PAGE_FIRST_COOKIE - (CACHE_ROOT + 1))

static void add_links(const Fs *fs, FsPage *page, const FsSearchPlace *place)
{
	for (guint i = 0; i < fs_found_count(place->found); i++) {
		int64_t id = fs_found_node(place->found, i);
		const char *name = fs_found_name(place->found, fs, i);
		if (name == NULL || id + COOKIE_OF <= page->offset)
			continue;
		g_autoptr(CacheNode) node = cache_get(fs->cache, id, NULL);
		fuse_ino_t ino = ino_of(place->is_in ? KIND_IN_LINK : KIND_LINK, id);
		if (node != NULL && node->parent > 0 &&
			!fs_page_add(page, name, ino, S_IFLNK, id + COOKIE_OF))
			return;
	}
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	const Fs *fs = fs_of(req);
	g_auto(FsSearchPlace) place = {0};
	g_auto(FsPage) page = {0};

	if (kind_of(ino) == KIND_QUERY &&
		(!fs_searches_get(fs->searches, fs, fs_inode_node(ino), &place) ||
			place.found == NULL)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	fs_page_init(&page, req, size, offset, is_plus);
	if (fs_page_add_dots(&page, INO_ROOT) && place.found != NULL)
		add_links(fs, &page, &place);
	fs_page_reply(&page);
}

/* --- the tree ---------------------------------------------------------------------------- */

const FsHidden fs_search_tree = {
	.name = ".search",
	.lookup = look_up,
	.getattr = get_attributes,
	.readlink = read_link,
	.opendir = open_directory,
	.readdir = read_directory,
};
