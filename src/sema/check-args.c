/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments, by place and by name, of functions, actions and control tasks. */
#include "sema/check.h"

#include <string.h>

typedef struct {
  VnCompiler *c;
  const VnSignature *signature;
  VnTerm **terms; /* by parameter */
  gboolean ok;
  gboolean misnamed; /* some argument went nowhere: what is missing may be that one */
} Matcher;

static VnDiag *
wrong(Matcher *m, VnSpan span, const char *format, const char *text)
{
  g_autofree char *message = g_strdup_printf(format, text, m->signature->callee);
  VnDiag *diag = vn_diag_add(m->c->sink, VN_DIAG_VN109, span, "%s", message);
  if (m->signature->declared.start != 0)
    vn_diag_place(diag, m->signature->declared, "declared here");
  m->ok = FALSE;
  return diag;
}

/* "ping(target, count, interval)" */
static void
hint_signature(Matcher *m, VnDiag *diag)
{
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint32 i = 0; i < m->signature->n_params; i++)
    g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", m->signature->params[i].name);
  vn_diag_hint(diag, "it is `%s(%s)`", m->signature->callee, text->str);
}

static guint32
param_by_name(Matcher *m, const VnAstArgument *argument)
{
  const VnSignature *s = m->signature;
  for (guint32 i = 0; i < s->n_params; i++)
    if (strcmp(s->params[i].name, argument->name.symbol->text) == 0)
      return i;
  VnDiag *diag = wrong(m, argument->name.span, "there is no parameter `%s` of `%s`",
                       argument->name.symbol->text);
  m->misnamed = TRUE;
  g_autofree const char **names = g_new(const char *, s->n_params + 1);
  for (guint32 i = 0; i < s->n_params; i++)
    names[i] = s->params[i].name;
  const char *near = vn_diag_nearest(argument->name.symbol->text, names, s->n_params);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
  else
    hint_signature(m, diag);
  return s->n_params;
}

/* `keep` in power_off(keep) */
static gboolean
is_flag(const VnCheckedParam *param, const VnAstArgument *argument)
{
  return param->flag && argument->name.symbol == NULL && argument->value->kind == VN_AST_NAME &&
         strcmp(((const VnAstName *)argument->value)->name.symbol->text, param->name) == 0;
}

static VnTerm *
check_argument(Matcher *m, const VnCheckedParam *param, const VnAstArgument *argument)
{
  if (is_flag(param, argument))
    return vn_term_const(m->c, argument->ast.span, vn_value_bool(TRUE));
  if (param->flag && argument->name.symbol == NULL) {
    VnDiag *diag =
        wrong(m, argument->ast.span, "this is not what `%s` takes%.0s", m->signature->callee);
    vn_diag_hint(diag, "it is `%s` or `%s(%s)`", m->signature->callee, m->signature->callee,
                 param->name);
    return vn_term_error(m->c, argument->ast.span);
  }
  VnTerm *term = vn_check_expr(m->c, argument->value);
  m->ok &= term->kind != VN_TERM_ERROR;
  if (!vn_type_accepts(param->type, term->type)) {
    g_autofree char *what = g_strdup_printf("`%s`", param->name);
    m->ok &= vn_check_type(m->c, term, param->type, what);
  }
  return term;
}

static void
match(Matcher *m, guint32 place, const VnAstArgument *argument)
{
  if (place >= m->signature->n_params) {
    vn_check_expr(m->c, argument->value); /* its own mistakes */
    return;
  }
  const VnCheckedParam *param = &m->signature->params[place];
  VnTerm *term = check_argument(m, param, argument);
  if (m->terms[place] != NULL) {
    VnDiag *diag = wrong(m, argument->ast.span, "`%s` of `%s` is given twice", param->name);
    vn_diag_place(diag, m->terms[place]->span, "here first");
  } else {
    m->terms[place] = term;
  }
}

static void
check_missing(Matcher *m, VnSpan call)
{
  for (guint32 i = 0; i < m->signature->n_params && !m->misnamed; i++) {
    const VnCheckedParam *param = &m->signature->params[i];
    if (m->terms[i] == NULL && param->initial == NULL && !param->type.optional)
      hint_signature(m, wrong(m, call, "`%s` of `%s` is missing", param->name));
  }
}

VnTerm **
vn_check_args(VnCompiler *c, const VnSignature *signature, VnAstSeq arguments, VnSpan call)
{
  Matcher m = {.c = c,
               .signature = signature,
               .terms = vn_arena_array0(c->arena, VnTerm *, signature->n_params),
               .ok = TRUE};
  gboolean named = FALSE;
  for (guint32 i = 0; i < arguments.n; i++) {
    const VnAstArgument *argument = (const VnAstArgument *)arguments.items[i];
    guint32 place = i;
    if (argument->name.symbol != NULL) {
      named = TRUE;
      place = param_by_name(&m, argument);
    } else if (named) {
      wrong(&m, argument->ast.span, "arguments by place%s come before those by name in `%s`", "");
      place = signature->n_params;
    } else if (i == signature->n_params) {
      hint_signature(&m, wrong(&m, argument->ast.span, "too many arguments%s of `%s`", ""));
    }
    match(&m, place, argument);
  }
  check_missing(&m, call);
  return m.ok ? m.terms : NULL;
}
