/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/fault.h"

#include <pthread.h>
#include <string.h>

typedef enum FaultKind {
	FAULT_DELAY, FAULT_CUT, FAULT_HTTP, FAULT_BUSY, FAULT_BUSY_200, FAULT_LOSE, FAULT_LATE,
	FAULT_SLOW, FAULT_ITEM_ERROR, FAULT_STOP_BATCH, FAULT_BAD_STATE, FAULT_SILENT_STATE,
	FAULT_TRUNCATE, FAULT_GARBAGE, FAULT_BAD_BASE64, FAULT_WRONG_TYPE, FAULT_SOAP,
	FAULT_SOAP_200, FAULT_EMPTY_PAGE, FAULT_REPEAT, FAULT_SKIP, FAULT_GHOST, FAULT_LOSE_READ,
	FAULT_PRETEND,
	FAULT_LEAVE,
} FaultKind;

static const struct {
	const char *name;
	FaultKind kind;
	bool needs_value;
} KINDS[] = {
	{"delay", FAULT_DELAY, true}, {"cut", FAULT_CUT, true}, {"http", FAULT_HTTP, true},
	{"busy", FAULT_BUSY, false}, {"busy200", FAULT_BUSY_200, false},
	{"lose", FAULT_LOSE, false}, {"late", FAULT_LATE, true}, {"slow", FAULT_SLOW, true},
	{"itemerror", FAULT_ITEM_ERROR, true}, {"stopbatch", FAULT_STOP_BATCH, false},
	{"badstate", FAULT_BAD_STATE, false}, {"silentstate", FAULT_SILENT_STATE, false},
	{"truncate", FAULT_TRUNCATE, false}, {"garbage", FAULT_GARBAGE, false},
	{"badbase64", FAULT_BAD_BASE64, false}, {"wrongtype", FAULT_WRONG_TYPE, false},
	{"fault", FAULT_SOAP, true}, {"fault200", FAULT_SOAP_200, true},
	{"emptypage", FAULT_EMPTY_PAGE, false}, {"repeat", FAULT_REPEAT, false},
	{"skip", FAULT_SKIP, true}, {"ghost", FAULT_GHOST, false},
	{"loseread", FAULT_LOSE_READ, false}, {"pretend", FAULT_PRETEND, false},
	{"leave", FAULT_LEAVE, false},
};

typedef struct Fault {
	FaultKind kind;
	char *value;
	char *op;
	char *subject;
	char *code;
	char *with;
	char *location;
	int nth;
	int retry_s;
	int every;
	int after;
	int count;
	int seen;
	int fired;
} Fault;

struct FaultList {
	pthread_mutex_t lock;
	GPtrArray *faults;	/* guarded by lock */
};

static void fault_free(gpointer data)
{
	Fault *self = data;

	g_free(self->value);
	g_free(self->op);
	g_free(self->subject);
	g_free(self->code);
	g_free(self->with);
	g_free(self->location);
	g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fault, fault_free)

FaultList *fault_list_new(void)
{
	FaultList *self = g_new0(FaultList, 1);

	pthread_mutex_init(&self->lock, NULL);
	self->faults = g_ptr_array_new_with_free_func(fault_free);
	return self;
}

void fault_list_free(FaultList *self)
{
	if (!self)
		return;
	g_ptr_array_unref(self->faults);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static bool refuse(GError **error, const char *what, const char *word)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "fault: %s '%s'", what, word);
	return false;
}

static bool read_kind(Fault *self, const char *word, const char *value, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++) {
		if (strcmp(KINDS[i].name, word) != 0)
			continue;
		if (KINDS[i].needs_value && !value)
			return refuse(error, "a value is missing after", word);
		self->kind = KINDS[i].kind;
		self->value = g_strdup(value);
		return true;
	}
	return refuse(error, "unknown kind", word);
}

static bool read_key(Fault *self, const char *word, const char *value, GError **error)
{
	const struct {
		const char *name;
		char **text;
		int *number;
	} keys[] = {
		{"op", &self->op, NULL}, {"item", &self->subject, NULL},
		{"code", &self->code, NULL}, {"nth", NULL, &self->nth},
		{"with", &self->with, NULL}, {"location", &self->location, NULL},
		{"retry", NULL, &self->retry_s}, {"every", NULL, &self->every},
		{"after", NULL, &self->after}, {"count", NULL, &self->count},
	};

	for (size_t i = 0; value && i < G_N_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].name, word) != 0)
			continue;
		if (keys[i].text) {
			g_free(*keys[i].text);
			*keys[i].text = g_strdup(value);
		} else {
			*keys[i].number = atoi(value);
		}
		return true;
	}
	return refuse(error, "unknown key", word);
}

bool fault_list_add(FaultList *self, const char *spec, GError **error)
{
	g_autoptr(Fault) fault = g_new0(Fault, 1);
	g_auto(GStrv) words = g_strsplit(spec, ",", -1);

	fault->every = 1;
	fault->retry_s = -1;
	for (char **word = words; *word; word++) {
		char *value = strchr(*word, '=');
		bool ok;

		if (value)
			*value++ = '\0';
		ok = word == words ? read_kind(fault, *word, value, error)
			: read_key(fault, *word, value, error);
		if (!ok)
			return false;
	}
	if (!words[0])
		return refuse(error, "empty", spec);
	fault->every = MAX(fault->every, 1);
	pthread_mutex_lock(&self->lock);
	g_ptr_array_add(self->faults, g_steal_pointer(&fault));
	pthread_mutex_unlock(&self->lock);
	return true;
}

unsigned fault_list_clear(FaultList *self)
{
	unsigned fired = 0;

	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < self->faults->len; i++)
		fired += (unsigned)((Fault *)self->faults->pdata[i])->fired;
	g_ptr_array_set_size(self->faults, 0);
	pthread_mutex_unlock(&self->lock);
	return fired;
}

static bool fires(Fault *fault, const char *op, GBytes *body)
{
	gsize length;
	const char *data = g_bytes_get_data(body, &length);

	if (fault->op && strcmp(fault->op, op) != 0)
		return false;
	if (fault->with && !(data && memmem(data, length, fault->with, strlen(fault->with))))
		return false;
	if (fault->count && fault->fired >= fault->count)
		return false;
	fault->seen++;
	if (fault->seen <= fault->after)
		return false;
	if ((fault->seen - fault->after - 1) % fault->every != 0)
		return false;
	fault->fired++;
	return true;
}

static int number(const Fault *fault, int fallback)
{
	return fault->value && *fault->value ? atoi(fault->value) : fallback;
}

static void item_free(gpointer data)
{
	FaultItem *self = data;

	g_free(self->code);
	g_free(self->subject);
	g_free(self);
}

static void add_item(FaultPlan *plan, const Fault *fault)
{
	FaultItem *item = g_new0(FaultItem, 1);

	item->code = g_strdup(fault->value);
	item->subject = g_strdup(fault->subject);
	item->nth = fault->nth;
	g_ptr_array_add(plan->items, item);
}

static void add_stop(FaultPlan *plan, const Fault *fault)
{
	plan->stopped = true;
	plan->stop_after = number(fault, 1);
	g_free(plan->stop_code);
	plan->stop_code = g_strdup(fault->code ? fault->code : "ErrorInsufficientResources");
}

static void apply(FaultPlan *plan, const Fault *fault)
{
	switch (fault->kind) {
	case FAULT_DELAY:
		plan->delay_ms += number(fault, 0);
		break;
	case FAULT_CUT:
		plan->cut = g_ascii_strtoll(fault->value, NULL, 10);
		break;
	case FAULT_HTTP:
		plan->http = number(fault, 500);
		plan->retry_s = fault->retry_s;
		g_free(plan->location);
		plan->location = g_strdup(fault->location);
		break;
	case FAULT_BUSY:
		plan->busy_ms = number(fault, 0);
		plan->is_busy_200 = false;
		plan->soap_code = plan->soap_code ? plan->soap_code : g_strdup("ErrorServerBusy");
		break;
	case FAULT_BUSY_200:
		plan->busy_ms = number(fault, 0);
		plan->is_busy_200 = true;
		break;
	case FAULT_LOSE:
		plan->is_lost = true;
		break;
	case FAULT_LATE:
		plan->late_ms = number(fault, 0);
		break;
	case FAULT_SLOW:
		plan->slow_ms = number(fault, 0);
		break;
	case FAULT_ITEM_ERROR:
		add_item(plan, fault);
		break;
	case FAULT_STOP_BATCH:
		add_stop(plan, fault);
		break;
	case FAULT_BAD_STATE:
		plan->bad_state = true;
		break;
	case FAULT_SILENT_STATE:
		plan->silent_state = true;
		break;
	case FAULT_TRUNCATE:
		plan->truncate = true;
		break;
	case FAULT_GARBAGE:
		plan->garbage = true;
		break;
	case FAULT_BAD_BASE64:
		plan->bad_base64 = true;
		break;
	case FAULT_WRONG_TYPE:
		plan->wrong_type = true;
		break;
	case FAULT_SOAP:
	case FAULT_SOAP_200:
		g_free(plan->soap_code);
		plan->soap_code = g_strdup(fault->value);
		plan->is_soap_200 = fault->kind == FAULT_SOAP_200;
		break;
	case FAULT_EMPTY_PAGE:
		plan->empty_page = true;
		break;
	case FAULT_REPEAT:
		plan->repeat = true;
		break;
	case FAULT_SKIP:
		plan->skip = number(fault, 1);
		break;
	case FAULT_GHOST:
		plan->ghost = true;
		break;
	case FAULT_LOSE_READ:
		plan->lose_read = true;
		break;
	case FAULT_PRETEND:
		plan->pretend = true;
		break;
	case FAULT_LEAVE:
		plan->leave = true;
		break;
	}
}

FaultPlan *fault_list_pick(FaultList *self, const char *op, GBytes *body)
{
	FaultPlan *plan = g_new0(FaultPlan, 1);

	plan->cut = plan->busy_ms = plan->late_ms = plan->retry_s = -1;
	plan->items = g_ptr_array_new_with_free_func(item_free);
	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < self->faults->len; i++) {
		if (fires(self->faults->pdata[i], op, body))
			apply(plan, self->faults->pdata[i]);
	}
	pthread_mutex_unlock(&self->lock);
	return plan;
}

void fault_plan_free(FaultPlan *self)
{
	if (!self)
		return;
	g_free(self->stop_code);
	g_free(self->soap_code);
	g_free(self->location);
	g_ptr_array_unref(self->items);
	g_free(self);
}

const char *fault_plan_item(const FaultPlan *self, int nth, const char *subject)
{
	for (guint i = 0; i < self->items->len; i++) {
		const FaultItem *item = self->items->pdata[i];

		if (item->nth && item->nth != nth)
			continue;
		if (item->subject && (!subject || !strstr(subject, item->subject)))
			continue;
		return item->code;
	}
	return NULL;
}
