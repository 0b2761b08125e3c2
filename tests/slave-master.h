/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master for tests of slaves: sends messages, waits for answers, keeps what came. */
#pragma once

#include "wire/session.h"

typedef struct {
  VnSession *session;
  GVariant *answer; /* the last message with a body, but for VM_LOST, LOG and CAPTURE_END */
  guint16 answer_kind;
  guint64 answer_id;
  guint hellos, outcomes, lost, closed, captures_ended;
  int status, exit_code; /* of the last outcome */
  GString *output;       /* of the last command */
  GByteArray *captured;
  guint64 frames_captured, frames_lost;
  char *lost_why, *refused;
} Master;

/* Once, first: run by hand, a test finds the build folder by its own place. */
void master_find_build(void);
void master_init(Master *master, int fd);
void master_clear(Master *master);
/* Closes the session only. */
void master_leave(Master *master);

/* Sends and waits for the answer, which stays the master's. */
GVariant *master_ask(Master *master, VnMessageKind kind, GVariant *body);
/* The body as text of GVariant, the failures of the REPLY as "number: why; ". */
void master_expect(Master *master, VnMessageKind kind, const char *body, const char *expected);
/* The failures of the last answer, which was a REPLY. */
char *master_failures(const Master *master);
void master_start_shell(Master *master, guint32 vm, const char *command);
/* …and waits for its outcome; the exit code, -1 when it did not exit. */
int master_shell(Master *master, guint32 vm, const char *command);

#define until(condition)                                          \
  do {                                                            \
    gint64 limit_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC; \
    while (!(condition)) {                                        \
      g_assert_cmpint(g_get_monotonic_time(), <, limit_);         \
      g_main_context_iteration(NULL, TRUE);                       \
    }                                                             \
  } while (0)
