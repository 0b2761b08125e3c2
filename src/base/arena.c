/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks double in size up to a bound, so a small script costs little and a large one few calls.
 * A request that is larger than a chunk gets one of its own. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_CHUNK (16u * 1024u)
#define HUGE_PAGE   (2u * 1024u * 1024u)
#define LAST_CHUNK  (4u * 1024u * 1024u - 64u)

typedef struct Chunk {
  struct Chunk *next;
  gsize size;
  char bytes[];
} Chunk;

struct VnArena {
  Chunk *chunks;
  char *free, *end; /* of the newest chunk */
  gsize next_size;
  gsize used;
};

VnArena *
vn_arena_new(void)
{
  VnArena *arena = g_new0(VnArena, 1);
  arena->next_size = FIRST_CHUNK;
  return arena;
}

void
vn_arena_free(VnArena *arena)
{
  if (arena == NULL)
    return;
  Chunk *chunk = arena->chunks;
  while (chunk != NULL) {
    Chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  g_free(arena);
}

void
vn_arena_reset(VnArena *arena)
{
  Chunk *kept = arena->chunks;
  arena->used = 0;
  if (kept == NULL)
    return;
  for (Chunk *chunk = kept->next, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    g_free(chunk);
  }
  kept->next = NULL;
  arena->free = kept->bytes;
  arena->end = kept->bytes + kept->size;
}

/* A large chunk is made of huge pages where the kernel has them: a fault for every 4 KiB would cost
 * more than what is done in them. */
static Chunk *
new_chunk(gsize *capacity)
{
  gsize size = sizeof(Chunk) + *capacity;
  if (size < HUGE_PAGE)
    return g_malloc(size);
  size = (size + HUGE_PAGE - 1) & ~(gsize)(HUGE_PAGE - 1);
  Chunk *chunk = aligned_alloc(HUGE_PAGE, size);
  if (chunk == NULL)
    g_error("out of memory: %" G_GSIZE_FORMAT " bytes", size);
  madvise(chunk, size, MADV_HUGEPAGE);
  *capacity = size - sizeof(Chunk);
  return chunk;
}

static void
arena_grow(VnArena *arena, gsize size)
{
  gsize capacity = MAX(arena->next_size, size);
  Chunk *chunk = new_chunk(&capacity);
  chunk->size = capacity;
  chunk->next = arena->chunks;
  arena->chunks = chunk;
  arena->free = chunk->bytes;
  arena->end = chunk->bytes + capacity;
  arena->next_size = MIN(arena->next_size * 2, LAST_CHUNK);
}

gpointer
vn_arena_alloc(VnArena *arena, gsize size)
{
  g_assert(size <= G_MAXSIZE / 2);
  size = (size + 7u) & ~(gsize)7u;
  if (G_UNLIKELY(arena->free == NULL || (gsize)(arena->end - arena->free) < size))
    arena_grow(arena, size);
  char *result = arena->free;
  arena->free += size;
  arena->used += size;
  return memset(result, 0, size);
}

char *
vn_arena_strndup(VnArena *arena, const char *text, gsize length)
{
  char *copy = vn_arena_alloc(arena, length + 1);
  if (length > 0)
    memcpy(copy, text, length);
  return copy;
}

char *
vn_arena_strdup(VnArena *arena, const char *text)
{
  return text != NULL ? vn_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *
vn_arena_printf(VnArena *arena, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  return vn_arena_strdup(arena, text);
}

gpointer
vn_arena_memdup(VnArena *arena, gconstpointer data, gsize size)
{
  gpointer copy = vn_arena_alloc(arena, size);
  if (size > 0)
    memcpy(copy, data, size);
  return copy;
}

gsize
vn_arena_used(const VnArena *arena)
{
  return arena->used;
}
