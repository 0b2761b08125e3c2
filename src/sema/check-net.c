/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites, images, segments, hosts and routers. */
#include "sema/check.h"

#include "tech/tech.h"

#include <string.h>

void
vn_check_site(VnCompiler *c, VnItem *item)
{
  const VnAstSite *ast = (const VnAstSite *)item->ast;
  if (ast->at != NULL)
    item->site.at = vn_check_expr_as(c, ast->at, VN_VALUE_STRING, "where a site is");
  if (ast->key != NULL)
    item->site.key = vn_check_expr_as(c, ast->key, VN_VALUE_STRING, "a key");
}

/* VN_NO_ID: none, or unknown and reported. */
static guint32
check_technology(VnCompiler *c, const char *name, VnSpan span)
{
  VnTechId tech = vn_tech_from_name(name);
  if (tech != VN_TECH_COUNT)
    return tech;
  const char *names[VN_TECH_COUNT];
  for (guint i = 0; i < VN_TECH_COUNT; i++)
    names[i] = vn_tech((VnTechId)i)->name;
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN211, span, "there is no technology `%s`", name);
  const char *near = vn_diag_nearest(name, names, VN_TECH_COUNT);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
  else {
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < VN_TECH_COUNT; i++)
      g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", names[i]);
    vn_diag_hint(diag, "there are %s", text->str);
  }
  return VN_NO_ID;
}

/* ---- images ---- */

/* A value that is a plain word: `os linux;` */
static const char *
word_of(const VnAstKey *key)
{
  if (key->value != NULL && key->value->kind == VN_AST_NAME)
    return ((const VnAstName *)key->value)->name.symbol->text;
  if (key->value != NULL && key->value->kind == VN_AST_STRING)
    return ((const VnAstString *)key->value)->text;
  return NULL;
}

static gboolean
has_word(const char *words, const char *word)
{
  g_auto(GStrv) list = g_strsplit(words, " ", -1);
  return g_strv_contains((const char *const *)list, word);
}

static VnTerm *
text_term(VnCompiler *c, const VnAstKey *key, const char *text)
{
  return vn_term_const(c, key->value->span, vn_value_string(c->arena, text, -1));
}

static VnTerm *
check_word(VnCompiler *c, const VnAstKey *key, const char *words)
{
  const char *word = word_of(key);
  if (word != NULL && (words == NULL || has_word(words, word)))
    return text_term(c, key, word);
  VnSpan span = key->value != NULL ? key->value->span : key->ast.span;
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN211, span, "`%s` needs %s", key->name.symbol->text,
                             words != NULL ? "one of its words" : "a word");
  if (words != NULL)
    vn_diag_hint(diag, "one of: %s", words);
  return vn_term_error(c, span);
}

static guint8
kind_of_key(VnTechKeyType type)
{
  switch (type) {
  case VN_TECH_KEY_TEXT:
  case VN_TECH_KEY_FILE:
  case VN_TECH_KEY_WORD:
    return VN_VALUE_STRING;
  case VN_TECH_KEY_INT:
    return VN_VALUE_INT;
  case VN_TECH_KEY_BOOL:
    return VN_VALUE_BOOL;
  case VN_TECH_KEY_SIZE:
    return VN_VALUE_SIZE;
  case VN_TECH_KEY_DURATION:
    return VN_VALUE_DURATION;
  case VN_TECH_KEY_PERCENT:
    return VN_VALUE_PERCENT;
  }
  g_assert_not_reached();
}

static VnTerm *
check_key_value(VnCompiler *c, const VnAstKey *key, guint8 kind)
{
  if (key->value == NULL && kind == VN_VALUE_BOOL)
    return vn_term_const(c, key->ast.span, vn_value_bool(TRUE));
  if (key->value == NULL) {
    vn_diag_add(c->sink, VN_DIAG_VN211, key->ast.span, "`%s` needs %s %s", key->name.symbol->text,
                vn_diag_article(vn_value_kind_text(kind)), vn_value_kind_text(kind));
    return vn_term_error(c, key->ast.span);
  }
  g_autofree char *what = g_strdup_printf("`%s`", key->name.symbol->text);
  return vn_check_expr_as(c, key->value, kind, what);
}

static const VnTechKey *
find_key(const VnTech *tech, const char *name)
{
  for (gsize i = 0; i < tech->n_keys; i++)
    if (strcmp(tech->keys[i].key, name) == 0)
      return &tech->keys[i];
  return NULL;
}

static void
unknown_key(VnCompiler *c, const VnTech *tech, const VnAstKey *key)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  const char *const common[] = {"technology", "os", "memory", "cpus"};
  for (guint i = 0; i < G_N_ELEMENTS(common); i++)
    g_ptr_array_add(names, (char *)common[i]);
  for (gsize i = 0; i < tech->n_keys; i++)
    g_ptr_array_add(names, (char *)tech->keys[i].key);
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN211, key->name.span,
                  "an image of technology %s has no key `%s`", tech->name, key->name.symbol->text);
  const char *near =
      vn_diag_nearest(key->name.symbol->text, (const char *const *)names->pdata, names->len);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}

static VnTerm *
check_key(VnCompiler *c, const VnTech *tech, const VnAstKey *key)
{
  const char *name = key->name.symbol->text;
  if (strcmp(name, "os") == 0)
    return check_word(c, key, NULL);
  if (strcmp(name, "memory") == 0)
    return check_key_value(c, key, VN_VALUE_SIZE);
  if (strcmp(name, "cpus") == 0)
    return check_key_value(c, key, VN_VALUE_INT);
  if (strcmp(name, "technology") == 0)
    return NULL;
  const VnTechKey *schema = find_key(tech, name);
  if (schema == NULL) {
    unknown_key(c, tech, key);
    return NULL;
  }
  return schema->type == VN_TECH_KEY_WORD ? check_word(c, key, schema->words)
                                          : check_key_value(c, key, kind_of_key(schema->type));
}

static const VnAstKey *
key_named(const VnAstImage *ast, const char *name)
{
  for (guint32 i = 0; i < ast->keys.n; i++) {
    const VnAstKey *key = (const VnAstKey *)ast->keys.items[i];
    if (strcmp(key->name.symbol->text, name) == 0)
      return key;
  }
  return NULL;
}

/* FALSE: the technology is wrong, so nothing can be said about the keys. */
static gboolean
check_image_technology(VnCompiler *c, VnItem *item, const VnAstImage *ast)
{
  const VnAstKey *key = key_named(ast, "technology");
  item->image.tech = VN_TECH_NETNS;
  if (key == NULL)
    return TRUE;
  const char *word = word_of(key);
  if (word == NULL)
    vn_diag_add(c->sink, VN_DIAG_VN211, key->ast.span, "`technology` needs a name");
  else
    item->image.tech = check_technology(c, word, key->value->span);
  return word != NULL && item->image.tech != VN_NO_ID;
}

void
vn_check_image(VnCompiler *c, VnItem *item)
{
  const VnAstImage *ast = (const VnAstImage *)item->ast;
  if (!check_image_technology(c, item, ast))
    return;
  const VnTech *tech = vn_tech((VnTechId)item->image.tech);
  item->image.keys = vn_arena_array0(c->arena, VnCheckedProperty, ast->keys.n);
  for (guint32 i = 0; i < ast->keys.n; i++) {
    const VnAstKey *key = (const VnAstKey *)ast->keys.items[i];
    const VnAstKey *first = key_named(ast, key->name.symbol->text);
    if (first != key) {
      VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN106, key->ast.span, "`%s` stands twice",
                                 key->name.symbol->text);
      vn_diag_place(diag, first->ast.span, "here first");
    }
    VnTerm *value = check_key(c, tech, key);
    if (value != NULL)
      item->image.keys[item->image.n_keys++] =
          (VnCheckedProperty){.span = key->ast.span, .word = key->name, .a = value};
  }
  for (gsize i = 0; i < tech->n_keys; i++)
    if (tech->keys[i].required && key_named(ast, tech->keys[i].key) == NULL)
      vn_diag_hint(vn_diag_add(c->sink, VN_DIAG_VN211, ast->name.span,
                               "an image of technology %s needs the key `%s`", tech->name,
                               tech->keys[i].key),
                   "%s", tech->keys[i].help);
}

/* ---- segments and machines ---- */

static VnTerm *
check_prefix(VnCompiler *c, const VnAst *ast)
{
  VnTerm *term = vn_check_expr(c, ast);
  gboolean list = term->type.kind == VN_VALUE_LIST;
  VnType wanted = list ? vn_type_list(VN_VALUE_PREFIX) : vn_type_of_kind(VN_VALUE_PREFIX);
  return vn_check_type(c, term, wanted, "the prefix of a segment") ? term
                                                                   : vn_term_error(c, ast->span);
}

void
vn_check_segment(VnCompiler *c, VnItem *item)
{
  const VnAstSegment *ast = (const VnAstSegment *)item->ast;
  guint32 mark;
  item->dim = vn_check_dim(c, ast->dim, &mark);
  item->segment.tech = VN_NO_ID;
  if (ast->prefix != NULL)
    item->segment.prefix = check_prefix(c, ast->prefix);
  if (ast->at != NULL)
    item->segment.at = vn_check_expr_as(c, ast->at, VN_VALUE_SITE, "where a segment is");
  if (ast->technology.symbol != NULL)
    item->segment.tech = check_technology(c, ast->technology.symbol->text, ast->technology.span);
  item->segment.properties = vn_check_properties(c, ast->properties, VN_ON_SEGMENT, "segment",
                                                 &item->segment.n_properties);
  vn_scope_pop(c, mark);
}

static VnTerm *
check_connection(VnCompiler *c, const VnAst *ast, gboolean router)
{
  VnTerm *term = vn_check_expr(c, ast);
  gboolean list = router && term->type.kind == VN_VALUE_LIST;
  VnType wanted = list ? vn_type_list(VN_VALUE_SEGMENT) : vn_type_of_kind(VN_VALUE_SEGMENT);
  if (vn_check_type(c, term, wanted, router ? "what a router joins" : "where a host is"))
    return term;
  return vn_term_error(c, ast->span);
}

void
vn_check_vm(VnCompiler *c, VnItem *item)
{
  const VnAstVm *ast = (const VnAstVm *)item->ast;
  gboolean router = item->ast->kind == VN_AST_ROUTER;
  guint32 mark;
  item->dim = vn_check_dim(c, ast->dim, &mark);
  item->vm.n_segments = ast->segments.n;
  item->vm.segments = vn_arena_array0(c->arena, VnTerm *, ast->segments.n);
  for (guint32 i = 0; i < ast->segments.n; i++)
    item->vm.segments[i] = check_connection(c, ast->segments.items[i], router);
  item->vm.properties = vn_check_properties(c, ast->properties, router ? VN_ON_ROUTER : VN_ON_HOST,
                                            router ? "router" : "host", &item->vm.n_properties);
  vn_scope_pop(c, mark);
}
