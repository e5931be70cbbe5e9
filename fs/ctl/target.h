/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

#include "fs/ctl/ctl.h"
#include "fs/talk.h"

/*
 * The mount that is meant, what of a path lies below it, and how to ask it.
 */
typedef struct CtlTarget {
	char *mountpoint; /* own */
	char *below;      /* own; without a leading slash */
} CtlTarget;

void ctl_target_clear(CtlTarget *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CtlTarget, ctl_target_clear)

/* By a path in it. NULL: by the current directory, else the one mailbox that is mounted. */
CtlExit ctl_target_find(const char *path, CtlTarget *ret_target);

/* The same for who gives no path: @mount, else $EWSFS_MOUNT, else as above. */
CtlExit ctl_target_choose(const char *mount, CtlTarget *ret_target);

/* By the one operand, where there is one, else chosen. */
CtlExit ctl_target_meant(const CtlArguments *arguments, CtlTarget *ret_target);

/* Without links, as far as that can be found out: of a dead mount, or of what is no longer there,
 * only up to the directory above. */
char *ctl_target_absolute(const char *path);

/* One of .ewsfs/, whole. */
CtlExit ctl_target_read(const CtlTarget *self, const char *name, char **ret_text);
CtlExit ctl_target_read_json(const CtlTarget *self, const char *name, JsonObject **ret_object);

/* A connection to its socket. */
CtlExit ctl_target_talk(const CtlTarget *self, FsTalk **ret_talk);

/* What is asked, to its end. */
typedef struct CtlAsk {
	JsonBuilder *command;    /* borrowed; its object is ended */
	int64_t seconds;         /* that the daemon was given; -1: as long as it takes */
	FsTalkProgress progress; /* or NULL */
} CtlAsk;

/* *ret_answer is the last line; whether it is "done" is for the caller to see. */
CtlExit ctl_talk_ask(FsTalk *talk, const CtlAsk *ask, JsonObject **ret_answer);

/* A builder with {"command": name, and nothing yet to end it. */
JsonBuilder *ctl_command_new(const char *name);

/* "3 to be sent, 1 held, 2 failed", of an answer or of status.json; NULL: nothing is left. */
char *ctl_left(JsonObject *answer);
