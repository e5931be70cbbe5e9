/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Misbehaviour on order: what to do wrong, in which requests. The list is shared and has its
 * own lock; what is picked for one request is a plain record of that request.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct FaultList FaultList;

/* What befalls one request. -1 and NULL: nothing. */
typedef struct FaultPlan {
	int delay_ms;
	int64_t cut;
	int http;
	int retry_s;
	char *location;
	int busy_ms;
	bool is_busy_200;
	bool is_lost;
	int late_ms;
	int slow_ms;
	bool truncate;
	bool garbage;
	bool bad_base64;
	bool bad_state;
	bool silent_state;
	bool wrong_type;
	bool stopped;
	int stop_after;
	char *stop_code;
	char *soap_code;
	bool is_soap_200;
	bool empty_page;
	bool repeat;
	int skip;	/* the message that is left out, counted from 1, or 0 */
	bool ghost;
	bool lose_read;
	bool pretend;
	bool leave;
	GPtrArray *items;	/* FaultItem */
} FaultPlan;

typedef struct FaultItem {
	char *code;
	char *subject;	/* a part of it, or NULL */
	int nth;	/* counted from 1, or 0 */
} FaultItem;

FaultList *fault_list_new(void);
void fault_list_free(FaultList *self);
bool fault_list_add(FaultList *self, const char *spec, GError **error);
/* Returns how often those that were in force had struck. */
unsigned fault_list_clear(FaultList *self);
FaultPlan *fault_list_pick(FaultList *self, const char *op, GBytes *body);
void fault_plan_free(FaultPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FaultPlan, fault_plan_free)
const char *fault_plan_item(const FaultPlan *self, int nth, const char *subject);
