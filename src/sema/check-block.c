/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is special in the blocks of loops and choices: constants of their own, and declarations
 * that may not stand there. */
#include "sema/check.h"

void
vn_push_lets(VnCompiler *c, VnBody *body, gboolean warn)
{
  for (guint32 i = 0; i < body->n_lets; i++) {
    VnLocalLet *let = body->lets[i];
    vn_scope_push(c,
                  (VnLocal){.kind = VN_LOCAL_LET,
                            .index = let->slot,
                            .name = let->name.symbol,
                            .span = let->name.span,
                            .type = {.kind = VN_KIND_ANY},
                            .let = let},
                  warn);
  }
}

static void
collect_let(VnCompiler *c, VnBody *body, const VnAstLet *ast)
{
  for (guint32 i = 0; i < body->n_lets; i++)
    if (body->lets[i]->name.symbol == ast->name.symbol) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN102, ast->name.span, "`%s` is declared already",
                                 ast->name.symbol->text);
      vn_diag_place(diag, body->lets[i]->name.span, "declared here");
      return;
    }
  VnLocalLet *let = vn_arena_new0(c->arena, VnLocalLet);
  *let = (VnLocalLet){.name = ast->name, .slot = c->n_slots++, .ast = ast};
  if (ast->function) {
    let->function = vn_arena_new0(c->arena, VnThing);
    *let->function = (VnThing){.kind = VN_THING_FUNCTION,
                               .name = ast->name.symbol,
                               .span = ast->name.span,
                               .ast = &ast->ast};
  }
  body->lets[body->n_lets++] = let;
}

#define MAX_LOCAL_LETS 1000

void
vn_check_lets(VnCompiler *c, VnAstSeq decls, VnBody *body)
{
  guint32 n = 0;
  for (guint32 i = 0; i < decls.n; i++)
    n += decls.items[i]->kind == VN_AST_LET;
  if (n == 0)
    return;
  guint before = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  if (n > MAX_LOCAL_LETS) {
    vn_diag_add(c->sink, VN_DIAG_VN117, decls.items[0]->span, "more than %d constants in one block",
                MAX_LOCAL_LETS);
    return;
  }
  body->lets = vn_arena_array0(c->arena, VnLocalLet *, n);
  for (guint32 i = 0; i < decls.n; i++)
    if (decls.items[i]->kind == VN_AST_LET &&
        ((const VnAstLet *)decls.items[i])->name.symbol != NULL)
      collect_let(c, body, (const VnAstLet *)decls.items[i]);
  vn_push_lets(c, body, TRUE);
  for (guint32 i = 0; i < body->n_lets; i++)
    body->lets[i]->scope_end = c->locals->len;
  for (guint32 i = 0; i < body->n_lets; i++)
    vn_check_local_let(c, body->lets[i], body->lets[i]->name.span);
  c->network_wrong |= vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) > before;
}

/* ---- what may stand where ---- */

typedef enum { PLACE_ANYWHERE, PLACE_NOT_IN_LOOP, PLACE_TOP } Place;

static Place
place_of(const VnAst *ast)
{
  switch ((VnAstKind)ast->kind) {
  case VN_AST_EXPERIMENT:
  case VN_AST_USE:
  case VN_AST_PARAM:
  case VN_AST_ACTION:
  case VN_AST_SWEEP:
    return PLACE_TOP;
  case VN_AST_SITE:
  case VN_AST_IMAGE:
  case VN_AST_GROUP:
  case VN_AST_MEASURE:
  case VN_AST_NETWORK:
  case VN_AST_RULES:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
    return PLACE_NOT_IN_LOOP;
  case VN_AST_LET:
  case VN_AST_SEGMENT:
  case VN_AST_HOST:
  case VN_AST_ROUTER:
  case VN_AST_FOR:
  case VN_AST_IF:
  case VN_AST_TASK:
  case VN_AST_FLOW:
  case VN_AST_EXPECT:
    return PLACE_ANYWHERE;
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    break;
  }
  g_assert_not_reached();
}

static gboolean
lacks_index(const VnAst *ast)
{
  if (ast->kind == VN_AST_HOST || ast->kind == VN_AST_ROUTER)
    return ((const VnAstVm *)ast)->dim == NULL;
  if (ast->kind == VN_AST_SEGMENT)
    return ((const VnAstSegment *)ast)->dim == NULL;
  return ast->kind == VN_AST_TASK && ((const VnAstTask *)ast)->dim == NULL;
}

gboolean
vn_may_stand_here(VnCompiler *c, const VnAst *ast)
{
  Place place = place_of(ast);
  const char *what = vn_ast_kind_text((VnAstKind)ast->kind);
  VnDiag *diag = NULL;
  if (place == PLACE_TOP && c->loop_depth + c->if_depth > 0)
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ast->span, "`%s` can't stand in a block", what);
  else if (place == PLACE_NOT_IN_LOOP && c->loop_depth > 0)
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ast->span, "`%s` can't stand in a loop", what);
  if (diag != NULL)
    vn_diag_hint(diag, "it counts once: put it outside");
  if (diag == NULL && c->loop_depth > 0 && lacks_index(ast)) {
    diag = vn_diag_add(c->sink, VN_DIAG_VN122, ((const VnAstDecl *)ast)->name.span,
                       "a %s in a loop needs an index", what);
    vn_diag_hint(diag, "write `%s %s[i] …`", what, ((const VnAstDecl *)ast)->name.symbol->text);
  }
  c->left_out |= diag != NULL;
  return diag == NULL;
}
