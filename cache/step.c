/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/step.h"

#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
	[CACHE_STEP_COMMIT] = "commit",
	[CACHE_STEP_SEND] = "send",
	[CACHE_STEP_ANSWER] = "answer",
};

/* set once, then const */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_any;
static int wanted = -1;   /* CacheStep */
static int count_fd = -1; /* "count:FILE": a line a step */

static atomic_int left; /* steps of the wanted kind until the end */

static void set_up(void)
{
	const char *text = g_getenv("EWSFS_TEST_KILL");
	const char *colon = text != NULL ? strchr(text, ':') : NULL;
	if (colon == NULL)
		return;
	g_autofree char *word = g_strndup(text, (gsize)(colon - text));
	if (strcmp(word, "count") == 0) {
		count_fd = open(colon + 1, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		return;
	}
	atomic_store(&left, atoi(colon + 1));
	is_any = strcmp(word, "any") == 0;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(word, names[i]) == 0)
			wanted = (int)i;
	}
}

static void count(CacheStep step)
{
	g_autofree char *line = g_strdup_printf("%s\n", names[step]);
	size_t len = strlen(line);
	if (write(count_fd, line, len) != (ssize_t)len)
		g_warning("EWSFS_TEST_KILL: cannot count");
}

void cache_step(CacheStep step)
{
	pthread_once(&once, set_up);
	if (count_fd >= 0)
		count(step);
	if ((is_any || wanted == (int)step) && atomic_fetch_sub(&left, 1) == 1)
		kill(getpid(), SIGKILL);
}
