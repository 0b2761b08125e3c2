/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-certify EXPERIMENT.json CERTIFICATE.json: is the certificate true of the experiment?
 *
 * Exit status: 0 it is, and covers every need of every task; 1 it is not, and one line says where;
 * 2 a file is unreadable, or misuse; 3 it is, but leaves needs open, a line each. */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "certify/certify.h"

enum { STATUS_TRUE = 0, STATUS_FALSE = 1, STATUS_MISUSE = 2, STATUS_OPEN = 3 };

static int
misuse(const char *text)
{
  fprintf(stderr, "vnec-certify: %s\n", text);
  return STATUS_MISUSE;
}

static int
check(const char *experiment, const char *certificate)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(Graph) graph = graph_load(experiment, &error);
  if (graph == NULL)
    return misuse(error->message);
  g_autoptr(JsonParser) parser = json_load(certificate, &error);
  if (parser == NULL)
    return misuse(error->message);
  g_autofree char *why = NULL;
  g_autoptr(GPtrArray) open = g_ptr_array_new_with_free_func(g_free);
  if (!certificate_check(graph, json_parser_get_root(parser), open, &why)) {
    g_print("%s\n", why);
    return STATUS_FALSE;
  }
  for (guint k = 0; k < open->len; k++)
    g_print("open: %s\n", (const char *)open->pdata[k]);
  if (open->len > 0)
    g_print("the certificate holds, but leaves %u need%s open\n", open->len,
            open->len == 1 ? "" : "s");
  else
    g_print("the certificate holds\n");
  return open->len > 0 ? STATUS_OPEN : STATUS_TRUE;
}

int
main(int argc, char **argv)
{
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
      {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL},
      G_OPTION_ENTRY_NULL};
  g_autoptr(GError) error = NULL;
  g_autoptr(GOptionContext) context =
      g_option_context_new("EXPERIMENT.json CERTIFICATE.json - check a certificate");
  setlocale(LC_ALL, "");
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_set_description(
      context, "The files are what `vnecc --emit=json` and `vnecc --emit=certificate` print of one "
               "script.\n\nExit status: 0 the certificate holds, 1 it does not, 2 a file is "
               "unreadable, or misuse, 3 it holds but leaves needs open.\n");
  if (!g_option_context_parse(context, &argc, &argv, &error))
    return misuse(error->message);
  if (version) {
    g_print("vnec-certify %s\n", PACKAGE_VERSION);
    return STATUS_TRUE;
  }
  if (argc != 3)
    return misuse("two files are wanted: EXPERIMENT.json CERTIFICATE.json (see --help)");
  return check(argv[1], argv[2]);
}
