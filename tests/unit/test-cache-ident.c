/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/ident.h"

/*
 * Identity. The fixed values below are a promise to every backup that was ever made of a mount:
 * when they change, every file looks new.
 */

static void make(CacheIdent *ret_ident, CacheIdentKind kind, const char *id)
{
	cache_ident_make(ret_ident, kind, id, strlen(id));
}

static void test_range(void)
{
	for (int i = 0; i < 50000; i++) {
		CacheIdent ident;
		g_autofree char *id = g_strdup_printf("id-%d", i);
		make(&ident, CACHE_IDENT_ITEM_ID, id);
		g_assert_cmpint(ident.hash, >=, 1);
		g_assert_cmpuint(strlen(ident.letters), ==, CACHE_KEY_LETTERS);
		g_assert_cmpuint(strspn(ident.letters, "0123456789abcdefghjkmnpqrstvwxyz"), ==,
			CACHE_KEY_LETTERS);
		uint64_t ino = cache_ident_ino(ident.hash, cache_ident_mailbox("a@example.org"));
		g_assert_cmpuint(ino, >=, 2);
		g_assert_cmpuint(ino, <=, INT64_MAX);
	}
}

static void test_fixed(void)
{
	CacheIdent ident;
	const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	make(&ident, CACHE_IDENT_ITEM_ID, "AAMkADAw");
	g_assert_cmpint(ident.hash, ==, INT64_C(8322449323577994074));
	g_assert_cmpstr(ident.letters, ==, "hxz6q8673g");
	cache_ident_make(&ident, CACHE_IDENT_SEARCH_KEY, key, sizeof key);
	g_assert_cmpint(ident.hash, ==, INT64_C(5100699020511436702));
	g_assert_cmpstr(ident.letters, ==, "g4qb6jpvp8");
	g_assert_cmpint(cache_ident_mailbox("user@example.org"), ==, INT64_C(2149103107006270536));
	g_assert_cmpuint(cache_ident_ino(ident.hash, cache_ident_mailbox("user@example.org")), ==,
		UINT64_C(6564690659587412950));
}

static void test_kinds(void)
{
	CacheIdent item, key, folder;
	make(&item, CACHE_IDENT_ITEM_ID, "same");
	make(&key, CACHE_IDENT_SEARCH_KEY, "same");
	make(&folder, CACHE_IDENT_FOLDER_ID, "same");
	g_assert_cmpint(item.hash, !=, key.hash);
	g_assert_cmpint(item.hash, !=, folder.hash);
	g_assert_cmpstr(item.letters, !=, key.letters);
}

/* A search key is bytes: what comes after a NUL counts. */
static void test_bytes(void)
{
	CacheIdent a, b;
	cache_ident_make(&a, CACHE_IDENT_SEARCH_KEY, "x\0y", 3);
	cache_ident_make(&b, CACHE_IDENT_SEARCH_KEY, "x\0z", 3);
	g_assert_cmpint(a.hash, !=, b.hash);
}

static void test_inverse(void)
{
	int64_t mailbox = cache_ident_mailbox("user@example.org");
	for (int i = 0; i < 10000; i++) {
		CacheIdent ident;
		g_autofree char *id = g_strdup_printf("id-%d", i);
		make(&ident, CACHE_IDENT_SEARCH_KEY, id);
		uint64_t ino = cache_ident_ino(ident.hash, mailbox);
		g_assert_cmpint(cache_ident_of_ino(ino, mailbox), ==, ident.hash);
	}
}

static void test_low_numbers(void)
{
	g_assert_cmpuint(cache_ident_ino(5, 5), ==, 2);
	g_assert_cmpuint(cache_ident_ino(5, 4), ==, 3);
	g_assert_cmpuint(cache_ident_ino(7, 5), ==, 2);
	g_assert_cmpuint(cache_ident_ino(INT64_MAX, 0), ==, INT64_MAX);
}

static void test_mailboxes(void)
{
	CacheIdent ident;
	make(&ident, CACHE_IDENT_SEARCH_KEY, "shared by a copy in another mailbox");
	g_assert_cmpuint(cache_ident_ino(ident.hash, cache_ident_mailbox("a@example.org")), !=,
		cache_ident_ino(ident.hash, cache_ident_mailbox("b@example.org")));
}

static uint64_t print(const char *data, size_t len)
{
	return cache_ident_print(CACHE_PRINT_BEGIN, data, len);
}

static void test_print(void)
{
	g_assert_cmpuint(print("", 0), ==, CACHE_PRINT_BEGIN);
	g_assert_cmpuint(print("a", 1), !=, print("b", 1));
	g_assert_cmpuint(print("a\0b", 3), !=, print("a\0c", 3));
	g_assert_cmpuint(cache_ident_print(print("a", 1), "b", 1), ==, print("ab", 2));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/ident/stays-in-its-range", test_range);
	g_test_add_func("/cache/ident/never-changes", test_fixed);
	g_test_add_func("/cache/ident/kinds-are-apart", test_kinds);
	g_test_add_func("/cache/ident/counts-every-byte", test_bytes);
	g_test_add_func("/cache/ident/number-leads-back", test_inverse);
	g_test_add_func("/cache/ident/leaves-low-numbers-free", test_low_numbers);
	g_test_add_func("/cache/ident/mailboxes-do-not-share-numbers", test_mailboxes);
	g_test_add_func("/cache/ident/print-notices-a-change", test_print);
	return g_test_run();
}
