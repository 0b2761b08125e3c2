/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arena and the table of names of the bare parser. */
#include "floor-parse.h"

#define CHUNK (1u << 20)

static char *at, *end;
static FloorName **slots;
static uint32_t capacity, count;

void *
floor_alloc(size_t size)
{
  size = (size + 7) & ~(size_t)7;
  if ((size_t)(end - at) < size) {
    at = malloc(size > CHUNK ? size : CHUNK);
    end = at + (size > CHUNK ? size : CHUNK);
  }
  void *result = at;
  at += size;
  return result;
}

static void
grow(void)
{
  uint32_t more = capacity > 0 ? capacity * 2 : 4096;
  FloorName **wider = calloc(more, sizeof *wider);
  for (uint32_t i = 0; i < capacity; i++)
    for (FloorName *name = slots[i], *next; name != NULL; name = next) {
      next = name->next;
      name->next = wider[name->hash & (more - 1)];
      wider[name->hash & (more - 1)] = name;
    }
  free(slots);
  slots = wider;
  capacity = more;
}

FloorName *
floor_intern(const char *text, size_t length)
{
  if (count * 2 >= capacity)
    grow();
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  FloorName **slot = &slots[hash & (capacity - 1)];
  for (FloorName *name = *slot; name != NULL; name = name->next)
    if (name->hash == hash && name->length == length && memcmp(name->text, text, length) == 0)
      return name;
  FloorName *name = floor_alloc(sizeof *name + length + 1);
  name->hash = hash;
  name->length = (uint32_t)length;
  memcpy(name->text, text, length);
  name->text[length] = '\0';
  name->next = *slot;
  *slot = name;
  count++;
  return name;
}
