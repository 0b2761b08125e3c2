/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in use: locals, the file's own things, what its modules export. All look-ups are by the
 * symbol's number; no string is compared unless a suggestion is wanted. */
#include "sema/check.h"

#include <string.h>

const char *
vn_thing_kind_text(VnThingKind kind)
{
  switch (kind) {
  case VN_THING_CONSTANT:
    return "constant";
  case VN_THING_FUNCTION:
    return "function";
  case VN_THING_PARAMETER:
    return "parameter";
  case VN_THING_SITE:
    return "site";
  case VN_THING_IMAGE:
    return "image";
  case VN_THING_SEGMENT:
    return "segment";
  case VN_THING_HOST:
    return "host";
  case VN_THING_ROUTER:
    return "router";
  case VN_THING_GROUP:
    return "group";
  case VN_THING_TASK:
    return "task";
  case VN_THING_MEASURE:
    return "measure";
  case VN_THING_ACTION:
    return "action";
  }
  g_assert_not_reached();
}

VnThing *
vn_module_thing(const VnModule *module, const VnSymbol *name)
{
  return name->id < module->n_things ? module->things[name->id] : NULL;
}

gboolean
vn_thing_is_exported(const VnThing *thing)
{
  return (VN_IS(CONSTANT) | VN_IS(FUNCTION) | VN_IS(PARAMETER) | VN_IS(ACTION)) &
         (1u << thing->kind);
}

gboolean
vn_local_is_visible(const VnContext *context, guint32 place)
{
  return place < context->hide_from || place >= context->hide_to;
}

static const VnLocal *
find_local(VnCompiler *c, const VnSymbol *name)
{
  guint32 place = name->id < c->n_local_of ? c->local_of[name->id] : 0;
  while (place > 0) {
    const VnLocal *local = &g_array_index(c->locals, VnLocal, place - 1);
    if (vn_local_is_visible(&c->context, place - 1))
      return local;
    place = local->outer;
  }
  return NULL;
}

static void
ambiguous(VnCompiler *c, VnSpan span, const VnSymbol *name, const VnUse *first, const VnUse *second)
{
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN108, span, "both %s and %s export `%s`",
                             first->module->name, second->module->name, name->text);
  vn_diag_place(diag, vn_module_thing(first->module, name)->span, "declared here");
  vn_diag_place(diag, vn_module_thing(second->module, name)->span, "and here");
  vn_diag_hint(diag, "write `%s.%s` or `%s.%s`", first->qualifier->text, name->text,
               second->qualifier->text, name->text);
}

/* What the modules used here export under the name. */
static VnFound
find_imported(VnCompiler *c, const VnSymbol *name, VnSpan span, guint want)
{
  VnModule *module = c->context.module;
  VnUse *found = NULL;
  for (guint32 i = 0; i < module->n_uses; i++) {
    VnUse *use = &module->uses[i];
    VnThing *thing = use->module != NULL ? vn_module_thing(use->module, name) : NULL;
    if (thing == NULL || !vn_thing_is_exported(thing) || !(want & (1u << thing->kind)))
      continue;
    use->used = TRUE;
    if (found == NULL || found->module == use->module) {
      found = use;
      continue;
    }
    ambiguous(c, span, name, found, use);
    return (VnFound){.reported = TRUE};
  }
  return (VnFound){.thing = found != NULL ? vn_module_thing(found->module, name) : NULL};
}

VnFound
vn_scope_find(VnCompiler *c, const VnSymbol *name, VnSpan span, guint want)
{
  const VnLocal *local = find_local(c, name);
  gboolean callable = (want & ~(VN_IS(FUNCTION) | VN_IS(ACTION))) == 0;
  if (local != NULL && (!callable || (local->let != NULL && local->let->function != NULL)))
    return (VnFound){.local = local};
  VnThing *own = vn_module_thing(c->context.module, name);
  if (own != NULL && want & (1u << own->kind)) {
    own->mentioned = TRUE;
    return (VnFound){.thing = own};
  }
  VnFound found = find_imported(c, name, span, want);
  if (found.thing != NULL)
    found.thing->mentioned = TRUE;
  if (found.thing != NULL || found.reported)
    return found;
  if (c->local_site->name == name && want & VN_IS(SITE))
    return (VnFound){.thing = c->local_site};
  return (VnFound){.thing = NULL};
}

static VnUse *
find_use(VnModule *module, const VnSymbol *qualifier)
{
  for (guint32 i = 0; i < module->n_uses; i++)
    if (module->uses[i].qualifier == qualifier)
      return &module->uses[i];
  return NULL;
}

static const char *
nearest_export(const VnModule *module, const char *name, guint want)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < module->order->len; i++) {
    const VnThing *thing = module->order->pdata[i];
    if (vn_thing_is_exported(thing) && want & (1u << thing->kind))
      g_ptr_array_add(names, (char *)thing->name->text);
  }
  return vn_diag_nearest(name, (const char *const *)names->pdata, names->len);
}

VnThing *
vn_scope_find_qualified(VnCompiler *c, const VnAstMember *member, guint want,
                        gboolean *out_is_module)
{
  *out_is_module = FALSE;
  if (member->base->kind != VN_AST_NAME)
    return NULL;
  const VnSymbol *qualifier = ((const VnAstName *)member->base)->name.symbol;
  if (find_local(c, qualifier) != NULL || vn_module_thing(c->context.module, qualifier) != NULL)
    return NULL;
  VnUse *use = find_use(c->context.module, qualifier);
  if (use == NULL)
    return NULL;
  *out_is_module = TRUE;
  use->used = TRUE;
  VnThing *thing = use->module != NULL ? vn_module_thing(use->module, member->name.symbol) : NULL;
  if (thing != NULL && vn_thing_is_exported(thing)) {
    thing->mentioned = TRUE;
    return thing;
  }
  if (use->module == NULL)
    return NULL; /* the module could not be read: said there */
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN101, member->name.span, "%s has no `%s`",
                             use->module->name, member->name.symbol->text);
  const char *near = nearest_export(use->module, member->name.symbol->text, want);
  if (near != NULL)
    vn_diag_hint(diag, "did you mean `%s.%s`?", qualifier->text, near);
  return NULL;
}

static void
warn_hidden(VnCompiler *c, const VnLocal *local)
{
  const VnLocal *outer = find_local(c, local->name);
  const VnThing *thing = vn_module_thing(c->context.module, local->name);
  if (outer == NULL && thing == NULL)
    return;
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN123, local->span, "`%s` hides another", local->name->text);
  vn_diag_place(diag, outer != NULL ? outer->span : thing->span, "declared here");
  vn_diag_hint(diag, "give one of them another name");
}

static void
room_for_symbols(VnCompiler *c)
{
  guint32 count = vn_symbol_count(c->symbols);
  if (count <= c->n_local_of)
    return;
  c->local_of = g_renew(guint32, c->local_of, count);
  memset(c->local_of + c->n_local_of, 0, sizeof *c->local_of * (count - c->n_local_of));
  c->n_local_of = count;
}

guint32
vn_scope_push(VnCompiler *c, VnLocal local, gboolean warn)
{
  guint32 mark = c->locals->len;
  if (local.name == NULL)
    return mark;
  room_for_symbols(c);
  if (warn)
    warn_hidden(c, &local);
  local.outer = c->local_of[local.name->id];
  g_array_append_val(c->locals, local);
  c->local_of[local.name->id] = c->locals->len;
  return mark;
}

void
vn_scope_pop(VnCompiler *c, guint32 to)
{
  for (guint32 place = c->locals->len; place > to; place--) {
    const VnLocal *local = &g_array_index(c->locals, VnLocal, place - 1);
    c->local_of[local->name->id] = local->outer;
  }
  g_array_set_size(c->locals, to);
}
