/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gmime/gmime.h>

#include "view/out.h"

/*
 * The lines above a message: who, when, what. Decoded, one line each, in this order, and only those
 * that it has. @message NULL: only what is known of it.
 */
void view_head_write(GMimeMessage *message, const ViewFacts *facts, ViewOut *out);

/* All that is in the head of a message, of itself and of its body, as it stands there: decoded,
 * one line each. */
void view_head_write_all(GMimeMessage *message, ViewOut *out);
