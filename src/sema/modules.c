/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files: the script, and the modules that it uses, each read once.
 *
 * `use std.net;` is the file std/net.vnl along -I, then the folder of the file that uses it, then
 * the installed library. `use "lib/x.vnl";` is looked for in the folder of the file that uses it
 * first, then along -I. Modules may use each other; a cycle does no harm, as names are bound after
 * all files are read.
 */
#include "sema/check.h"
#include "sema/limits.h"

#include "lang/parse.h"
#include "xml/xml.h"

#include <string.h>

/* A file beside the one that uses it, named as short as the user named that one. */
static char *
beside(const VnModule *user, const char *name)
{
  g_autofree char *folder = g_path_get_dirname(user->file->source->path);
  return strcmp(folder, ".") == 0 ? g_strdup(name) : g_build_filename(folder, name, NULL);
}

/* The candidates for a module, in the order in which they are tried. */
static GPtrArray *
candidates(VnCompiler *c, const VnModule *user, const VnAstUse *use)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GString) name = g_string_new(use->path != NULL ? use->path->text : NULL);
  for (guint32 i = 0; i < use->n_dotted; i++)
    g_string_append_printf(name, "%s%s", i > 0 ? "/" : "", use->dotted[i].symbol->text);
  if (use->path == NULL)
    g_string_append(name, ".vnl");
  if (g_path_is_absolute(name->str)) {
    g_ptr_array_add(paths, g_strdup(name->str));
    return paths;
  }
  if (use->path != NULL)
    g_ptr_array_add(paths, beside(user, name->str));
  const char *const *dirs = c->options.include_dirs;
  for (guint i = 0; dirs != NULL && dirs[i] != NULL; i++)
    g_ptr_array_add(paths, g_build_filename(dirs[i], name->str, NULL));
  if (use->path == NULL)
    g_ptr_array_add(paths, beside(user, name->str));
  if (c->options.stdlib_dir != NULL)
    g_ptr_array_add(paths, g_build_filename(c->options.stdlib_dir, name->str, NULL));
  return paths;
}

static char *
name_of_use(const VnAstUse *use, VnArena *arena)
{
  if (use->path != NULL)
    return vn_arena_strdup(arena, use->path->text);
  g_autoptr(GString) name = g_string_new(NULL);
  for (guint32 i = 0; i < use->n_dotted; i++)
    g_string_append_printf(name, "%s%s", i > 0 ? "." : "", use->dotted[i].symbol->text);
  return vn_arena_strdup(arena, name->str);
}

/* `net` of std.net and of "lib/net.vnl". */
static const VnSymbol *
qualifier_of(VnCompiler *c, const VnAstUse *use)
{
  if (use->name.symbol != NULL)
    return use->name.symbol;
  if (use->path == NULL)
    return use->n_dotted > 0 ? use->dotted[use->n_dotted - 1].symbol : NULL;
  g_autofree char *base = g_path_get_basename(use->path->text);
  char *dot = strrchr(base, '.');
  return vn_symbol_intern(c->symbols, base, dot != NULL ? (gsize)(dot - base) : strlen(base));
}

static void
missing(VnCompiler *c, const VnAstUse *use, const char *name, const GPtrArray *paths)
{
  VnDiag *diag =
      vn_diag_add(c->sink, VN_DIAG_VN107, use->ast.span, "the module `%s` can't be found", name);
  g_autoptr(GString) tried = g_string_new("looked for ");
  for (guint i = 0; i < paths->len; i++)
    g_string_append_printf(tried, "%s%s", i > 0 ? ", " : "", (char *)paths->pdata[i]);
  vn_diag_hint(diag, "%s", tried->str);
}

static VnModule *
module_at(VnCompiler *c, const char *path)
{
  for (guint i = 0; i < c->modules->len; i++) {
    VnModule *module = c->modules->pdata[i];
    if (strcmp(module->path, path) == 0)
      return module;
  }
  return NULL;
}

static VnModule *
add_module(VnCompiler *c, const char *name, const char *path, const VnSource *source)
{
  VnModule *module = vn_arena_new0(c->arena, VnModule);
  guint errors = vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR);
  module->name = name;
  module->path = vn_arena_strdup(c->arena, path);
  module->file = vn_xml_recognise(source)
                     ? vn_xml_read(source, c->arena, c->symbols, c->sink)
                     : vn_parse_file(source, c->arena, c->symbols, c->sink);
  module->order = g_ptr_array_new();
  if (vn_diag_sink_count(c->sink, VN_SEVERITY_ERROR) > errors) {
    c->syntax_errors = TRUE;
    c->modules_broken |= name != NULL;
  }
  g_ptr_array_add(c->modules, module);
  return module;
}

/* NULL: reported. */
static VnModule *
find_module(VnCompiler *c, const VnModule *user, const VnAstUse *use)
{
  g_autoptr(GPtrArray) paths = candidates(c, user, use);
  const char *name = name_of_use(use, c->arena);
  for (guint i = 0; i < paths->len; i++) {
    if (!g_file_test(paths->pdata[i], G_FILE_TEST_IS_REGULAR))
      continue;
    g_autofree char *path = g_canonicalize_filename(paths->pdata[i], NULL);
    VnModule *module = module_at(c, path);
    if (module != NULL)
      return module;
    g_autoptr(GError) error = NULL;
    const VnSource *source = vn_source_set_load(c->sources, paths->pdata[i], &error);
    if (source != NULL)
      return add_module(c, name, path, source);
    vn_diag_add(c->sink, VN_DIAG_VN107, use->ast.span, "the module `%s` can't be read: %s", name,
                error->message);
    return NULL;
  }
  missing(c, use, name, paths);
  return NULL;
}

static void
check_duplicate_use(VnCompiler *c, const VnModule *module, VnUse *use)
{
  for (const VnUse *other = module->uses; other < use; other++) {
    if (other->qualifier != use->qualifier)
      continue;
    use->used = TRUE; /* one complaint is enough */
    gboolean same = other->module == use->module;
    VnDiag *diag = vn_diag_add(c->sink, VN_DIAG_VN102, use->span, "%s `%s` already",
                               same ? "the file uses" : "another module is called",
                               same ? use->module->name : use->qualifier->text);
    vn_diag_place(diag, other->span, "here");
    if (!same)
      vn_diag_hint(diag, "name it otherwise: `use … as NAME;`");
    return;
  }
}

static void
load_uses(VnCompiler *c, VnModule *module)
{
  VnAstSeq decls = module->file->decls;
  guint32 n = 0;
  for (guint32 i = 0; i < decls.n; i++)
    n += decls.items[i]->kind == VN_AST_USE;
  module->uses = vn_arena_array0(c->arena, VnUse, n);
  for (guint32 i = 0; i < decls.n; i++) {
    if (decls.items[i]->kind != VN_AST_USE)
      continue;
    const VnAstUse *ast = (const VnAstUse *)decls.items[i];
    VnUse *use = &module->uses[module->n_uses++];
    *use = (VnUse){.module = find_module(c, module, ast),
                   .qualifier = qualifier_of(c, ast),
                   .span = ast->ast.span,
                   .ast = ast};
    if (use->module != NULL && use->qualifier != NULL)
      check_duplicate_use(c, module, use);
  }
}

gboolean
vn_modules_load(VnCompiler *c, const VnSource *source)
{
  g_autofree char *canonical = g_canonicalize_filename(source->path, NULL);
  c->script = add_module(c, NULL, canonical, source);
  for (guint i = 0; i < c->modules->len; i++) { /* grows while it is walked */
    if (i == VN_MAX_MODULES) {
      vn_diag_add(c->sink, VN_DIAG_VN117, VN_SPAN_NONE, "more than %d modules", VN_MAX_MODULES);
      return FALSE;
    }
    load_uses(c, c->modules->pdata[i]);
  }
  for (guint i = 0; i < c->modules->len; i++)
    vn_bind_module(c, c->modules->pdata[i]);
  return !c->syntax_errors;
}
