/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/xml.h"

#include <string.h>

static const char BASE64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t\r\n";

bool xml_is(const xmlNode *node, const char *name)
{
	return node && strcmp((const char *)node->name, name) == 0;
}

static xmlNode *skip(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *xml_first(const xmlNode *parent)
{
	return parent ? skip(parent->children) : NULL;
}

xmlNode *xml_next(const xmlNode *node)
{
	return skip(node->next);
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
	for (xmlNode *n = xml_first(parent); n; n = xml_next(n)) {
		if (xml_is(n, name))
			return n;
	}
	return NULL;
}

xmlNode *xml_path(const xmlNode *parent, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	xmlNode *node = NULL;

	for (char **name = names; *name; name++) {
		node = xml_child(node ? node : parent, *name);
		if (!node)
			return NULL;
	}
	return node;
}

unsigned xml_count(const xmlNode *parent)
{
	unsigned n = 0;

	for (xmlNode *c = xml_first(parent); c; c = xml_next(c))
		n++;
	return n;
}

static char *take(xmlChar *text)
{
	char *copy = g_strdup((const char *)text);

	xmlFree(text);
	return copy;
}

char *xml_attr(const xmlNode *node, const char *name)
{
	return node ? take(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

int64_t xml_attr_int(const xmlNode *node, const char *name, int64_t fallback)
{
	g_autofree char *text = xml_attr(node, name);

	return text ? g_ascii_strtoll(text, NULL, 10) : fallback;
}

bool xml_attr_is(const xmlNode *node, const char *name, const char *value)
{
	g_autofree char *text = xml_attr(node, name);

	return text && strcmp(text, value) == 0;
}

char *xml_text(const xmlNode *node)
{
	return node ? take(xmlNodeGetContent(node)) : NULL;
}

char *xml_child_text(const xmlNode *parent, const char *name)
{
	return xml_text(xml_child(parent, name));
}

bool xml_is_true(const xmlNode *node)
{
	g_autofree char *text = xml_text(node);

	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

GBytes *xml_base64(const xmlNode *node)
{
	const xmlNode *text = node->children;
	const char *encoded = text && text->content ? (const char *)text->content : "";
	size_t length = 0;
	unsigned char *data;

	/* One text node, whatever its length: not copied, it may be 200 MB. */
	if (encoded[strspn(encoded, BASE64)])
		return NULL;
	data = g_base64_decode(encoded, &length);
	return g_bytes_new_take(data, length);
}
