/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec verify: predicts which machines reach which, deploys the network, pings, and compares. */
#include <unistd.h>

#include "cmd/images.h"
#include "cmd/script.h"
#include "cmd/verb.h"
#include "cmd/verify.h"
#include "master/simulate.h"

#define MOST_DEFAULT 2000

typedef struct {
  VnScriptOptions script;
  char *colour, *seed;
  int point, most;
  gboolean json, routers;
} Options;

static int
conclude(const VnVerification *verification, gboolean json)
{
  if (json)
    vn_verification_print_json(verification);
  if (verification->status == VN_RUN_BROKEN)
    return vn_verb_failed("verify", VN_EXIT_BROKEN,
                          verification->error != NULL ? verification->error : "it broke");
  if (verification->status == VN_RUN_INTERRUPTED)
    return VN_EXIT_INTERRUPTED;
  if (!json)
    vn_verification_print(verification);
  return verification->n_disagree + verification->n_unknown == 0 ? VN_EXIT_PASSED
                                                                 : VN_EXIT_FAILED;
}

static int
verify(const Options *options, const VnScript *script, guint64 seed)
{
  g_autoptr(GError) error = NULL;
  const VnModel *model = script->points[options->point > 0 ? options->point - 1 : 0].model;
  VnProbesOptions wanted = {(guint32)options->most, seed, options->routers};
  const VnProbes *probes = vn_probes_make(model, &wanted, script->arena);
  const VnGraph *graph = vn_graph_build(probes->model, script->arena, script->sink);
  if (graph == NULL)
    return vn_verb_failed("verify", VN_EXIT_SCRIPT, "network and pings are too many steps: --most");
  VnVerification verification = {.script = model, .probes = probes, .seed = seed};
  int status = VN_EXIT_BROKEN;
  if (vn_verify(&verification, graph, script->folder, options->json, &error))
    status = conclude(&verification, options->json);
  else
    vn_verb_failed("verify", VN_EXIT_BROKEN, error->message);
  vn_verification_clear(&verification);
  return status;
}

static int
compile_and_verify(const Options *options)
{
  VnColour colour;
  guint64 seed = 1;
  g_autoptr(GError) error = NULL;
  if (!vn_colour_parse(options->colour, &colour))
    return vn_verb_misuse("verify", "--color=%s: always, auto or never is wanted",
                          options->colour);
  if (options->most < 1 || options->most > (int)VN_PROBES_MAX)
    return vn_verb_misuse("verify", "--most: a number from 1 to %u is wanted", VN_PROBES_MAX);
  if (options->seed != NULL &&
      !g_ascii_string_to_unsigned(options->seed, 10, 0, G_MAXINT64, &seed, &error))
    return vn_verb_misuse("verify", "--seed: %s", error->message);
  g_autoptr(VnScript) script = vn_script_load(&options->script, &error);
  if (script == NULL)
    return vn_verb_misuse("verify", "%s", error->message);
  vn_script_print_diagnostics(script, vn_colour_wanted(colour, STDERR_FILENO), FALSE);
  if (vn_diag_sink_has_errors(script->sink))
    return VN_EXIT_SCRIPT;
  if (options->point < 0 || (guint32)options->point > script->n_points)
    return vn_verb_misuse("verify", "--point: the sweep has %u", script->n_points);
  if (vn_is_simulated(script->points[0].model))
    return vn_verb_misuse("verify", "its machines are simulated: there is no network to ask");
  if (options->seed == NULL && script->points[0].model->has_seed)
    seed = script->points[0].model->seed;
  int status = vn_images_prepare("verify", script);
  return status == VN_EXIT_PASSED ? verify(options, script, seed) : status;
}

static void
options_clear(Options *options)
{
  vn_script_options_clear(&options->script);
  g_free(options->colour);
  g_free(options->seed);
}

int
vn_verb_verify(int argc, char **argv)
{
  Options options = {.script.network_only = TRUE, .most = MOST_DEFAULT};
  const GOptionEntry entries[] = {
      VN_SCRIPT_OPTIONS(options.script),
      {"point", 0, 0, G_OPTION_ARG_INT, &options.point, "of the sweep, from 1 (the first)", "N"},
      {"most", 0, 0, G_OPTION_ARG_INT, &options.most, "pings at most (2000)", "N"},
      {"seed", 0, 0, G_OPTION_ARG_STRING, &options.seed,
       "for the pairs drawn by lot, instead of the script's", "N"},
      {"routers", 0, 0, G_OPTION_ARG_NONE, &options.routers, "ping from and to routers as well",
       NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "every ping, as JSON", NULL},
      {"color", 0, 0, G_OPTION_ARG_STRING, &options.colour, "always, auto or never", "WHEN"},
      {NULL}};
  int status = VN_EXIT_MISUSE;
  gboolean parsed = vn_verb_options(
      &argc, &argv, "FILE",
      "Predicts which hosts of a script (`-`: from standard input) reach which others, deploys\n"
      "the network, pings each pair in each family that both have, and says where reality\n"
      "differs. The workflow is left out. Past --most, one pair for each two segments is asked,\n"
      "and others by lot.\n\n"
      "Exit status: 0 all is as predicted, 1 something is not, 2 misuse, 3 the script is wrong,\n"
      "4 the infrastructure failed, 130 interrupted.",
      entries, &status);
  if (parsed && argc != 2)
    status = vn_verb_misuse("verify", "one script is wanted (see `vnec verify --help`)");
  else if (parsed) {
    options.script.path = argv[1];
    status = compile_and_verify(&options);
  }
  options_clear(&options);
  return status;
}
