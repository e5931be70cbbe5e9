/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * What a name says of a file: a message, something a tool keeps for a while, or neither. A pure
 * function of the name; a table of the tools whose names are known is in scratch.c.
 */
typedef enum CacheNameKind {
	CACHE_NAME_MESSAGE, /* .eml, .ics, .vcf, whatever the letters' case */
	CACHE_NAME_SCRATCH,
	CACHE_NAME_OTHER, /* refused: a PDF copied into a folder must not look saved */
} CacheNameKind;

CacheNameKind cache_name_kind(const char *name);
