/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Static types: their text, what fits where, and how they are written. */
#include "sema/check.h"

#include <string.h>

VnType
vn_type_of_kind(VnValueKind kind)
{
  return (VnType){.kind = kind};
}

VnType
vn_type_list(guint8 element)
{
  return (VnType){.kind = VN_VALUE_LIST, .element = element};
}

const char *
vn_type_text(VnType type)
{
  static const char *const lists[VN_VALUE_KIND_COUNT] = {
      [VN_VALUE_NONE] = "list",
#define VN_TYPE(id, text) [VN_VALUE_##id] = "list of " text,
#include "model/type.def"
#undef VN_TYPE
  };
  if (type.kind == VN_KIND_ANY)
    return "anything";
  if (type.or_address)
    return "host or address";
  if (type.or_router)
    return "host or router";
  if (type.kind == VN_VALUE_LIST)
    return lists[type.element < VN_VALUE_KIND_COUNT ? type.element : VN_VALUE_NONE];
  return vn_value_kind_text(type.kind);
}

const char *
vn_type_noun(VnType type)
{
  const char *text = vn_type_text(type);
  if (type.kind == VN_KIND_ANY || type.kind == VN_VALUE_NONE)
    return text;
  g_autofree char *noun = g_strconcat(strchr("aeio", *text) != NULL ? "an " : "a ", text, NULL);
  return g_intern_string(noun); /* there are few */
}

gboolean
vn_type_is_vm(VnType type)
{
  return type.kind == VN_VALUE_HOST || type.kind == VN_VALUE_ROUTER;
}

gboolean
vn_type_is_vms(VnType type)
{
  return vn_type_is_vm(type) || type.kind == VN_VALUE_SET || type.kind == VN_VALUE_GROUP;
}

VnType
vn_type_item(VnType type)
{
  switch (type.kind) {
  case VN_VALUE_RANGE:
    return vn_type_of_kind(VN_VALUE_INT);
  case VN_VALUE_SET:
  case VN_VALUE_GROUP:
    return vn_type_of_kind(type.element != VN_VALUE_NONE ? type.element : VN_VALUE_HOST);
  case VN_VALUE_LIST:
    if (type.element == VN_VALUE_TASK)
      return (VnType){.kind = VN_VALUE_TASK, .thing = type.thing};
    return (VnType){.kind = type.element != VN_VALUE_NONE ? type.element : VN_KIND_ANY};
  default:
    return (VnType){.kind = VN_KIND_ANY};
  }
}

static gboolean
kind_accepts(guint8 wanted, guint8 given)
{
  if (wanted == given || wanted == VN_KIND_ANY || given == VN_KIND_ANY)
    return TRUE;
  if (wanted == VN_VALUE_FLOAT)
    return given == VN_VALUE_INT;
  if (wanted == VN_VALUE_PORT || wanted == VN_VALUE_INT)
    return given == VN_VALUE_INT || given == VN_VALUE_PORT;
  if (wanted == VN_VALUE_SET || wanted == VN_VALUE_GROUP)
    return given == VN_VALUE_SET || given == VN_VALUE_GROUP || given == VN_VALUE_HOST ||
           given == VN_VALUE_ROUTER;
  return FALSE;
}

gboolean
vn_type_accepts(VnType wanted, VnType given)
{
  if (given.kind == VN_KIND_ANY || wanted.kind == VN_KIND_ANY)
    return TRUE;
  if (wanted.or_address)
    return given.kind == VN_VALUE_ADDRESS || vn_type_is_vm(given);
  if (wanted.or_router)
    return vn_type_is_vm(given);
  if (wanted.kind != VN_VALUE_LIST)
    return kind_accepts(wanted.kind, given.kind);
  if (given.kind == VN_VALUE_SET || given.kind == VN_VALUE_GROUP)
    return wanted.element == VN_VALUE_HOST || wanted.element == VN_VALUE_ROUTER ||
           wanted.element == VN_VALUE_NONE;
  if (given.kind == VN_VALUE_RANGE)
    return wanted.element == VN_VALUE_NONE || kind_accepts(wanted.element, VN_VALUE_INT);
  return given.kind == VN_VALUE_LIST &&
         (wanted.element == VN_VALUE_NONE || given.element == VN_VALUE_NONE ||
          kind_accepts(wanted.element, given.element));
}

static gboolean
has_unit(guint8 kind)
{
  return kind == VN_VALUE_INT || kind == VN_VALUE_FLOAT || kind == VN_VALUE_DURATION ||
         kind == VN_VALUE_SIZE || kind == VN_VALUE_RATE || kind == VN_VALUE_PERCENT;
}

static const char *
literal_example(guint8 kind)
{
  switch (kind) {
  case VN_VALUE_DURATION:
    return "500ms, 5s or 2min";
  case VN_VALUE_SIZE:
    return "64KiB or 10MB";
  case VN_VALUE_RATE:
    return "10mbit";
  case VN_VALUE_PERCENT:
    return "1%";
  case VN_VALUE_ADDRESS:
    return "10.0.0.1";
  case VN_VALUE_PREFIX:
    return "10.0.0.0/24";
  case VN_VALUE_MAC:
    return "52:54:00:00:00:01";
  case VN_VALUE_STRING:
    return "\"text\"";
  case VN_VALUE_RANGE:
    return "1..10";
  case VN_VALUE_LIST:
    return "[1, 2, 3]";
  case VN_VALUE_SET:
    return "{a, b}, an array or a group";
  case VN_VALUE_BOOL:
    return "true, or a comparison";
  default:
    return NULL;
  }
}

gboolean
vn_check_type(VnCompiler *c, const VnTerm *term, VnType wanted, const char *what)
{
  if (term->kind == VN_TERM_ERROR || vn_type_accepts(wanted, term->type))
    return TRUE;
  gboolean units = has_unit(wanted.kind) && has_unit(term->type.kind);
  VnDiag *diag = vn_diag_add(c->sink, units ? VN_DIAG_VN104 : VN_DIAG_VN103, term->span,
                             "%s must be %s, this is %s", what, vn_type_noun(wanted),
                             vn_type_noun(term->type));
  const char *example = literal_example(wanted.kind);
  gboolean many = term->type.kind == VN_VALUE_LIST && term->type.element == wanted.kind;
  if (many && wanted.kind == VN_VALUE_BOOL)
    vn_diag_hint(diag, "make one of them: all(…), any(…)");
  else if (many && vn_expr_builtin_kind(VN_BUILTIN_SUM, wanted.kind) != VN_VALUE_NONE)
    vn_diag_hint(diag, "make one of them: sum(…), max(…), mean(…)");
  else if (example != NULL)
    vn_diag_hint(diag, "write it like %s", example);
  return FALSE;
}

static gboolean
kind_from_word(const char *word, guint8 *out_kind)
{
  for (guint8 kind = 1; kind < VN_VALUE_KIND_COUNT; kind++)
    if (kind != VN_VALUE_SET && strcmp(vn_value_kind_text(kind), word) == 0) {
      *out_kind = kind;
      return TRUE;
    }
  *out_kind = VN_VALUE_HOST;
  return strcmp(word, "vm") == 0;
}

static void
unknown_type(VnCompiler *c, const VnAstType *ast)
{
  static const char *const words[] = {
      "vm",
#define VN_TYPE(id, text) text,
#include "model/type.def"
#undef VN_TYPE
  };
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN101, ast->name.span, "there is no type `%s`",
                             ast->name.symbol->text);
  const char *near = vn_diag_nearest(ast->name.symbol->text, words, G_N_ELEMENTS(words));
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}

/* One member of a union. */
static VnType
simple_type(VnCompiler *c, const VnAstType *ast)
{
  VnType type = {.kind = VN_KIND_ANY, .optional = ast->optional};
  if (ast->name.symbol == NULL)
    return type;
  if (!kind_from_word(ast->name.symbol->text, &type.kind)) {
    unknown_type(c, ast);
    type.kind = VN_KIND_ANY;
    return type;
  }
  type.or_router = strcmp(ast->name.symbol->text, "vm") == 0;
  if (type.kind == VN_VALUE_LIST && ast->element != NULL) {
    VnType element = vn_type_from_ast(c, ast->element);
    type.element = element.kind == VN_KIND_ANY ? VN_VALUE_NONE : element.kind;
  }
  return type;
}

VnType
vn_type_from_ast(VnCompiler *c, const VnAstType *ast)
{
  VnType type = simple_type(c, ast);
  if (ast->also == NULL)
    return type;
  VnType other = vn_type_from_ast(c, ast->also);
  gboolean vm_and_address = (vn_type_is_vm(type) && other.kind == VN_VALUE_ADDRESS) ||
                            (type.kind == VN_VALUE_ADDRESS && vn_type_is_vm(other)) ||
                            (vn_type_is_vm(type) && other.or_address);
  if (vm_and_address)
    return (VnType){
        .kind = VN_VALUE_HOST, .or_address = TRUE, .optional = type.optional || other.optional};
  if (type.kind != VN_KIND_ANY && other.kind != VN_KIND_ANY)
    vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN103, ast->ast.span,
                             "`%s` and `%s` can't be one type", vn_type_text(type),
                             vn_type_text(other)),
                 "the only choice of types is `host | address`");
  return (VnType){.kind = VN_KIND_ANY};
}
