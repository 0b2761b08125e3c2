/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the formatter share. Private to src/lang. */
#pragma once

#include "lang/layout.h"

void vn_print_ident(VnLayout *l, VnIdent ident);
void vn_print_idents(VnLayout *l, const VnIdent *idents, guint32 n, const char *between);
void vn_print_type(VnLayout *l, const VnAstType *type);
void vn_print_expr(VnLayout *l, const VnAst *node);
/* A word and an expression; nothing if there is none. */
void vn_print_with(VnLayout *l, const char *word, const VnAst *value);
void vn_print_list(VnLayout *l, const char *open, VnAstSeq items, const char *close);
void vn_print_items(VnLayout *l, VnAstSeq items);
void vn_print_param(VnLayout *l, const VnAstParam *param);
/* In parentheses, the first of which is at `paren`; returns the place behind the last one. */
VnPos vn_print_params(VnLayout *l, VnAstSeq params, VnPos paren);

/* Begins the line of a declaration `word name …`, its first cell; ends it with `;`. */
void vn_print_begin(VnLayout *l, const VnAst *node, const char *word);
void vn_print_finish(VnLayout *l, const VnAst *node);

void vn_print_action(VnLayout *l, const VnAstAction *action);
