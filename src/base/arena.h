/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bump allocator: everything that a compilation makes lives until the arena is freed.
 *
 * Nodes of the syntax tree, the model and their strings are owned by one arena and hold plain
 * pointers to each other; nothing in an arena is ever freed alone, and nothing in it may own
 * memory outside. Allocation aborts on exhaustion, as GLib's does. Not thread-safe.
 */
#pragma once

#include <glib.h>

/* Of arena.c, here only so that the way of most requests is inline. */
typedef struct {
  char *free, *end; /* of the newest chunk: what is left of it, zeroed */
  struct VnArenaChunk *chunks;
  struct VnArenaAdopted *adopted;
  gsize next_size;
  gsize full; /* bytes handed out of all other chunks */
} VnArena;

VnArena *vn_arena_new(void);
void vn_arena_free(VnArena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnArena, vn_arena_free)

/* Forgets all that was handed out and keeps the newest chunk: for work that repeats. */
void vn_arena_reset(VnArena *arena);

/* Zeroed, aligned to 8 bytes. A size of 0 gives a valid, unusable pointer. */
static inline gpointer vn_arena_alloc(VnArena *arena, gsize size);
char *vn_arena_strndup(VnArena *arena, const char *text, gsize length);
char *vn_arena_strdup(VnArena *arena, const char *text);
char *vn_arena_printf(VnArena *arena, const char *format, ...) G_GNUC_PRINTF(2, 3);
gpointer vn_arena_memdup(VnArena *arena, gconstpointer data, gsize size);

/* Makes memory of g_malloc the arena's: it is freed with it (or by a reset). Gives it back. */
gpointer vn_arena_adopt(VnArena *arena, gpointer data);

/* Bytes handed out so far, without what was adopted. */
gsize vn_arena_used(const VnArena *arena);

#define vn_arena_new0(arena, Type) ((Type *)vn_arena_alloc((arena), sizeof(Type)))
#define vn_arena_array0(arena, Type, n) ((Type *)vn_arena_alloc((arena), sizeof(Type) * (gsize)(n)))

/* What vn_arena_alloc does when the chunk is full. */
gpointer vn_arena_alloc_chunk(VnArena *arena, gsize size);

static inline gpointer
vn_arena_alloc(VnArena *arena, gsize size)
{
  char *at = arena->free;
  if (G_UNLIKELY(size >= (gsize)(arena->end - at)))
    return vn_arena_alloc_chunk(arena, size);
  arena->free = at + ((size + 7u) & ~(gsize)7u); /* the chunk's end is aligned too */
  return at;
}
