/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/words.h"

char *fs_words_time(int64_t us)
{
	g_autoptr(GDateTime) time =
		us > 0 ? g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC) : NULL;

	return time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("never");
}

char *fs_words_size(uint64_t bytes)
{
	return g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
}

char *fs_words_duration(int64_t seconds)
{
	if (seconds < 60)
		return g_strdup_printf("%d s", (int)seconds);
	if (seconds < 3600)
		return g_strdup_printf("%d min %d s", (int)(seconds / 60), (int)(seconds % 60));
	return g_strdup_printf("%" G_GINT64_FORMAT " h %d min", seconds / 3600,
		(int)(seconds % 3600 / 60));
}

char *fs_words_line(const char *text)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (const char *c = text; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c) || *c == '\\')
			g_string_append_printf(line, "\\%03o", (unsigned char)*c);
		else
			g_string_append_c(line, *c);
	}
	return g_string_free(g_steal_pointer(&line), FALSE);
}

char *fs_words_count(uint64_t count, const char *one, const char *many)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT " %s", count, count == 1 ? one : many);
}
