/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Texts of kinds, operators and properties. */
#include "lang/ast.h"

const char *
vn_ast_kind_text(VnAstKind kind)
{
  static const char *const texts[] = {
#define VN_AST(id, type, text) text,
#include "lang/ast.def"
#undef VN_AST
  };
  return texts[kind];
}

const char *
vn_op_text(VnOp op)
{
  static const char *const texts[] = {
      [VN_OP_OR] = "or", [VN_OP_AND] = "and",  [VN_OP_NOT] = "not", [VN_OP_EQ] = "==",
      [VN_OP_NE] = "!=", [VN_OP_LT] = "<",     [VN_OP_LE] = "<=",   [VN_OP_GT] = ">",
      [VN_OP_GE] = ">=", [VN_OP_RANGE] = "..", [VN_OP_UNION] = "|", [VN_OP_INTERSECT] = "&",
      [VN_OP_ADD] = "+", [VN_OP_SUB] = "-",    [VN_OP_MUL] = "*",   [VN_OP_DIV] = "/",
      [VN_OP_MOD] = "%", [VN_OP_NEG] = "-",
  };
  return texts[op];
}

typedef struct {
  const char *word, *help;
  guint where;
} PropertyInfo;

static const PropertyInfo properties[] = {
#define VN_PROPERTY(id, word, where, arguments, help) {word, help, where},
#include "lang/properties.def"
#undef VN_PROPERTY
};

const char *
vn_property_word(VnPropertyId id)
{
  return properties[id].word;
}

guint
vn_property_where(VnPropertyId id)
{
  return properties[id].where;
}

const char *
vn_property_help(VnPropertyId id)
{
  return properties[id].help;
}
