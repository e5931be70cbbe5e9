/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/xattr.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "fs/readonly.h"

#define PREFIX "user.ewsfs."

/* An item as its attributes see it; what is only here may have no details. */
typedef struct Item {
	const CacheNode *node;
	const CacheDetails *details; /* NULL only for attributes of the node */
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

static const char *const importances[] = {"low", "normal", "high", NULL};
static const char *const flags_set[] = {"none", "flagged", "complete", NULL};

static char *word_of(int number, const char *const *words)
{
	int count = (int)g_strv_length((char **)words);

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
	return word_of(item->details->importance, importances);
}

static char *value_categories(const Item *item)
{
	return g_strdup(item->details->categories);
}

static char *value_flag(const Item *item)
{
	return word_of(item->details->flag, flags_set);
}

static char *value_error(const Item *item)
{
	return g_strdup(item->details->error);
}

static char *value_scratch(const Item *item)
{
	return item->node->is_scratch ? yes_or_no(true) : NULL;
}

/* --- values to be set ---------------------------------------------------- */

/* FALSE: @text is none of the values. Strings in @fields are borrowed from it. */
typedef bool (*Taker)(const char *text, CacheFields *fields);

static bool take_subject(const char *text, CacheFields *fields)
{
	fields->subject = text;
	return true;
}

static bool take_categories(const char *text, CacheFields *fields)
{
	fields->categories = text;
	return true;
}

static bool take_is_read(const char *text, CacheFields *fields)
{
	fields->is_read = g_str_equal(text, "1");
	return fields->is_read || g_str_equal(text, "0");
}

static bool take_word(const char *text, const char *const *words, int *ret_number)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (g_str_equal(text, words[i])) {
			*ret_number = i;
			return true;
		}
	}
	return false;
}

static bool take_importance(const char *text, CacheFields *fields)
{
	return take_word(text, importances, &fields->importance);
}

static bool take_flag(const char *text, CacheFields *fields)
{
	return take_word(text, flags_set, &fields->flag);
}

static bool take_time(const char *text, int64_t *ret_us)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, utc);

	if (time == NULL)
		return false;
	*ret_us = g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
	return true;
}

static bool take_received(const char *text, CacheFields *fields)
{
	return take_time(text, &fields->received);
}

static bool take_sent(const char *text, CacheFields *fields)
{
	return take_time(text, &fields->sent);
}

/* --- the table ----------------------------------------------------------- */

enum {
	OF_FOLDERS = 1 << 0, /* directories have it too */
	OF_NODES = 1 << 1,   /* known without details */
	WHILE_NEW = 1 << 2,  /* set only until the server has the item */
};

typedef struct Attribute {
	const char *name; /* after the prefix */
	Value value;
	unsigned traits;
	Taker take; /* NULL: cannot be set */
	unsigned field;
	const char *untouched; /* what removing it sets; NULL: cannot be removed */
} Attribute;

static const Attribute attributes[] = {
	{"item_id", value_item_id, .traits = OF_FOLDERS},
	{"change_key", value_change_key, .traits = OF_FOLDERS},
	{"item_class", value_item_class, .traits = OF_FOLDERS},
	{"subject", value_subject, 0, take_subject, CACHE_FIELD_SUBJECT, ""},
	{"from", .value = value_from},
	{"to", .value = value_to},
	{"received", value_received, 0, take_received, CACHE_FIELD_RECEIVED, NULL},
	{"sent", value_sent, WHILE_NEW, take_sent, CACHE_FIELD_SENT, NULL},
	{"size", value_size, .traits = OF_NODES},
	{"size_exact", value_size_exact, .traits = OF_NODES},
	{"has_attachments", .value = value_has_attachments},
	{"is_read", value_is_read, 0, take_is_read, CACHE_FIELD_IS_READ, "0"},
	{"importance", value_importance, 0, take_importance, CACHE_FIELD_IMPORTANCE, "normal"},
	{"categories", value_categories, 0, take_categories, CACHE_FIELD_CATEGORIES, ""},
	{"flag", value_flag, 0, take_flag, CACHE_FIELD_FLAG, "none"},
	{"error", .value = value_error},
	{"scratch", value_scratch, .traits = OF_NODES},
};

static char *value_of(const Attribute *attribute, const Item *item)
{
	if (item->node->kind == CACHE_KIND_DIR && !(attribute->traits & OF_FOLDERS))
		return NULL;
	if (item->details == NULL && !(attribute->traits & OF_NODES))
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
 * details, nor has a file that is no item yet. */
static bool look_up(fuse_req_t req, int64_t id, CacheNode **ret_node, CacheDetails **ret_details)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, id, &error);
	CacheDetails *details = node != NULL ? cache_details(fs->cache, id, &error) : NULL;

	if (node == NULL || (details == NULL && !ews_error_is(error, EWS_ERROR_NOT_FOUND))) {
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

	if (attribute == NULL || fs_inode_is_hidden(ino)) {
		fuse_reply_err(req, g_str_has_prefix(name, "user.") ? ENODATA : EOPNOTSUPP);
		return;
	}
	if (!look_up(req, fs_inode_node(ino), &node, &details))
		return;
	Item item = {.node = node, .details = details};
	g_autofree char *value = value_of(attribute, &item);
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

	if (fs_inode_is_hidden(ino)) {
		reply_value(req, names->str, 0, size);
		return;
	}
	if (!look_up(req, fs_inode_node(ino), &node, &details))
		return;
	Item item = {.node = node, .details = details};
	for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++) {
		g_autofree char *value = value_of(&attributes[i], &item);
		if (value == NULL)
			continue;
		g_string_append_printf(names, PREFIX "%s", attributes[i].name);
		g_string_append_c(names, '\0');
	}
	reply_value(req, names->str, names->len, size);
}

/* --- setting ------------------------------------------------------------- */

/* One SETXATTR or REMOVEXATTR. */
typedef struct Setting {
	const Attribute *attribute; /* NULL: no name of ours */
	const char *text;           /* NULL: to be removed */
	int flags;                  /* XATTR_CREATE, XATTR_REPLACE */
	bool is_new;                /* everything is accepted */
} Setting;

/* The errno of it. */
static int set_field(const Fs *fs, int64_t id, const Setting *setting, const char *text)
{
	CacheFields fields = {.set = setting->attribute->field};
	g_autoptr(GError) error = NULL;

	if (!setting->attribute->take(text, &fields))
		return EINVAL;
	if (!cache_set_fields(fs->cache, id, &fields, &error))
		return fs_err_number(error);
	if (fs->maildir != NULL)
		fs_notify_marks(fs->notify, id);
	return 0;
}

static bool can_set(const Setting *setting)
{
	const Attribute *attribute = setting->attribute;

	return attribute != NULL && attribute->take != NULL &&
	       (setting->is_new || !(attribute->traits & WHILE_NEW));
}

static int set_text(const Fs *fs, int64_t id, const Setting *setting, const char *value)
{
	if (value != NULL && setting->flags & XATTR_CREATE)
		return EEXIST;
	if (value == NULL && setting->flags & XATTR_REPLACE)
		return ENODATA;
	if (g_strcmp0(value, setting->text) == 0)
		return 0;
	if (can_set(setting))
		return set_field(fs, id, setting, setting->text);
	return setting->is_new ? 0 : EPERM;
}

static int remove_text(const Fs *fs, int64_t id, const Setting *setting, const char *value)
{
	const char *untouched = setting->attribute != NULL ? setting->attribute->untouched : NULL;

	if (value == NULL)
		return setting->is_new ? 0 : ENODATA;
	if (untouched != NULL)
		return set_field(fs, id, setting, untouched);
	return setting->is_new ? 0 : EPERM;
}

static void change_item(fuse_req_t req, int64_t id, Setting *setting)
{
	const Fs *fs = fs_of(req);
	g_autoptr(CacheNode) node = NULL;
	g_autoptr(CacheDetails) details = NULL;

	if (!look_up(req, id, &node, &details))
		return;
	if (node->kind == CACHE_KIND_DIR) {
		fuse_reply_err(req, 0);
		return;
	}
	Item item = {.node = node, .details = details};
	g_autofree char *value =
		setting->attribute != NULL ? value_of(setting->attribute, &item) : NULL;
	setting->is_new = node->is_scratch || cache_is_new(fs->cache, id);
	fuse_reply_err(req, setting->text != NULL ? set_text(fs, id, setting, value)
						  : remove_text(fs, id, setting, value));
}

/* Names that are not ours are nowhere to be kept. */
static bool refuse_name(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	bool is_ours = g_str_has_prefix(name, PREFIX);

	if (g_str_has_prefix(name, "user.") && fs_readonly_refuse(req, ino))
		return true;
	if (!is_ours)
		fuse_reply_err(req, EOPNOTSUPP);
	return !is_ours;
}

void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
	size_t size, int flags)
{
	g_autofree char *text = g_strndup(value, size);
	Setting setting = {.attribute = find_attribute(name), .text = text, .flags = flags};

	if (refuse_name(req, ino, name))
		return;
	if (strlen(text) == size && g_utf8_validate(text, (gssize)size, NULL))
		change_item(req, fs_inode_node(ino), &setting);
	else
		fuse_reply_err(req, EINVAL);
}

void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	Setting setting = {.attribute = find_attribute(name)};

	if (!refuse_name(req, ino, name))
		change_item(req, fs_inode_node(ino), &setting);
}
