/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/xattr.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/inode.h"

#define PREFIX "user.ewsfs."

/* An item as its attributes see it. */
typedef struct Item {
	const CacheNode *node;
	const CacheDetails *details;
} Item;

/* --- values -------------------------------------------------------------- */

/* The value as text, owned; NULL where the item has none. */
typedef char *(*Value)(const Item *item);

static char *yes_or_no(bool is_so)
{
	return g_strdup(is_so ? "1" : "0");
}

/* "2026-11-20T10:15:00Z"; with microseconds where there are any. */
static char *time_text(int64_t us)
{
	if (us == INT64_MIN)
		return NULL;
	int64_t rest = us % G_USEC_PER_SEC;
	if (rest < 0)
		rest += G_USEC_PER_SEC;
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc((us - rest) / G_USEC_PER_SEC);
	if (time == NULL)
		return NULL;
	g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
	if (rest == 0)
		return g_strconcat(text, "Z", NULL);
	return g_strdup_printf("%s.%06dZ", text, (int)rest);
}

static char *word_of(int number, const char *const *words, int count)
{
	return number >= 0 && number < count ? g_strdup(words[number]) : NULL;
}

static char *value_item_id(const Item *item)
{
	return g_strdup(item->details->item_id);
}

static char *value_change_key(const Item *item)
{
	return g_strdup(item->details->change_key);
}

static char *value_item_class(const Item *item)
{
	return g_strdup(item->details->item_class);
}

static char *value_subject(const Item *item)
{
	return g_strdup(item->details->subject);
}

static char *value_from(const Item *item)
{
	return g_strdup(item->details->from);
}

static char *value_to(const Item *item)
{
	return g_strdup(item->details->to);
}

static char *value_received(const Item *item)
{
	return time_text(item->details->received);
}

static char *value_sent(const Item *item)
{
	return time_text(item->details->sent);
}

static char *value_size(const Item *item)
{
	int64_t size = item->node->size >= 0 ? item->node->size : item->node->size_hint;

	return g_strdup_printf("%" G_GINT64_FORMAT, size);
}

static char *value_size_exact(const Item *item)
{
	return yes_or_no(fs_attr_is_exact(item->node));
}

static char *value_has_attachments(const Item *item)
{
	return yes_or_no(item->details->has_attachments);
}

static char *value_is_read(const Item *item)
{
	return yes_or_no(item->details->is_read);
}

static char *value_importance(const Item *item)
{
	static const char *const words[] = {"low", "normal", "high"};

	return word_of(item->details->importance, words, G_N_ELEMENTS(words));
}

static char *value_categories(const Item *item)
{
	return g_strdup(item->details->categories);
}

static char *value_flag(const Item *item)
{
	static const char *const words[] = {"none", "flagged", "complete"};

	return word_of(item->details->flag, words, G_N_ELEMENTS(words));
}

static char *value_error(const Item *item)
{
	return g_strdup(item->details->error);
}

typedef struct Attribute {
	const char *name; /* after the prefix */
	Value value;
	bool is_of_folders; /* directories have it too */
} Attribute;

static const Attribute attributes[] = {
	{"item_id", value_item_id, true},
	{"change_key", value_change_key, true},
	{"item_class", value_item_class, true},
	{"subject", value_subject, false},
	{"from", value_from, false},
	{"to", value_to, false},
	{"received", value_received, false},
	{"sent", value_sent, false},
	{"size", value_size, false},
	{"size_exact", value_size_exact, false},
	{"has_attachments", value_has_attachments, false},
	{"is_read", value_is_read, false},
	{"importance", value_importance, false},
	{"categories", value_categories, false},
	{"flag", value_flag, false},
	{"error", value_error, false},
};

static char *value_of(const Attribute *attribute, const Item *item)
{
	if (item->node->kind == CACHE_KIND_DIR && !attribute->is_of_folders)
		return NULL;
	return attribute->value(item);
}

/* --- answering ----------------------------------------------------------- */

static void reply_value(fuse_req_t req, const char *value, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, len);
}

/* FALSE when the request was answered with an error. A folder of which no more is known has no
 * details. */
static bool look_up(fuse_req_t req, int64_t id, CacheNode **ret_node, CacheDetails **ret_details)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, id, &error);
	CacheDetails *details = node != NULL ? cache_details(fs->cache, id, &error) : NULL;

	if (node == NULL || (details == NULL && node->kind == CACHE_KIND_FILE)) {
		fs_err_reply(req, error, "xattr");
		return false;
	}
	*ret_node = g_steal_pointer(&node);
	*ret_details = details;
	return true;
}

static const Attribute *find_attribute(const char *name)
{
	if (!g_str_has_prefix(name, PREFIX))
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
		if (g_str_equal(attributes[i].name, name + strlen(PREFIX)))
			return &attributes[i];
	}
	return NULL;
}

void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	const Attribute *attribute = find_attribute(name);
	g_autoptr(CacheNode) node = NULL;
	g_autoptr(CacheDetails) details = NULL;

	if (attribute == NULL || fs_inode_is_control(ino)) {
		fuse_reply_err(req, g_str_has_prefix(name, "user.") ? ENODATA : EOPNOTSUPP);
		return;
	}
	if (!look_up(req, fs_inode_node(ino), &node, &details))
		return;
	Item item = {.node = node, .details = details};
	g_autofree char *value = details != NULL ? value_of(attribute, &item) : NULL;
	if (value != NULL)
		reply_value(req, value, strlen(value), size);
	else
		fuse_reply_err(req, ENODATA);
}

void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	g_autoptr(GString) names = g_string_new(NULL);
	g_autoptr(CacheNode) node = NULL;
	g_autoptr(CacheDetails) details = NULL;

	if (!fs_inode_is_control(ino) && !look_up(req, fs_inode_node(ino), &node, &details))
		return;
	Item item = {.node = node, .details = details};
	for (size_t i = 0; details != NULL && i < G_N_ELEMENTS(attributes); i++) {
		g_autofree char *value = value_of(&attributes[i], &item);
		if (value == NULL)
			continue;
		g_string_append_printf(names, PREFIX "%s", attributes[i].name);
		g_string_append_c(names, '\0');
	}
	reply_value(req, names->str, names->len, size);
}

static void refuse_change(fuse_req_t req, const char *name)
{
	fuse_reply_err(req, g_str_has_prefix(name, "user.") ? EROFS : EOPNOTSUPP);
}

void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t size, int flags)
{
	refuse_change(req, name);
}

void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	refuse_change(req, name);
}
