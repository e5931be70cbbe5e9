/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/names.h"

#include <string.h>

static const char *const words[EWS_NAME_COUNT] = {
	[EWS_NAME_NONE] = "",
#define X(name) [EWS_NAME_##name] = #name,
	EWS_NAMES(X)
#undef X
};

G_STATIC_ASSERT(EWS_NAME_COUNT <= UINT8_MAX);
G_STATIC_ASSERT(EWS_NAME_COUNT * 4 <= EWS_NAME_SLOTS);

/* Dictionary strings lie close together and unaligned: mix the bits that differ. */
static size_t slot_of(const xmlChar *name)
{
	uintptr_t bits = (uintptr_t)name;

	return (size_t)((bits * UINT64_C(0x9E3779B97F4A7C15)) >> 55) % EWS_NAME_SLOTS;
}

void ews_names_init(EwsNames *self, xmlDict *dict)
{
	memset(self, 0, sizeof(*self));
	for (int i = EWS_NAME_NONE + 1; i < EWS_NAME_COUNT; i++) {
		const xmlChar *name = xmlDictLookup(dict, (const xmlChar *)words[i], -1);
		size_t slot = slot_of(name);

		while (self->slots[slot])
			slot = (slot + 1) % EWS_NAME_SLOTS;
		self->slots[slot] = name;
		self->names[slot] = (uint8_t)i;
	}
}

EwsName ews_names_find(const EwsNames *self, const xmlChar *name)
{
	size_t slot = slot_of(name);

	while (self->slots[slot] && self->slots[slot] != name)
		slot = (slot + 1) % EWS_NAME_SLOTS;
	return (EwsName)self->names[slot];
}
