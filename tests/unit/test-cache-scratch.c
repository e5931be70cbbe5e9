/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "cache/scratch.h"

/*
 * What a name says of a file: each row is a name that a tool was seen to make, or one that a person
 * would give.
 */

typedef struct Row {
	const char *name;
	CacheNameKind kind;
} Row;

static const Row rows[] = {
	{"a.eml", CACHE_NAME_MESSAGE},
	{"A.EML", CACHE_NAME_MESSAGE},
	{"2026-11-20T101500Z_Sender-Name_Budget.k3f9q2zt7a.eml", CACHE_NAME_MESSAGE},
	{"meeting.ics", CACHE_NAME_MESSAGE},
	{"Jane Doe.vcf", CACHE_NAME_MESSAGE},
	{"draft.tmp.eml", CACHE_NAME_MESSAGE},
	{"#1 of 3.eml", CACHE_NAME_MESSAGE},
	{"~a.eml", CACHE_NAME_MESSAGE},
	{"\303\244.eml", CACHE_NAME_MESSAGE},
	{"4913.eml", CACHE_NAME_MESSAGE},

	{".a.eml", CACHE_NAME_SCRATCH},
	{".a.eml.Xy12Zq", CACHE_NAME_SCRATCH}, /* rsync */
	{".a.eml.swp", CACHE_NAME_SCRATCH},
	{".#a.eml", CACHE_NAME_SCRATCH},
	{".eml", CACHE_NAME_SCRATCH},
	{"#a.eml#", CACHE_NAME_SCRATCH},
	{"##", CACHE_NAME_SCRATCH},
	{"a.eml~", CACHE_NAME_SCRATCH},
	{"a.eml.~1~", CACHE_NAME_SCRATCH},
	{"~$a.eml", CACHE_NAME_SCRATCH},
	{"4913", CACHE_NAME_SCRATCH},
	{"sedAbCdEf", CACHE_NAME_SCRATCH},
	{"~", CACHE_NAME_SCRATCH},
	{"a.eml.part", CACHE_NAME_SCRATCH},
	{"a.eml.1b2c3d4e.partial", CACHE_NAME_SCRATCH},
	{"a.TMP", CACHE_NAME_SCRATCH},
	{"a.eml.orig", CACHE_NAME_SCRATCH},
	{"a.eml.bak", CACHE_NAME_SCRATCH},
	{"a.eml.new", CACHE_NAME_SCRATCH},
	{"a.eml.lock", CACHE_NAME_SCRATCH},
	{"a.eml.crdownload", CACHE_NAME_SCRATCH},
	{"a.eml.swo", CACHE_NAME_SCRATCH},
	{"a.eml.QW12er", CACHE_NAME_SCRATCH},  /* GLib, Qt */
	{"a.eml.oSmJDAQ", CACHE_NAME_SCRATCH}, /* patch */
	{"a.ICS.123456789", CACHE_NAME_SCRATCH},

	{"report.pdf", CACHE_NAME_OTHER},
	{"a.eml.gz", CACHE_NAME_OTHER},
	{"a.eml.QW12e!", CACHE_NAME_OTHER},
	{"a.eml.backups", CACHE_NAME_OTHER},
	{"a.pdf.QW12er", CACHE_NAME_OTHER},
	{"123456.7", CACHE_NAME_OTHER},
	{"a.", CACHE_NAME_OTHER},
	{"a.emlx", CACHE_NAME_OTHER},
	{"a.txt", CACHE_NAME_OTHER},
};

static void test_rows(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (cache_name_kind(rows[i].name) != rows[i].kind)
			g_error("%s: %d, not %d", rows[i].name, (int)cache_name_kind(rows[i].name),
				(int)rows[i].kind);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/scratch/names", test_rows);
	return g_test_run();
}
