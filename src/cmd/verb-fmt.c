/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec fmt: scripts in their one layout. A file is replaced only by a whole new one, and only if
 * it changes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag-text.h"
#include "cmd/verb.h"
#include "lang/parse.h"
#include "lang/print.h"
#include "xml/xml.h"

typedef struct {
  gboolean check, print;
} Options;

/* NULL: it has been said why. */
static char *
format_text(VnSourceSet *sources, const VnSource *source)
{
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(VnArena) arena = vn_arena_new();
  const VnAstFile *file = vn_parse_file(source, arena, vn_symbol_table_new(arena), sink);
  if (!vn_diag_sink_has_errors(sink))
    return vn_format_file(file);
  g_autoptr(GString) text = g_string_new(NULL);
  vn_diag_render_all_text(sink, sources, vn_colour_wanted(VN_COLOUR_AUTO, STDERR_FILENO), text);
  g_printerr("%s", text->str);
  return NULL;
}

/* What a symbolic link points to is replaced, not the link. */
static int
replace_file(const char *path, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *real = realpath(path, NULL);
  struct stat info;
  if (real == NULL)
    return vn_verb_misuse("fmt", "%s: %s", path, g_strerror(errno));
  if (stat(real, &info) != 0 || !S_ISREG(info.st_mode))
    return vn_verb_misuse("fmt", "%s is no plain file: it is not replaced", path);
  int mode = (int)(info.st_mode & 0777);
  if (!g_file_set_contents_full(real, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, mode, &error))
    return vn_verb_failed("fmt", VN_EXIT_BROKEN, error->message);
  if (chmod(real, (mode_t)mode) != 0) /* the umask has taken from it */
    return vn_verb_failed("fmt", VN_EXIT_BROKEN, g_strerror(errno));
  g_print("%s\n", path);
  return VN_EXIT_PASSED;
}

static int
format_path(const char *path, const Options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  const VnSource *source = vn_source_set_load(sources, path, &error);
  if (source == NULL)
    return vn_verb_failed("fmt", VN_EXIT_MISUSE, error->message);
  if (vn_xml_recognise(source))
    return vn_verb_misuse("fmt", "%s is XML: `vnecc --emit=xml` writes it in its one layout", path);
  g_autofree char *text = format_text(sources, source);
  if (text == NULL)
    return VN_EXIT_SCRIPT;
  gboolean same = strcmp(text, source->text) == 0;
  if (options->check) {
    if (!same)
      g_print("%s\n", path);
    return same ? VN_EXIT_PASSED : VN_EXIT_FAILED;
  }
  if (options->print || strcmp(path, "-") == 0) {
    g_print("%s", text);
    return VN_EXIT_PASSED;
  }
  return same ? VN_EXIT_PASSED : replace_file(path, text);
}

int
vn_verb_fmt(int argc, char **argv)
{
  Options options = {0};
  const GOptionEntry entries[] = {
      {"check", 0, 0, G_OPTION_ARG_NONE, &options.check,
       "change nothing; name the files that would, and exit 1 if there are any", NULL},
      {"print", 0, 0, G_OPTION_ARG_NONE, &options.print, "print the result instead", NULL},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  if (!vn_verb_options(&argc, &argv, "[FILE…]",
                       "Puts scripts into their canonical layout and names those that changed "
                       "(`-`, the default: from standard input to standard output).",
                       entries, &status))
    return status;
  if (argc < 2)
    return format_path("-", &options);
  status = VN_EXIT_PASSED;
  for (int i = 1; i < argc; i++) {
    int one = format_path(argv[i], &options);
    status = MAX(status, one);
  }
  return status;
}
