/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/args.h"

#include <string.h>

char **
vn_args_split(char **argv, const char *options)
{
  GPtrArray *split = g_ptr_array_new();
  gboolean ended = FALSE;
  for (; *argv != NULL; argv++) {
    const char *arg = *argv;
    ended = ended || strcmp(arg, "--") == 0;
    gboolean glued = !ended && arg[0] == '-' && arg[1] != '\0' && arg[1] != '-' &&
                     arg[2] != '\0' && strchr(options, arg[1]) != NULL;
    g_ptr_array_add(split, glued ? g_strndup(arg, 2) : g_strdup(arg));
    if (glued)
      g_ptr_array_add(split, g_strdup(arg + 2));
  }
  g_ptr_array_add(split, NULL);
  return (char **)g_ptr_array_free(split, FALSE);
}
