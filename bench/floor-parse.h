/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An arena, interned names and a tree: the least that a parser needs. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct FloorName {
  struct FloorName *next;
  uint32_t hash, length;
  char text[];
} FloorName;

typedef struct FloorAttribute {
  FloorName *key, *value;
  struct FloorAttribute *next;
} FloorAttribute;

typedef struct FloorStatement {
  FloorName *a, *b;
  FloorAttribute *attributes;
  struct FloorStatement *next;
} FloorStatement;

void *floor_alloc(size_t size);
FloorName *floor_intern(const char *text, size_t length);
