/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the tree to lines and cells (layout.h). Each kind of node is written in its source order, so
 * that comments come out where they stood. Expressions: print-expr.c; actions: print-action.c. */
#include "lang/print.h"

#include "lang/print-parts.h"

static void print_body(VnLayout *l, VnAstSeq body);

#define AS(Type) ((const Type *)node)

/* ---- parts of declarations ---- */

/* A comment inside the brackets keeps the statement's label from being that of its neighbours. */
static void
print_name_and_dim(VnLayout *l, VnIdent name, const VnAstDim *dim)
{
  vn_print_ident(l, name);
  if (dim == NULL)
    return;
  vn_layout_put(l, "[");
  if (dim->index.symbol != NULL) {
    vn_print_ident(l, dim->index);
    vn_layout_put(l, " in ");
  }
  vn_print_expr(l, dim->bounds);
  vn_layout_put(l, "]");
}

static void
print_property(VnLayout *l, const VnAstProperty *property)
{
  const char *word = vn_property_word(property->id);
  vn_layout_flush(l, property->ast.span.start);
  vn_layout_cell(l, word);
  vn_layout_put(l, word);
  if (property->word.symbol != NULL) {
    vn_layout_put(l, " ");
    vn_print_ident(l, property->word);
  }
  vn_print_with(l, property->word.symbol != NULL ? "=" : " ", property->a);
  if (property->b != NULL)
    vn_print_with(l,
                  property->id == VN_PROPERTY_CAPTURE ? " filter "
                  : property->id == VN_PROPERTY_RETRY ? " every "
                                                      : " to ",
                  property->b);
  if (property->list.n > 0) {
    vn_layout_put(l, " ");
    vn_print_items(l, property->list);
  }
}

static void
print_properties(VnLayout *l, VnAstSeq properties)
{
  for (guint32 i = 0; i < properties.n; i++)
    print_property(l, (const VnAstProperty *)properties.items[i]);
}

/* ---- declarations ---- */

static void
print_use(VnLayout *l, const VnAstUse *use)
{
  vn_print_begin(l, &use->ast, "use");
  if (use->path != NULL)
    vn_print_expr(l, &use->path->ast);
  else
    vn_print_idents(l, use->dotted, use->n_dotted, ".");
  if (use->name.symbol != NULL) {
    vn_layout_put(l, " as ");
    vn_print_ident(l, use->name);
  }
  vn_print_finish(l, &use->ast);
}

static void
print_let(VnLayout *l, const VnAstLet *let, const char *word, const char *sign)
{
  vn_print_begin(l, &let->ast, word);
  vn_print_ident(l, let->name);
  if (let->function) {
    vn_layout_put(l, "(");
    vn_print_idents(l, let->parameters, let->n_parameters, ", ");
    vn_layout_put(l, ")");
  }
  vn_layout_cell(l, sign);
  vn_layout_put(l, sign);
  vn_print_with(l, " ", let->value);
  vn_print_finish(l, &let->ast);
}

static void
print_site(VnLayout *l, const VnAstSite *site)
{
  vn_print_begin(l, &site->ast, "site");
  vn_print_ident(l, site->name);
  vn_layout_cell(l, "at");
  vn_print_with(l, "at ", site->at);
  if (site->key != NULL) {
    vn_layout_cell(l, "key");
    vn_print_with(l, "key ", site->key);
  }
  vn_print_finish(l, &site->ast);
}

static void
print_key(VnLayout *l, const VnAstKey *key)
{
  vn_print_ident(l, key->name);
  vn_print_with(l, " ", key->value);
  vn_layout_put(l, ";");
}

/* On one line if it was and fits: `image a { technology netns; os linux; }`. */
static gboolean
print_image_line(VnLayout *l, const VnAstImage *image)
{
  if (!vn_layout_one_line(l, image->ast.span) || image->keys.n == 0)
    return FALSE;
  vn_layout_put(l, "");
  for (guint32 i = 0; i < image->keys.n; i++) {
    const VnAstKey *key = (const VnAstKey *)image->keys.items[i];
    vn_layout_cell(l, key->name.symbol->text);
    vn_layout_put(l, i == 0 ? "{ " : "");
    print_key(l, key);
  }
  vn_layout_put(l, " }");
  return vn_layout_width(l) <= VN_FORMAT_COLUMNS;
}

static void
print_image(VnLayout *l, const VnAstImage *image)
{
  vn_print_begin(l, &image->ast, "image");
  vn_print_ident(l, image->name);
  guint cells = vn_layout_cells(l);
  if (print_image_line(l, image))
    return;
  vn_layout_drop_cells(l, cells);
  vn_layout_open(l, vn_layout_next(l, image->name.span.end));
  for (guint32 i = 0; i < image->keys.n; i++) {
    const VnAstKey *key = (const VnAstKey *)image->keys.items[i];
    vn_layout_line(l, key->ast.span.start);
    vn_print_ident(l, key->name);
    vn_print_with(l, " ", key->value);
    vn_print_finish(l, &key->ast);
  }
  vn_layout_close(l, image->ast.span.end - 1);
}

static void
print_segment(VnLayout *l, const VnAstSegment *segment)
{
  vn_print_begin(l, &segment->ast, "segment");
  print_name_and_dim(l, segment->name, segment->dim);
  if (segment->prefix != NULL) {
    vn_layout_cell(l, "prefix");
    vn_print_expr(l, segment->prefix);
  }
  if (segment->at != NULL) {
    vn_layout_cell(l, "at");
    vn_print_with(l, "at ", segment->at);
  }
  if (segment->technology.symbol != NULL) {
    vn_layout_cell(l, "using");
    vn_layout_put(l, "using ");
    vn_print_ident(l, segment->technology);
  }
  print_properties(l, segment->properties);
  vn_print_finish(l, &segment->ast);
}

static void
print_vm(VnLayout *l, const VnAstVm *vm, const char *word, const char *joint)
{
  vn_print_begin(l, &vm->ast, word);
  print_name_and_dim(l, vm->name, vm->dim);
  vn_layout_cell(l, joint);
  vn_layout_put(l, joint);
  vn_layout_put(l, " ");
  vn_print_items(l, vm->segments);
  print_properties(l, vm->properties);
  vn_print_finish(l, &vm->ast);
}

static void
print_single(VnLayout *l, const VnAst *node, const char *word, const VnAst *value,
             const VnAst *also)
{
  vn_print_begin(l, node, word);
  vn_print_expr(l, value);
  if (also != NULL) {
    vn_layout_cell(l, "message");
    vn_print_expr(l, also);
  }
  vn_print_finish(l, node);
}

static void
print_rules(VnLayout *l, const VnAstRules *rules)
{
  vn_print_begin(l, &rules->ast, "rules");
  vn_print_ident(l, rules->name);
  vn_print_finish(l, &rules->ast);
}

static void
print_param_decl(VnLayout *l, const VnAstParam *param)
{
  vn_print_begin(l, &param->ast, "param");
  vn_print_param(l, param);
  vn_print_finish(l, &param->ast);
}

/* ---- blocks ---- */

static void
print_for(VnLayout *l, const VnAstFor *node)
{
  vn_print_begin(l, &node->ast, "for");
  vn_print_ident(l, node->name);
  vn_print_with(l, " in ", node->range);
  vn_layout_open(l, vn_layout_next(l, node->range->span.end));
  print_body(l, node->body);
  vn_layout_close(l, node->ast.span.end - 1);
}

/* The place of the `}` that closes a block of declarations which begins after `start`. */
static VnPos
block_end(VnLayout *l, VnAstSeq body, VnPos start)
{
  return vn_layout_next(l, body.n > 0 ? body.items[body.n - 1]->span.end
                                      : vn_layout_next(l, start) + 1);
}

static void
print_if(VnLayout *l, const VnAstIf *node)
{
  vn_print_begin(l, &node->ast, "if");
  for (;;) {
    vn_print_expr(l, node->condition);
    VnPos end = block_end(l, node->then, node->condition->span.end);
    vn_layout_open(l, vn_layout_next(l, node->condition->span.end));
    print_body(l, node->then);
    vn_layout_close(l, end);
    if (!node->has_else)
      return;
    VnPos otherwise = vn_layout_next(l, end + 1);
    vn_layout_flush(l, otherwise);
    vn_layout_put(l, vn_layout_at_start(l) ? "else" : " else");
    VnPos next = vn_layout_next(l, otherwise + 4);
    const VnAst *only = node->otherwise.n == 1 ? node->otherwise.items[0] : NULL;
    if (only == NULL || only->kind != VN_AST_IF || only->span.start != next) {
      vn_layout_open(l, next);
      print_body(l, node->otherwise);
      vn_layout_close(l, node->ast.span.end - 1);
      return;
    }
    node = (const VnAstIf *)only;
    vn_layout_flush(l, next);
    vn_layout_put(l, vn_layout_at_start(l) ? "if " : " if ");
  }
}

/* ---- tasks ---- */

static void
print_task(VnLayout *l, const VnAstTask *task)
{
  vn_layout_line(l, task->ast.span.start);
  vn_layout_cell(l, "task");
  if (task->name.symbol != NULL) {
    vn_layout_put(l, "task ");
    print_name_and_dim(l, task->name, task->dim);
    vn_layout_cell(l, "=");
    vn_layout_put(l, "= ");
  }
  if (task->targets != NULL) {
    vn_print_expr(l, task->targets);
    vn_layout_put(l, ": ");
  }
  vn_print_expr(l, task->call);
  print_properties(l, task->clauses);
  vn_print_finish(l, &task->ast);
}

static void
print_flow(VnLayout *l, const VnAstFlow *flow)
{
  vn_print_begin(l, &flow->ast, "flow");
  for (guint32 i = 0; i < flow->steps.n; i++) {
    vn_layout_put(l, i > 0 ? " ->" VN_SOFT_SPACE : "");
    vn_print_expr(l, flow->steps.items[i]);
  }
  vn_print_finish(l, &flow->ast);
}

/* ---- all declarations ---- */

static void
print_decl(VnLayout *l, const VnAst *node)
{
  switch ((VnAstKind)node->kind) {
  case VN_AST_EXPERIMENT:
    print_single(l, node, "experiment", AS(VnAstExperiment)->title, NULL);
    break;
  case VN_AST_USE:
    print_use(l, AS(VnAstUse));
    break;
  case VN_AST_PARAM:
    print_param_decl(l, AS(VnAstParam));
    break;
  case VN_AST_LET:
    print_let(l, AS(VnAstLet), "let", "=");
    break;
  case VN_AST_RULES:
    print_rules(l, AS(VnAstRules));
    break;
  case VN_AST_SITE:
    print_site(l, AS(VnAstSite));
    break;
  case VN_AST_IMAGE:
    print_image(l, AS(VnAstImage));
    break;
  case VN_AST_SEGMENT:
    print_segment(l, AS(VnAstSegment));
    break;
  case VN_AST_NETWORK:
    print_single(l, node, "network", AS(VnAstSingle)->value, NULL);
    break;
  case VN_AST_HOST:
    print_vm(l, AS(VnAstVm), "host", "on");
    break;
  case VN_AST_ROUTER:
    print_vm(l, AS(VnAstVm), "router", "joins");
    break;
  case VN_AST_GROUP:
    print_let(l, AS(VnAstLet), "group", "=");
    break;
  case VN_AST_FOR:
    print_for(l, AS(VnAstFor));
    break;
  case VN_AST_IF:
    print_if(l, AS(VnAstIf));
    break;
  case VN_AST_TASK:
    print_task(l, AS(VnAstTask));
    break;
  case VN_AST_ACTION:
    vn_print_action(l, AS(VnAstAction));
    break;
  case VN_AST_FLOW:
    print_flow(l, AS(VnAstFlow));
    break;
  case VN_AST_EXPECT:
    print_single(l, node, "expect", AS(VnAstExpect)->condition, AS(VnAstExpect)->message);
    break;
  case VN_AST_MEASURE:
    print_let(l, AS(VnAstLet), "measure", "=");
    break;
  case VN_AST_SEED:
    print_single(l, node, "seed", AS(VnAstSingle)->value, NULL);
    break;
  case VN_AST_TRIALS:
    print_single(l, node, "trials", AS(VnAstSingle)->value, NULL);
    break;
  case VN_AST_SWEEP:
    print_let(l, AS(VnAstLet), "sweep", "in");
    break;
#define VN_AST_EXPR(id, type, text) case VN_AST_##id:
#define VN_AST_DECL(id, type, text)
#define VN_AST_ITEM(id, type, text) case VN_AST_##id:
#include "lang/ast.def"
#undef VN_AST_EXPR
#undef VN_AST_DECL
#undef VN_AST_ITEM
  case VN_AST_KIND_COUNT:
    g_assert_not_reached();
  }
}

static void
print_body(VnLayout *l, VnAstSeq body)
{
  for (guint32 i = 0; i < body.n; i++)
    print_decl(l, body.items[i]);
}

char *
vn_format_file(const VnAstFile *file)
{
  g_autoptr(VnLayout) layout = vn_layout_new(file);
  print_body(layout, file->decls);
  return vn_layout_finish(layout);
}
