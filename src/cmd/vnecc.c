/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnecc: the compiler alone. It opens no socket, starts nothing, and needs nothing of a driver: a
 * script for another machine is checked here as well as there.
 *
 * Exit status: 0 when nothing above a note was found (with --emit: no error; with --why: packets
 * arrive); 1 on errors or warnings; 2 on misuse or an unreadable file. */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/analyze.h"
#include "base/diag-text.h"
#include "cmd/args.h"
#include "cmd/explain.h"
#include "cmd/paths.h"
#include "cmd/process.h"
#include "emit/emit.h"
#include "emit/why.h"
#include "lang/dump.h"
#include "sema/compile.h"
#include "topology/complete.h"
#include "xml/xml.h"

enum { STATUS_CLEAN = 0, STATUS_FOUND = 1, STATUS_MISUSE = 2 };

/* Values of sweeps that --check tries; past it what they do to the network is seen by the run. */
#define MOST_SWEPT_VALUES 64

typedef enum { FORMAT_TEXT, FORMAT_GCC, FORMAT_JSON, FORMAT_SARIF } Format;

/* The command line as it came, and what it means. */
typedef struct {
  gboolean check, version, why;
  char *emit_text, *format_text, *rules, *colour, *explain, *output;
  char **defines, **includes, **warnings, **files;
  const char *why_from, *why_to; /* in front of the files */
  VnEmitForm emit; /* VN_EMIT_COUNT: only check */
  Format format;
  GArray *parsed_defines; /* of VnDefine, pointing into defines */
} Options;

static void
options_clear(Options *options)
{
  g_free(options->emit_text);
  g_free(options->format_text);
  g_free(options->rules);
  g_free(options->colour);
  g_free(options->explain);
  g_free(options->output);
  g_strfreev(options->defines);
  g_strfreev(options->includes);
  g_strfreev(options->warnings);
  g_strfreev(options->files);
  g_array_unref(options->parsed_defines);
}

G_GNUC_PRINTF(1, 2)
static int
misuse(const char *format, ...)
{
  va_list args;
  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  fprintf(stderr, "vnecc: %s\n", text);
  return STATUS_MISUSE;
}

static char *
forms_help(void)
{
  GString *text = g_string_new("FORM is one of:\n");
#define VN_EMIT(id, name, help) g_string_append_printf(text, "  %-9s %s\n", name, help);
#include "emit/form.def"
#undef VN_EMIT
  g_string_append(text, "\nExit status: 0 when nothing above a note was found, 1 on errors or "
                        "warnings, 2 on misuse\nor an unreadable file. With --why: 0 packets "
                        "arrive, 1 they don't (or the file is wrong).\n");
  return g_string_free(text, FALSE);
}

static gboolean
parse_command_line(Options *options, char **argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"check", 0, 0, G_OPTION_ARG_NONE, &options->check, "Only report mistakes (the default)",
       NULL},
      {"emit", 0, 0, G_OPTION_ARG_STRING, &options->emit_text, "Print what was compiled", "FORM"},
      {"why", 0, 0, G_OPTION_ARG_NONE, &options->why,
       "Print the way from FROM to TO, or why there is none: --why FROM TO FILE", NULL},
      {"explain", 0, 0, G_OPTION_ARG_STRING, &options->explain,
       "Say what a diagnostic means, with examples", "CODE"},
      {"format", 0, 0, G_OPTION_ARG_STRING, &options->format_text,
       "Report as text, gcc, json or sarif", "FORMAT"},
      {"define", 'D', 0, G_OPTION_ARG_STRING_ARRAY, &options->defines, "Set a parameter",
       "NAME=VALUE"},
      {"include", 'I', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->includes,
       "Look there for modules first", "DIR"},
      {"warn", 'W', 0, G_OPTION_ARG_STRING_ARRAY, &options->warnings,
       "-Werror: warnings are errors; -Wno-NAME: without that one; -WNAME: with it", "WHAT"},
      {"rules", 0, 0, G_OPTION_ARG_STRING, &options->rules,
       "`paper`: at most 3 connections a router and 7 segments a site", "RULES"},
      {"color", 0, 0, G_OPTION_ARG_STRING, &options->colour, "auto, always or never", "WHEN"},
      {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output, "Write there what --emit prints",
       "FILE"},
      {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Print the version", NULL},
      {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->files, NULL, "FILE…"},
      G_OPTION_ENTRY_NULL};
  g_autoptr(GOptionContext) context = g_option_context_new("- check and translate experiments");
  g_autofree char *help = forms_help();
  g_option_context_add_main_entries(context, entries, NULL);
  g_option_context_set_description(context, help);
  g_auto(GStrv) args = vn_args_split(argv, "DIWo");
  return g_option_context_parse_strv(context, &args, error);
}

/* One of the words of a NULL-terminated list: its place; -1 if it is none of them. */
static int
one_of(const char *text, const char *const *words)
{
  for (int i = 0; words[i] != NULL; i++)
    if (strcmp(text, words[i]) == 0)
      return i;
  return -1;
}

static int
understand_words(Options *options)
{
  static const char *const formats[] = {"text", "gcc", "json", "sarif", NULL};
  static const char *const colours[] = {"auto", "always", "never", NULL};
  int format = options->format_text == NULL ? FORMAT_TEXT : one_of(options->format_text, formats);
  if (format < 0)
    return misuse("--format=%s: there are text, gcc, json and sarif", options->format_text);
  options->format = (Format)format;
  if (options->colour != NULL && one_of(options->colour, colours) < 0)
    return misuse("--color=%s: there are auto, always and never", options->colour);
  if (options->rules != NULL && strcmp(options->rules, "paper") != 0)
    return misuse("--rules=%s: there is only `paper`", options->rules);
  options->emit = VN_EMIT_COUNT;
  if (options->emit_text == NULL)
    return STATUS_CLEAN;
  options->emit = vn_emit_form_from_text(options->emit_text);
  if (options->emit == VN_EMIT_COUNT)
    return misuse("--emit=%s: there is no such form (see --help)", options->emit_text);
  return options->check ? misuse("--check and --emit exclude each other") : STATUS_CLEAN;
}

/* --why FROM TO FILE: the names stand before the file. */
static int
understand_why(Options *options)
{
  if (!options->why)
    return STATUS_CLEAN;
  if (options->emit_text != NULL || options->check)
    return misuse("--why goes with neither --check nor --emit");
  if (options->format == FORMAT_SARIF || options->format == FORMAT_GCC)
    return misuse("--why has no %s: --format=text or json", options->format_text);
  if (options->files == NULL || g_strv_length(options->files) != 3)
    return misuse("--why wants two machines and a file: vnecc --why alice bob FILE.vnl");
  options->why_from = options->files[0];
  options->why_to = options->files[1];
  return STATUS_CLEAN;
}

static int
understand_defines(Options *options)
{
  for (char **define = options->defines; define != NULL && *define != NULL; define++) {
    char *equals = strchr(*define, '=');
    if (equals == NULL || equals == *define)
      return misuse("-D %s: it is written -D NAME=VALUE", *define);
    *equals = '\0';
    VnDefine parsed = {*define, equals + 1};
    g_array_append_val(options->parsed_defines, parsed);
  }
  return STATUS_CLEAN;
}

static int
apply_warnings(const Options *options, VnDiagSink *sink)
{
  for (char **word = options->warnings; word != NULL && *word != NULL; word++) {
    gboolean off = g_str_has_prefix(*word, "no-");
    if (strcmp(*word, "error") == 0)
      vn_diag_sink_set_werror(sink, TRUE);
    else if (off ? !vn_diag_sink_disable(sink, *word + 3) : !vn_diag_sink_enable(sink, *word))
      return misuse("-W%s: there is no such warning", *word);
  }
  return STATUS_CLEAN;
}

static int
explain(const char *text)
{
  VnDiagCode code;
  g_autofree char *upper = g_ascii_strup(text, -1);
  if (!vn_diag_code_from_text(upper, &code))
    return misuse("--explain %s: there is no such diagnostic", text);
  const char *long_text = vn_explain(code);
  if (long_text == NULL)
    long_text = vn_diag_info(code)->title;
  g_print("%s", long_text);
  return STATUS_CLEAN;
}

static gboolean
wants_colour(const Options *options)
{
  if (options->colour != NULL && strcmp(options->colour, "auto") != 0)
    return strcmp(options->colour, "always") == 0;
  const char *term = g_getenv("TERM"), *no_colour = g_getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && (no_colour == NULL || *no_colour == '\0') && term != NULL &&
         strcmp(term, "dumb") != 0;
}

/* Text goes to standard error; the forms for programs to standard output, unless that is taken. */
static void
report(const Options *options, VnDiagSink *sink, const VnSourceSet *sources)
{
  g_autoptr(GString) text = g_string_new(NULL);
  gboolean to_output = FALSE;
  switch (options->format) {
  case FORMAT_TEXT:
    vn_diag_render_all_text(sink, sources, wants_colour(options), text);
    break;
  case FORMAT_GCC:
    vn_diag_render_all_gcc(sink, sources, text);
    break;
  case FORMAT_JSON:
    vn_emit_diag_json(sink, sources, text);
    to_output = TRUE;
    break;
  case FORMAT_SARIF:
    vn_emit_diag_sarif(sink, sources, PACKAGE_VERSION, text);
    to_output = TRUE;
    break;
  }
  if ((options->emit != VN_EMIT_COUNT || options->why) && options->output == NULL)
    to_output = FALSE;
  fwrite(text->str, 1, text->len, to_output ? stdout : stderr);
}

/* Only of a workflow without errors: what it certifies would not be so. */
static void
emit_certificate(VnModel *model, VnDiagSink *sink, GString *out)
{
  const VnGraph *graph = vn_graph_build(model, model->arena, sink);
  if (graph == NULL)
    return;
  vn_analyze(graph, NULL, sink);
  if (!vn_diag_sink_has_errors(sink))
    (void)vn_emit_certificate(graph, out, sink);
}

static void
emit_model(VnEmitForm form, VnModel *model, VnDiagSink *sink, GString *out)
{
  switch (form) {
  case VN_EMIT_TOPOLOGY:
    vn_emit_topology(model, out);
    return;
  case VN_EMIT_ROUTES:
    vn_emit_routes(model, out);
    return;
  case VN_EMIT_GRAPH: {
    const VnGraph *graph = vn_graph_build(model, model->arena, sink);
    if (graph != NULL)
      vn_emit_graph(graph, out);
    return;
  }
  case VN_EMIT_CERTIFICATE:
    emit_certificate(model, sink, out);
    return;
  case VN_EMIT_DOT:
    vn_emit_dot(model, out);
    return;
  case VN_EMIT_JSON:
    vn_emit_json(model, out);
    return;
  case VN_EMIT_VNL:
    vn_emit_vnl(model, out);
    return;
  case VN_EMIT_XML:
  case VN_EMIT_AST:
  case VN_EMIT_COUNT:
    return;
  }
}

/* A workflow with a cycle is wrong whatever is asked for. */
static void
check_graph(VnModel *model, VnDiagSink *sink)
{
  g_autoptr(VnArena) arena = vn_arena_new();
  const VnGraph *graph = vn_graph_build(model, arena, sink);
  if (graph != NULL)
    vn_analyze(graph, NULL, sink);
}

/* The model with one swept parameter at another value. */
static void
check_value(VnCompiler *compiler, const Options *options, const VnModel *model,
            const VnSweep *sweep, guint32 k, VnDiagSink *sink)
{
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GArray) defines = g_array_copy(options->parsed_defines);
  vn_emit_value(model, &sweep->values[k], text);
  VnDefine define = {model->params[sweep->param].name, text->str};
  g_array_append_val(defines, define);
  VnModel *other = vn_compiler_model(compiler, (const VnDefine *)defines->data, defines->len);
  if (other != NULL && vn_topology_complete(other, sink))
    check_graph(other, sink);
}

/* -D fixes a parameter, whatever is swept. */
static gboolean
is_defined(const Options *options, const char *name)
{
  for (guint i = 0; i < options->parsed_defines->len; i++)
    if (strcmp(g_array_index(options->parsed_defines, VnDefine, i).name, name) == 0)
      return TRUE;
  return FALSE;
}

/* A network or a workflow may be wrong only at some values of a sweep: each is tried alone. */
static void
check_sweeps(VnCompiler *compiler, const Options *options, const VnModel *model, VnDiagSink *sink)
{
  guint tried = 0;
  for (guint32 s = 0; s < model->n_sweeps; s++)
    for (guint32 k = 0; k < model->sweeps[s].n_values && tried < MOST_SWEPT_VALUES; k++, tried++)
      if (!is_defined(options, model->params[model->sweeps[s].param].name))
        check_value(compiler, options, model, &model->sweeps[s], k, sink);
}

/* What --why found out. */
typedef enum { WHY_NOTHING, WHY_ARRIVES, WHY_LOST, WHY_UNKNOWN } Why;

static Why
answer_why(const Options *options, const VnModel *model, GString *out)
{
  VnWhy why;
  const char *unknown, *nearest;
  if (!vn_why_parse(&model->topology, options->why_from, options->why_to, &why, &unknown,
                    &nearest)) {
    if (nearest != NULL)
      misuse("--why: there is no machine `%s`; did you mean `%s`?", unknown, nearest);
    else
      misuse("--why: there is no machine `%s` (--emit=topology lists them)", unknown);
    return WHY_UNKNOWN;
  }
  return vn_emit_why(model, &why, options->format == FORMAT_JSON, out) ? WHY_ARRIVES : WHY_LOST;
}

static void
compile(const Options *options, const char *path, VnSourceSet *sources, VnDiagSink *sink,
        GString *out, Why *out_why)
{
  g_autofree char *stdlib = vn_paths_stdlib();
  VnCompileOptions compile_options = {.include_dirs = (const char *const *)options->includes,
                                      .stdlib_dir = stdlib,
                                      .paper_rules = options->rules != NULL};
  g_autoptr(VnCompiler) compiler = vn_compiler_new(sources, sink, &compile_options);
  (void)vn_compiler_load(compiler, path); /* what else is wrong the model's making says */
  if (options->emit == VN_EMIT_AST && vn_compiler_ast(compiler) != NULL)
    vn_ast_dump(vn_compiler_ast(compiler), out);
  if (options->emit == VN_EMIT_AST)
    return;
  VnModel *model = vn_compiler_model(compiler, (const VnDefine *)options->parsed_defines->data,
                                     options->parsed_defines->len);
  if (model == NULL && vn_compiler_network(compiler) != NULL)
    vn_topology_complete(vn_compiler_network(compiler), sink);
  if (model == NULL || !vn_topology_complete(model, sink))
    return;
  if (options->why) {
    *out_why = answer_why(options, model, out);
  } else if (options->emit == VN_EMIT_COUNT) {
    check_graph(model, sink);
    check_sweeps(compiler, options, model, sink);
  } else if (options->emit == VN_EMIT_XML) {
    (void)vn_xml_write(vn_compiler_ast(compiler), out, sink);
  } else {
    emit_model(options->emit, model, sink, out);
  }
}

static gboolean
was_unreadable(VnDiagSink *sink)
{
  const GPtrArray *sorted = vn_diag_sink_sorted(sink);
  for (guint i = 0; i < sorted->len; i++)
    if (((const VnDiag *)sorted->pdata[i])->code == VN_DIAG_VN007)
      return TRUE;
  return FALSE;
}

static gboolean
write_all(FILE *file, const GString *out)
{
  return fwrite(out->str, 1, out->len, file) == out->len && fflush(file) == 0;
}

/* A file is replaced as a whole or not at all. A device, a pipe or a link is written to: replacing
 * what `-o /dev/null` names would take it from everybody. */
static int
write_file(const char *path, const GString *out)
{
  g_autoptr(GError) error = NULL;
  struct stat info;
  if (lstat(path, &info) != 0 || S_ISREG(info.st_mode))
    return g_file_set_contents(path, out->str, (gssize)out->len, &error)
               ? STATUS_CLEAN
               : misuse("%s", error->message);
  FILE *file = fopen(path, "we");
  gboolean written = file != NULL && write_all(file, out);
  int why = errno;
  if (file != NULL && fclose(file) != 0)
    written = FALSE;
  return written ? STATUS_CLEAN : misuse("%s: %s", path, g_strerror(why));
}

static int
write_output(const Options *options, const GString *out)
{
  if (options->output != NULL)
    return write_file(options->output, out);
  if (!write_all(stdout, out))
    return misuse("standard output can't be written");
  return STATUS_CLEAN;
}

static int
run(const Options *options)
{
  g_autoptr(VnSourceSet) sources = vn_source_set_new();
  g_autoptr(VnDiagSink) sink = vn_diag_sink_new();
  g_autoptr(GString) out = g_string_new(NULL);
  int status = apply_warnings(options, sink);
  if (status != STATUS_CLEAN)
    return status;
  Why why = WHY_NOTHING;
  for (char **file = options->files + (options->why ? 2 : 0); *file != NULL; file++)
    compile(options, *file, sources, sink, out, &why);
  report(options, sink, sources);
  gboolean emits = options->emit != VN_EMIT_COUNT || options->why;
  if (why == WHY_UNKNOWN || was_unreadable(sink))
    return STATUS_MISUSE;
  if (vn_diag_sink_has_errors(sink) ||
      (!emits && vn_diag_sink_count(sink, VN_SEVERITY_WARNING) > 0))
    status = STATUS_FOUND;
  if (emits && (!vn_diag_sink_has_errors(sink) || options->emit == VN_EMIT_AST)) {
    int written = write_output(options, out);
    status = written != STATUS_CLEAN ? written : status;
  }
  if (status == STATUS_CLEAN && why == WHY_LOST)
    status = STATUS_FOUND;
  return status;
}

int
main(int argc, char **argv)
{
  Options options = {.parsed_defines = g_array_new(FALSE, FALSE, sizeof(VnDefine))};
  g_autoptr(GError) error = NULL;
  setlocale(LC_ALL, "");
  int status = STATUS_CLEAN;
  if (!vn_process_begin(&error) || !parse_command_line(&options, argv, &error))
    status = misuse("%s", error->message);
  if (status == STATUS_CLEAN)
    status = understand_words(&options);
  if (status == STATUS_CLEAN)
    status = understand_why(&options);
  if (status == STATUS_CLEAN)
    status = understand_defines(&options);
  if (status == STATUS_CLEAN) {
    if (options.version)
      g_print("vnecc %s\n", PACKAGE_VERSION);
    else if (options.explain != NULL)
      status = explain(options.explain);
    else if (options.files == NULL)
      status = misuse("no file: vnecc FILE.vnl (see --help)");
    else
      status = run(&options);
  }
  options_clear(&options);
  return status;
}
