/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random small workflows, as texts of the language. */
#pragma once

#include <glib.h>

typedef struct {
  const char *image;   /* a line that declares image `m`; NULL: none, the embedded technology */
  guint max_steps;     /* a task on two hosts is two steps */
} ScriptOptions;

/* The same text for the same state of rand. */
char *script_random(GRand *rand, const ScriptOptions *options);
