/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that nothing declares: what may have been meant. Only mistakes come here, so it may be
 * slow, but not without bound. */
#include "sema/check.h"

#include <string.h>

/* Beyond these, looking for similar names costs more than it tells. */
#define MAX_SUGGESTIONS 100
#define MAX_CANDIDATES  10000

static void
add_module_names(const VnModule *module, gboolean exported_only, GPtrArray *names)
{
  for (guint i = 0; i < module->order->len && names->len < MAX_CANDIDATES; i++) {
    const VnThing *thing = module->order->pdata[i];
    if (!exported_only || vn_thing_is_exported(thing))
      g_ptr_array_add(names, (char *)thing->name->text);
  }
}

static void
add_builtin_names(GPtrArray *names)
{
  g_ptr_array_add(names, (char *)"routers");
  g_ptr_array_add(names, (char *)"hosts");
  g_ptr_array_add(names, (char *)"local");
  for (guint i = 0; i < VN_N_BUILTINS; i++)
    g_ptr_array_add(names, (char *)vn_builtin_name((VnBuiltin)i));
  for (guint i = 0; i < VN_CONTROL_COUNT; i++)
    g_ptr_array_add(names, (char *)vn_control_signature((VnControl)i)->callee);
}

/* The nearest of all names that are visible. */
static const char *
suggest(VnCompiler *c, const VnSymbol *name)
{
  c->suggestions++;
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < c->locals->len; i++)
    if (vn_local_is_visible(&c->context, i))
      g_ptr_array_add(names, (char *)g_array_index(c->locals, VnLocal, i).name->text);
  add_module_names(c->context.module, FALSE, names);
  for (guint32 i = 0; i < c->context.module->n_uses; i++)
    if (c->context.module->uses[i].module != NULL)
      add_module_names(c->context.module->uses[i].module, TRUE, names);
  add_builtin_names(names);
  return vn_diag_nearest(name->text, (const char *const *)names->pdata, names->len);
}

/* Is it declared where the parser understood nothing? Then the syntax error is enough. */
static gboolean
lost_in_syntax(const VnCompiler *c, const VnSymbol *name)
{
  if (!c->syntax_errors)
    return FALSE;
  if (c->modules_broken)
    return TRUE;
  for (guint32 i = 0; i < c->script->file->n_lost; i++)
    if (c->script->file->lost[i].symbol == name)
      return TRUE;
  return FALSE;
}

/* The module of the installed library in which the action stands: leaving its `use` out is the
 * usual mistake. NULL if none has it. */
static char *
module_that_has(const VnCompiler *c, const VnSymbol *name)
{
  if (c->options.stdlib_dir == NULL)
    return NULL;
  g_autofree char *folder = g_build_filename(c->options.stdlib_dir, "std", NULL);
  g_autofree char *head = g_strdup_printf("\naction %s(", name->text);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *file = dir != NULL ? g_dir_read_name(dir) : NULL; file != NULL;
       file = g_dir_read_name(dir)) {
    g_autofree char *path = g_build_filename(folder, file, NULL), *text = NULL;
    if (g_str_has_suffix(file, ".vnl") && g_file_get_contents(path, &text, NULL, NULL) &&
        strstr(text, head) != NULL)
      return g_strndup(file, strlen(file) - strlen(".vnl"));
  }
  return NULL;
}

void
vn_scope_unknown(VnCompiler *c, VnSpan span, const VnSymbol *name, const char *what)
{
  if (c->suggestions < MAX_SUGGESTIONS ? lost_in_syntax(c, name) : c->syntax_errors)
    return;
  for (guint32 i = 0; i < c->context.module->n_uses; i++)
    if (c->context.module->uses[i].module == NULL)
      return; /* it may come from the module that was not found */
  c->unknown_names = TRUE;
  VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN101, span, "there is no %s `%s`", what, name->text);
  if (c->suggestions > MAX_SUGGESTIONS)
    return;
  g_autofree char *module = strcmp(what, "action") == 0 ? module_that_has(c, name) : NULL;
  const char *near = suggest(c, name);
  if (module != NULL)
    vn_diag_hint(diag, "it is in std.%s: add `use std.%s;`", module, module);
  else if (near != NULL && strcmp(near, name->text) != 0)
    vn_diag_hint(diag, "did you mean `%s`?", near);
}
