/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/shelf.h"

#include <stdbool.h>

/* A thing is its own count of references. */
static void *ref(void *thing)
{
	++*(int *)thing;
	return thing;
}

static void unref(void *thing)
{
	--*(int *)thing;
}

static const FsShelfKind kind = {.ref = ref, .unref = unref, .count_max = 3, .bytes_max = 100};

static bool is_there(FsShelf *shelf, uint64_t number, int *thing)
{
	void *found = fs_shelf_find(shelf, number);

	if (found == NULL)
		return false;
	g_assert_true(found == thing);
	unref(found);
	return true;
}

static void test_count(void)
{
	FsShelf *shelf = fs_shelf_new(&kind);
	int things[4] = {0};

	for (unsigned i = 0; i < 4; i++)
		fs_shelf_put(shelf, 10 + i, &things[i], 1);
	g_assert_false(is_there(shelf, 10, &things[0]));
	g_assert_cmpint(things[0], ==, 0);
	for (unsigned i = 1; i < 4; i++)
		g_assert_true(is_there(shelf, 10 + i, &things[i]));
	g_assert_false(is_there(shelf, 99, NULL));
	fs_shelf_free(shelf);
	for (unsigned i = 0; i < 4; i++)
		g_assert_cmpint(things[i], ==, 0);
}

/* The newest stays, however large it is: who reads it by pieces wants it once more. */
static void test_bytes(void)
{
	FsShelf *shelf = fs_shelf_new(&kind);
	int small = 0;
	int large = 0;
	int other = 0;

	fs_shelf_put(shelf, 1, &small, 100);
	g_assert_true(is_there(shelf, 1, &small));
	fs_shelf_put(shelf, 2, &large, 5000);
	g_assert_false(is_there(shelf, 1, &small));
	g_assert_true(is_there(shelf, 2, &large));
	fs_shelf_put(shelf, 3, &other, 10);
	g_assert_false(is_there(shelf, 2, &large));
	fs_shelf_put(shelf, 1, &small, 90);
	g_assert_true(is_there(shelf, 3, &other));
	g_assert_true(is_there(shelf, 1, &small));
	fs_shelf_free(shelf);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/shelf/so-many", test_count);
	g_test_add_func("/fs/shelf/so-large", test_bytes);
	return g_test_run();
}
