/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/render.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/content.h"
#include "tests/ewsd/pim.h"

static const struct {
	const char *class;
	const char *element;
	bool is_message;
} ELEMENTS[] = {
	{"IPM.Appointment", "CalendarItem", false},
	{"IPM.Contact", "Contact", false},
	{"IPM.DistList", "DistributionList", false},
	{"IPM.Task", "Task", false},
	{"IPM.Post", "PostItem", false},
	{"IPM.Schedule.Meeting.Request", "MeetingRequest", true},
	{"IPM.Schedule.Meeting.Canceled", "MeetingCancellation", true},
	{"IPM.Schedule.Meeting.Resp", "MeetingResponse", true},
	{"IPM.StickyNote", "Item", false},
	{"IPM.Activity", "Item", false},
	{"IPM.Configuration", "Item", false},
};

static int element_of(const Item *item)
{
	for (size_t i = 0; i < G_N_ELEMENTS(ELEMENTS); i++) {
		if (item->class && g_ascii_strncasecmp(item->class, ELEMENTS[i].class,
			strlen(ELEMENTS[i].class)) == 0)
			return (int)i;
	}
	return -1;
}

const char *render_element(const Item *item)
{
	int i = element_of(item);

	return i < 0 ? "Message" : ELEMENTS[i].element;
}

bool render_has_mime(const Item *item)
{
	return item->body || item->seed_bytes;
}

void render_item_id(Out *out, const IdsKey *key, const Item *item)
{
	char id[IDS_TEXT];
	char change_key[IDS_CHANGE_KEY];

	ids_encode(key, IDS_ITEM, item->id, id);
	ids_change_key(key, item->seq, change_key);
	out_printf(out, "<t:ItemId Id=\"%s\" ChangeKey=\"%s\"/>", id, change_key);
}

void render_folder_id(Out *out, const IdsKey *key, const char *name, int64_t id, int64_t seq)
{
	char text[IDS_TEXT];
	char change_key[IDS_CHANGE_KEY];

	ids_encode(key, IDS_FOLDER, id, text);
	ids_change_key(key, seq, change_key);
	out_printf(out, "<t:%s Id=\"%s\" ChangeKey=\"%s\"/>", name, text, change_key);
}

static void mailbox(Out *out, const char *name, const char *addr)
{
	out_raw(out, "<t:Mailbox>");
	out_elem(out, "t:Name", name && *name ? name : addr);
	out_elem(out, "t:EmailAddress", addr ? addr : "");
	out_raw(out, "<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>");
}

static void person(Out *out, const char *elem, const Item *item)
{
	if (!item->from_addr)
		return;
	out_printf(out, "<%s>", elem);
	mailbox(out, item->from_name, item->from_addr);
	out_printf(out, "</%s>", elem);
}

static void people(Out *out, const char *elem, const char *lines)
{
	g_auto(GStrv) all = g_strsplit(lines, "\n", -1);

	out_printf(out, "<%s>", elem);
	for (char **one = all; *one; one++) {
		char *tab = strchr(*one, '\t');

		if (tab)
			*tab = '\0';
		mailbox(out, *one, tab ? tab + 1 : "");
	}
	out_printf(out, "</%s>", elem);
}

static void lines(Out *out, const char *elem, const char *text)
{
	g_auto(GStrv) all = g_strsplit(text, "\n", -1);

	out_printf(out, "<%s>", elem);
	for (char **one = all; *one; one++)
		out_elem(out, "t:String", *one);
	out_printf(out, "</%s>", elem);
}

static void rights(Out *out, bool read_only, bool is_folder)
{
	bool may = !read_only;

	out_raw(out, "<t:EffectiveRights>");
	out_bool(out, "t:CreateAssociated", may && is_folder);
	out_bool(out, "t:CreateContents", may && is_folder);
	out_bool(out, "t:CreateHierarchy", may && is_folder);
	out_bool(out, "t:Delete", may);
	out_bool(out, "t:Modify", may);
	out_raw(out, "<t:Read>true</t:Read><t:ViewPrivateItems>true</t:ViewPrivateItems>"
		"</t:EffectiveRights>");
}

static void ext_property(Out *out, const ExtField *ext, const char *value)
{
	out_printf(out, "<t:ExtendedProperty><t:ExtendedFieldURI%s/>", ext->echo);
	if (g_str_has_suffix(ext->type, "Array")) {
		g_auto(GStrv) all = g_strsplit(value, "\x1e", -1);

		out_raw(out, "<t:Values>");
		for (char **one = all; *one; one++)
			out_elem(out, "t:Value", *one);
		out_raw(out, "</t:Values>");
	} else {
		out_elem(out, "t:Value", value);
	}
	out_raw(out, "</t:ExtendedProperty>");
}

static void headers(Out *out, GBytes *mime)
{
	gsize length = 0;
	const char *data = mime ? g_bytes_get_data(mime, &length) : "";
	g_autofree char *text = g_utf8_make_valid(data, (gssize)MIN(length, 65536u));
	g_auto(GStrv) all = g_strsplit(text, "\n", -1);

	out_raw(out, "<t:InternetMessageHeaders>");
	for (char **line = all; *line && **line && **line != '\r'; line++) {
		char *colon = strchr(*line, ':');
		g_autofree char *name = NULL;

		if (!colon || colon == *line || **line == ' ' || **line == '\t')
			continue;
		name = g_strndup(*line, (gsize)(colon - *line));
		out_raw(out, "<t:InternetMessageHeader HeaderName=\"");
		out_text(out, name);
		out_raw(out, "\">");
		out_text(out, g_strstrip(colon + 1));
		out_raw(out, "</t:InternetMessageHeader>");
	}
	out_raw(out, "</t:InternetMessageHeaders>");
}

/* Enough for clients that want some text: what follows the header, as it is. */
static void body_text(Out *out, GBytes *mime)
{
	gsize length = 0;
	const char *data = mime ? g_bytes_get_data(mime, &length) : "";
	const char *blank = length ? memmem(data, length, "\r\n\r\n", 4) : NULL;
	const char *start = blank ? blank + 4 : data;
	g_autofree char *text = g_utf8_make_valid(start,
		(gssize)MIN((gsize)(length - (gsize)(start - data)), 262144u));

	out_raw(out, "<t:Body BodyType=\"Text\">");
	out_text(out, text);
	out_raw(out, "</t:Body>");
}

static void mime_content(Out *out, GBytes *mime, bool bad)
{
	gsize length;
	const void *data = g_bytes_get_data(mime, &length);

	out_raw(out, "<t:MimeContent CharacterSet=\"UTF-8\">");
	out_base64(out, data, length);
	/* One sign too much and one that is none: no decoder can make sense of it. */
	if (bad)
		out_raw(out, "*A");
	out_raw(out, "</t:MimeContent>");
}

static void flag(Out *out, const Item *item)
{
	out_raw(out, "<t:Flag>");
	out_elem(out, "t:FlagStatus", FIELD_FLAG[item->flag % 3]);
	if (item->flag == 1)
		out_date(out, "t:CompleteDate", item->modified, false);
	out_raw(out, "</t:Flag>");
}

static void other(Out *out, const IdsKey *key, const Item *item, const Field *field,
	const Shape *shape)
{
	switch (field->other) {
	case OTHER_ID:
		render_item_id(out, key, item);
		break;
	case OTHER_PARENT:
		render_folder_id(out, key, "ParentFolderId", item->folder, 1);
		break;
	case OTHER_EXT:
		for (guint i = 0; i < shape->ext->len; i++) {
			if (shape->ext_values->pdata[i])
				ext_property(out, shape->ext->pdata[i],
					shape->ext_values->pdata[i]);
		}
		break;
	case OTHER_RIGHTS:
		rights(out, false, false);
		break;
	case OTHER_FLAG:
		flag(out, item);
		break;
	case OTHER_SENDER:
		person(out, "t:Sender", item);
		break;
	case OTHER_FROM:
		person(out, "t:From", item);
		break;
	case OTHER_TOPIC:
		out_elem(out, "t:ConversationTopic", item->subject);
		break;
	case OTHER_CONVERSATION:
		out_printf(out, "<t:ConversationId Id=\"%s\"/>", item->search_key);
		break;
	case OTHER_NONE:
	case OTHER_MIME:
	case OTHER_BODY:
	case OTHER_HEADERS:
		break;
	}
}

static void enumeration(Out *out, const Field *field, int64_t value)
{
	if (strcmp(field->column, "importance") == 0)
		out_elem(out, field->elem, FIELD_IMPORTANCE[value % 3]);
	else
		out_elem(out, field->elem, FIELD_SENSITIVITY[value % 4]);
}

static void simple(Out *out, const Item *item, const Field *field, bool with_ms)
{
	const void *at = (const char *)item + field->offset;
	bool is_text = field->kind == FIELD_STRING || field->kind == FIELD_LINES
		|| field->kind == FIELD_PEOPLE;
	const char *text = is_text ? *(char *const *)at : NULL;
	int64_t value = is_text ? 0 : *(const int64_t *)at;

	if (is_text && !text)
		return;
	switch (field->kind) {
	case FIELD_STRING:
		out_elem(out, field->elem, text);
		break;
	case FIELD_LINES:
		lines(out, field->elem, text);
		break;
	case FIELD_PEOPLE:
		people(out, field->elem, text);
		break;
	case FIELD_DATE:
		if (value)
			out_date(out, field->elem, value, with_ms);
		break;
	case FIELD_BOOL:
		out_bool(out, field->elem, value != 0);
		break;
	case FIELD_INT:
		out_int(out, field->elem, value);
		break;
	case FIELD_ENUM:
		enumeration(out, field, value);
		break;
	case FIELD_OTHER:
		break;
	}
}

void render_prepare(Store *store, const Item *item, Shape *shape)
{
	g_free(shape->pim);
	shape->pim = pim_prepare(store, item, shape);
	g_ptr_array_set_size(shape->ext_values, 0);
	for (guint i = 0; i < shape->ext->len; i++)
		g_ptr_array_add(shape->ext_values,
			ext_value(store, item, shape->ext->pdata[i], shape->with_ms));
}

static void from_mime(Out *out, const Field *field, GBytes *mime, bool bad_base64, bool has_pim)
{
	if (field->other == OTHER_MIME && mime)
		mime_content(out, mime, bad_base64);
	else if (field->other == OTHER_BODY && !has_pim)
		body_text(out, mime);
	else if (field->other == OTHER_HEADERS)
		headers(out, mime);
}

void render_item(Out *out, const IdsKey *key, const Item *item, const Shape *shape,
	GBytes *mime, bool bad_base64)
{
	int which = element_of(item);
	const char *element = render_element(item);
	bool is_message = which < 0 || ELEMENTS[which].is_message;

	out_printf(out, "<t:%s>", element);
	for (unsigned i = 0; i < FIELDS_N; i++) {
		const Field *field = &FIELDS[i];

		if (!(shape->fields >> i & 1) || (!is_message && (field->flags & FIELD_MESSAGE)))
			continue;
		if (field->kind != FIELD_OTHER)
			simple(out, item, field, shape->with_ms);
		else if (field->flags & FIELD_HEAVY)
			from_mime(out, field, mime, bad_base64, shape->pim != NULL);
		else
			other(out, key, item, field, shape);
	}
	out_raw(out, shape->pim ? shape->pim : "");
	out_printf(out, "</t:%s>", element);
}

static const struct {
	const char *class;
	const char *element;
} FOLDER_ELEMENTS[] = {
	{"IPF.Appointment", "CalendarFolder"},
	{"IPF.Contact", "ContactsFolder"},
	{"IPF.Task", "TasksFolder"},
};

const char *render_folder_element(const Folder *folder)
{
	if (folder->is_search)
		return "SearchFolder";
	for (size_t i = 0; folder->class && i < G_N_ELEMENTS(FOLDER_ELEMENTS); i++) {
		if (g_ascii_strcasecmp(folder->class, FOLDER_ELEMENTS[i].class) == 0)
			return FOLDER_ELEMENTS[i].element;
	}
	return "Folder";
}

static char *replica(Store *store, const Folder *folder, const ExtField *ext)
{
	char *said = folder_prop(store, folder->id, ext->key);

	if (said || !store_number(store,
		"SELECT count(*) FROM folders WHERE dist = 'publicfoldersroot'", 0, 0))
		return said;

	g_autofree char *name = content_name(store, folder->id);
	g_autofree char *guid = content_guid(name);
	return g_base64_encode((const guchar *)guid, strlen(guid) + 1);
}

static char *folder_ext(Store *store, const Folder *folder, const ExtField *ext)
{
	char text[CLOCK_TEXT];

	switch (ext->tag) {
	case 0x670a:
		/* Milliseconds always: they are the point of this property. */
		clock_format(folder->commit, true, text);
		return g_strdup(text);
	case 0x670b:
		return g_strdup_printf("%" G_GINT64_FORMAT, folder->deleted);
	case 0x6698:
		return replica(store, folder, ext);
	case 0x10f4:
		return g_strdup(folder->hidden ? "true" : "false");
	case 0x0e08:
		return g_strdup_printf("%" G_GINT64_FORMAT, folder->size);
	case 0x3602:
		return g_strdup_printf("%" G_GINT64_FORMAT, folder->total);
	case 0x3603:
		return g_strdup_printf("%" G_GINT64_FORMAT, folder->unread);
	case 0x360a:
		return g_strdup(folder->children ? "true" : "false");
	case 0x3001:
		return g_strdup(folder->name);
	case 0x3613:
		return g_strdup(folder->class);
	default:
		return folder_prop(store, folder->id, ext->key);
	}
}

static bool wants(const Shape *shape, const char *uri, bool in_default)
{
	if (shape->is_all || (shape->is_default && in_default))
		return true;
	for (guint i = 0; i < shape->folder_uris->len; i++) {
		if (strcmp(shape->folder_uris->pdata[i], uri) == 0)
			return true;
	}
	return false;
}

static void folder_tail(Out *out, const Folder *folder, const Shape *shape)
{
	bool is_mail = strcmp(render_folder_element(folder), "CalendarFolder") != 0
		&& strcmp(render_folder_element(folder), "ContactsFolder") != 0;

	if (wants(shape, "folder:EffectiveRights", false))
		rights(out, folder->read_only != 0, true);
	if (folder->dist && wants(shape, "folder:DistinguishedFolderId", true))
		out_elem(out, "t:DistinguishedFolderId", folder->dist);
	if (is_mail && wants(shape, "folder:UnreadCount", true))
		out_int(out, "t:UnreadCount", folder->unread);
}

/* Exchange tells of another parent than publicfoldersroot where that is it. */
static int64_t told_parent(Store *store, const Folder *folder)
{
	int64_t other = store_number(store,
		"SELECT parent FROM folders WHERE id = ? AND dist = 'publicfoldersroot'",
		folder->parent, 0);

	return other ? other : folder->parent;
}

void render_folder(Out *out, Store *store, const Folder *folder, const Shape *shape)
{
	const IdsKey *key = store_key(store);
	const char *element = render_folder_element(folder);

	out_printf(out, "<t:%s>", element);
	render_folder_id(out, key, "FolderId", folder->id, folder->seq);
	if (wants(shape, "folder:ParentFolderId", false))
		render_folder_id(out, key, "ParentFolderId", told_parent(store, folder), 1);
	if (folder->class && wants(shape, "folder:FolderClass", false))
		out_elem(out, "t:FolderClass", folder->class);
	if (wants(shape, "folder:DisplayName", true))
		out_elem(out, "t:DisplayName", folder->name);
	if (wants(shape, "folder:TotalCount", true))
		out_int(out, "t:TotalCount", folder->total);
	if (wants(shape, "folder:ChildFolderCount", true))
		out_int(out, "t:ChildFolderCount", folder->children);
	for (guint i = 0; i < shape->ext->len; i++) {
		g_autofree char *value = folder_ext(store, folder, shape->ext->pdata[i]);

		if (value)
			ext_property(out, shape->ext->pdata[i], value);
	}
	folder_tail(out, folder, shape);
	out_printf(out, "</t:%s>", element);
}
