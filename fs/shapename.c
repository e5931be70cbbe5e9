/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/shapename.h"

#include <string.h>

#include "ews/error.h"

#define MESSAGE_EXT ".eml"

char *fs_shapename_make(const char *name, const char *ext)
{
	size_t len = strlen(name);

	if (g_str_has_suffix(name, MESSAGE_EXT) && len > strlen(MESSAGE_EXT))
		len -= strlen(MESSAGE_EXT);
	return g_strdup_printf("%.*s%s", (int)len, name, ext);
}

static void set_missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such name");
}

static bool is_file(const CacheNode *node)
{
	return node->kind == CACHE_KIND_FILE && !node->is_scratch;
}

static bool is_dir(const CacheNode *node)
{
	return node->kind == CACHE_KIND_DIR && !node->is_scratch;
}

/* The node called @name, if @is_wanted; NULL with NOT_FOUND else. */
static CacheNode *find(const Fs *fs, int64_t dir, const char *name,
	bool (*is_wanted)(const CacheNode *node), GError **error)
{
	g_autoptr(CacheNode) node = cache_lookup(fs->cache, dir, name, error);

	if (node == NULL || is_wanted(node))
		return g_steal_pointer(&node);
	set_missing(error);
	return NULL;
}

/* The message that is there as @stem and the extension. */
static CacheNode *find_message(const Fs *fs, int64_t dir, const char *stem, GError **error)
{
	g_autofree char *message = g_strconcat(stem, MESSAGE_EXT, NULL);
	g_autoptr(GError) problem = NULL;
	CacheNode *node = find(fs, dir, message, is_file, &problem);

	if (node == NULL && ews_error_is(problem, EWS_ERROR_NOT_FOUND) &&
		!g_str_has_suffix(stem, MESSAGE_EXT))
		return find(fs, dir, stem, is_file, error);
	if (node == NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	return node;
}

CacheNode *fs_shapename_find(const Fs *fs, int64_t dir, const char *name, const char *ext,
	GError **error)
{
	g_autoptr(GError) problem = NULL;

	if (dir == CACHE_ROOT && g_str_equal(name, CACHE_SEND_NAME)) {
		set_missing(error);
		return NULL;
	}
	CacheNode *node = find(fs, dir, name, is_dir, &problem);
	if (node == NULL && ews_error_is(problem, EWS_ERROR_NOT_FOUND) &&
		g_str_has_suffix(name, ext) && strlen(name) > strlen(ext)) {
		g_autofree char *stem = g_strndup(name, strlen(name) - strlen(ext));
		return find_message(fs, dir, stem, error);
	}
	if (node == NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	return node;
}

/* What would be called like a message beside it, or like a directory, is not shown, nor found. */
static bool is_taken(const Fs *fs, const CacheNode *node, const char *made, const char *ext)
{
	g_autofree char *message = g_strconcat(node->name, MESSAGE_EXT, NULL);
	g_autoptr(CacheNode) other = g_str_has_suffix(node->name, MESSAGE_EXT)
		? NULL : find(fs, node->parent, message, is_file, NULL);

	if (other == NULL && *ext == '\0')
		other = find(fs, node->parent, made, is_dir, NULL);
	return other != NULL;
}

char *fs_shapename_of(const Fs *fs, const CacheNode *node, const char *ext)
{
	if (is_dir(node))
		return g_strdup(node->name);
	if (!is_file(node))
		return NULL;
	g_autofree char *name = fs_shapename_make(node->name, ext);
	if (strlen(name) > FS_NAME_MAX || is_taken(fs, node, name, ext))
		return NULL;
	return g_steal_pointer(&name);
}
