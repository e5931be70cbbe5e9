/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdbool.h>

#include "fs/fs.h"

/*
 * Requests without a kernel: the program's own fuse_reply_* and their like take the place of
 * libfuse's, and note what was answered. A second answer to one request fails the test.
 */

typedef enum FakeKind {
	FAKE_NONE, /* not answered yet */
	FAKE_ERROR,
	FAKE_ENTRY,
	FAKE_ATTR,
	FAKE_OPEN,
	FAKE_CREATE,
	FAKE_BYTES,
	FAKE_WRITE,
	FAKE_XATTR,
	FAKE_STATFS,
	FAKE_FORGOTTEN,
} FakeKind;

struct fuse_req {
	Fs *fs;
	struct fuse_ctx ctx;
	/* guarded by the fake's lock */
	FakeKind kind;
	int error; /* of ERROR */
	struct fuse_entry_param entry;
	struct stat attr;
	double timeout;
	struct fuse_file_info info;
	struct statvfs space;
	GByteArray *bytes; /* own; of BYTES */
	size_t count;      /* of XATTR, WRITE */
	fuse_interrupt_func_t interrupt;
	void *interrupt_data;
	bool is_interrupted;
	bool is_refused; /* the caller is gone: replies give ENOENT */
};

fuse_req_t fake_req_new(Fs *fs);
void fake_req_free(fuse_req_t req);

/* What was answered so far. */
FakeKind fake_req_kind(fuse_req_t req);
int fake_req_error(fuse_req_t req);

/* Waits for the answer, for a second at most. */
FakeKind fake_req_wait(fuse_req_t req);

/* As the kernel's INTERRUPT. */
void fake_req_interrupt(fuse_req_t req);

/* Directory entries as the fake packs them: "name ino cookie type\n". */
char *fake_req_text(fuse_req_t req);

/* What the kernel was told since the last call, one a line. */
char *fake_notified(void);
