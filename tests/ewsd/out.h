/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer to one request: text is appended by the request's own thread and handed in
 * pieces to the thread that owns the sockets. Appending never blocks; `out_flush` may,
 * when the client reads slowly, so it must not be called with the store locked.
 *
 * An Out can be told to be deaf (the work is done, nobody hears), to be cut after some
 * bytes, or to stop early: that is how the faults of the transport are made.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Out Out;

/* Called on the flushing thread: `take` has news, tell the thread that owns the socket. */
typedef void (*OutWake)(void *data);

Out *out_new(OutWake wake, void *data);
void out_free(Out *self);

/* The request's thread. */
GString *out_buf(Out *self);
void out_raw(Out *self, const char *text);
void out_printf(Out *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void out_text(Out *self, const char *text);
void out_elem(Out *self, const char *name, const char *text);
void out_bool(Out *self, const char *name, bool value);
void out_int(Out *self, const char *name, int64_t value);
void out_date(Out *self, const char *name, int64_t ms, bool with_ms);
void out_base64(Out *self, const void *data, size_t length);
void out_set_deaf(Out *self);
void out_set_cut(Out *self, uint64_t bytes);
/* Keep everything until the end, which then may be shortened. */
void out_set_hold(Out *self);
void out_flush(Out *self);
void out_end(Out *self);
uint64_t out_total(Out *self);
bool out_is_gone(Out *self);

/* Sleep, but wake early when the client has gone; true when it is still there. */
bool out_sleep(Out *self, unsigned ms);

/* The socket's thread. */
GBytes *out_take(Out *self, bool *ret_ended, bool *ret_cut);
/* How much is still on its way. */
size_t out_wrote(Out *self, size_t bytes);
void out_gone(Out *self);
