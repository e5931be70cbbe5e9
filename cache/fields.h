/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/intent.h"
#include "ews/types.h"

/*
 * Properties that a program set: what is pending of them wins over what the server says, until the
 * server has it. Inside a transaction.
 */

/* @to, which takes the place of @from, gets its flags, categories and received date, but for what
 * was set on it already (@set: CACHE_FIELD_). */
bool cache_fields_inherit(CacheConn *conn, int64_t to, int64_t from, unsigned set,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* cache_set_fields. */
bool cache_fields_set(Cache *cache, CacheConn *conn, const CacheNode *node,
	const CacheFields *fields, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Lays what is pending for @node over what the server says. */
bool cache_fields_overlay(CacheConn *conn, int64_t node, EwsItem *item,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
