/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the checker's files share. */
#pragma once

#include <json-glib/json-glib.h>

#define CERTIFY_MAX_BYTES (G_GUINT64_CONSTANT(1) << 30) /* of one file */
#define CERTIFY_NONE      G_MAXUINT32

typedef enum { ON_FAILURE_STOP, ON_FAILURE_SKIP, ON_FAILURE_IGNORE } OnFailure;
typedef enum { CONDITION_NONE, CONDITION_FREE, CONDITION_NEVER } Condition;

/* A task, or its member on one machine; machine CERTIFY_NONE: all members, or none. */
typedef struct {
  guint32 task, machine;
} Member;

typedef struct {
  guint32 machine;
  gint64 port; /* -1: it must only be on */
} Requirement;

typedef struct {
  Member of;
  const char *field;
  gboolean in_condition;
} Result;

typedef struct {
  const char *name, *control; /* control NULL: an action */
  OnFailure on_failure;
  Condition condition;
  gboolean always, keep, fragile, background;
  const char *snapshot, *link; /* NULL: not known; every link */
  guint32 stops;               /* the task that it ends */
  GArray *targets, *after;     /* of guint32 */
  GArray *needed;              /* of Member: without them the condition is not true */
  GArray *requires;            /* of Requirement */
  GArray *provides;            /* of gint64 */
  GArray *results;             /* of Result */
  GPtrArray *reads, *writes;   /* of char, not owned */
} Task;

typedef struct {
  const char *name, *image_snapshot;
  gboolean router, external, off_at_first;
  const char *whole;   /* the router that it is a part of, or its own name */
  GPtrArray *segments; /* of char, not owned */
  GArray *tasks;       /* of guint32: those that run on it */
} Machine;

typedef struct {
  JsonParser *parser; /* owns the texts */
  GPtrArray *tasks, *machines;
  GHashTable *task_by_name, *machine_by_name; /* to the place + 1 */
  GHashTable *edges;                          /* before << 32 | after, as gint64 */
} Graph;

/* NULL with error: the file is unreadable, or no experiment. */
Graph *graph_load(const char *path, GError **error);
void graph_free(Graph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Graph, graph_free)
JsonParser *json_load(const char *path, GError **error);
/* CERTIFY_NONE: there is none of that name (NULL: none is asked for). */
guint32 graph_task(const Graph *graph, const char *name);
guint32 graph_machine(const Graph *graph, const char *name);
#define task_at(graph, t)    ((Task *)(graph)->tasks->pdata[t])
#define machine_at(graph, m) ((Machine *)(graph)->machines->pdata[m])
gboolean graph_is_direct(const Graph *graph, guint32 before, guint32 after);
/* Does the task run on the machine? */
gboolean graph_runs_on(const Graph *graph, guint32 task, guint32 machine);

#define CERTIFY_ERROR certify_error_quark()
GQuark certify_error_quark(void);

/* ---- needs ---- */

/* Every need of every step, as a text; the values are NULL. Owned by the caller. */
GHashTable *needs_of(const Graph *graph);
/* The text of a need, as needs_of makes it; object texts may be NULL. Owned by the caller. */
char *need_key(guint32 task, guint32 machine, const char *needs, const char *object,
               const char *more, gint64 number);

/* ---- claims ---- */

/* Checks all; FALSE: *out_why says which claim fails, or what is missing. Owned by the caller. open
 * gets a text for each need of which the certificate itself says that it shows nothing. */
gboolean
certificate_check(const Graph *graph, JsonNode *certificate, GPtrArray *open, char **out_why);
