/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replays a corpus through a fuzzer, so that what was found once is an ordinary test: every file
 * of each directory given, and from each of them some crippled ones. Built instead of libFuzzer's
 * main where -Dfuzzing is off.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whole, cut short, and with a byte changed here and there: always the same ones. */
static void replay(const char *data, gsize len)
{
	g_autofree guint8 *copy = g_memdup2(data, len);

	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	for (int i = 1; i < 8; i++)
		LLVMFuzzerTestOneInput((const uint8_t *)data, len * (gsize)i / 8);
	for (int i = 0; i < 16 && len > 0; i++) {
		gsize at = (len * (gsize)i / 16 + (gsize)i * 7) % len;

		copy[at] ^= (guint8)(1 << (i % 8));
		LLVMFuzzerTestOneInput(copy, len);
	}
}

static unsigned replay_directory(const char *path)
{
	GDir *directory = g_dir_open(path, 0, NULL);
	unsigned count = 0;
	const char *name;

	if (!directory)
		g_error("no corpus in %s", path);
	while ((name = g_dir_read_name(directory))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		g_autofree char *data = NULL;
		gsize len;

		if (!g_file_get_contents(file, &data, &len, NULL))
			continue;
		replay(data, len);
		count++;
	}
	g_dir_close(directory);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count += replay_directory(argv[i]);
	printf("%u files\n", count);
	return count > 0 ? 0 : 1;
}
