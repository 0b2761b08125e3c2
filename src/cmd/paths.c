/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/paths.h"

/* What the running program's own folder stands in: PREFIX of PREFIX/bin and PREFIX/libexec/vnec. */
static char *
own_prefix(void)
{
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  if (program == NULL)
    return NULL;
  g_autofree char *folder = g_path_get_dirname(program);
  g_autofree char *above = g_path_get_dirname(folder);
  g_autofree char *name = g_path_get_basename(above);
  return g_str_equal(name, "libexec") ? g_path_get_dirname(above) : g_steal_pointer(&above);
}

/* PREFIX/PLACE if it is there, else the installed one. */
static char *
find(const char *place, const char *installed)
{
  g_autofree char *prefix = own_prefix();
  g_autofree char *beside = prefix != NULL ? g_build_filename(prefix, place, NULL) : NULL;
  if (beside != NULL && g_file_test(beside, G_FILE_TEST_IS_DIR))
    return g_steal_pointer(&beside);
  return g_strdup(installed);
}

char *
vn_paths_stdlib(void)
{
  const char *chosen = g_getenv("VNEC_STDLIB");
  if (chosen != NULL && *chosen != '\0')
    return g_strdup(chosen);
  return find("share/vnec/stdlib", VN_DATADIR "/stdlib");
}

char *
vn_paths_helpers(void)
{
  return find("libexec/vnec", VN_LIBEXECDIR);
}
