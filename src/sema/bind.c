/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which names a file declares, loops and choices included, before anything is checked. */
#include "sema/check.h"

#include <string.h>

typedef struct {
  VnCompiler *c;
  VnModule *module;
  guint in_loop, in_choice;
} Binder;

static gboolean
kind_of_decl(const VnAst *ast, guint8 *out_kind)
{
  switch ((VnAstKind)ast->kind) {
  case VN_AST_LET:
    *out_kind = ((const VnAstLet *)ast)->function ? VN_THING_FUNCTION : VN_THING_CONSTANT;
    return TRUE;
  case VN_AST_PARAM:
    *out_kind = VN_THING_PARAMETER;
    return TRUE;
  case VN_AST_SITE:
    *out_kind = VN_THING_SITE;
    return TRUE;
  case VN_AST_IMAGE:
    *out_kind = VN_THING_IMAGE;
    return TRUE;
  case VN_AST_SEGMENT:
    *out_kind = VN_THING_SEGMENT;
    return TRUE;
  case VN_AST_HOST:
    *out_kind = VN_THING_HOST;
    return TRUE;
  case VN_AST_ROUTER:
    *out_kind = VN_THING_ROUTER;
    return TRUE;
  case VN_AST_GROUP:
    *out_kind = VN_THING_GROUP;
    return TRUE;
  case VN_AST_MEASURE:
    *out_kind = VN_THING_MEASURE;
    return TRUE;
  case VN_AST_TASK:
    *out_kind = VN_THING_TASK;
    return TRUE;
  case VN_AST_ACTION:
    *out_kind = VN_THING_ACTION;
    return TRUE;
  case VN_AST_EXPERIMENT:
  case VN_AST_USE:
  case VN_AST_RULES:
  case VN_AST_NETWORK:
  case VN_AST_FOR:
  case VN_AST_IF:
  case VN_AST_FLOW:
  case VN_AST_EXPECT:
  case VN_AST_SEED:
  case VN_AST_TRIALS:
  case VN_AST_SWEEP:
#define VN_OTHER_EXPR
#define VN_OTHER_ITEM
#include "lang/other-cases.def"
    return FALSE;
  }
  g_assert_not_reached();
}

static gboolean
is_array(const VnAst *ast)
{
  if (ast->kind == VN_AST_SEGMENT)
    return ((const VnAstSegment *)ast)->dim != NULL;
  if (ast->kind == VN_AST_HOST || ast->kind == VN_AST_ROUTER)
    return ((const VnAstVm *)ast)->dim != NULL;
  return ast->kind == VN_AST_TASK && ((const VnAstTask *)ast)->dim != NULL;
}

static void
redeclared(Binder *b, const VnAstDecl *decl, const VnThing *thing, guint8 kind)
{
  const char *other = vn_thing_kind_text(thing->kind);
  g_autofree char *as =
      thing->kind == kind ? NULL : g_strdup_printf(", as %s %s", vn_diag_article(other), other);
  VnDiag *diag =
      vn_diag_add(b->c->sink, VN_DIAG_VN102, decl->name.span, "`%s` is declared already%s",
                  decl->name.symbol->text, as != NULL ? as : "");
  vn_diag_place(diag, thing->span, "declared here");
  if (thing->kind == kind && thing->array != is_array(&decl->ast))
    vn_diag_hint(diag, "an array and something single can't share a name");
}

static void
check_builtin_name(Binder *b, const VnAstDecl *decl)
{
  const char *name = decl->name.symbol->text;
  if (strcmp(name, "all") == 0 || strcmp(name, "routers") == 0 || strcmp(name, "local") == 0)
    vn_diag_hint(vn_diag_add(b->c->sink, VN_DIAG_VN102, decl->name.span, "`%s` is built in", name),
                 strcmp(name, "all") == 0       ? "it is the set of all hosts"
                 : strcmp(name, "routers") == 0 ? "it is the set of all routers of the script"
                                                : "it is the site that the master starts itself");
}

static void
bind_name(Binder *b, const VnAstDecl *decl, guint8 kind)
{
  if (decl->name.symbol == NULL)
    return;
  VnThing **entry = &b->module->things[decl->name.symbol->id];
  gboolean array = is_array(&decl->ast);
  if (*entry != NULL) {
    gboolean exclusive = (*entry)->conditional && b->in_choice > 0;
    if ((*entry)->kind != kind || (*entry)->array != array || !(array || exclusive))
      redeclared(b, decl, *entry, kind);
    return;
  }
  check_builtin_name(b, decl);
  VnThing *thing = vn_arena_new0(b->c->arena, VnThing);
  *thing = (VnThing){.kind = kind,
                     .array = array,
                     .conditional = b->in_choice > 0,
                     .in_loop = b->in_loop > 0,
                     .name = decl->name.symbol,
                     .span = decl->name.span,
                     .module = b->module,
                     .ast = &decl->ast,
                     .type = {.kind = VN_KIND_ANY},
                     .control = VN_CONTROL_NONE};
  *entry = thing;
  g_ptr_array_add(b->module->order, thing);
}

static void bind_decls(Binder *b, VnAstSeq decls);

static void
bind_decl(Binder *b, const VnAst *ast)
{
  guint8 kind;
  if (ast->kind == VN_AST_FOR) {
    b->in_loop++;
    bind_decls(b, ((const VnAstFor *)ast)->body);
    b->in_loop--;
  } else if (ast->kind == VN_AST_IF) {
    b->in_choice++;
    bind_decls(b, ((const VnAstIf *)ast)->then);
    bind_decls(b, ((const VnAstIf *)ast)->otherwise);
    b->in_choice--;
  } else if (kind_of_decl(ast, &kind)) {
    gboolean nested = b->in_loop + b->in_choice > 0;
    /* `let` in a body is its own; what must not stand there the checker says */
    if (!nested || !(ast->kind == VN_AST_LET || ast->kind == VN_AST_PARAM))
      bind_name(b, (const VnAstDecl *)ast, kind);
  }
}

static void
bind_decls(Binder *b, VnAstSeq decls)
{
  for (guint32 i = 0; i < decls.n; i++)
    bind_decl(b, decls.items[i]);
}

void
vn_bind_module(VnCompiler *c, VnModule *module)
{
  Binder binder = {.c = c, .module = module};
  module->n_things = vn_symbol_count(c->symbols);
  module->things = g_new0(VnThing *, module->n_things);
  bind_decls(&binder, module->file->decls);
}
