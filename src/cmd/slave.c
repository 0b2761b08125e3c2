/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnec-slave: the daemon on each physical machine.
 *
 * A master starts one itself for its own machine and gives it a descriptor; others are started by
 * people and listen. The order of the start matters: drivers are prepared while the process has
 * one thread, before GLib makes any.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>

#include "cmd/paths.h"
#include "cmd/process.h"
#include "slave/daemon.h"
#include "slave/registry.h"

#define EXIT_USAGE 2

typedef struct {
  char *listen, *packets, *config, *agents;
  int fd;
  gboolean check, version;
} Options;

typedef struct {
  GMainLoop *loop;
  VnDaemon *daemon;
  gboolean listening, ending;
} Program;

static void
say(const char *text, gpointer data)
{
  g_printerr("vnec-slave: %s\n", text);
}

static int
fail(int status, const GError *error)
{
  say(error->message, NULL);
  return status;
}

static gboolean
parse(Options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
      {"listen", 0, 0, G_OPTION_ARG_FILENAME, &options->listen,
       "Take sessions at the UNIX socket PATH (mode 0600)", "PATH"},
      {"packets", 0, 0, G_OPTION_ARG_FILENAME, &options->packets,
       "Take packets of other slaves at the UNIX socket PATH (with --listen: its PATH.packets)",
       "PATH"},
      {"config", 0, 0, G_OPTION_ARG_FILENAME, &options->config,
       "Read the name of this machine and its VMs from FILE", "FILE"},
      {"check-config", 0, 0, G_OPTION_ARG_NONE, &options->check,
       "Say whether the configuration is right, and end", NULL},
      {"agents", 0, 0, G_OPTION_ARG_FILENAME, &options->agents,
       "Folder of vnec-taskrunner and vnec-router", "DIR"},
      {"fd", 0, 0, G_OPTION_ARG_INT, &options->fd,
       "Serve the one session on descriptor N, then end (for masters)", "N"},
      {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Say the version, and end", NULL},
      {0}};
  g_autoptr(GOptionContext) context = g_option_context_new(NULL);
  g_option_context_set_summary(context, "Runs the virtual machines of VNEC's experiments on this "
                                        "machine.");
  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "what is “%s”? See --help",
                (*argv)[1]);
  else if (options->check && options->config == NULL)
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "--check-config needs --config FILE");
  else if (!options->check && !options->version && options->fd < 0 && options->listen == NULL)
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "say where to listen: --listen PATH. See --help");
  return *error == NULL;
}

/* The session is not for the programs that drivers start. */
static gboolean
check_descriptor(int fd, GError **error)
{
  if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
    return TRUE;
  g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--fd %d: %s", fd,
              g_strerror(errno));
  return FALSE;
}

/* A driver that can't be used here remembers why and says so to the master that asks for it: there
 * it belongs to the run's error. The other drivers are not its business. */
static void
prepare_drivers(const VnDriver *const *drivers, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (drivers[i]->prepare != NULL)
      (void)drivers[i]->prepare(NULL);
}

static void
on_idle(gpointer data)
{
  Program *program = data;
  if (program->ending || !program->listening)
    g_main_loop_quit(program->loop);
}

static gboolean
on_signal(gpointer data)
{
  Program *program = data;
  program->ending = TRUE;
  vn_daemon_end(program->daemon);
  if (vn_daemon_sessions(program->daemon) == 0)
    g_main_loop_quit(program->loop);
  return G_SOURCE_CONTINUE;
}

/* Of an embedded slave the master decides: Ctrl-C in the terminal reaches both. */
static void
set_signals(Program *program, const Options *options)
{
  (void)signal(SIGPIPE, SIG_IGN); /* can't fail for these signals */
  if (options->fd >= 0) {
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
  } else {
    g_unix_signal_add(SIGINT, on_signal, program);
    g_unix_signal_add(SIGHUP, on_signal, program);
  }
  g_unix_signal_add(SIGTERM, on_signal, program);
}

static gboolean
start_listening(VnDaemon *daemon, const Options *options, GError **error)
{
  g_autofree char *beside =
      options->listen != NULL ? g_strconcat(options->listen, ".packets", NULL) : NULL;
  const char *packets = options->packets != NULL ? options->packets : beside;
  return (options->listen == NULL || vn_daemon_listen(daemon, options->listen, error)) &&
         (packets == NULL || vn_daemon_listen_packets(daemon, packets, error));
}

static int
serve(const Options *options, const VnConfig *config)
{
  g_autoptr(GError) error = NULL;
  gsize n;
  const VnDriver *const *drivers = vn_registry(&n);
  if (!check_descriptor(options->fd, &error))
    return fail(EXIT_FAILURE, error);
  prepare_drivers(drivers, n);

  g_autofree char *helpers = vn_paths_helpers();
  g_autofree char *state = g_build_filename(g_get_user_state_dir(), "vnec", NULL);
  Program program = {.listening = options->listen != NULL && options->fd < 0};
  const VnDaemonOptions daemon_options = {.drivers = drivers,
                                          .n_drivers = n,
                                          .config = config,
                                          .agent_dir = options->agents != NULL  ? options->agents
                                                       : config->agents != NULL ? config->agents
                                                                                : helpers,
                                          .state_dir = state,
                                          .program = "vnec-slave " VERSION,
                                          .log = say,
                                          .idle = on_idle,
                                          .data = &program};
  program.loop = g_main_loop_new(NULL, FALSE);
  program.daemon = vn_daemon_new(&daemon_options);
  set_signals(&program, options);
  gboolean good = start_listening(program.daemon, options, &error);
  if (good && options->fd >= 0)
    vn_daemon_attach(program.daemon, options->fd);
  if (good)
    g_main_loop_run(program.loop);
  vn_daemon_free(program.daemon);
  g_main_loop_unref(program.loop);
  return good ? EXIT_SUCCESS : fail(EXIT_FAILURE, error);
}

static void
options_clear(Options *options)
{
  g_free(options->listen);
  g_free(options->packets);
  g_free(options->config);
  g_free(options->agents);
}

static int
run(const Options *options)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(VnConfig) config =
      options->config != NULL ? vn_config_load(options->config, &error) : vn_config_new();
  if (config == NULL)
    return fail(EXIT_FAILURE, error);
  if (options->check) {
    g_print("%s: %s offers %u VMs\n", options->config, config->name, config->vms->len);
    return EXIT_SUCCESS;
  }
  return serve(options, config);
}

int
main(int argc, char **argv)
{
  (void)setlocale(LC_ALL, ""); /* for messages; the C locale does as well */
  Options options = {.fd = -1};
  g_autoptr(GError) error = NULL;
  int status;
  if (!vn_process_begin(&error))
    status = fail(EXIT_FAILURE, error);
  else if (!parse(&options, &argc, &argv, &error))
    status = fail(EXIT_USAGE, error);
  else if (options.version)
    status = (g_print("vnec-slave %s\n", VERSION), EXIT_SUCCESS);
  else
    status = run(&options);
  options_clear(&options);
  return status;
}
