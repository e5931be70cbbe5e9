/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Takes what looks like a secret out of a text that people, logs or status files are to see:
 * headers that sign in, tokens, and the fields of forms and JSON that hold such.
 *
 * Nothing of ours puts them there; but servers repeat what they were sent, in words that we pass
 * on. Applied where strangers' words come in (ews/error.c, ews/grant.c), and once more to every
 * line that is logged (fs/log.c), at every level. Pure; any thread.
 */
char *ews_redact(const char *text);
