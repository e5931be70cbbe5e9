/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/addresses.h"

#include <gmime/gmime.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Recipients of one message; no server takes more. */
#define ADDRESSES_MAX 5000

/* A header with more of them names nobody. */
#define COLONS_MAX 2000

static void init_gmime(void)
{
	g_mime_init();
}

static void free_address(gpointer data)
{
	EwsAddress *self = data;

	g_free(self->name);
	g_free(self->address);
	g_free(self);
}

static void add_mailbox(GPtrArray *all, InternetAddress *one)
{
	const char *address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
	const char *name = internet_address_get_name(one);
	EwsAddress *added;

	if (!address || !*address || all->len >= ADDRESSES_MAX)
		return;
	added = g_new0(EwsAddress, 1);
	added->address = g_utf8_make_valid(address, -1);
	added->name = name && *name ? g_utf8_make_valid(name, -1) : NULL;
	g_ptr_array_add(all, added);
}

/* A group holds mailboxes, and GMime makes no groups in groups. */
static void add_list(GPtrArray *all, InternetAddressList *list)
{
	for (int i = 0; i < internet_address_list_length(list); i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		InternetAddressList *members;

		if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
			add_mailbox(all, one);
			continue;
		}
		members = internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one));
		for (int j = 0; members && j < internet_address_list_length(members); j++) {
			InternetAddress *member = internet_address_list_get_address(members, j);

			if (INTERNET_ADDRESS_IS_MAILBOX(member))
				add_mailbox(all, member);
		}
	}
}

/* GMime calls itself for each group in a group, and a colon may open one. */
static bool is_too_deep(const char *value)
{
	unsigned colons = 0;

	while ((value = strchr(value, ':')) != NULL && colons <= COLONS_MAX) {
		colons++;
		value++;
	}
	return colons > COLONS_MAX;
}

static void add_value(GPtrArray *all, const char *value)
{
	InternetAddressList *list =
		is_too_deep(value) ? NULL : internet_address_list_parse(NULL, value);

	if (!list)
		return;
	add_list(all, list);
	g_object_unref(list);
}

/* The value that begins in this line, if it is the header's; with the lines that go on with it. */
static char *value_of(const char *line, const char *end, const char *header)
{
	size_t len = strlen(header);
	GString *value;

	if ((size_t)(end - line) <= len || g_ascii_strncasecmp(line, header, len) != 0)
		return NULL;
	line += len;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	if (line == end || *line != ':')
		return NULL;
	value = g_string_new(NULL);
	for (line++; line < end; line++) {
		if (*line == '\n' && (line + 1 == end || (line[1] != ' ' && line[1] != '\t')))
			break;
		g_string_append_c(value, *line == '\n' || *line == '\r' || !*line ? ' ' : *line);
	}
	return g_string_free(value, FALSE);
}

GPtrArray *ews_addresses_of(const char *head, gsize len, const char *header)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	GPtrArray *all = g_ptr_array_new_with_free_func(free_address);
	const char *end = head + len;
	const char *line = head;

	pthread_once(&once, init_gmime);
	while (line < end) {
		const char *feed = memchr(line, '\n', (size_t)(end - line));
		g_autofree char *value = value_of(line, end, header);

		if (value)
			add_value(all, value);
		line = feed ? feed + 1 : end;
	}
	return all;
}
