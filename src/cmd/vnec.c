/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec: runs experiments. This file finds the verb; each verb has a file of its own. */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/process.h"
#include "cmd/verb.h"

typedef struct {
  const char *name, *arguments, *help;
  int (*run)(int argc, char **argv);
} Verb;

static const Verb verbs[] = {
#define VN_VERB(name, arguments, help) {#name, arguments, help, vn_verb_##name},
#include "cmd/verbs.def"
#undef VN_VERB
};

static const Verb *
find_verb(const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS(verbs); i++)
    if (strcmp(verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

static void
print_help(void)
{
  g_print("Usage: vnec VERB [OPTION…] [ARGUMENT…]\n\n"
          "Turns a script into a running virtual network, runs its tasks, keeps the results, and\n"
          "leaves no trace.\n\nVerbs:\n");
  for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
    g_autofree char *call = g_strjoin(" ", verbs[i].name, verbs[i].arguments, NULL);
    g_print("  %-16s %s\n", call, verbs[i].help);
  }
  g_print("\n`vnec VERB --help` says more. Exit status of run and resume:\n"
          "  0 verdict passed, 1 failed, 2 misuse, 3 the script is wrong,\n"
          "  4 the infrastructure failed, 130 interrupted\n");
}

gboolean
vn_verb_options(int *argc, char ***argv, const char *arguments, const char *summary,
                const GOptionEntry *entries, int *out_status)
{
  g_autoptr(GOptionContext) context = g_option_context_new(arguments);
  g_autoptr(GError) error = NULL;
  g_option_context_set_summary(context, summary);
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_set_help_enabled(context, FALSE);
  for (int i = 1; i < *argc && strcmp((*argv)[i], "--") != 0; i++)
    if (strcmp((*argv)[i], "--help") == 0 || strcmp((*argv)[i], "-h") == 0) {
      g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
      g_print("%s", help);
      *out_status = VN_EXIT_PASSED;
      return FALSE;
    }
  if (g_option_context_parse(context, argc, argv, &error))
    return TRUE;
  g_printerr("%s: %s (see `%s --help`)\n", (*argv)[0], error->message, (*argv)[0]);
  *out_status = VN_EXIT_MISUSE;
  return FALSE;
}

int
vn_verb_misuse(const char *verb, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  return vn_verb_failed(verb, VN_EXIT_MISUSE, text);
}

int
vn_verb_failed(const char *verb, int status, const char *text)
{
  g_printerr("vnec %s: %s\n", verb, text);
  return status;
}

gboolean
vn_colour_parse(const char *when, VnColour *out)
{
  static const char *const words[] = {"auto", "always", "never"};
  *out = VN_COLOUR_AUTO;
  for (guint i = 0; when != NULL && i < G_N_ELEMENTS(words); i++)
    if (strcmp(when, words[i]) == 0) {
      *out = (VnColour)i;
      return TRUE;
    }
  return when == NULL;
}

gboolean
vn_colour_wanted(VnColour colour, int fd)
{
  const char *no = g_getenv("NO_COLOR"), *term = g_getenv("TERM");
  if (colour != VN_COLOUR_AUTO)
    return colour == VN_COLOUR_ALWAYS;
  return isatty(fd) && (no == NULL || *no == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

static int
flushed(int status)
{
  if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
    return status; /* a reader that has seen enough is no failure */
  g_printerr("vnec: writing the output failed\n");
  return status == VN_EXIT_PASSED ? VN_EXIT_BROKEN : status;
}

int
main(int argc, char **argv)
{
  setlocale(LC_ALL, "");
  (void)signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of the write */
  g_autoptr(GError) error = NULL;
  if (!vn_process_begin(&error)) {
    g_printerr("vnec: %s\n", error->message);
    return VN_EXIT_BROKEN;
  }
  const char *name = argc > 1 ? argv[1] : "--help";
  if (strcmp(name, "--version") == 0) {
    g_print("vnec %s\n", PACKAGE_VERSION);
    return flushed(VN_EXIT_PASSED);
  }
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
      (strcmp(name, "help") == 0 && argc < 3)) {
    print_help();
    return flushed(argc > 1 ? VN_EXIT_PASSED : VN_EXIT_MISUSE);
  }
  gboolean help = strcmp(name, "help") == 0;
  const Verb *verb = find_verb(help ? argv[2] : name);
  if (verb == NULL) {
    g_printerr("vnec: there is no verb \"%s\" (see `vnec --help`)\n", help ? argv[2] : name);
    return VN_EXIT_MISUSE;
  }
  g_autofree char *called = g_strdup_printf("vnec %s", verb->name);
  g_set_prgname(called);
  char *help_argv[] = {called, (char *)"--help", NULL};
  argv[1] = called;
  if (help)
    return flushed(verb->run(2, help_argv));
  g_auto(GStrv) split = vn_args_split(argv + 1, "DIWot");
  g_autofree char **args = g_memdup2(split, (g_strv_length(split) + 1) * sizeof(char *));
  return flushed(verb->run((int)g_strv_length(split), args)); /* GOption moves them about */
}
