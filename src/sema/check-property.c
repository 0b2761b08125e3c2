/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties of segments, hosts and routers: their places, repeats and types. Bounds of their
 * values are the evaluation's (eval-net.c). */
#include "sema/check.h"

#include <string.h>

static const guint8 kinds[VN_PROPERTY_COUNT] = {
    [VN_PROPERTY_DELAY] = VN_VALUE_DURATION,  [VN_PROPERTY_JITTER] = VN_VALUE_DURATION,
    [VN_PROPERTY_LOSS] = VN_VALUE_PERCENT,    [VN_PROPERTY_DUPLICATE] = VN_VALUE_PERCENT,
    [VN_PROPERTY_REORDER] = VN_VALUE_PERCENT, [VN_PROPERTY_RATE] = VN_VALUE_RATE,
    [VN_PROPERTY_QUEUE] = VN_VALUE_SIZE,      [VN_PROPERTY_MTU] = VN_VALUE_INT,
    [VN_PROPERTY_CAPTURE] = VN_VALUE_STRING,  [VN_PROPERTY_IMAGE] = VN_VALUE_IMAGE,
    [VN_PROPERTY_VM] = VN_VALUE_STRING,       [VN_PROPERTY_MAC] = VN_VALUE_MAC,
    [VN_PROPERTY_MEMORY] = VN_VALUE_SIZE,     [VN_PROPERTY_CPUS] = VN_VALUE_INT,
    [VN_PROPERTY_PROCESSES] = VN_VALUE_INT,   [VN_PROPERTY_ENV] = VN_VALUE_STRING,
    [VN_PROPERTY_FILE] = VN_VALUE_STRING,     [VN_PROPERTY_TIMEOUT] = VN_VALUE_DURATION,
    [VN_PROPERTY_RETRY] = VN_VALUE_INT,       [VN_PROPERTY_WHEN] = VN_VALUE_BOOL,
};

guint8
vn_property_kind(VnPropertyId id)
{
  return kinds[id];
}

static const char *
nearest_property(const char *word, guint where)
{
  const char *words[VN_PROPERTY_COUNT];
  guint n = 0;
  for (guint id = 0; id < VN_PROPERTY_COUNT; id++)
    if (vn_property_where((VnPropertyId)id) & where)
      words[n++] = vn_property_word((VnPropertyId)id);
  return vn_diag_nearest(word, words, n);
}

static void
wrong_place(VnCompiler *c, const VnAstProperty *ast, guint where, const char *what)
{
  const char *word = vn_property_word(ast->id);
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN105, ast->ast.span, "%s %s has no `%s`",
                             vn_diag_article(what), what, word);
  const char *near = nearest_property(word, where);
  if (near != NULL && strcmp(near, word) != 0)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}

static gboolean
may_repeat(VnPropertyId id)
{
  return id == VN_PROPERTY_ENV || id == VN_PROPERTY_FILE || id == VN_PROPERTY_ADDRESS;
}

static void
check_initially(VnCompiler *c, const VnAstProperty *ast)
{
  const char *word = ast->word.symbol != NULL ? ast->word.symbol->text : "";
  if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN103,
                             ast->word.symbol != NULL ? ast->word.span : ast->ast.span,
                             "a host is initially on or off"),
                 "write `initially on` or `initially off`");
}

/* `address 10.0.0.5`, `address [10.0.0.5, fd00::5]` */
static VnTerm *
check_address(VnCompiler *c, const VnAst *ast)
{
  VnTerm *term = vn_check_expr(c, ast);
  gboolean list = term->type.kind == VN_VALUE_LIST;
  VnType wanted = list ? vn_type_list(VN_VALUE_ADDRESS) : vn_type_of_kind(VN_VALUE_ADDRESS);
  return vn_check_type(c, term, wanted, "an address") ? term : vn_term_error(c, ast->span);
}

/* `address preset`: the image has its address already. */
static gboolean
is_preset(VnCompiler *c, const VnAst *ast)
{
  if (ast->kind != VN_AST_NAME)
    return FALSE;
  const VnIdent *name = &((const VnAstName *)ast)->name;
  VnFound found = vn_scope_find(c, name->symbol, name->span, ~0u);
  return found.thing == NULL && found.local == NULL && strcmp(name->symbol->text, "preset") == 0;
}

static VnTerm *
check_as(VnCompiler *c, const VnAst *ast, VnPropertyId id)
{
  VnTerm *term = vn_check_expr(c, ast);
  VnType wanted = vn_type_of_kind(kinds[id]);
  if (vn_type_accepts(wanted, term->type))
    return term;
  g_autofree char *what = g_strdup_printf("`%s`", vn_property_word(id));
  vn_check_type(c, term, wanted, what);
  return vn_term_error(c, ast->span);
}

static void
check_value(VnCompiler *c, const VnAstProperty *ast, VnCheckedProperty *property)
{
  if (ast->id == VN_PROPERTY_INITIALLY) {
    check_initially(c, ast);
    return;
  }
  if (ast->id == VN_PROPERTY_ADDRESS) {
    if (is_preset(c, ast->a))
      property->word = ((const VnAstName *)ast->a)->name;
    else
      property->a = check_address(c, ast->a);
    return;
  }
  if (ast->a != NULL)
    property->a = check_as(c, ast->a, ast->id);
  if (ast->b != NULL)
    property->b = vn_check_expr_as(c, ast->b, VN_VALUE_STRING,
                                   ast->id == VN_PROPERTY_CAPTURE ? "a filter" : "a path");
}

VnCheckedProperty *
vn_check_properties(VnCompiler *c, VnAstSeq properties, guint where, const char *what,
                    guint32 *out_n)
{
  VnSpan first[VN_PROPERTY_COUNT] = {{0, 0}};
  VnCheckedProperty *checked = vn_arena_array0(c->arena, VnCheckedProperty, properties.n);
  guint32 n = 0;
  for (guint32 i = 0; i < properties.n; i++) {
    const VnAstProperty *ast = (const VnAstProperty *)properties.items[i];
    if (!(vn_property_where(ast->id) & where)) {
      wrong_place(c, ast, where, what);
      continue;
    }
    VnCheckedProperty *property = &checked[n++];
    *property = (VnCheckedProperty){.id = ast->id, .span = ast->ast.span, .word = ast->word};
    check_value(c, ast, property);
    if (first[ast->id].start != 0 && !may_repeat(ast->id)) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN106, ast->ast.span, "`%s` stands twice",
                                 vn_property_word(ast->id));
      vn_diag_place(diag, first[ast->id], "here first");
    }
    first[ast->id] = ast->ast.span;
  }
  *out_n = n;
  return checked;
}
