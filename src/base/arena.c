/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Chunks double in size up to a bound, so a small script costs little and a large one few calls.
 * A request that is larger than a chunk gets one of its own.
 *
 * What lies between `free` and `end` is zero: a chunk comes so from the system, and nothing is
 * handed out twice but after a reset, which clears what was used. */
#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_CHUNK (16u * 1024u)
#define HUGE_PAGE   (2u * 1024u * 1024u)
#define LAST_CHUNK  (4u * 1024u * 1024u - 64u)

struct VnArenaChunk {
  struct VnArenaChunk *next;
  gsize size;   /* of bytes */
  gsize mapped; /* bytes to unmap; 0: of malloc */
  char bytes[];
};
typedef struct VnArenaChunk Chunk;

VnArena *
vn_arena_new(void)
{
  VnArena *arena = g_new0(VnArena, 1);
  arena->next_size = FIRST_CHUNK;
  return arena;
}

static void
free_chunk(Chunk *chunk)
{
  if (chunk->mapped > 0)
    munmap(chunk, chunk->mapped);
  else
    g_free(chunk);
}

static void
free_chunks(Chunk *chunk)
{
  for (Chunk *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    free_chunk(chunk);
  }
}

struct VnArenaAdopted {
  struct VnArenaAdopted *next;
  gpointer data;
};

gpointer
vn_arena_adopt(VnArena *arena, gpointer data)
{
  struct VnArenaAdopted *adopted = vn_arena_new0(arena, struct VnArenaAdopted);
  adopted->data = data;
  adopted->next = arena->adopted;
  arena->adopted = adopted;
  return data;
}

static void
free_adopted(VnArena *arena)
{
  for (const struct VnArenaAdopted *at = arena->adopted; at != NULL; at = at->next)
    g_free(at->data);
  arena->adopted = NULL;
}

void
vn_arena_free(VnArena *arena)
{
  if (arena == NULL)
    return;
  free_adopted(arena);
  free_chunks(arena->chunks);
  g_free(arena);
}

void
vn_arena_reset(VnArena *arena)
{
  Chunk *kept = arena->chunks;
  free_adopted(arena);
  arena->full = 0;
  if (kept == NULL)
    return;
  free_chunks(kept->next);
  kept->next = NULL;
  memset(kept->bytes, 0, (gsize)(arena->free - kept->bytes));
  arena->free = kept->bytes;
}

#ifdef __SANITIZE_ADDRESS__
/* Of malloc, so that the sanitizer sees what the chunk points to. */
static Chunk *
map_chunk(gsize *size)
{
  Chunk *chunk = g_malloc0(*size);
  *size = 0;
  return chunk;
}
#else
/* Huge pages where the kernel has them: a fault for every 4 KiB would cost more than what is done
 * in them. Maps one too many, to have them aligned. */
static Chunk *
map_chunk(gsize *size)
{
  *size = (*size + HUGE_PAGE - 1) & ~(gsize)(HUGE_PAGE - 1);
  char *raw = mmap(NULL, *size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
  if (raw == MAP_FAILED)
    g_error("no memory for %" G_GSIZE_FORMAT " bytes: %s", *size, g_strerror(errno));
  gsize before = (HUGE_PAGE - ((gsize)raw & (HUGE_PAGE - 1))) & (HUGE_PAGE - 1);
  if (before > 0)
    munmap(raw, before);
  munmap(raw + before + *size, HUGE_PAGE - before);
  madvise(raw + before, *size, MADV_HUGEPAGE);
  return (Chunk *)(gpointer)(raw + before);
}
#endif

static Chunk *
new_chunk(gsize capacity)
{
  gsize size = sizeof(Chunk) + capacity, mapped = 0;
  Chunk *chunk;
  if (size < HUGE_PAGE) {
    chunk = g_malloc0(size);
  } else {
    mapped = size;
    chunk = map_chunk(&mapped);
  }
  chunk->mapped = mapped;
  chunk->size = mapped > 0 ? mapped - sizeof(Chunk) : capacity;
  return chunk;
}

gpointer
vn_arena_alloc_chunk(VnArena *arena, gsize size)
{
  g_assert(size <= G_MAXSIZE / 2);
  size = (size + 7u) & ~(gsize)7u;
  Chunk *chunk = new_chunk(MAX(arena->next_size, size));
  if (arena->chunks != NULL)
    arena->full += (gsize)(arena->free - arena->chunks->bytes);
  chunk->next = arena->chunks;
  arena->chunks = chunk;
  arena->free = chunk->bytes + size;
  arena->end = chunk->bytes + chunk->size;
  arena->next_size = MIN(arena->next_size * 2, LAST_CHUNK);
  return chunk->bytes;
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
  return arena->chunks == NULL ? 0 : arena->full + (gsize)(arena->free - arena->chunks->bytes);
}
