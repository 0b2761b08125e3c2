/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text of the language, taken through the whole front end. */
#pragma once

#include "plan/graph.h"
#include "sema/compile.h"

typedef struct {
  VnSourceSet *sources;
  VnDiagSink *sink;
  VnCompiler *compiler;
  VnArena *arena;
  VnModel *model;
  VnGraph *graph; /* NULL: see the sink */
} Unit;

void unit_init(Unit *unit, const char *name, const char *text);
void unit_clear(Unit *unit);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Unit, unit_clear)
char *unit_said(const Unit *unit);
